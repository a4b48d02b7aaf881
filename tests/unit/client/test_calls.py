"""Calls as somebody: by which connection and context they go, and what is made again."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest

from rpch.client.calls import Calls
from rpch.client.retry import Retry
from rpch.client.rpc import CallLost, RpcConnection
from rpch.dcerpc.client_contexts import CannotOpen
from rpch.dcerpc.interface import Interface, interface_of
from rpch.errors import AuthenticationFailed, RpchError, TransportError
from rpch.server.demo import AddRequest, AddResponse, Demo

UNRUN = CallLost(TransportError("gone"), did_not_execute=True)
OBJECT = UUID(int=7)
SUM = AddResponse(5)


class Connection:
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def call(self, operation: Any, request: Any, **how: Any) -> AddResponse:
        self.asked.append(how)
        return SUM

    async def bind(self, interface: Interface) -> None:
        self.asked.append(interface)


class Somebody(Calls):
    """Whose way fails as often as a script says."""

    def __init__(self, *failures: RpchError, attempts: int = 3) -> None:
        super().__init__(Retry(attempts, 0.0, 0.0))
        self.connection, self.failures = Connection(), list(failures)

    @property
    def object_uuid(self) -> UUID | None:
        return OBJECT

    async def way_for(self, interface: Interface) -> tuple[RpcConnection, int | None]:
        if self.failures:
            raise self.failures.pop(0)
        return cast(RpcConnection, self.connection), 4


async def test_a_call_goes_by_the_caller_s_context_and_object() -> None:
    caller = Somebody()
    assert await caller.call(Demo.add, AddRequest(2, 3)) == SUM
    assert await caller.call(Demo.add, AddRequest(2, 3), object_uuid=UUID(int=8)) == SUM
    assert caller.connection.asked == [
        {"object_uuid": OBJECT, "context_id": 4},
        {"object_uuid": UUID(int=8), "context_id": 4},
    ]


async def test_binding_asks_for_the_caller_s_way_first() -> None:
    caller = Somebody()
    await caller.bind(Demo)
    assert caller.connection.asked == [interface_of(Demo)]
    with pytest.raises(AuthenticationFailed):
        await Somebody(AuthenticationFailed("no")).bind(Demo)


async def test_what_did_not_run_is_made_again_and_refusals_are_not() -> None:
    assert await Somebody(UNRUN, UNRUN).call(Demo.add, AddRequest(2, 3)) == SUM
    for refused in AuthenticationFailed("no"), CannotOpen("no"):
        caller = Somebody(refused)
        with pytest.raises(type(refused)):
            await caller.call(Demo.add, AddRequest(2, 3))
        assert caller.connection.asked == []
