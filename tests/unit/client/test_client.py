"""Calls over whichever way leads to the server, and again where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import pytest

from rpch.client.client import RpcClient
from rpch.client.policy import ConnectionPolicy
from rpch.client.retry import Retry
from rpch.client.rpc import CallLost
from rpch.client.security import RpcCredentials
from rpch.client.ways import Way
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import Interface, interface_of
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import AuthenticationFailed, ConfigError, RpchError, TransportError
from rpch.server.demo import AddRequest, AddResponse, Demo

UNRUN = CallLost(TransportError("gone"), did_not_execute=True)
MAYBE_RUN = CallLost(TransportError("gone"), did_not_execute=False)
OBJECT = UUID("01234567-89ab-cdef-0123-456789abcdef")
QUICK = Retry(attempts=3, first_delay=0.0)
SUM = AddResponse(5)


class Connection:
    """Answers calls as its way says."""

    def __init__(self, way: ScriptedWay) -> None:
        self._way = way

    async def call(
        self, operation: Any, request: Any, *, object_uuid: UUID | None, context_id: int | None
    ) -> Any:
        self._way.calls += 1
        self._way.objects.append(object_uuid)
        self._way.contexts.append(context_id)
        return await self._way.outcome()

    async def bind(self, interface: Interface) -> None:
        self._way.bound.append(interface)


class ScriptedWay:
    """A way whose calls end one after the other as a script says; the last outcome stays."""

    def __init__(
        self,
        *outcomes: RpchError | AddResponse | float,
        protseq: ProtocolSequence = ProtocolSequence.NCACN_HTTP,
        refused: Sequence[RpchError] = (),
        endpoint: str | None = None,
    ) -> None:
        self.binding = StringBinding(protseq, "server", endpoint=endpoint, object_uuid=OBJECT)
        self._outcomes, self._refused = list(outcomes or [SUM]), list(refused)
        self.open, self.stands, self.notes = True, False, ["a note"]
        self.calls, self.reached, self.closings = 0, 0, list[str]()
        self.objects: list[UUID | None] = []
        self.bound: list[Interface] = []
        self.callers: list[RpcCredentials | None] = []
        self.contexts: list[int | None] = []

    def __str__(self) -> str:
        return f"by {self.binding.protseq}"

    async def outcome(self) -> AddResponse:
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        match outcome:
            case AddResponse():
                return outcome
            case float():
                await asyncio.sleep(outcome)
                raise AssertionError("nobody waits so long")
            case error:
                raise error

    async def reach(self) -> None:
        self.reached += 1
        if self._refused:
            raise self._refused.pop(0)

    def standing(self, interface: Interface) -> Connection | None:
        return Connection(self) if self.stands else None

    async def connection_for(self, interface: Interface) -> Connection:
        if self._refused:
            raise self._refused.pop(0)
        return Connection(self)

    async def context_for(
        self, connection: Connection, interface: Interface, caller: RpcCredentials | None
    ) -> int | None:
        self.callers.append(caller)
        return None if caller is None else 2

    def close(self) -> None:
        self.closings.append("close")

    async def closed(self) -> None:
        self.closings.append("closed")


def client(*ways: ScriptedWay, retry: Retry | None = None) -> RpcClient:
    return RpcClient(cast(list[Way], list(ways)), ConnectionPolicy(), retry)


async def add(caller: RpcClient, **options: Any) -> AddResponse:
    return await caller.call(Demo.add, AddRequest(2, 3), **options)


async def test_a_call_goes_over_the_only_way_with_the_object_of_its_binding() -> None:
    way = ScriptedWay()
    caller = client(way)
    assert await add(caller) == SUM
    assert await add(caller, object_uuid=UUID(int=7)) == SUM
    assert way.objects == [OBJECT, UUID(int=7)]
    assert caller.binding is way.binding


@pytest.mark.parametrize("error", [UNRUN, MAYBE_RUN, TransportError("refused")])
async def test_without_being_asked_nothing_is_made_again(error: RpchError) -> None:
    way = ScriptedWay(error)
    with pytest.raises(type(error)):
        await add(client(way), idempotent=True)
    assert way.calls == 1


async def test_a_call_that_did_not_run_is_made_again() -> None:
    way = ScriptedWay(UNRUN, UNRUN, SUM)
    assert await add(client(way, retry=QUICK)) == SUM
    assert way.calls == 3


async def test_a_call_that_may_have_run_is_made_again_only_if_that_does_no_harm() -> None:
    way = ScriptedWay(MAYBE_RUN, SUM)
    caller = client(way, retry=QUICK)
    with pytest.raises(CallLost) as lost:
        await add(caller)
    assert not lost.value.did_not_execute
    assert way.calls == 1
    again = ScriptedWay(MAYBE_RUN, SUM)
    assert await add(client(again, retry=QUICK), idempotent=True) == SUM
    assert again.calls == 2


async def test_a_connection_that_cannot_be_opened_is_tried_again() -> None:
    way = ScriptedWay(refused=[TransportError("refused"), TransportError("refused")])
    assert await add(client(way, retry=QUICK)) == SUM
    assert way.calls == 1


async def test_attempts_come_to_an_end() -> None:
    way = ScriptedWay(UNRUN)
    with pytest.raises(CallLost):
        await add(client(way, retry=QUICK))
    assert way.calls == 3


async def test_what_will_not_change_is_not_tried_again() -> None:
    way = ScriptedWay(AuthenticationFailed("wrong"))
    with pytest.raises(AuthenticationFailed):
        await add(client(way, retry=QUICK))
    assert way.calls == 1


@pytest.mark.parametrize("outcome", [3600.0, UNRUN])
async def test_the_time_of_a_call_is_for_all_attempts_together(outcome: RpchError | float) -> None:
    way = ScriptedWay(outcome)
    patient = Retry(attempts=100, first_delay=3600.0, longest_delay=3600.0)
    with pytest.raises(TimeoutError):
        await add(client(way, retry=patient), timeout=0.02)
    assert way.calls == 1


async def test_an_interface_is_agreed_on_at_once_if_asked() -> None:
    way = ScriptedWay()
    await client(way).bind(Demo)
    assert way.bound == [interface_of(Demo)]


@pytest.mark.parametrize(("endpoint", "reached"), [("6001", 1), (None, 0)])
async def test_a_port_that_is_known_is_reached_at_the_start(endpoint: str | None, reached: int) -> None:
    way = ScriptedWay(endpoint=endpoint)
    await client(way).open()
    assert way.reached == reached


async def test_of_several_ways_the_first_to_answer_is_taken_and_the_path_tells_why() -> None:
    first = ScriptedWay(refused=[TransportError("refused")], protseq=ProtocolSequence.NCACN_IP_TCP)
    second = ScriptedWay()
    caller = client(first, second)
    await caller.open()
    assert await add(caller) == SUM
    assert (first.calls, second.calls) == (0, 1)
    assert caller.binding is second.binding
    assert str(caller.path) == "by ncacn_http; a note; not by ncacn_ip_tcp: refused"


async def test_when_a_way_breaks_all_are_tried_anew() -> None:
    first = ScriptedWay(protseq=ProtocolSequence.NCACN_IP_TCP)
    second = ScriptedWay()
    caller = client(first, second)
    await caller.open()
    await add(caller)
    assert (first.reached, second.reached, first.calls) == (1, 0, 1)
    first.open = False
    first._refused = [TransportError("gone")]
    await add(caller)
    assert (first.reached, second.reached, second.calls) == (2, 1, 1)
    assert caller.path.protseq is ProtocolSequence.NCACN_HTTP


async def test_a_connection_that_stands_serves_while_another_is_opened() -> None:
    way = ScriptedWay()
    caller = client(way)
    async with caller._opening, asyncio.timeout(1):
        way.stands = True
        assert await add(caller) == SUM


async def test_the_end_is_waited_for_on_every_way() -> None:
    ways = ScriptedWay(), ScriptedWay(protseq=ProtocolSequence.NCACN_IP_TCP)
    caller = client(*ways)
    caller.close()
    await caller.closed()
    assert [way.closings for way in ways] == [["close", "closed"], ["close", "closed"]]


async def test_calls_as_somebody_go_by_a_context_of_their_own() -> None:
    way = ScriptedWay(UNRUN, SUM)
    caller = client(way, retry=QUICK)
    bob = caller.as_user(r"LAB\bob", "secret", auth_level=AuthLevel.PKT, auth_type=AuthType.NTLM)
    assert await bob.call(Demo.add, AddRequest(2, 3)) == SUM
    await bob.bind(Demo)
    known = RpcCredentials(r"LAB\bob", "secret", AuthLevel.PKT, AuthType.NTLM)
    assert way.callers == [known] * 3  # one call was made again
    assert way.contexts == [2, 2]
    assert way.objects == [OBJECT, OBJECT]
    assert await caller.call(Demo.add, AddRequest(2, 3)) == SUM
    assert (way.callers[-1], way.contexts[-1]) == (None, None)


def test_only_kerberos_knows_who_is_meant_by_nobody() -> None:
    caller = client(ScriptedWay())
    with pytest.raises(ConfigError, match="say who calls"):
        caller.as_user(None)
    caller.as_user(None, auth_type=AuthType.KERBEROS)
