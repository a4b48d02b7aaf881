"""Databases become current ones."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from rpch.directory.database import Database
from rpch.directory.tables import REVISION
from rpch.directory.upgrade import revision_of
from rpch.errors import ConfigError
from tests.unit.directory.conftest import Directory


def test_a_new_database_is_at_the_newest_revision(directory: Directory) -> None:
    with directory.database.read() as connection:
        assert revision_of(connection) == REVISION


def test_a_current_database_is_left_alone(directory: Directory) -> None:
    before = directory.file.stat().st_mtime_ns
    Database.open(str(directory.file)).close()
    assert directory.file.stat().st_mtime_ns == before


def test_a_database_of_a_newer_version_is_refused(directory: Directory) -> None:
    with directory.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer version of this program"):
        Database.open(str(directory.file))


@pytest.mark.slow
def test_several_that_come_first_together_migrate_once(tmp_path: Path) -> None:
    file, opened = tmp_path / "rpch.sqlite3", []

    def open_it() -> None:
        opened.append(Database.open(str(file)))

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    with opened[0].read() as connection:
        assert connection.execute(text("SELECT count(*) FROM directory_state")).scalar() == 1
    for database in opened:
        database.close()
