"""A directory, opened and closed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.opening import Directory
from rpch.errors import ConfigError
from tests.unit.directory.conftest import CHEAP


def opened(migrated: Path, folder: Path, key_file: Path | None = None) -> Directory:
    file = folder / "rpch.sqlite3"
    if not file.exists():
        shutil.copy(migrated, file)
    return Directory.open(f"sqlite:///{file}", key_file, cost=CHEAP)


async def test_everything_is_over_one_database(tmp_path: Path, migrated: Path) -> None:
    directory = opened(migrated, tmp_path)
    made = directory.store.add(Identity("alice", "LAB"), "secret")
    assert directory.entries.get(made.entry_id)
    assert await directory.accounts.verify_password("alice", "secret") == made.identity
    assert directory.links.groups_of(made.entry_id) == []
    assert directory.counters.guesses(["ALICE"]) == {}
    assert "rpch.sqlite3" in repr(directory)
    directory.close()


async def test_what_one_wrote_another_reads(tmp_path: Path, migrated: Path) -> None:
    first, second = opened(migrated, tmp_path), opened(migrated, tmp_path)
    first.store.add(Identity("alice", "LAB"), "secret", ntlm=True)
    assert await second.accounts.verify_password("alice", "secret") is not None
    first.close()
    second.close()


def test_the_key_may_be_elsewhere(tmp_path: Path, migrated: Path) -> None:
    key = tmp_path / "keys" / "rpch.key"
    opened(migrated, tmp_path, key_file=key).close()
    assert key.exists()
    assert not (tmp_path / "rpch.key").exists()


def test_a_directory_without_its_key_stays_closed(tmp_path: Path, migrated: Path) -> None:
    opened(migrated, tmp_path).close()
    (tmp_path / "rpch.key").unlink()
    with pytest.raises(ConfigError, match="key-file: there is no"):
        opened(migrated, tmp_path)
