"""A server connection survives whatever a client sends, within its bounds."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

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
    ContextElement,
    Fault,
    Orphaned,
    Pdu,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    Shutdown,
    decode_pdu,
)
from rpch.dcerpc.server_side import (
    Action,
    CallFailed,
    CallReturned,
    CancelCall,
    Disconnect,
    Event,
    Limits,
    PduReceived,
    SecurityStepped,
    SendPdu,
    ServerConnection,
    StartCall,
    State,
    StepSecurity,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.verification import SIGNATURE, RequestFacts, VerificationFailed, checked_stub
from rpch.errors import RemoteProtocolError
from rpch.testing.mechanisms import ToyMechanism
from rpch.testing.raw_rpc import MANAGED, MAPPED, UNKNOWN, endpoint

LIMITS = Limits(request=200, contexts=3, security_contexts=2, calls=2, running_stubs=300, held=500)
CARRIERS = (Bind, AlterContext, Auth3, Request, Cancel, Orphaned)
ANSWERS = (BindAck, BindNak, AlterContextResp, Response, Fault)

small = st.integers(0, 3)
flags = st.sampled_from([3, 3, 1, 2, 0, 7, 0x13, 0x17, 0x83, 0xFF]).map(PfcFlags)
syntaxes = st.sampled_from([MANAGED.syntax, MAPPED.syntax, UNKNOWN, NDR20])
elements = st.builds(ContextElement, small, syntaxes, st.lists(syntaxes, max_size=2).map(tuple))
offers = st.lists(elements, max_size=3).map(tuple)
tokens = st.sampled_from([b"leg 1:alice", b"leg 3:alice", b"leg 1:weak", bytes(16), b""])
trailers = st.none() | st.builds(
    SecTrailer,
    st.sampled_from([AuthType.NTLM, AuthType.NEGOTIATE, AuthType.NONE, AuthType(1)]),
    st.sampled_from([AuthLevel.CONNECT, AuthLevel.PKT, AuthLevel.CALL, AuthLevel(7)]),
    small,
    tokens,
    st.sampled_from([0, 0, 0, 1, 16]),
)
stubs = st.sampled_from([b"", b"stub", bytes(60), bytes(150), SIGNATURE + bytes.fromhex("0140040001000000")])
pdus: st.SearchStrategy[Pdu] = st.one_of(
    st.builds(Bind, small, offers, auth=trailers, flags=flags),
    st.builds(AlterContext, small, offers, auth=trailers, flags=flags),
    st.builds(Auth3, small, trailers, flags),
    st.builds(Request, small, small, small, stubs, st.sampled_from([0, 8, 500]), flags=flags, auth=trailers),
    st.builds(Cancel, small, auth=trailers),
    st.builds(Orphaned, small, auth=trailers),
    st.builds(Shutdown, small),
    st.builds(Fault, small, small),
)
GOOD_BIND = Bind(0, (ContextElement(1, MANAGED.syntax, (NDR20,)),), flags=WHOLE | PfcFlags.CONC_MPX)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A PDU in either byte order, with some bytes changed and perhaps an end cut off."""
    wire = bytearray(draw(pdus).encode(little_endian=draw(st.booleans())))
    for at, value in draw(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=2)):
        if at < len(wire):
            wire[at] = value
    if draw(st.integers(0, 5)) == 0:
        del wire[draw(st.integers(0, len(wire))) :]
        if draw(st.booleans()) and len(wire) >= 16:
            wire[8:10] = len(wire).to_bytes(2, "little")
    return bytes(wire)


inputs = st.one_of(
    pdus.map(lambda pdu: pdu.encode()),
    spoilt(),
    st.binary(max_size=60),
    st.sampled_from(["return", "fail", "step", "tick", "close"]),
)


class Driver:
    """Carries out what the machine orders, and checks that it may be ordered."""

    def __init__(self) -> None:
        self.where = endpoint(secure=True, limits=LIMITS)
        self.machine = ServerConnection(self.where, identity="client")
        self.running: list[int] = []
        self.steps: list[tuple[ToyMechanism, bytes]] = []
        self.ended = False

    def tell(self, event: Event, now: float = 0.0) -> None:
        for action in self.machine.handle(event, now):
            self.carry_out(action)
        state = self.machine.state
        assert state is State.CLOSED or (state is State.STEPPING) is bool(self.steps)
        assert len(self.running) <= LIMITS.calls

    def carry_out(self, action: Action) -> None:
        assert not self.ended or isinstance(action, CancelCall)
        match action:
            case SendPdu(data=data):
                assert isinstance(decode_pdu(data), ANSWERS)
            case StartCall(call_id=call_id, stub=stub):
                assert call_id not in self.running
                assert len(stub) <= LIMITS.request
                self.running.append(call_id)
            case CancelCall(call_id=call_id):
                assert call_id in self.running
            case StepSecurity(mechanism=ToyMechanism() as mechanism, token=token):
                self.steps.append((mechanism, token))
            case Disconnect():
                assert self.machine.state is State.CLOSED
                self.ended = True

    def do(self, what: str) -> None:
        if what == "return" and self.running:
            self.tell(CallReturned(self.running.pop(), b"done"))
        elif what == "fail" and self.running:
            self.tell(CallFailed(self.running.pop(0), 5))
        elif what == "step" and self.steps:
            mechanism, token = self.steps.pop()
            self.tell(SecurityStepped(mechanism.step(token)))
        elif what == "tick":
            self.tell(Tick(), self.machine.deadline or 0.0)
        elif what == "close":
            self.tell(TransportClosed())
            self.ended = True

    def finish(self) -> None:
        """The end leaves nothing behind."""
        self.do("close")
        while self.running:
            self.do("return")
        assert len(self.where.associations) == 0


def run(driver: Driver, script: list[bytes | str]) -> None:
    for what in script:
        if isinstance(what, bytes):
            driver.tell(PduReceived(what))
        else:
            driver.do(what)
    driver.finish()


@settings(max_examples=60, deadline=None)
@given(st.lists(inputs, max_size=12))
def test_any_script_from_the_start_is_survived(script: list[bytes | str]) -> None:
    run(Driver(), script)


@settings(max_examples=100, deadline=None)
@given(st.lists(inputs, max_size=20))
def test_any_script_after_a_bind_is_survived(script: list[bytes | str]) -> None:
    driver = Driver()
    driver.tell(PduReceived(GOOD_BIND.encode()))
    run(driver, script)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=100))
def test_decoding_random_bytes_raises_nothing_but_remote_errors(data: bytes) -> None:
    head = bytes((5, 0, *data[:1], 3, 16, 0, 0, 0, len(data) + 8, 0))
    for wire in (data, head + data[1:]):
        with suppress(RemoteProtocolError):
            decode_pdu(wire)


def comparable(pdu: Pdu) -> bool:
    """Whether a PDU is what its bytes say: a trailer has a token, an object flag an object."""
    empty = isinstance(pdu, CARRIERS) and pdu.auth is not None and not pdu.auth.token
    return not empty and PfcFlags.OBJECT_UUID not in pdu.flags


@settings(max_examples=60, deadline=None)
@given(pdus.filter(comparable), st.booleans())
def test_every_pdu_travels_both_ways(pdu: Pdu, little_endian: bool) -> None:
    assert decode_pdu(pdu.encode(little_endian=little_endian)) == pdu


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=60))
def test_any_end_of_a_stub_is_a_trailer_or_stub_data(stub: bytes, tail: bytes) -> None:
    whole = stub + SIGNATURE + tail
    with suppress(VerificationFailed):
        facts = RequestFacts(1, 0, 0, MANAGED.syntax, NDR20)
        assert whole.startswith(checked_stub(whole, facts))
