"""What the endpoint mapper knows: which interface listens where. Registering is local.  MS-RPCE 3.1.3.5.3

Entries keep the position at which they came, so that a listing can go on behind the last one it showed
whatever was registered or withdrawn in between, and costs nothing to remember.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final
from uuid import UUID

from rpch.dcerpc.endpoint_mapper import ANY_OBJECT, LONGEST_ANNOTATION
from rpch.dcerpc.pdus import NDR20, SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.towers import ANY_ADDRESS, Tower
from rpch.errors import ConfigError

REGISTRATION_LIMIT: Final = 4096


@dataclass(frozen=True)
class Registration:
    """One interface on one port; the nil object stands for all objects.  C706 O ept_entry_t"""

    interface: SyntaxId
    protseq: ProtocolSequence
    port: int
    annotation: str = ""
    object_uuid: UUID = ANY_OBJECT
    address: IPv4Address = ANY_ADDRESS
    transfer_syntax: SyntaxId = NDR20

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 0xFFFF:
            raise ConfigError("port", f"{self.port} is no port from 1 to 65535")
        if not self.annotation.isascii() or "\0" in self.annotation:
            raise ConfigError("annotation", "the endpoint mapper carries plain ASCII only")
        if len(self.annotation) > LONGEST_ANNOTATION:
            raise ConfigError("annotation", f"it is longer than {LONGEST_ANNOTATION} characters")

    @property
    def tower(self) -> Tower:
        """The way there.  C706 L"""
        return Tower(self.interface, self.protseq, self.port, self.address, self.transfer_syntax)

    @property
    def key(self) -> Registration:
        """What makes two registrations one: all but the annotation."""
        return replace(self, annotation="")


class Registrations:
    """All entries of one endpoint mapper."""

    def __init__(self, *, limit: int = REGISTRATION_LIMIT) -> None:
        self._limit = limit
        self._last = 0
        self._positions: dict[Registration, int] = {}
        self._entries: dict[int, Registration] = {}
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._entries)

    def insert(self, registration: Registration) -> None:
        """Register; the same place again only changes the annotation.  C706 O ept_insert"""
        position = self._positions.get(registration.key)
        if position is None:
            if len(self) >= self._limit:
                raise ConfigError("endpoint mapper", f"it is full with {self._limit} registrations")
            self._last += 1
            position = self._positions[registration.key] = self._last
            self._order.append(position)
        self._entries[position] = registration

    def delete(self, registration: Registration) -> bool:
        """Withdraw, whatever the annotation; whether it was there.  C706 O ept_delete"""
        position = self._positions.pop(registration.key, None)
        if position is None:
            return False
        del self._entries[position]
        self._order.remove(position)
        return True

    def after(self, position: int) -> Iterator[tuple[int, Registration]]:
        """The entries that came after this position, each with its own."""
        for found in self._order[bisect_right(self._order, position) :]:
            yield found, self._entries[found]
