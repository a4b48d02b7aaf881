"""A database for each test: a copy of one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rpch.directory.database import Database


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory, up to date."""
    file = tmp_path_factory.mktemp("migrated") / "rpch.sqlite3"
    Database.open(str(file)).close()
    return file


@pytest.fixture
def database(tmp_path: Path, migrated_database: Path) -> Iterator[Database]:
    """A directory of this test's own."""
    file = shutil.copy(migrated_database, tmp_path / "rpch.sqlite3")
    with closing(Database.open(str(file))) as opened:
        yield opened
