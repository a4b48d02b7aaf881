"""The demo interface does what its operations are called."""

import asyncio
import dataclasses
from dataclasses import dataclass
from itertools import count
from uuid import UUID

import pytest

from rpch.dcerpc.associations import Association, AssociationTable, Caller
from rpch.dcerpc.interface import Handles, interface_of
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.statuses import Status
from rpch.errors import RpcFault
from rpch.ndr import NIL_HANDLE, ContextHandle, Message, StubError
from rpch.server.demo import (
    MOST_BYTES,
    AddRequest,
    AddResponse,
    Count,
    CounterHandle,
    CountRequest,
    CountResponse,
    DelayRequest,
    DelayResponse,
    Demo,
    Octets,
    OpenCounterRequest,
    WhoAmIRequest,
    WhoAmIResponse,
)


@dataclass
class Asking:
    """A call."""

    association: Handles
    cancelled: bool = False
    object_uuid: UUID | None = None
    peer: str = "test"
    user: str | None = None
    level: AuthLevel = AuthLevel.NONE


def group() -> Association:
    numbers = count(1)
    groups = AssociationTable(new_group_id=lambda: 1, new_handle=lambda: UUID(int=next(numbers)))
    association = groups.create("tester")
    assert association is not None
    return association


def asking(association: Association | None = None) -> Asking:
    shared = group() if association is None else association
    return Asking(shared.handles_of(Caller(interface_of(Demo).syntax)))


def test_the_numbers_of_its_operations_are_fixed() -> None:
    assert [(number, operation.name) for number, operation in interface_of(Demo).operations.items()] == [
        (0, "echo"),
        (1, "add"),
        (2, "sink"),
        (3, "source"),
        (4, "delay"),
        (5, "open_counter"),
        (6, "count"),
        (7, "close_counter"),
        (8, "who_am_i"),
    ]


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (Octets(b"abc"), "03000000 03000000 616263"),
        (Count(3), "03000000"),
        (AddRequest(1, -1), "01000000 ffffffff"),
        (AddResponse(-2), "feffffff"),
        (DelayRequest(1500), "dc050000"),
        (DelayResponse(1500), "dc050000"),
        (OpenCounterRequest(7), "07000000"),
        (CounterHandle(NIL_HANDLE), "00" * 20),
        (CountRequest(NIL_HANDLE, 2), "00" * 20 + "02000000"),
        (CountResponse(9), "09000000"),
        (WhoAmIRequest(), ""),
        (WhoAmIResponse(None, 1), "00000000 01000000"),
        (WhoAmIResponse("a", 6), "00000200 02000000 00000000 02000000 61000000 06000000"),
    ],
)
def test_messages_on_the_wire(message: Message, wire: str) -> None:
    assert message.encode() == bytes.fromhex(wire)
    assert type(message).decode(bytes.fromhex(wire)) == message


def test_bulk_is_bounded() -> None:
    with pytest.raises(StubError):
        Count.decode((MOST_BYTES + 1).to_bytes(4, "little"))


def test_echo_gives_the_bytes_back() -> None:
    assert Demo().echo(asking(), Octets(b"abc")) == Octets(b"abc")


@pytest.mark.parametrize(
    ("left", "right", "total"), [(2, 3, 5), (2**31 - 1, 1, -(2**31)), (-(2**31), -1, 2**31 - 1)]
)
def test_sums_wrap_around(left: int, right: int, total: int) -> None:
    assert Demo().add(asking(), AddRequest(left, right)) == AddResponse(total)


def test_sink_counts_and_source_makes_bytes() -> None:
    assert Demo().sink(asking(), Octets(bytes(1000))) == Count(1000)
    assert Demo().source(asking(), Count(0)) == Octets(b"")
    made = Demo().source(asking(), Count(515)).data
    assert len(made) == 515
    assert made[254:259] == b"\xfe\xff\0\1\2"


async def test_delay_answers_later_and_can_be_cancelled() -> None:
    assert await Demo().delay(asking(), DelayRequest(0)) == DelayResponse(0)
    waiting = asyncio.ensure_future(Demo().delay(asking(), DelayRequest(600_000)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_a_counter_lives_in_its_context_handle() -> None:
    demo, call = Demo(), asking()
    handle = demo.open_counter(call, OpenCounterRequest(5)).handle
    assert not handle.is_nil
    assert demo.count(call, CountRequest(handle, 2)) == CountResponse(7)
    assert demo.count(call, CountRequest(handle, -10)) == CountResponse(-3)
    assert demo.open_counters == 1
    assert demo.close_counter(call, CounterHandle(handle)) == CounterHandle(NIL_HANDLE)
    assert demo.open_counters == 0


def test_a_counter_that_is_not_the_callers_is_refused() -> None:
    demo, call = Demo(), asking()
    handle = demo.open_counter(call, OpenCounterRequest(5)).handle
    for caller, wrong, status in (
        (call, NIL_HANDLE, Status.RPC_X_SS_IN_NULL_CONTEXT),
        (call, ContextHandle(1, handle.uuid), Status.S_FAULT_CONTEXT_MISMATCH),
        (call, ContextHandle(uuid=UUID(int=77)), Status.S_FAULT_CONTEXT_MISMATCH),
        (asking(), handle, Status.S_FAULT_CONTEXT_MISMATCH),
    ):
        with pytest.raises(RpcFault) as caught:
            demo.count(caller, CountRequest(wrong, 1))
        assert caught.value.status == status
        with pytest.raises(RpcFault):
            demo.close_counter(caller, CounterHandle(wrong))


def test_callers_learn_who_they_are() -> None:
    proven = dataclasses.replace(asking(), user="LAB\\alice", level=AuthLevel.PKT_PRIVACY)
    assert Demo().who_am_i(proven, WhoAmIRequest()) == WhoAmIResponse("LAB\\alice", 6)
    assert Demo().who_am_i(asking(), WhoAmIRequest()) == WhoAmIResponse(None, 1)


def test_counters_left_behind_are_run_down() -> None:
    demo, association = Demo(), group()
    demo.open_counter(asking(association), OpenCounterRequest(5))
    for routine in association.detach():
        routine()
    assert demo.open_counters == 0
