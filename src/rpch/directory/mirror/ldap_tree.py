"""Asks an LDAP server for what a mirror wants to know.  RFC 4511, RFC 2696

Every answer that can be long comes page by page. Values are taken as octets: the library would make numbers
and truths of some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from rpch.directory.ldap_server import LdapServer, explained
from rpch.directory.mirror.kinds import ServerKind, wanted_attributes
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.transfer.ldif import LdapEntry
from rpch.errors import TransportError

ASKED_AT_ONCE: Final = 50
_BASE, _SUBTREE = 0, 2
_ANYBODY: Final = "(objectClass=*)"
_RANGE: Final = re.compile(r"(.+);range=\d+-(\d+|\*)", re.IGNORECASE)  # MS-ADTS 3.1.1.3.1.3.3


@dataclass(frozen=True, slots=True)
class TreeState:
    """Which machine answered, and a token that changes when any entry does; "" where there is none."""

    server: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry, in a list of all."""

    guid: UUID
    dn: str
    stamp: str


class Tree(Protocol):
    """The other directory, as a round of the mirror asks it."""

    def state(self) -> TreeState:
        """What it says of itself."""

    def listed(self) -> Iterator[Listed]:
        """All entries, by name only."""

    def entries(self) -> Iterator[LdapEntry]:
        """All entries, whole."""

    def changed_since(self, stamp: str) -> Iterator[LdapEntry]:
        """Those with this stamp or a later one."""

    def fetched(self, guids: Sequence[UUID]) -> Iterator[LdapEntry]:
        """Those of these GUIDs that are still there."""


class LdapTree:
    """A `Tree` over an open connection. Made by `open_tree`."""

    def __init__(self, connection: Any, settings: MirrorSettings) -> None:
        self._connection, self._settings, self._dialect = connection, settings, settings.dialect
        self._wanted = wanted_attributes(settings.dialect, settings.named_attributes)

    def state(self) -> TreeState:
        """Active Directory's highest update number, or OpenLDAP's context number where it keeps one."""
        if self._settings.kind is ServerKind.AD:
            root = self._values("", ["dsServiceName", "highestCommittedUSN"])
            server = root.get("dsservicename", [""])[0]
            return TreeState(server, root.get("highestcommittedusn", [""])[0])
        base = self._settings.base
        contexts = self._values("", ["namingContexts"]).get("namingcontexts", [])
        suffix = next((each for each in contexts if base.casefold().endswith(each.casefold())), base)
        return TreeState("", " ".join(sorted(self._values(suffix, ["contextCSN"]).get("contextcsn", []))))

    def listed(self) -> Iterator[Listed]:
        """All entries, by name only."""
        for entry in self._search(self._settings.filter, [self._dialect.guid, self._dialect.stamp]):
            yield name_of(entry, self._settings)

    def entries(self) -> Iterator[LdapEntry]:
        """All entries, whole."""
        return self._whole(self._settings.filter)

    def changed_since(self, stamp: str) -> Iterator[LdapEntry]:
        """Those with this stamp or a later one."""
        return self._whole(f"(&{self._settings.filter}({self._dialect.stamp}>={stamp}))")

    def fetched(self, guids: Sequence[UUID]) -> Iterator[LdapEntry]:
        """Those of these GUIDs that are still there, and still who is looked for."""
        for start in range(0, len(guids), ASKED_AT_ONCE):
            some = map(self._dialect.guid_query, guids[start : start + ASKED_AT_ONCE])
            yield from self._whole(f"(&{self._settings.filter}(|{''.join(some)}))")

    def _whole(self, query: str) -> Iterator[LdapEntry]:
        for entry in self._search(query, self._wanted):
            yield self._completed(entry)

    def _completed(self, entry: LdapEntry) -> LdapEntry:
        """The entry with all values of attributes of which the server sent only the first."""
        attributes: dict[str, Sequence[bytes]] = {}
        for name, values in entry.attributes.items():
            ranged = _RANGE.fullmatch(name)
            if ranged is None:
                attributes.setdefault(name, values)
            else:
                attributes[ranged[1]] = [*values, *self._rest(entry.dn, ranged[1], ranged[2])]
        return LdapEntry(entry.dn, attributes, entry.where)

    def _rest(self, dn: str, name: str, last: str) -> Iterator[bytes]:
        while last != "*":
            asked = f"{name};range={int(last) + 1}-*"
            with explained(self._settings.url):
                entries = self._connection.search(dn, _BASE, _ANYBODY, [asked], self._settings.timeout)
            found: Mapping[str, Any] = next(iter(entries), {})
            parts = ((_RANGE.fullmatch(key), key) for key in found)
            ranged, key = next(((match, key) for match, key in parts if match), (None, ""))
            if ranged is None or (ranged[2] != "*" and int(ranged[2]) <= int(last)):
                return
            last = ranged[2]
            yield from _octets(found[key])

    def _search(self, query: str, attributes: Sequence[str]) -> Iterator[LdapEntry]:
        with explained(self._settings.url):
            found = self._connection.paged_search(
                self._settings.base,
                _SUBTREE,
                query,
                list(attributes),
                self._settings.timeout,
                page_size=self._settings.page_size,
            )
            for entry in found:
                names = {name: _octets(entry[name]) for name in entry if name != "dn"}
                yield LdapEntry(str(entry.dn), names, str(entry.dn))

    def _values(self, dn: str, names: Sequence[str]) -> dict[str, list[str]]:
        with explained(self._settings.url):
            found = self._connection.search(dn, _BASE, _ANYBODY, list(names), self._settings.timeout)
        return {
            name.casefold(): [value.decode("utf-8", "replace") for value in _octets(entry[name])]
            for entry in found
            for name in entry
            if name != "dn"
        }


@contextmanager
def open_tree(settings: MirrorSettings, *, setting: str = "ldap") -> Iterator[LdapTree]:
    """A connection for a mirror; `TransportError` when there is none, `ConfigError` when none may be."""
    server: LdapServer = settings.server(setting=setting)
    raw = wanted_attributes(settings.dialect, settings.named_attributes)
    with server.connected(raw) as connection:
        yield LdapTree(connection, settings)


def name_of(entry: LdapEntry, settings: MirrorSettings) -> Listed:
    """What an entry is known by; `TransportError` when the server does not show it."""
    dialect = settings.dialect
    values = {name.casefold(): found for name, found in entry.attributes.items()}
    guids, stamps = values.get(dialect.guid.casefold(), ()), values.get(dialect.stamp.casefold(), ())
    try:
        return Listed(dialect.guid_of(bytes(guids[0])), entry.dn, bytes(stamps[0]).decode("ascii"))
    except (IndexError, ValueError):
        names = f"{dialect.guid} and {dialect.stamp}"
        problem = f"shows no {names} of {entry.dn}; let who asks read them"
        raise TransportError(f"{settings.url} {problem}") from None


def _octets(values: Iterable[Any]) -> list[bytes]:
    return [value if isinstance(value, bytes) else str(value).encode() for value in values]
