"""Calls on one RPC connection: what goes out, what comes back, and what is known of those that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from rpch.client.carriers import Receiver
from rpch.client.rpc import CallLost, RpcConnection
from rpch.dcerpc.client_contexts import CannotOpen
from rpch.dcerpc.client_events import Authentication
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    Auth3,
    AuthLevel,
    AuthType,
    Bind,
    BindAck,
    BindNak,
    Cancel,
    ContextResult,
    Fault,
    Orphaned,
    Pdu,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    decode_pdu,
)
from rpch.dcerpc.presentation import Features
from rpch.dcerpc.security import Continue, Step
from rpch.dcerpc.statuses import Status
from rpch.errors import (
    AuthenticationFailed,
    BindRejected,
    RpcFault,
    RpchError,
    TransportError,
    UnexpectedMessage,
)
from rpch.server.demo import AddRequest, AddResponse, Demo
from rpch.server.management import Management
from rpch.testing.mechanisms import ToyMechanism
from rpch.trace import Tracer, Turn
from tests.raw_peer import until

UNRUN = WHOLE | PfcFlags.DID_NOT_EXECUTE
ACCEPTED = (ContextResult(0, 0, NDR20),)
REQUEST, SUM = AddRequest(2, 3), AddResponse(5)
GONE = TransportError("the proxy has gone")


class Turns(Tracer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[Turn] = []

    def write(self, turn: Turn) -> None:
        self.seen.append(turn)


class Carrying:
    """A carrier whose other end is the test."""

    def __init__(self) -> None:
        self.sent: list[Pdu] = []
        self.closed = False

    async def open(self, receiver: Receiver) -> None:
        raise AssertionError("whoever makes the connection opens its carrier")

    def send(self, pdus: bytes) -> None:
        self.sent.append(decode_pdu(pdus))

    def close(self) -> None:
        self.closed = True

    def last(self, kind: type[Pdu]) -> Pdu:
        """What was sent last, which must be of this kind."""
        assert isinstance(self.sent[-1], kind)
        return self.sent[-1]


class Talk:
    """One connection between a client and a test that plays the server."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        tracer: Tracer | None = None,
        authentication: Authentication | None = None,
    ) -> None:
        self.carrier = Carrying()
        self.connection = RpcConnection(
            self.carrier, tasks.create_task, authentication=authentication, tracer=tracer
        )
        self._tasks = tasks

    async def start(self, **options: object) -> asyncio.Task[AddResponse]:
        """A call, as far as it goes by itself."""
        work = self.connection.call(Demo.add, REQUEST, **options)  # type: ignore[arg-type]
        task = asyncio.get_running_loop().create_task(work)
        await asyncio.sleep(0)
        return task

    def hear(self, *pdus: Pdu) -> None:
        for pdu in pdus:
            self.connection.receive(pdu.encode())

    def bound(self, *, several: bool = False) -> None:
        """The server takes the bind, and several security contexts if it says so."""
        bind = next(pdu for pdu in self.carrier.sent if isinstance(pdu, Bind))
        results = ACCEPTED + (ContextResult(2, 0, NDR20),) * (len(bind.contexts) - 1)
        if several:
            results = (*ACCEPTED, ContextResult(3, Features.SECURITY_CONTEXT_MULTIPLEXING))
        flags = WHOLE | PfcFlags.CONC_MPX
        ack = BindAck(bind.call_id, results, assoc_group_id=7, secondary_address="6001", flags=flags)
        self.hear(ack)

    def asked(self) -> Request:
        request = self.carrier.last(Request)
        assert isinstance(request, Request)
        return request


@asynccontextmanager
async def talk(
    tracer: Tracer | None = None, authentication: Authentication | None = None
) -> AsyncIterator[Talk]:
    async with asyncio.TaskGroup() as tasks:
        found = Talk(tasks, tracer, authentication)
        yield found
        found.connection.close()


async def test_the_first_call_binds_and_every_call_gets_its_own_answer() -> None:
    async with talk() as it:
        first, second = await it.start(), await it.start(object_uuid=UUID(int=9))
        it.carrier.last(Bind)
        it.bound()
        one, other = (pdu for pdu in it.carrier.sent if isinstance(pdu, Request))
        assert (one.opnum, one.stub, one.object_uuid) == (1, REQUEST.encode(), None)
        assert other.object_uuid == UUID(int=9)
        it.hear(Response(other.call_id, 0, AddResponse(6).encode()))
        it.hear(Response(one.call_id, 0, SUM.encode()))
        assert (await first, await second) == (SUM, AddResponse(6))


async def test_a_fault_is_the_servers_answer() -> None:
    async with talk() as it:
        call = await it.start()
        it.bound()
        it.hear(Fault(it.asked().call_id, 5, flags=UNRUN))
        with pytest.raises(RpcFault) as fault:
            await call
        assert (fault.value.status, fault.value.did_not_execute) == (5, True)


@pytest.mark.parametrize("sent", [False, True])
async def test_a_lost_call_knows_whether_it_may_have_run(*, sent: bool) -> None:
    async with talk() as it:
        call = await it.start()
        if sent:
            it.bound()
        it.connection.transport_closed(GONE)
        with pytest.raises(CallLost) as lost:
            await call
        assert lost.value.did_not_execute is not sent
        assert lost.value.why is lost.value.__cause__ is GONE
        words = "may have run" if sent else "was not sent"
        assert str(lost.value) == f"the proxy has gone (the call {words})"
        assert it.connection.closed
        assert it.carrier.closed


async def test_a_call_is_lost_too_when_the_server_breaks_the_protocol() -> None:
    async with talk() as it:
        call = await it.start()
        it.bound()
        it.bound()
        with pytest.raises(CallLost) as lost:
            await call
        assert isinstance(lost.value.why, UnexpectedMessage)
        assert not lost.value.did_not_execute


async def test_a_fault_that_ends_the_connection_answers_one_call_and_loses_the_others() -> None:
    async with talk() as it:
        first, second = await it.start(), await it.start()
        it.bound()
        one = next(pdu for pdu in it.carrier.sent if isinstance(pdu, Request))
        it.hear(Fault(one.call_id, Status.PROTO_ERROR, flags=UNRUN))
        with pytest.raises(RpcFault):
            await first
        with pytest.raises(CallLost) as lost:
            await second
        assert not lost.value.did_not_execute


async def test_a_refused_bind_says_that_nothing_was_called() -> None:
    async with talk() as it:
        call = await it.start()
        it.hear(BindNak(1, 4))
        with pytest.raises(BindRejected):
            await call


async def test_a_call_after_the_end_was_not_sent() -> None:
    async with talk() as it:
        await it.start()
        it.connection.close()
        it.connection.close()
        with pytest.raises(CallLost) as lost:
            await it.connection.call(Demo.add, REQUEST)
        assert lost.value.did_not_execute


@pytest.mark.parametrize("reason", ["time-out", "cancelled"])
async def test_a_call_that_nobody_waits_for_is_abandoned_at_the_server(reason: str) -> None:
    async with talk() as it:
        call = await it.start(timeout=0.01 if reason == "time-out" else None)
        it.bound()
        if reason == "cancelled":
            call.cancel()
        with pytest.raises(asyncio.CancelledError if reason == "cancelled" else TimeoutError):
            await call
        assert [type(pdu) for pdu in it.carrier.sent[:4]] == [Bind, Request, Cancel, Orphaned]


async def test_interfaces_are_agreed_on_one_after_the_other() -> None:
    async with talk() as it:
        binding = asyncio.create_task(it.connection.bind(Demo))
        await asyncio.sleep(0)
        it.bound()
        await binding
        another = asyncio.create_task(it.connection.bind(interface_of(Management)))
        await asyncio.sleep(0)
        alter = it.carrier.last(AlterContext)
        it.hear(AlterContextResp(alter.call_id, ACCEPTED, assoc_group_id=7))
        await another


async def test_an_interface_that_is_not_offered_is_refused() -> None:
    async with talk() as it:
        binding = asyncio.create_task(it.connection.bind(Demo))
        await asyncio.sleep(0)
        bind = it.carrier.last(Bind)
        assert isinstance(bind, Bind)
        refused = (ContextResult(2, 1, NDR20),) * len(bind.contexts)
        it.hear(BindAck(bind.call_id, refused, assoc_group_id=7, secondary_address=""))
        with pytest.raises(BindRejected):
            await binding


async def test_waiting_for_an_interface_ends_with_the_connection() -> None:
    async with talk() as it:
        binding = asyncio.create_task(it.connection.bind(Demo))
        await asyncio.sleep(0)
        it.connection.transport_closed(None)
        with pytest.raises(RpchError):
            await binding


@pytest.mark.parametrize("why", [None, TransportError("it spoke no RPC")])
async def test_no_interface_is_waited_for_after_the_end(why: TransportError | None) -> None:
    async with talk() as it:
        it.connection.transport_closed(why)
        with pytest.raises(TransportError, match="it spoke no RPC" if why else "lost|ended|closed"):
            await it.connection.bind(Demo)
        assert not it.carrier.sent


async def test_every_turn_is_traced() -> None:
    turns = Turns()
    async with talk(turns) as it:
        call = await it.start()
        it.bound()
        it.hear(Response(it.asked().call_id, 0, SUM.encode()))
        await call
    assert {turn.role for turn in turns.seen} == {"RPC_CLIENT"}
    assert [type(turn.event).__name__ for turn in turns.seen[:2]] == ["Open", "Invoke"]


async def test_a_bind_that_is_never_answered_is_given_up() -> None:
    async with talk() as it:
        it.connection._machine._bind_timeout = 0.01
        call = await it.start()
        with pytest.raises(CallLost, match="did not answer a bind"):
            await call


class Slow(ToyMechanism):
    """A mechanism that asks somebody before it answers."""

    def step(self, token: bytes) -> Any:
        taken = super().step(token)

        async def later() -> Step:
            await asyncio.sleep(0)
            return taken

        return later()


@pytest.mark.parametrize("kind", [ToyMechanism, Slow])
async def test_a_security_context_takes_its_legs_before_the_first_call(kind: type[ToyMechanism]) -> None:
    level = AuthLevel.PKT_INTEGRITY
    ours, theirs = kind(level, 3, client=True), ToyMechanism(level, 3, client=False)
    proof = Authentication(ours, AuthType.NTLM, level, 1, ours.first())
    async with talk(authentication=proof) as it:
        call = await it.start()
        bind = it.carrier.last(Bind)
        assert isinstance(bind, Bind)
        assert bind.auth is not None
        step = theirs.step(bind.auth.token)
        assert isinstance(step, Continue)
        answer = SecTrailer(AuthType.NTLM, level, 1, step.token)
        results = ACCEPTED + (ContextResult(2, 0, NDR20),) * (len(bind.contexts) - 1)
        it.hear(BindAck(bind.call_id, results, assoc_group_id=7, secondary_address="6001", auth=answer))
        await until(lambda: isinstance(it.carrier.sent[-1], Request))
        assert [type(pdu) for pdu in it.carrier.sent] == [Bind, Auth3, Request]
        assert it.asked().auth is not None
        call.cancel()


async def test_after_the_end_no_interface_can_be_agreed_on() -> None:
    async with talk() as it:
        await it.start()
        it.connection.transport_closed(GONE)
        with pytest.raises(TransportError, match="the proxy has gone"):
            await it.connection.bind(Demo)


class Opening:
    """Somebody whose further context the test's server is asked for."""

    level = AuthLevel.PKT_INTEGRITY

    def __init__(self, kind: type[ToyMechanism] = ToyMechanism) -> None:
        self.kind, self.begun = kind, list[int]()
        self.theirs = ToyMechanism(self.level, 3, client=False)

    async def begin(self, context_id: int) -> Authentication:
        self.begun.append(context_id)
        ours = self.kind(self.level, 3, client=True)
        return Authentication(ours, AuthType.NTLM, self.level, context_id, ours.first())

    def answer(self, it: Talk) -> AlterContextResp:
        """The server's leg."""
        altered = it.carrier.last(AlterContext)
        assert isinstance(altered, AlterContext)
        assert altered.auth is not None
        step = self.theirs.step(altered.auth.token)
        assert isinstance(step, Continue)
        trailer = SecTrailer(AuthType.NTLM, self.level, altered.auth.context_id, step.token)
        return AlterContextResp(altered.call_id, ACCEPTED, auth=trailer)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


DEMO = interface_of(Demo)


@pytest.mark.parametrize("kind", [ToyMechanism, Slow])
async def test_several_who_ask_for_a_further_context_get_one(kind: type[ToyMechanism]) -> None:
    async with talk() as it:
        bob = Opening(kind)
        asking = [asyncio.create_task(it.connection.context_for(DEMO, "bob", bob.begin)) for _ in range(3)]
        await settled()
        it.bound(several=True)
        asking[0].cancel()  # who asked first need not stay
        await settled()
        it.hear(bob.answer(it))
        assert await asking[1] == await asking[2] == 2
        assert await it.connection.context_for(DEMO, "bob", bob.begin) == 2
        assert bob.begun == [2]
        call = await it.start(context_id=2)
        auth = it.asked().auth
        assert auth is not None
        assert auth.context_id == 2
        call.cancel()


async def test_a_refused_context_is_told_and_may_be_asked_for_again() -> None:
    async with talk() as it:
        bob = Opening()
        asking = asyncio.create_task(it.connection.context_for(DEMO, "bob", bob.begin))
        await settled()
        it.bound(several=True)
        altered = it.carrier.last(AlterContext)
        assert isinstance(altered, AlterContext)
        it.hear(Fault(altered.call_id, Status.ACCESS_DENIED))
        with pytest.raises(AuthenticationFailed):
            await asking
        asking = asyncio.create_task(it.connection.context_for(DEMO, "bob", bob.begin))
        await settled()
        it.hear(bob.answer(it))
        assert await asking == 3


async def test_a_server_of_one_context_is_not_asked_for_more() -> None:
    async with talk() as it:
        asking = asyncio.create_task(it.connection.context_for(DEMO, "bob", Opening().begin))
        await settled()
        it.bound()
        with pytest.raises(CannotOpen):
            await asking


async def test_who_cannot_begin_says_why_and_costs_nobody_anything() -> None:
    async def begin(context_id: int) -> Authentication:
        raise AuthenticationFailed("there is no ticket")

    async with talk() as it:
        with pytest.raises(AuthenticationFailed, match="no ticket"):
            await it.connection.context_for(DEMO, "bob", begin)
        it.bound()
        assert not it.connection.closed


async def test_the_end_of_a_connection_is_the_end_of_contexts_to_come() -> None:
    async with talk() as it:
        asking = asyncio.create_task(it.connection.context_for(DEMO, "bob", Opening().begin))
        await settled()
        it.connection.transport_closed(GONE)
        with pytest.raises(CallLost, match="was not sent"):
            await asking
