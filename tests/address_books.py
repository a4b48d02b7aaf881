"""Small address books for tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert

from rpch.auth.names import fold
from rpch.directory.book_reader import BinaryPart, StoredEntry, StoredLink
from rpch.directory.database import Database
from rpch.directory.entries import EntryKind
from rpch.directory.tables import ACCOUNTS
from rpch.exchange.nspi.book.book import Book, book_of
from rpch.exchange.nspi.book.linkage import Linkage
from rpch.exchange.nspi.book.objects import BookObject, entry_id_of, object_of
from rpch.exchange.nspi.wire.structures import Stat
from rpch.exchange.server_names import ServerNames

DIRECTORY: Final = UUID("11111111-2222-3333-4444-555555555555")
NAMES: Final = ServerNames("mail.example.test")
RECIPIENTS: Final = "/o=First Organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients"
_WESTERN: Final = 1252


class Binaries:
    """Binary attributes by entry and name."""

    def __init__(self, known: Mapping[tuple[int, str], list[bytes]] | None = None) -> None:
        self._known = known or {}

    def binaries(self, ids: Sequence[int], names: Sequence[str]) -> dict[tuple[int, str], list[bytes]]:
        """Those that were asked for."""
        return {key: values for key, values in self._known.items() if key[0] in ids and key[1] in names}

    def entries_by_binary(
        self, name: str, part: BinaryPart, holds: Callable[[Any, Any], bool], wanted: bytes | int
    ) -> set[int]:
        """Those of which it holds, one by one."""
        found: set[int] = set()
        for (entry_id, known), values in self._known.items():
            compared: list[bytes | int] = [*values]
            if part is BinaryPart.SIZE:
                compared = [sum(map(len, values))]
            elif part is BinaryPart.START and isinstance(wanted, bytes):
                compared = [value[: len(wanted)] for value in values]
            if known == name and any(holds(value, wanted) for value in compared):
                found.add(entry_id)
        return found


def thing(
    mid: int,
    name: str,
    kind: EntryKind = EntryKind.USER,
    *,
    alias: str = "",
    mail: str | None = None,
    hidden: bool = False,
    parent: int | None = None,
    more: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> BookObject:
    """One object; what is not said follows from its id."""
    return object_of(
        StoredEntry(
            id=entry_id_of(mid),
            guid=UUID(int=mid),
            kind=kind.value,
            parent_id=None if parent is None else entry_id_of(parent),
            dn=f"{RECIPIENTS}/cn={mid}",
            display_name=name,
            alias=alias or f"a{mid}",
            mail=mail,
            hidden=hidden,
            attributes=json.dumps({**attributes, **(more or {})}),
            created=1_000_000.0,
            changed=2_000_000.0,
        )
    )


def book(
    *things: BookObject,
    links: Iterable[tuple[int, str, int]] = (),
    binaries: Mapping[int, frozenset[str]] | None = None,
) -> Book:
    """A book of these, with links from id to id."""
    stored = [
        StoredLink(entry_id_of(source), name, entry_id_of(target)) for source, name, target in sorted(links)
    ]
    return book_of(DIRECTORY, NAMES, things, revision=1, linkage=Linkage.of(stored), binaries=binaries)


def enter_account(database: Database, entry_id: int, name: str, domain: str = "LAB") -> None:
    """Let an entry be somebody who signs in, without the cost of a password."""
    row: dict[str, Any] = {"entry_id": entry_id, "name": name, "domain": domain, "password_hash": ""}
    row |= {"name_folded": fold(name), "domain_folded": fold(domain), "enabled": True, "ntlm": False}
    row |= dict.fromkeys(("created", "changed", "password_changed"), 0.0)
    with database.write() as connection:
        connection.execute(insert(ACCOUNTS), row)


def stat(
    *,
    container: int = 0,
    current: int = 0,
    delta: int = 0,
    position: int = 0,
    total: int = 0,
    sort_type: int = 0,
    code_page: int = _WESTERN,
    locale: int = 0x0409,
) -> Stat:
    """A position; the beginning of the global address list, unless something else is said."""
    return Stat(sort_type, container, current, delta, position, total, code_page, locale, locale)
