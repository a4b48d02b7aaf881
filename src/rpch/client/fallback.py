"""Version 1 of RPC over HTTP, and when a client falls back to it.  MS-RPCH 3, 3.1.1"""

from __future__ import annotations

import asyncio

from rpch.client.access import ProxyAccess
from rpch.client.carriers import Carrier, HttpCarrier, Receiver, TcpCarrier
from rpch.client.connections import NoAnswer
from rpch.errors import TransportError
from rpch.http.outcomes import Accepted, Failed
from rpch.http.requests import ChannelHeads
from rpch.http.targets import RpcTarget


class MixedCarrier(TcpCarrier):
    """`ncacn_http` version 1: one HTTP request whose connection then carries RPC.  MS-RPCH 3.1.1"""

    def __init__(self, access: ProxyAccess, target: RpcTarget) -> None:
        super().__init__(access.host, access.port, timeout=access.timeout)
        self._access, self._target = access, target

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        transport, reader = await self._access.dial(tunnelled=True)
        transport.write(ChannelHeads(self._access.host_field, self._target).connect())
        try:
            async with asyncio.timeout(self._timeout):
                outcome = await reader.outcome(tunnel=True)
            if not isinstance(outcome, Accepted):
                refused = await reader.failure(outcome) if isinstance(outcome, Failed) else None
                raise refused or TransportError("the proxy does not take RPC_CONNECT")
        except TimeoutError:
            transport.abort()
            raise NoAnswer(
                f"the proxy did not answer RPC_CONNECT in {self._timeout:g} seconds", seconds=self._timeout
            ) from None
        except BaseException:
            transport.abort()
            raise
        transport.set_protocol(self)
        self.connection_made(transport)
        if rest := reader.rest():
            self.data_received(rest)


class FallbackCarrier:
    """Version 2, and version 1 where that fails and version 1 could work.  MS-RPCH 3

    Version 1 knows neither TLS nor authentication: with either it is not tried. `second_failed` is why
    version 2 was not taken, where it was not.
    """

    def __init__(self, second: HttpCarrier, first: MixedCarrier | None) -> None:
        self._second, self._first = second, first
        self._chosen: Carrier = second
        self.second_failed: TransportError | None = None

    async def open(self, receiver: Receiver) -> None:
        try:
            await self._second.open(receiver)
        except TransportError as why:
            if self._first is None:
                raise
            self._chosen, self.second_failed = self._first, why
            await self._first.open(receiver)

    def send(self, pdus: bytes) -> None:
        self._chosen.send(pdus)

    def close(self) -> None:
        self._chosen.close()

    async def closed(self) -> None:
        """Wait until nothing is left of it."""
        for carrier in (self._second, self._first):
            if carrier is not None:
                await carrier.closed()

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it."""
        return self._second.gone and (self._first is None or self._first.gone)
