"""Calls as somebody: made, and made again where that is safe."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TypeVar
from uuid import UUID

from rpch.client.retry import Retry, may_repeat
from rpch.client.rpc import RpcConnection
from rpch.dcerpc.interface import Interface, Message, Operation, interface_of
from rpch.errors import RpchError

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


class Calls(ABC):
    """The calls of one caller to one server, each on whichever connection leads there by then."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry

    @abstractmethod
    async def way_for(self, interface: Interface) -> tuple[RpcConnection, int | None]:
        """The connection to an interface, and the further security context on it that is the caller's."""

    @property
    @abstractmethod
    def object_uuid(self) -> UUID | None:
        """The object of calls that name none."""

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
                    connection, context = await self.way_for(operation.interface)
                    uuid = object_uuid or self.object_uuid
                    return await connection.call(operation, request, object_uuid=uuid, context_id=context)
                except RpchError as error:
                    failures += 1
                    if failures >= self._retry.attempts or not may_repeat(error, idempotent=idempotent):
                        raise
                await asyncio.sleep(self._retry.delay(failures))

    async def bind(self, interface: type[object]) -> None:
        """Make sure that the server offers an interface and takes the caller; else `BindRejected`."""
        found = interface_of(interface)
        connection, _ = await self.way_for(found)
        await connection.bind(found)
