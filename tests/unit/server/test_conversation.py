"""A conversation runs operations: each call is answered once, and no mistake of one ends another."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Annotated, Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from rpch.aio.tasks import spawn
from rpch.dcerpc.associations import AssociationTable
from rpch.dcerpc.endpoint import Endpoint, Limits
from rpch.dcerpc.interface import Call, interface, interface_of, operation
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    Bind,
    BindAck,
    BindNak,
    Cancel,
    ContextElement,
    Fault,
    Orphaned,
    Pdu,
    PfcFlags,
    Request,
    Response,
    decode_pdu,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import RpcFault
from rpch.ndr import Message, Struct, ULong, WString, ref
from rpch.server import conversation
from rpch.server.conversation import Conversation, Counters
from rpch.server.demo import AddRequest, AddResponse, CounterHandle, Demo, OpenCounterRequest
from rpch.trace import Tracer
from tests.raw_peer import until


class Number(Message):
    """One number, either way."""

    value: ULong


class Text(Message):
    """A text."""

    text: WString


class Reference(Struct):
    """A number elsewhere."""

    number: Annotated[int, ref(ULong)]


class Referred(Message):
    """A structure that refers."""

    reference: Reference


class Broken:
    """A response that cannot be encoded."""

    def encode(self, *, little_endian: bool = True) -> bytes:
        raise LookupError("our own mistake")

    @classmethod
    def decode(cls, stub: bytes, *, little_endian: bool = True) -> "Broken":
        return cls()


@interface("12345678-1234-abcd-ef00-0000000000aa", version=(1, 0))
class Troubled:
    """Operations that go wrong in every way."""

    def __init__(self) -> None:
        self.begun = self.told = 0

    @operation(0)
    def mistaken(self, call: Call, request: Number) -> Number:
        raise LookupError("our own mistake")

    @operation(1)
    async def mistaken_later(self, call: Call, request: Number) -> Number:
        await asyncio.sleep(0)
        raise LookupError("our own mistake")

    @operation(2)
    def refuses(self, call: Call, request: Number) -> Number:
        raise RpcFault(request.value)

    @operation(3)
    async def refuses_later(self, call: Call, request: Number) -> Number:
        await asyncio.sleep(0)
        raise RpcFault(request.value, did_not_execute=True)

    @operation(4)
    def broken(self, call: Call, request: Number) -> Broken:
        return Broken()

    @operation(5)
    async def broken_later(self, call: Call, request: Number) -> Broken:
        return Broken()

    @operation(6)
    async def waits(self, call: Call, request: Number) -> Number:
        self.begun += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.told += call.cancelled
            raise
        return request

    @operation(7)
    async def doubles(self, call: Call, request: Number) -> Number:
        await asyncio.sleep(request.value / 1000)
        return Number(request.value * 2)

    @operation(8)
    def reads(self, call: Call, request: Text) -> Number:
        return Number(len(request.text))

    @operation(9)
    def refers(self, call: Call, request: Referred) -> Number:
        return Number(request.reference.number)


class Talk:
    """One conversation and what it said."""

    def __init__(self, tasks: asyncio.TaskGroup, tracer: Tracer | None = None) -> None:
        numbers = count(1)
        table = AssociationTable(
            new_group_id=lambda: next(numbers), new_handle=lambda: UUID(int=next(numbers))
        )
        self.troubled, self.demo = Troubled(), Demo()
        implementations = {interface_of(one): one for one in (self.troubled, self.demo)}
        self.endpoint = Endpoint(tuple(implementations), table, "6001")
        self.tasks, self.tracer, self.implementations = tasks, tracer, implementations
        self.said: list[Pdu] = []
        self.spawned: list[asyncio.Task[None]] = []
        self.closed = 0
        self.counters = Counters()
        self.conversation = self._converse()

    def _converse(self) -> Conversation:
        return Conversation(
            self.endpoint,
            self.implementations,
            identity="192.0.2.7",
            peer="192.0.2.7:50000",
            send=lambda data: self.said.append(decode_pdu(data)),
            close=self._close,
            spawn=self.spawn,
            counters=self.counters,
            tracer=self.tracer,
        )

    def again(self, **limits: Any) -> None:
        """Another connection to the same endpoint, with these limits."""
        self.endpoint = replace(self.endpoint, limits=Limits(**limits))
        self.conversation = self._converse()

    def _close(self) -> None:
        self.closed += 1

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.spawned.append(spawn(self.tasks, work))
        return self.spawned[-1]

    def tell(self, pdu: Pdu) -> None:
        self.conversation.receive(pdu.encode())

    def bind(self) -> None:
        """Both interfaces: 0 is trouble, 1 is the demo."""
        trouble, demo = (
            (ContextElement(number, interface_of(kind).syntax, (NDR20,)),)
            for number, kind in enumerate((Troubled, Demo))
        )
        self.tell(Bind(1, trouble, flags=WHOLE | PfcFlags.CONC_MPX))
        self.tell(AlterContext(2, demo))
        bound, altered = self.said
        assert isinstance(bound, BindAck)
        assert isinstance(altered, AlterContextResp)
        self.said.clear()

    async def heard(self) -> list[Pdu]:
        """What was said by the time that nothing can be done at once any more."""
        for _ in range(10):
            await asyncio.sleep(0)
        said, self.said = self.said, []
        return said


@asynccontextmanager
async def talk(tracer: Tracer | None = None) -> AsyncIterator[Talk]:
    """A bound conversation."""
    async with asyncio.TaskGroup() as tasks:
        one = Talk(tasks, tracer)
        one.bind()
        yield one
        one.conversation.transport_closed()


def ask(call_id: int, opnum: int, value: int = 7, *, context: int = 0) -> Request:
    """A request with one number."""
    return Request(call_id, context, opnum, Number(value).encode())


async def test_an_operation_that_answers_at_once_is_answered_at_once() -> None:
    async with talk() as here:
        here.tell(Request(5, 1, 1, AddRequest(2, 3).encode()))
        (answer,) = here.said
        assert isinstance(answer, Response)
        assert (answer.call_id, AddResponse.decode(answer.stub)) == (5, AddResponse(5))
        assert here.counters.now() == (1, 0, 3, 3)  # calls in and out, PDUs in and out
        assert here.conversation.running == 0


async def test_operations_that_wait_answer_in_the_order_in_which_they_finish() -> None:
    async with talk() as here:
        for call_id, milliseconds in ((1, 30), (2, 5), (3, 15)):
            here.tell(ask(call_id, 7, milliseconds))
        assert here.conversation.running == 3
        await until(lambda: not here.conversation.running)
        answers = await here.heard()
        assert [(a.call_id, Number.decode(a.stub).value) for a in answers if isinstance(a, Response)] == [
            (2, 10),
            (3, 30),
            (1, 60),
        ]


@pytest.mark.parametrize("opnum", [0, 1, 4, 5])
async def test_a_mistake_of_an_operation_fails_its_call_and_nothing_else(opnum: int) -> None:
    async with talk() as here:
        with capture_logs() as lines:
            here.tell(ask(1, opnum))
            (answer,) = await here.heard()
        assert isinstance(answer, Fault)
        assert answer.status == Status.S_FAULT_UNSPEC
        assert [line["log_level"] for line in lines] == ["error"]
        assert not here.closed
        here.tell(Request(2, 1, 1, AddRequest(2, 3).encode()))
        assert isinstance(here.said[-1], Response)


@pytest.mark.parametrize("opnum", [2, 3])
async def test_a_fault_of_an_operation_is_its_answer(opnum: int) -> None:
    async with talk() as here:
        here.tell(ask(1, opnum, 0x1C01_0002))
        (answer,) = await here.heard()
        assert isinstance(answer, Fault)
        assert answer.status == 0x1C01_0002
        assert answer.did_not_execute == (opnum == 3)


@pytest.mark.parametrize(
    ("stub", "status"),
    [
        (b"", Status.RPC_X_BAD_STUB_DATA),
        (bytes(3), Status.RPC_X_BAD_STUB_DATA),
        # room for 2, offset 0, and 9 are said to follow
        (bytes.fromhex("02000000 00000000 09000000 61000000"), Status.RPC_X_BAD_STUB_DATA),
    ],
    ids=["empty", "short", "count"],
)
async def test_a_stub_that_is_not_what_its_operation_declares_is_a_fault(stub: bytes, status: int) -> None:
    async with talk() as here:
        with capture_logs() as lines:
            here.tell(Request(1, 0, 8, stub))
        (answer,) = here.said
        assert isinstance(answer, Fault)
        assert answer.status in (status, Status.S_FAULT_INVALID_BOUND)
        (line,) = lines
        assert (line["event"], line["operation"], line["peer"]) == ("bad stub", "reads", "192.0.2.7:50000")
        assert not here.closed


async def test_the_code_of_a_bad_stub_is_the_one_that_its_rule_asks_for() -> None:
    async with talk() as here:
        here.tell(Request(1, 0, 9, bytes(4)))  # a reference pointer that is null
        (answer,) = here.said
        assert isinstance(answer, Fault)
        assert answer.status == Status.RPC_X_NULL_REF_POINTER


async def test_a_large_stub_is_read_while_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "LARGE_STUB", 64)
    async with talk() as here:
        here.tell(Request(1, 0, 8, Text("x" * 100).encode()))
        here.tell(Request(2, 0, 8, Text("x" * 5).encode()))
        here.tell(Request(3, 0, 7, Number(1).encode() + bytes(100)))  # what is left over does not matter
        assert here.conversation.running == 2
        (small,) = here.said
        assert (small.call_id, isinstance(small, Response)) == (2, True)
        await asyncio.wait(here.spawned)
        answers = {
            answer.call_id: Number.decode(answer.stub).value
            for answer in here.said
            if isinstance(answer, Response)
        }
        assert answers == {1: 100, 2: 5, 3: 2}


async def test_a_large_stub_can_be_bad_and_its_call_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "LARGE_STUB", 64)
    async with talk() as here:
        here.tell(Request(1, 0, 8, bytes.fromhex("02000000 00000000 09000000") + bytes(100)))
        await asyncio.wait(here.spawned)
        (fault,) = here.said
        assert isinstance(fault, Fault)
        assert fault.status in (Status.RPC_X_BAD_STUB_DATA, Status.S_FAULT_INVALID_BOUND)
        here.said.clear()
        here.tell(Request(4, 0, 6, Number(1).encode() + bytes(100)))
        here.tell(Cancel(4))
        (fault,) = await here.heard()
        assert isinstance(fault, Fault)
        assert fault.status == Status.S_FAULT_CANCEL


# Giving up


@pytest.mark.parametrize("pdu", [Cancel(4), Orphaned(4)], ids=["cancel", "orphaned"])
async def test_a_call_that_is_given_up_ends_at_once(pdu: Pdu) -> None:
    async with talk() as here:
        here.tell(ask(4, 6))
        assert await here.heard() == []
        here.tell(pdu)
        answers = await here.heard()
        assert here.troubled.told == 1
        assert here.conversation.running == 0
        assert all(isinstance(answer, Fault) for answer in answers)
        if isinstance(pdu, Cancel):
            (answer,) = answers
            assert isinstance(answer, Fault)
            assert answer.status == Status.S_FAULT_CANCEL


async def test_a_call_that_is_cancelled_before_it_began_is_answered_too() -> None:
    async with talk() as here:
        here.tell(ask(4, 6))
        here.tell(Cancel(4))  # in the same read
        (answer,) = await here.heard()
        assert isinstance(answer, Fault)
        assert answer.status == Status.S_FAULT_CANCEL
        assert here.conversation.running == 0


async def test_a_client_that_goes_ends_its_calls_and_its_handles() -> None:
    async with talk() as here:
        here.tell(Request(1, 1, 5, OpenCounterRequest(10).encode()))
        (answer,) = here.said
        assert isinstance(answer, Response)
        assert not CounterHandle.decode(answer.stub).handle.is_nil
        here.tell(ask(2, 6))
        await here.heard()
        here.conversation.transport_closed()
        assert await here.heard() == []
        assert here.troubled.told == 1
        assert here.demo.open_counters == 0
        assert len(here.endpoint.associations) == 0


async def test_a_stop_of_the_server_ends_running_calls() -> None:
    async def serve() -> None:
        async with talk() as here:
            here.tell(ask(1, 6))
            await here.heard()
            serving.cancel()
            await asyncio.sleep(60)

    serving = asyncio.create_task(serve())
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await serving


# The connection


async def test_a_client_that_breaks_the_protocol_is_disconnected_and_the_log_says_why() -> None:
    async with asyncio.TaskGroup() as tasks:
        here = Talk(tasks)
        with capture_logs() as lines:
            here.tell(ask(1, 0))  # before any bind
        assert isinstance(here.said[0], BindNak)
        assert here.closed == 1
        (line,) = lines
        assert (line["event"], line["peer"]) == ("connection ended", "192.0.2.7:50000")
        assert "REQUEST" in line["why"]


async def test_a_call_beyond_a_limit_is_refused_and_the_log_names_the_limit() -> None:
    async with talk() as here:
        with capture_logs() as lines:
            for call_id in range(257):
                here.tell(ask(call_id, 7, 60_000))
        (refused,) = here.said
        assert isinstance(refused, Fault)
        assert refused.call_id == 256
        (line,) = lines
        assert (line["event"], line["peer"]) == ("call refused", "192.0.2.7:50000")
        assert "the limit calls is 256" in line["why"]


async def test_a_client_that_does_not_bind_in_time_is_disconnected() -> None:
    async with asyncio.TaskGroup() as tasks:
        here = Talk(tasks)
        here.conversation.transport_closed()
        here.again(bind_timeout=0.01)
        with capture_logs() as lines:
            await until(lambda: here.closed)
        assert here.closed == 1
        assert "no bind came in time" in lines[0]["why"]


async def test_a_request_that_is_never_completed_is_not_waited_for() -> None:
    async with asyncio.TaskGroup() as tasks:
        here = Talk(tasks)
        here.conversation.transport_closed()
        here.again(fragment_timeout=0.01)
        here.bind()
        first = bytearray(ask(1, 0).encode())
        first[3] = 1  # PFC_FIRST_FRAG only
        here.conversation.receive(bytes(first))
        await until(lambda: here.closed)
        assert here.closed == 1


async def test_every_turn_is_traced() -> None:
    class Sink:
        lines: list[str] = []

        def write(self, text: str, /) -> None:
            self.lines.append(text)

    sink = Sink()
    async with talk(Tracer(sink)) as here:
        here.tell(Request(5, 1, 1, AddRequest(2, 3).encode()))
    assert any("RPC_SERVER" in line and "192.0.2.7:50000" in line for line in sink.lines)
