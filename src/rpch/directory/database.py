"""The database of a directory: its engine, short transactions, and its errors in our words.

Everything here is synchronous. A question takes microseconds on SQLite and a round trip on PostgreSQL,
hashing passwords needs threads anyway, and commands and migrations wait as they please; so there is one way
to do each thing, and whoever must not wait calls it through `Database.run`.

SQLite is used as several processes need it: a journal that lets readers read while one writes, writers that
queue from their first statement (a transaction that began with reading could not become a writing one), and
referential integrity, which it does not check unless told.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from rpch.directory.upgrade import upgrade
from rpch.errors import ConfigError, TransportError

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_FILE: Final = "rpch.sqlite3"
THREADS: Final = 4
_WRITES: Final = "rpch_writes"
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
)
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


class Database:
    """An open database that is as new as this program. Made by `Database.open`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(**{_WRITES: True})
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="directory")

    def __repr__(self) -> str:
        return f"<Database {self.name}>"

    @classmethod
    def open(cls, url: str, *, setting: str = "database") -> Database:
        """Open what the URL names, make it if it is a file that does not exist, and bring it up to date."""
        parsed = parse_url(url, setting=setting)
        if parsed.drivername == "sqlite":
            _make_private(Path(parsed.database or ""), setting=setting)
        database = cls(_engine(parsed, setting=setting))
        try:
            upgrade(database.read, database.write)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def name(self) -> str:
        """What it is called where people read it; never with a password."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it speaks."""
        return self._engine.dialect

    def close(self) -> None:
        """Give its connections back; whatever runs still ends."""
        self._threads.shutdown(wait=False)
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: it sees one state and keeps nobody waiting."""
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; it is undone by an exception."""
        with self._explained(), self._writing.begin() as connection:
            yield connection

    def look_at_sizes(self) -> None:
        """Have PostgreSQL see how large tables are by now, and plan anew. SQLite's plans ask for no sizes."""
        if self.dialect.name == "postgresql":
            with self.write() as connection:
                connection.exec_driver_sql("ANALYZE")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work with this database without keeping the event loop waiting."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, ProgrammingError, DataError):
            raise  # not the database's fault
        except DBAPIError as error:
            raise TransportError(f"the database {self.name} cannot be used: {error.orig}") from error
        except PoolExhausted as error:
            raise TransportError(f"the database {self.name} is too busy") from error


def parse_url(url: str, *, setting: str = "database") -> URL:
    """What a database URL means: SQLite's or PostgreSQL's; a plain path is a file of SQLite's."""
    if "://" not in url:
        return URL.create("sqlite", database=url)
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(setting, "is no URL; write sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigError(setting, f"{parsed.drivername!r} is none of sqlite and postgresql")
    if driver == "sqlite" and not parsed.database:
        raise ConfigError(setting, "names no file; write sqlite:///FILE")
    return parsed.set(drivername=driver)


def _engine(url: URL, *, setting: str) -> Engine:
    try:
        engine = create_engine(url, hide_parameters=True)
    except ImportError as error:
        problem = "PostgreSQL needs its driver; install rpch with the extra postgresql"
        raise ConfigError(setting, problem) from error
    if url.drivername == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions begin and end where we say
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_private(file: Path, *, setting: str) -> None:
    """Hashes are in it: it is its owner's alone from its first byte, and so is what SQLite puts beside it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(setting, f"{file} cannot be opened: {error.strerror}") from error
