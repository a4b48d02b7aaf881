"""Calls to one server, over whichever way leads there, and again where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from rpch.client.policy import ConnectionPolicy, NotTaken, Path, first_to_answer
from rpch.client.retry import Retry, may_repeat
from rpch.client.rpc import RpcConnection
from rpch.client.ways import Way
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import Interface, Message, Operation, interface_of
from rpch.errors import RpchError

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


class RpcClient:
    """Calls to one server. Made by `connect`.

    A connection that breaks is replaced when the next call needs one. Where there are several ways they
    are tried anew then: the network may be another.
    """

    def __init__(
        self, ways: Sequence[Way], policy: ConnectionPolicy | None = None, retry: Retry | None = None
    ) -> None:
        """`ways` stand in the order in which they are tried."""
        self._ways, self._policy = ways, policy or ConnectionPolicy()
        self._retry = retry or Retry(attempts=1)
        self._way = ways[0]
        self._not_taken: tuple[NotTaken, ...] = ()
        self._opening = asyncio.Lock()

    @property
    def binding(self) -> StringBinding:
        """The string binding of the way that was taken."""
        return self._way.binding

    @property
    def path(self) -> Path:
        """Which way was taken, and why no other."""
        way = self._way
        return Path(way.binding.transport, str(way), tuple(way.notes), self._not_taken)

    async def call(
        self,
        operation: Operation[Req, Resp],
        request: Req,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the call is abandoned at the server, not only here
        object_uuid: UUID | None = None,
        idempotent: bool = False,
    ) -> Resp:
        """Call an operation and wait for its response, for `timeout` seconds in all.

        `RpcFault` is the server's answer that it failed, `CallLost` says of a connection that ended before
        whether the call may have run. With `retry` a call that surely did not run is made again, and one
        that is `idempotent` also when it may have run.
        """
        failures = 0
        async with asyncio.timeout(timeout):
            while True:
                try:
                    connection = await self.connection_for(operation.interface)
                    uuid = object_uuid or self.binding.object_uuid
                    return await connection.call(operation, request, object_uuid=uuid)
                except RpchError as error:
                    failures += 1
                    if failures >= self._retry.attempts or not may_repeat(error, idempotent=idempotent):
                        raise
                await asyncio.sleep(self._retry.delay(failures))

    async def bind(self, interface: type[object]) -> None:
        """Make sure that the server offers an interface; `BindRejected` when it does not."""
        found = interface_of(interface)
        connection = await self.connection_for(found)
        await connection.bind(found)

    async def open(self) -> None:
        """Take the way that answers first; nothing where there is only one, and no port to ask for."""
        async with self._opening:
            if len(self._ways) > 1:
                await self._choose()
            elif self._way.binding.port is not None:
                await self._way.reach()

    async def connection_for(self, interface: Interface) -> RpcConnection:
        """The connection to the port where an interface is, opened if need be."""
        if (standing := self._way.standing(interface)) is not None:
            return standing
        async with self._opening:
            if len(self._ways) > 1 and not self._way.open:
                await self._choose()
            return await self._way.connection_for(interface)

    def close(self) -> None:
        """End every connection."""
        for way in self._ways:
            way.close()

    async def closed(self) -> None:
        """Wait until nothing is left of what was closed."""
        for way in self._ways:
            await way.closed()

    async def _choose(self) -> None:
        self._way, self._not_taken = await first_to_answer(self._ways, self._policy)
