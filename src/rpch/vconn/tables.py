"""Which machine a new leg belongs to.  MS-RPCH 3.2.3.1, 3.2.4.1, 3.2.5.1

A leg's first PDU names its virtual connection by cookie. Each role keeps a table of its own: a node
that has only the OUT half of a virtual connection must treat a new IN channel of it as one from
elsewhere (R1). Knowing a cookie is not enough to join: a successor must come with the same identity
and for the same target as the channel it replaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from rpch.errors import AccessDenied
from rpch.rts.commands import CookieBytes

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a virtual connection belongs to, and where it leads; opaque here, only compared."""

    user: str
    target: str


class VirtualConnections(Generic[M]):
    """The virtual connections that one role knows in this process."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[M, Owner]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, cookie: CookieBytes, owner: Owner) -> M | None:
        """The machine of this cookie; `AccessDenied` when it is somebody else's."""
        known = self._known.get(cookie)
        if known is None:
            return None
        if known[1] != owner:
            raise AccessDenied("Owner", "another user or target has this virtual connection")
        return known[0]

    def add(self, cookie: CookieBytes, machine: M, owner: Owner) -> bool:
        """Enter it; false when the cookie is taken."""
        if cookie in self._known:
            return False
        self._known[cookie] = (machine, owner)
        return True

    def remove(self, cookie: CookieBytes, machine: M) -> None:
        """Forget it, if it is still this one."""
        known = self._known.get(cookie)
        if known is not None and known[0] is machine:
            del self._known[cookie]
