"""Settings of the organisation and of single users: declared once, with type and default, and stored as JSON.

    MAPI_HTTP = Setting("mapi-http-enabled", bool, default=True)
    settings.of_user(MAPI_HTTP, entry_id)     # the user's own, else the organisation's, else the default

A user's setting is True, False or inherited, and inherits by having no row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, select

from rpch.directory.database import Database
from rpch.directory.tables import ORGANISATION_SETTINGS, USER_SETTINGS
from rpch.directory.upserts import insert_or
from rpch.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting: its key, what its values are, and what holds while nobody set it."""

    key: str
    kind: type[T]
    default: T


class OrganisationSettings:
    """What an administrator has set. Each question reads the database: changes hold from the next one on."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def get(self, setting: Setting[T]) -> T:
        """The organisation's value, or the default."""
        with self._database.read() as connection:
            return _decoded(setting, _find(connection, ORGANISATION_SETTINGS, setting.key), setting.default)

    def own(self, setting: Setting[T]) -> T | None:
        """What was set for the organisation; None where nobody did."""
        with self._database.read() as connection:
            stored = _find(connection, ORGANISATION_SETTINGS, setting.key)
        return None if stored is None else _decoded(setting, stored, setting.default)

    def all_own(self, settings: Sequence[Setting[Any]]) -> dict[str, Any]:
        """Those of these that were set for the organisation, by key; one look at the database."""
        kinds = {setting.key: setting for setting in settings}
        table = ORGANISATION_SETTINGS
        with self._database.read() as connection:
            rows = connection.execute(select(table.c.key, table.c.value).where(table.c.key.in_(kinds))).all()
        return {key: _decoded(kinds[key], stored, None) for key, stored in rows}

    def set(self, setting: Setting[T], value: T | None) -> None:
        """Set the organisation's value; None goes back to the default."""
        self.set_all([(setting, value)])

    def set_all(self, values: Sequence[tuple[Setting[Any], Any]]) -> None:
        """Set several at once: whoever reads sees all of them, or none."""
        with self._database.write() as connection:
            for setting, value in values:
                self._store(connection, ORGANISATION_SETTINGS, {"key": setting.key}, setting, value)

    def of_user(self, setting: Setting[T], entry_id: int) -> T:
        """What holds for a user."""
        with self._database.read() as connection:
            own = _find(connection, USER_SETTINGS, setting.key, USER_SETTINGS.c.entry_id == entry_id)
            inherited = _find(connection, ORGANISATION_SETTINGS, setting.key)
        return _decoded(setting, inherited if own is None else own, setting.default)

    def own_of_user(self, setting: Setting[T], entry_id: int) -> T | None:
        """What was set for this user alone; None where the organisation's value is inherited."""
        with self._database.read() as connection:
            own = _find(connection, USER_SETTINGS, setting.key, USER_SETTINGS.c.entry_id == entry_id)
        return None if own is None else _decoded(setting, own, setting.default)

    def set_for_user(self, setting: Setting[T], entry_id: int, value: T | None) -> None:
        """Set a user's own value; None inherits again."""
        with self._database.write() as connection:
            place = {"entry_id": entry_id, "key": setting.key}
            self._store(connection, USER_SETTINGS, place, setting, value)

    def _store(
        self,
        connection: Connection,
        table: Table,
        place: dict[str, Any],
        setting: Setting[T],
        value: T | None,
    ) -> None:
        if value is None:
            here = [table.c[column] == wanted for column, wanted in place.items()]
            connection.execute(delete(table).where(*here))
            return
        _checked(setting, value)
        stored = {"value": msgspec.json.encode(value).decode(), "changed": self._clock()}
        statement = insert_or(connection.dialect, table).values(place | stored)
        connection.execute(statement.on_conflict_do_update(index_elements=list(place), set_=stored))


def _find(connection: Connection, table: Table, key: str, *more: ColumnElement[bool]) -> str | None:
    return connection.execute(select(table.c.value).where(table.c.key == key, *more)).scalar()


def _decoded(setting: Setting[T], stored: str | None, default: T) -> T:
    if stored is None:
        return default
    try:
        return msgspec.json.decode(stored, type=setting.kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(setting.key, f"the stored value does not fit: {error}") from error


def _checked(setting: Setting[T], value: T) -> None:
    try:
        msgspec.convert(msgspec.to_builtins(value), setting.kind)
    except msgspec.ValidationError as error:
        raise ConfigError(setting.key, str(error)) from error
