"""The engine, its transactions and its errors."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from rpch.directory.database import Database, parse_url
from rpch.directory.tables import LINKS, ORGANISATION_SETTINGS
from rpch.errors import ConfigError, TransportError
from tests.unit.directory.conftest import Directory

ROW = {"key": "a", "value": "1", "changed": 0.0}


@pytest.mark.parametrize(
    ("url", "driver", "database"),
    [
        ("data/rpch.sqlite3", "sqlite", "data/rpch.sqlite3"),
        ("sqlite:///data/rpch.sqlite3", "sqlite", "data/rpch.sqlite3"),
        ("sqlite:////var/lib/rpch.sqlite3", "sqlite", "/var/lib/rpch.sqlite3"),
        ("postgresql://mail@db.lab.test/rpch", "postgresql+psycopg", "rpch"),
        ("postgresql+psycopg://db.lab.test/rpch", "postgresql+psycopg", "rpch"),
    ],
)
def test_a_url_names_a_file_or_a_server(url: str, driver: str, database: str) -> None:
    parsed = parse_url(url)
    assert (parsed.drivername, parsed.database) == (driver, database)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://root:canary@db/rpch", "none of sqlite and postgresql"),
        ("sqlite://", "names no file"),
        ("://canary", "is no URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained_without_its_password(url: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        Database.open(url)
    assert "canary" not in str(caught.value)


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "made" / "rpch.sqlite3"
    database = Database.open(str(file))
    with database.write() as connection:
        connection.execute(insert(ORGANISATION_SETTINGS), ROW)
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    database.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be opened"):
        Database.open(str(tmp_path / "file" / "rpch.sqlite3"))


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    file = tmp_path / "rpch.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(TransportError, match="cannot be used"):
        Database.open(str(file))


def test_the_name_shows_no_password() -> None:
    shown = parse_url("postgresql://mail:canary@db.lab.test/rpch")
    assert "canary" not in shown.render_as_string(hide_password=True)


def test_an_exception_undoes_what_was_written(directory: Directory) -> None:
    with pytest.raises(ZeroDivisionError), directory.database.write() as connection:
        assert connection.execute(insert(ORGANISATION_SETTINGS), ROW).rowcount / 0
    with directory.database.read() as connection:
        assert not connection.execute(select(ORGANISATION_SETTINGS)).all()


def test_what_entries_have_goes_only_with_entries(directory: Directory) -> None:
    with directory.database.read() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    row = {"source_id": 1, "name": "member", "target_id": 2}
    with (
        pytest.raises(Exception, match="FOREIGN KEY"),
        directory.database.write() as connection,
    ):
        connection.execute(insert(LINKS), row)


def test_writers_wait_for_each_other(directory: Directory) -> None:
    entered = threading.Event()

    def write() -> None:
        with directory.database.write() as connection:
            entered.set()
            connection.execute(insert(ORGANISATION_SETTINGS), ROW)

    with directory.database.write() as connection:
        other = threading.Thread(target=write)
        other.start()
        assert not entered.wait(0.05)
        connection.execute(insert(ORGANISATION_SETTINGS), ROW | {"key": "b"})
    other.join()
    with directory.database.read() as connection:
        assert set(connection.scalars(select(ORGANISATION_SETTINGS.c.key))) == {"a", "b"}


async def test_work_is_done_in_another_thread(directory: Directory) -> None:
    here = threading.get_ident()
    assert await directory.database.run(threading.get_ident) != here
    assert await directory.database.run(pow, 3, 4, mod=5) == 1


def test_an_error_shows_no_values(directory: Directory) -> None:
    with (
        pytest.raises(TransportError) as caught,
        directory.database.write() as connection,
    ):
        connection.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "canary"})
    cause = caught.value.__cause__
    assert cause is not None
    assert "canary" not in f"{caught.value} {cause}"
    assert "no such table" in str(caught.value)


def test_another_program_may_read_meanwhile(directory: Directory) -> None:
    with directory.database.write() as connection:
        connection.execute(insert(ORGANISATION_SETTINGS), ROW)
        other = sqlite3.connect(directory.file)
        assert other.execute("SELECT count(*) FROM organisation_settings").fetchone() == (0,)
        other.close()
