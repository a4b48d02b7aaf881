"""The client's machine against a server that says anything.

Whatever comes, nothing is raised; the connection ends at most once; each call is answered exactly once at
most, and by the end exactly once. So it is with the security contexts that were asked for.
"""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.dcerpc.client_events import (
    AbandonCall,
    Action,
    AddInterface,
    Authentication,
    CallCompleted,
    CallFailed,
    CallFaulted,
    CancelCall,
    Closed,
    ContextReady,
    ContextRefused,
    Event,
    Invoke,
    Open,
    OpenContext,
    PduReceived,
    SecurityStepped,
    SendPdu,
    StepSecurity,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.client_opening import State
from rpch.dcerpc.client_side import ClientConnection
from rpch.dcerpc.pdus import (
    NDR20,
    NDR64,
    AlterContextResp,
    AuthLevel,
    AuthType,
    BindAck,
    BindNak,
    Cancel,
    ContextResult,
    Fault,
    Pdu,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    Shutdown,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.security import Continue, Declined, Established
from rpch.testing.mechanisms import ToyMechanism

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


TOKENS = st.builds(
    SecTrailer,
    st.sampled_from([AuthType.NTLM, AuthType.NEGOTIATE]),
    st.sampled_from([AuthLevel.CONNECT, AuthLevel.PKT, AuthLevel.PKT_PRIVACY]),
    st.integers(1, 4),
    st.sampled_from([b"", b"leg 2:alice", b"leg 4:alice", bytes(16)]),
)
SECURED = st.one_of(
    st.builds(AlterContextResp, CALL_IDS, st.just((ContextResult(0, 0, NDR20),)), auth=TOKENS | st.none()),
    st.builds(Response, CALL_IDS, st.just(0), st.binary(min_size=16, max_size=16), auth=TOKENS),
    st.builds(Fault, CALL_IDS, STATUSES),
).map(lambda pdu: PduReceived(pdu.encode()))
SEVERAL: st.SearchStrategy[Event | str | None] = st.one_of(
    SECURED, SECURED, EVENTS, st.just("open"), st.just("open"), st.just("call")
)


@pytest.mark.parametrize("bound", [False, True])
@given(script=st.lists(SEVERAL, max_size=40), level=st.sampled_from([AuthLevel.CONNECT, AuthLevel.PKT]))
@settings(max_examples=150, deadline=None)
def test_every_security_context_is_ready_or_refused_once_and_no_call_goes_by_another(
    bound: bool, script: list[Event | str | None], level: AuthLevel
) -> None:
    machine = ClientConnection(response_limit=32, context_limit=3)
    machine.handle(Open(INTERFACES[0]), 0.0)
    actions: list[Action] = machine.handle(GOOD_ACK, 0.0) if bound else []
    wanted: set[int] = set()
    whose: dict[int, int] = {}

    def feed(event: Event, now: float) -> None:
        for action in machine.handle(event, now):
            actions.append(action)
            if isinstance(action, StepSecurity):
                step = action.mechanism.step(action.token)
                assert isinstance(step, Continue | Established | Declined)
                feed(SecurityStepped(step), now)

    for step, event in enumerate(script):
        if event == "open":
            mechanism = ToyMechanism(level, 3 + step % 2, client=True)
            context_id = machine.new_context_id()
            wanted.add(context_id)
            kind = (AuthType.NTLM, AuthType.NEGOTIATE)[step % 2]
            proof = Authentication(mechanism, kind, level, context_id, mechanism.first())
            feed(OpenContext(proof), float(step))
        elif event is None or event == "call":
            refused = {one.context_id for one in actions if isinstance(one, ContextRefused)}
            usable = sorted(wanted - refused)
            security = usable[step % len(usable)] if event == "call" and usable else None
            call_id = machine.new_call_id()
            whose[call_id] = security or 0
            feed(Invoke(call_id, INTERFACES[step % 2], step, b"stub", security=security), float(step))
        elif not isinstance(event, str):
            feed(event, float(step))
    feed(TransportClosed(), 1e6)
    told = [one.context_id for one in actions if isinstance(one, ContextReady | ContextRefused)]
    ready = {one.context_id for one in actions if isinstance(one, ContextReady)}
    assert len(told) == len(set(told))
    assert set(told) == wanted
    for action in actions:
        pdu = decode_pdu(action.data) if isinstance(action, SendPdu) else None
        if isinstance(pdu, Request):
            assert (pdu.auth.context_id if pdu.auth is not None else 0) == whose[pdu.call_id]
            assert whose[pdu.call_id] in ready | {0}
