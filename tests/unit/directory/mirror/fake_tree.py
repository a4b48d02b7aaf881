"""A directory that somebody else keeps, as a mirror asks it: entries in memory, with OpenLDAP's stamps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from rpch.directory.mirror.ldap_tree import Listed, TreeState
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.transfer.ldif import LdapEntry
from rpch.errors import TransportError

BASE = "dc=there"
SETTINGS = MirrorSettings(url="ldapi://there", base=BASE)
SOURCE = "ldapi://there/dc=there"


def entry(
    number: int, cn: str, *, stamp: str = "1", dn: str = "", **values: str | bytes | list[str]
) -> LdapEntry:
    """One entry with a GUID of that number; a person, unless it says otherwise."""
    given = {"objectClass": "inetOrgPerson", "cn": cn, **values}
    given |= {"entryUUID": str(UUID(int=number)), "entryCSN": stamp}
    octets = {
        name: [
            each if isinstance(each, bytes) else each.encode()
            for each in (value if isinstance(value, list) else [value])
        ]
        for name, value in given.items()
    }
    return LdapEntry(dn or f"cn={cn},{BASE}", octets, dn or f"cn={cn},{BASE}")


@dataclass
class FakeTree:
    """A `Tree`. What was asked of it is in `asked`; `away` makes it fail."""

    people: dict[int, LdapEntry] = field(default_factory=dict)
    keeps_state: bool = True
    server: str = ""
    away: bool = False
    asked: list[str] = field(default_factory=list)
    changes: int = 1

    def put(self, number: int, cn: str, **values: str | bytes | list[str]) -> None:
        """Enter somebody, or change them."""
        self.changes += 1
        dn = values.pop("dn", "")
        assert isinstance(dn, str)
        self.people[number] = entry(number, cn, stamp=f"{self.changes:04}", dn=dn, **values)

    def move(self, number: int, dn: str) -> None:
        """Rename a branch: what lies on it has another name and the same stamp."""
        self.changes += 1
        self.people[number] = replace(self.people[number], dn=dn)

    def drop(self, *numbers: int) -> None:
        """Remove some."""
        self.changes += 1
        for number in numbers:
            del self.people[number]

    def state(self) -> TreeState:
        self._ask("state")
        return TreeState(self.server, str(self.changes) if self.keeps_state else "")

    def listed(self) -> Iterator[Listed]:
        self._ask("listed")
        for number, each in self.people.items():
            yield Listed(UUID(int=number), each.dn, each.attributes["entryCSN"][0].decode())

    def entries(self) -> Iterator[LdapEntry]:
        self._ask("entries")
        yield from list(self.people.values())

    def changed_since(self, stamp: str) -> Iterator[LdapEntry]:
        self._ask("changed")
        for each in list(self.people.values()):
            if each.attributes["entryCSN"][0].decode() >= stamp:
                yield each

    def fetched(self, guids: Sequence[UUID]) -> Iterator[LdapEntry]:
        self._ask(f"fetched {len(guids)}")
        for guid in guids:
            if guid.int in self.people:
                yield self.people[guid.int]

    def _ask(self, what: str) -> None:
        if self.away:
            raise TransportError("there is away")
        self.asked.append(what)
