"""A directory with a few people, and Autodiscover over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.entries import Entry
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.exchange.autodiscover.service import Autodiscover
from rpch.exchange.server_names import ServerNames

ALICE, BOB = Identity("alice", "LAB"), Identity("bob", "LAB")
CHEAP = HashingCost(passes=1, memory=8, lanes=1)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Office:
    """The directory and what answers over it."""

    directory: Directory
    service: Autodiscover = field(init=False)

    def __post_init__(self) -> None:
        names = ServerNames("machine.lab.example")
        self.service = Autodiscover(
            self.directory.database, names, public="mail.lab.example", clock=lambda: NOW
        )

    def entry(self, name: str) -> Entry:
        account = self.directory.store.get(name)
        return self.directory.entries.get(account.entry_id)[account.entry_id]


@pytest.fixture(scope="session")
def migrated_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    directory = Directory.open(str(folder / "rpch.sqlite3"), cost=CHEAP)
    directory.store.add(ALICE, "secret", display_name="Alice Adams", mail="alice@lab.example")
    directory.store.add(BOB, "hidden", display_name="Bob Brown", mail="bob@lab.example")
    directory.close()
    return folder


@pytest.fixture
def office(tmp_path: Path, migrated_office: Path) -> Iterator[Office]:
    folder = Path(shutil.copytree(migrated_office, tmp_path / "office"))
    directory = Directory.open(str(folder / "rpch.sqlite3"), cost=CHEAP)
    yield Office(directory)
    directory.close()
