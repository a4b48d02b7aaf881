"""A directory for each test: a copy of one that was migrated once, and passwords that cost nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpch.directory.account_store import AccountStore
from rpch.directory.database import Database
from rpch.directory.database_accounts import DatabaseAccounts
from rpch.directory.entries import Entries
from rpch.directory.passwords import HashingCost, Passwords
from rpch.directory.vault import Vault

CHEAP = HashingCost(passes=1, memory=8, lanes=1)


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Directory:
    """Everything over one database."""

    file: Path
    database: Database
    vault: Vault
    passwords: Passwords
    clock: Clock

    @property
    def store(self) -> AccountStore:
        return AccountStore(self.database, self.vault, self.passwords, clock=self.clock)

    @property
    def entries(self) -> Entries:
        return Entries(self.database, clock=self.clock)

    @property
    def accounts(self) -> DatabaseAccounts:
        return DatabaseAccounts(self.database, self.vault, self.passwords)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "rpch.sqlite3"
    Database.open(str(file)).close()
    return file


@pytest.fixture
def directory(tmp_path: Path, migrated: Path) -> Iterator[Directory]:
    file = Path(shutil.copy(migrated, tmp_path / "rpch.sqlite3"))
    database, passwords = Database.open(str(file)), Passwords(CHEAP)
    yield Directory(file, database, Vault([bytes(range(32))]), passwords, Clock())
    database.close()
    passwords.close()
