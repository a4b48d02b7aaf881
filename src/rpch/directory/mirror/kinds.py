"""What kinds of LDAP servers call the same things.

A *stamp* changes with each change of an entry. OpenLDAP's is its change sequence number, the same on all
replicas; Active Directory's is the update sequence number of one domain controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from rpch.directory.transfer.ldap_records import READ_ATTRIBUTES


class ServerKind(StrEnum):
    """The servers that can be mirrored."""

    OPENLDAP = "openldap"
    AD = "ad"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of server names what a mirror needs, and who is looked for there."""

    query: str
    guid: str
    stamp: str
    guid_is_binary: bool
    name: str  # by which people sign in
    upn: str = ""

    def guid_of(self, value: bytes) -> UUID:
        """The GUID of an entry; `ValueError` when it is none."""
        return UUID(bytes_le=value) if self.guid_is_binary else UUID(value.decode("ascii"))

    def guid_query(self, guid: UUID) -> str:
        """The filter that finds an entry by its GUID.  RFC 4515 3"""
        if self.guid_is_binary:
            octets = "".join(f"\\{octet:02x}" for octet in guid.bytes_le)
            return f"({self.guid}={octets})"
        return f"({self.guid}={guid})"


DIALECTS: Final[Mapping[ServerKind, Dialect]] = {
    ServerKind.OPENLDAP: Dialect(
        query="(|(objectClass=inetOrgPerson)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)"
        "(objectClass=room))",
        guid="entryUUID",  # RFC 4530
        stamp="entryCSN",
        guid_is_binary=False,
        name="uid",
    ),
    ServerKind.AD: Dialect(
        # Whom mail can reach; all others are accounts of machines and services.
        query="(&(|(mail=*)(proxyAddresses=*))"
        "(|(&(objectCategory=person)(|(objectClass=user)(objectClass=contact)))(objectCategory=group)))",
        guid="objectGUID",  # MS-ADTS 3.1.1.1.4
        stamp="uSNChanged",  # MS-ADTS 3.1.1.1.9
        guid_is_binary=True,
        name="sAMAccountName",
        upn="userPrincipalName",
    ),
}


def wanted_attributes(dialect: Dialect, own: Iterable[str]) -> list[str]:
    """What is asked for of each entry: what can be read, and what the settings name besides."""
    own_kind = (dialect.guid, dialect.stamp, dialect.name, dialect.upn)
    return list(dict.fromkeys(name for name in (*READ_ATTRIBUTES, *own, *own_kind) if name))
