"""Reaching the server of a channel: by the name that was allowed, at an address that is allowed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from rpch.aio.leg import LegConnection
from rpch.errors import AccessDenied, TransportError
from rpch.proxy.policy import Allowed, Denied
from rpch.vconn.events import Event, Leg


class ServerLeg(LegConnection):
    """A connection to the server, which remembers who ended it."""

    __slots__ = ("ended_there",)

    def __init__(self, leg: Leg, feed: Callable[[Event], None], *, announce: bool) -> None:
        super().__init__(leg, feed, banner=True, announce=announce)
        self.ended_there = False

    def eof_received(self) -> None:
        self.ended_there |= not self._closing
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended_there |= not self._closing
        super().connection_lost(exc)


async def dial(
    allowed: Allowed, check_address: Callable[[Allowed, str], Denied | None], connection: LegConnection
) -> None:
    """Resolve once, and connect to exactly an address that was checked; raises why none took us."""
    address = allowed.address
    if address is None:
        raise TransportError("no target")
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a label of more than 63 bytes is no OSError
        raise TransportError(f"{address.host} cannot be resolved: {error}") from error
    problem: Exception = TransportError(f"{address.host} has no address")
    for family, _, _, _, place in found:
        host = str(place[0])
        if denied := check_address(allowed, host):
            problem = AccessDenied(denied.rule, denied.detail)
            continue
        try:
            await loop.create_connection(lambda: connection, host, address.port, family=family)
        except OSError as error:
            problem = error
        else:
            return
    raise problem
