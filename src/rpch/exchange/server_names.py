"""What servers and databases are called: by DN in the address book, by target in RPC over HTTP.

A mailbox is its own server to clients: `<mailbox GUID>@<domain>` is what they put behind the question mark of
the proxy's URL, and the last part of the server's DN. So mailboxes may move, and nobody has to be told.

    /o=First Organization/ou=…/cn=Configuration/cn=Servers/cn=<GUID>@<domain>      the server
    the same, and behind it /cn=Microsoft Private MDB                              its database
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from rpch.directory.entries import ORGANISATION

ADMINISTRATIVE_GROUP: Final = "Exchange Administrative Group (FYDIBOHF23SPDLT)"
DATABASE: Final = "Microsoft Private MDB"
_PLACE: Final = re.compile(r"/o=([^/]+)/ou=([^/]+)/", re.IGNORECASE)
_SERVERS: Final = "/o={organisation}/ou={group}/cn=Configuration/cn=Servers/cn="


@dataclass(frozen=True, slots=True)
class ServerNames:
    """The names of one installation. `host` is the machine's, for clients that come without a proxy."""

    host: str
    organisation: str = ORGANISATION
    group: str = ADMINISTRATIVE_GROUP

    def beside(self, dn: str) -> ServerNames:
        """The names in the organisation and group of a DN that is somebody else's: an Exchange's own."""
        found = _PLACE.match(dn)
        return replace(self, organisation=found[1], group=found[2]) if found else self

    def target_of(self, guid: UUID, mail: str | None) -> str:
        """The RPC target of a mailbox; without an address the machine stands for it."""
        _, at, domain = (mail or "").rpartition("@")
        return f"{guid}@{domain.lower()}" if at and domain else self.host

    def server_dn(self, target: str) -> str:
        """The DN of a server that is called so."""
        return f"{self._prefix}{target}"

    def database_dn(self, target: str) -> str:
        """The DN of a server's database."""
        return f"{self._prefix}{target}/cn={DATABASE}"

    def target_in(self, dn: str) -> str | None:
        """The server's name in the DN of a server or of its database; None when it is neither."""
        prefix = self._prefix
        if dn[: len(prefix)].casefold() != prefix.casefold():
            return None
        target, slash, rest = dn[len(prefix) :].partition("/")
        if not target or (slash and rest.casefold() != f"cn={DATABASE}".casefold()):
            return None
        return target

    def is_database(self, dn: str) -> bool:
        """Whether a DN that has a target is that of a database."""
        return dn.casefold().endswith(f"/cn={DATABASE}".casefold())

    @property
    def _prefix(self) -> str:
        return _SERVERS.format(organisation=self.organisation, group=self.group)


def mailbox_of(target: str) -> UUID | None:
    """The GUID in `<GUID>@<domain>`; None for other names."""
    guid, at, domain = target.partition("@")
    if not (at and domain) or len(guid) != 36:
        return None
    try:
        return UUID(guid)
    except ValueError:
        return None
