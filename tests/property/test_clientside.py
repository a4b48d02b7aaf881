"""The client's machine against a server that says anything.

Whatever comes, nothing is raised; the connection ends at most once; each call is answered exactly once at
most, and by the end exactly once.
"""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.dcerpc.client_events import (
    AbandonCall,
    Action,
    AddInterface,
    CallCompleted,
    CallFailed,
    CallFaulted,
    CancelCall,
    Closed,
    Event,
    Invoke,
    Open,
    PduReceived,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.client_opening import State
from rpch.dcerpc.client_side import ClientConnection
from rpch.dcerpc.pdus import (
    NDR20,
    NDR64,
    AlterContextResp,
    BindAck,
    BindNak,
    Cancel,
    ContextResult,
    Fault,
    Pdu,
    PfcFlags,
    Request,
    Response,
    Shutdown,
    SyntaxId,
)

INTERFACES = [SyntaxId(UUID(int=number), 1) for number in (1, 2)]
CALL_IDS = st.integers(0, 8)
FLAGS = st.integers(0, 0xFF).map(PfcFlags) | st.sampled_from(
    [PfcFlags(0), PfcFlags(1), PfcFlags(2), PfcFlags(3)]
)
STUBS = st.binary(max_size=8)
RESULTS = st.lists(
    st.builds(ContextResult, st.integers(0, 3), st.integers(0, 3), st.sampled_from([NDR20, NDR64])),
    max_size=2,
).map(tuple)
SIZES = st.sampled_from([0, 1431, 1432, 5840, 65535])
STATUSES = st.sampled_from([0, 5, 0x721, 0x1C01000B, 0x1C010002, 0xC0000005, 0xFFFFFFFF])

PDUS: st.SearchStrategy[Pdu] = st.one_of(
    st.builds(BindAck, CALL_IDS, RESULTS, SIZES, SIZES, flags=FLAGS),
    st.builds(AlterContextResp, CALL_IDS, RESULTS, flags=FLAGS),
    st.builds(Response, CALL_IDS, st.integers(0, 3), STUBS, flags=FLAGS),
    st.builds(Response, CALL_IDS, st.just(0), STUBS),
    st.builds(Fault, CALL_IDS, STATUSES, flags=FLAGS),
    st.builds(BindNak, CALL_IDS, st.integers(0, 10)),
    st.builds(Shutdown),
    st.builds(Cancel, CALL_IDS),
    st.builds(Request, CALL_IDS, st.just(0), st.just(0), STUBS),
)


@st.composite
def received(draw: st.DrawFn) -> PduReceived:
    """A PDU in either byte order, perhaps with bytes changed or cut off; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return PduReceived(draw(st.binary(max_size=40)))
    wire = bytearray(draw(PDUS).encode(little_endian=draw(st.booleans())))
    if draw(st.integers(0, 9)) == 0:
        wire[draw(st.integers(0, len(wire) - 1))] = draw(st.integers(0, 255))
        del wire[draw(st.integers(1, len(wire))) :]
    return PduReceived(bytes(wire))


EVENTS: st.SearchStrategy[Event | None] = st.one_of(
    received(),
    received(),
    st.none(),  # a call
    st.builds(AddInterface, st.sampled_from(INTERFACES)),
    st.builds(CancelCall, CALL_IDS),
    st.builds(AbandonCall, CALL_IDS),
    st.builds(Tick),
)
GOOD_ACK = PduReceived(
    BindAck(1, (ContextResult(0, 0, NDR20), ContextResult(3, 3)), flags=PfcFlags(0x13)).encode()
)


@pytest.mark.parametrize("bound", [False, True])
@given(script=st.lists(EVENTS, max_size=30))
@settings(max_examples=150, deadline=None)
def test_nothing_the_server_says_is_raised_and_every_call_is_answered_once(
    bound: bool, script: list[Event | None]
) -> None:
    machine = ClientConnection(response_limit=32)
    machine.handle(Open(INTERFACES[0]), 0.0)
    actions: list[Action] = machine.handle(GOOD_ACK, 0.0) if bound else []
    invoked: set[int] = set()
    for step, event in enumerate(script):
        if event is None:
            event = Invoke(machine.new_call_id(), INTERFACES[step % 2], step, b"stub")
            invoked.add(event.call_id)
        actions += machine.handle(event, float(step))
        if isinstance(event, AbandonCall):
            invoked.discard(event.call_id)
    actions += machine.handle(TransportClosed(), 1e6)
    assert machine.state is State.CLOSED
    assert sum(isinstance(action, Closed) for action in actions) == 1
    answered = [
        action.call_id for action in actions if isinstance(action, CallCompleted | CallFaulted | CallFailed)
    ]
    assert len(answered) == len(set(answered))
    assert invoked <= set(answered)
