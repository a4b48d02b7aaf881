"""Whole conversations with the client's machine."""

from uuid import UUID

import pytest

from rpch.dcerpc.client_contexts import CannotOpen
from rpch.dcerpc.client_events import (
    AbandonCall,
    Action,
    AddInterface,
    Authentication,
    Bound,
    CallCompleted,
    CallFailed,
    CallFaulted,
    CancelCall,
    Closed,
    ContextReady,
    ContextRefused,
    Event,
    InterfaceReady,
    InterfaceRefused,
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
from rpch.dcerpc.client_opening import LEGAL, State
from rpch.dcerpc.client_side import BIND_TIMEOUT, LAST_CALL_ID, ClientConnection
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
    ContextResult,
    Fault,
    Orphaned,
    Pdu,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    Shutdown,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.presentation import Features
from rpch.dcerpc.security import Continue, Declined, Established, Segments, Step, protected
from rpch.dcerpc.statuses import Status
from rpch.errors import (
    AuthenticationFailed,
    BindRejected,
    DecodeError,
    LocalProtocolError,
    RpcFault,
    TransportError,
    UnexpectedMessage,
)
from rpch.testing.mechanisms import ToyMechanism

MGMT = SyntaxId(UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1)
MAPPER = SyntaxId(UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3)
OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")

# The golden PDUs that Samba's NDR engine re-packs byte for byte
IS_SERVER_LISTENING = bytes.fromhex("05000003 10000000 18000000 02000000 00000000 00000200")
YES = bytes.fromhex("05000203 10000000 20000000 02000000 08000000 00000000 00000000 01000000")

ACCEPTED = ContextResult(0, 0, NDR20)


def ack(
    *results: ContextResult, features: int = 3, mpx: bool = True, fragment: int = 5840, call_id: int = 1
) -> PduReceived:
    flags = WHOLE | (PfcFlags.CONC_MPX if mpx else PfcFlags.NONE)
    agreed = ContextResult(3, features) if features else ContextResult(2, 1)
    answer = BindAck(call_id, (*(results or (ACCEPTED,)), agreed), fragment, fragment, 0x53F0, "135", flags)
    return PduReceived(answer.encode())


def altered(call_id: int, result: ContextResult = ACCEPTED) -> PduReceived:
    return PduReceived(AlterContextResp(call_id, (result,), assoc_group_id=0x53F0).encode())


def response(call_id: int, stub: bytes = b"", flags: PfcFlags = WHOLE, *, context_id: int = 0) -> PduReceived:
    return PduReceived(Response(call_id, context_id, stub, len(stub), flags=flags).encode())


def fault(call_id: int, status: int, *, did_not_execute: bool = False) -> PduReceived:
    flags = WHOLE | (PfcFlags.DID_NOT_EXECUTE if did_not_execute else PfcFlags.NONE)
    return PduReceived(Fault(call_id, status, flags=flags).encode())


def send(pdu: Pdu) -> SendPdu:
    return SendPdu(pdu.encode())


def request(call_id: int, opnum: int, stub: bytes = b"", *, context_id: int = 0) -> SendPdu:
    return send(Request(call_id, context_id, opnum, stub, len(stub)))


def offer(call_id: int, context_id: int, interface: SyntaxId = MAPPER) -> SendPdu:
    return send(
        AlterContext(call_id, (ContextElement(context_id, interface, (NDR20,)),), assoc_group_id=0x53F0)
    )


def play(machine: ClientConnection, *script: tuple[float, Event, list[Action]]) -> None:
    """Speak a script to a machine: at this time, this event, exactly these actions."""
    for step, (now, event, expected) in enumerate(script):
        actions = machine.handle(event, now)
        assert actions == expected, f"step {step}: {event} left {machine.state}"


def opened(*, features: int = 3, mpx: bool = True, fragment: int = 5840) -> ClientConnection:
    """A connection bound to the management interface, with call id 1 used up."""
    machine = ClientConnection()
    machine.handle(Open(MGMT), 0.0)
    machine.handle(ack(features=features, mpx=mpx, fragment=fragment), 0.1)
    assert machine.state is State.OPEN
    return machine


def closed_by(actions: list[Action]) -> object:
    """Why the last action closes the connection."""
    assert isinstance(actions[-1], Closed)
    return actions[-1].why


def test_a_connection_opens_calls_and_ends() -> None:
    machine = ClientConnection()
    [bind] = machine.handle(Open(MGMT, group_id=5), 0.0)
    assert isinstance(bind, SendPdu)
    sent = decode_pdu(bind.data)
    assert isinstance(sent, Bind)
    assert (sent.call_id, sent.assoc_group_id) == (1, 5)
    assert machine.deadline == 900.0
    play(
        machine,
        (0.1, ack(), [Bound(0x53F0, 5840, True, Features(3)), InterfaceReady(MGMT)]),
        (0.2, Invoke(machine.new_call_id(), MGMT, 2, b""), [SendPdu(IS_SERVER_LISTENING)]),
        (0.3, PduReceived(YES), [CallCompleted(2, bytes.fromhex("0000000001000000"), True)]),
    )
    why = TransportError("reset")
    play(machine, (0.4, TransportClosed(why), [Closed(why)]), (0.5, TransportClosed(), []))
    assert machine.state is State.CLOSED


def test_calls_that_come_early_wait_for_the_bind() -> None:
    machine = ClientConnection()
    machine.handle(Open(MGMT), 0.0)
    play(
        machine,
        (0.1, Invoke(7, MGMT, 2, b"ab"), []),
        (0.2, ack(), [Bound(0x53F0, 5840, True, Features(3)), InterfaceReady(MGMT), request(7, 2, b"ab")]),
    )


def test_multiplexed_calls_go_at_once_and_return_in_any_order() -> None:
    machine = opened()
    play(
        machine,
        (1.0, Invoke(2, MGMT, 2, b"a"), [request(2, 2, b"a")]),
        (1.0, Invoke(3, MGMT, 3, b"b"), [request(3, 3, b"b")]),
        (1.1, response(3, b"B", PfcFlags.FIRST_FRAG), []),
        (1.2, response(2, b"A"), [CallCompleted(2, b"A", True)]),
        (1.3, response(3, b"C", PfcFlags.LAST_FRAG), [CallCompleted(3, b"BC", True)]),
    )


def test_without_multiplexing_calls_go_one_by_one() -> None:
    machine = opened(mpx=False)
    play(
        machine,
        (1.0, Invoke(2, MGMT, 2, b""), [request(2, 2)]),
        (1.0, Invoke(3, MAPPER, 3, b""), []),
        (1.0, Invoke(4, MGMT, 4, b""), []),
        (1.1, response(2), [CallCompleted(2, b"", True), offer(2, 2)]),
        (1.2, altered(2), [InterfaceReady(MAPPER), request(3, 3, context_id=2)]),
        (1.3, fault(3, 5), [CallFaulted(3, 5, False), request(4, 4)]),
    )


def test_large_requests_are_cut_and_sent_in_a_row() -> None:
    machine = opened(fragment=1432)
    stub = bytes(range(256)) * 10
    actions = machine.handle(Invoke(2, MGMT, 9, stub, OBJECT), 1.0)
    pdus = [decode_pdu(action.data) for action in actions if isinstance(action, SendPdu)]
    fragments = [pdu for pdu in pdus if isinstance(pdu, Request)]
    assert len(fragments) == len(actions) == 2
    assert b"".join(fragment.stub for fragment in fragments) == stub
    assert all(fragment.object_uuid == OBJECT for fragment in fragments)
    assert max(len(action.data) for action in actions if isinstance(action, SendPdu)) <= 1432


def test_a_big_endian_server_is_understood() -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    answer = PduReceived(Response(2, 0, b"\0\0\0\1").encode(little_endian=False))
    play(machine, (1.1, answer, [CallCompleted(2, b"\0\0\0\1", False)]))
    machine.handle(Invoke(3, MGMT, 2, b""), 1.2)
    wire = bytes.fromhex("05000323 00000000 00200000 00000003 00000020 00000000 1c010002 00000000")
    play(machine, (1.3, PduReceived(wire), [CallFaulted(3, Status.OP_RNG_ERROR, True)]))


def test_each_further_interface_costs_one_alter_context() -> None:
    machine = opened()
    play(
        machine,
        (1.0, AddInterface(MGMT), [InterfaceReady(MGMT)]),
        (1.0, AddInterface(MAPPER), [offer(2, 2)]),
        (1.0, AddInterface(MAPPER), []),
        (1.0, Invoke(9, MAPPER, 3, b""), []),
        (1.0, Invoke(8, MGMT, 2, b""), [request(8, 2)]),  # the others do not wait
        (1.1, altered(2), [InterfaceReady(MAPPER), request(9, 3, context_id=2)]),
        (1.2, Invoke(10, MAPPER, 4, b""), [request(10, 4, context_id=2)]),
    )


def test_interfaces_are_offered_one_at_a_time() -> None:
    other = SyntaxId(OBJECT, 1)
    machine = opened()
    play(
        machine,
        (1.0, Invoke(7, MAPPER, 3, b""), [offer(2, 2)]),
        (1.0, Invoke(8, other, 4, b""), []),
        (1.1, altered(2), [InterfaceReady(MAPPER), request(7, 3, context_id=2), offer(3, 3, other)]),
        (1.2, altered(3), [InterfaceReady(other), request(8, 4, context_id=3)]),
    )


def test_a_refused_interface_fails_its_calls_and_nothing_else() -> None:
    machine = opened()
    machine.handle(AddInterface(MAPPER), 1.0)
    machine.handle(Invoke(9, MAPPER, 3, b""), 1.0)
    machine.handle(Invoke(8, MGMT, 2, b""), 1.0)
    refused, failed = machine.handle(altered(2, ContextResult(2, 1)), 1.1)
    assert isinstance(refused, InterfaceRefused)
    assert isinstance(refused.why, BindRejected)
    assert refused.why.code == Status.RPC_S_UNKNOWN_IF
    assert failed == CallFailed(9, refused.why, did_not_execute=True)
    play(
        machine,
        (1.2, response(8), [CallCompleted(8, b"", True)]),
        (1.3, Invoke(10, MAPPER, 3, b""), [offer(3, 3)]),  # asked again: the server may have changed
    )


def test_a_fault_may_refuse_an_interface() -> None:
    machine = opened()
    machine.handle(AddInterface(MAPPER), 1.0)
    [refused] = machine.handle(fault(2, 5), 1.1)
    assert isinstance(refused, InterfaceRefused)
    assert machine.deadline is None
    assert machine.state is State.OPEN


def test_a_bind_whose_interface_is_refused_leaves_an_open_connection() -> None:
    machine = ClientConnection()
    machine.handle(Open(MGMT), 0.0)
    bound, refused = machine.handle(ack(ContextResult(2, 1)), 0.1)
    assert isinstance(bound, Bound)
    assert isinstance(refused, InterfaceRefused)
    play(machine, (0.2, AddInterface(MAPPER), [offer(2, 2)]), (0.3, altered(2), [InterfaceReady(MAPPER)]))


@pytest.mark.parametrize("reason", [0, 1, 2, 4, 8, 9, 77])
def test_a_bind_nak_ends_the_connection(reason: int) -> None:
    machine = ClientConnection()
    machine.handle(Open(MGMT), 0.0)
    assert isinstance(closed_by(machine.handle(PduReceived(BindNak(1, reason).encode()), 0.1)), BindRejected)


@pytest.mark.parametrize(
    "wire",
    [
        "05000d03 10000000 12000000 01000000 0400",  # without versions, as old servers send it
        "05000d03 10000000 18000000 01000000 04000105 00000000",
        # with a signature and a blob behind the versions
        "05000d03 10000000 2c000000 01000000 04000105 00000000 20037490d0fad31182d7009027b130ab cafebabe",
        # with bytes that are no signature
        "05000d03 10000000 2c000000 01000000 04000105 00000000 ffffffffffffffffffffffffffffffff cafebabe",
        "05000d03 00000000 00180000 00000001 00040105 00000000",  # big-endian
    ],
)
def test_every_form_of_bind_nak_is_understood(wire: str) -> None:
    machine = ClientConnection()
    machine.handle(Open(MGMT), 0.0)
    why = closed_by(machine.handle(PduReceived(bytes.fromhex(wire)), 0.1))
    assert "bind_nak reason 4" in str(why)


def test_faults_fail_their_call_only() -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(3, MGMT, 2, b""), 1.0)
    play(
        machine,
        (1.1, response(2, b"half", PfcFlags.FIRST_FRAG), []),
        (1.2, fault(2, 0x1C010002, did_not_execute=True), [CallFaulted(2, 0x1C010002, True)]),
        (1.3, response(2, b"rest", PfcFlags.LAST_FRAG), []),
        (1.4, fault(99, 5), []),
        (1.5, response(3), [CallCompleted(3, b"", True)]),
    )


def test_a_status_no_server_may_send_is_a_protocol_error() -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    play(machine, (1.1, fault(2, 0xC0000005), [CallFaulted(2, Status.RPC_S_PROTOCOL_ERROR, False)]))


@pytest.mark.parametrize("status", [0x1C01000B, 0x721])
@pytest.mark.parametrize("call_id", [2, 0])
def test_some_faults_end_the_connection(status: int, call_id: int) -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(3, MGMT, 2, b""), 1.0)
    actions = machine.handle(fault(call_id, status), 1.1)
    why = closed_by(actions)
    assert isinstance(why, RpcFault)
    assert why.status == status
    lost = [action.call_id for action in actions if isinstance(action, CallFailed)]
    faulted = [action.call_id for action in actions if isinstance(action, CallFaulted)]
    assert (faulted, lost) == (([2], [3]) if call_id else ([], [2, 3]))


def test_an_abandoned_call_is_forgotten_where_both_ends_agreed_to() -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    play(
        machine,
        (1.1, AbandonCall(2), [send(Cancel(2)), send(Orphaned(2))]),
        (1.2, AbandonCall(2), []),
        (1.3, response(2, b"late"), []),
        (1.4, Invoke(3, MGMT, 2, b""), [request(3, 2)]),
    )


@pytest.mark.parametrize(("features", "mpx"), [(0, True), (1, True), (3, False)])
def test_otherwise_an_abandoned_call_takes_the_connection_along(features: int, mpx: bool) -> None:
    machine = opened(features=features, mpx=mpx)
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(3, MGMT, 2, b""), 1.0)
    actions = machine.handle(AbandonCall(2), 1.1)
    assert actions[:2] == [send(Cancel(2)), send(Orphaned(2))]
    [other] = [action for action in actions if isinstance(action, CallFailed)]
    assert (other.call_id, other.did_not_execute) == (3, not mpx)
    assert isinstance(closed_by(actions), TransportError)


def test_a_call_still_in_the_queue_is_abandoned_and_cancelled_for_free() -> None:
    machine = opened(mpx=False)
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(3, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(4, MGMT, 2, b""), 1.0)
    play(
        machine,
        (1.1, AbandonCall(3), []),
        (1.1, CancelCall(4), [CallFaulted(4, Status.S_FAULT_CANCEL, True)]),
        (1.2, response(2), [CallCompleted(2, b"", True)]),
    )


def test_a_cancelled_call_is_still_awaited() -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    play(
        machine,
        (1.1, CancelCall(2), [send(Cancel(2))]),
        (1.1, CancelCall(2), []),
        (1.1, CancelCall(77), []),
        (1.2, fault(2, Status.S_FAULT_CANCEL), [CallFaulted(2, Status.S_FAULT_CANCEL, False)]),
    )


def test_a_cancelled_call_that_is_abandoned_is_only_orphaned() -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    play(machine, (1.1, CancelCall(2), [send(Cancel(2))]), (1.2, AbandonCall(2), [send(Orphaned(2))]))


def test_a_shutdown_lets_running_calls_end_and_nothing_new_start() -> None:
    machine = opened(mpx=False)
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(3, MGMT, 2, b""), 1.0)
    machine.handle(AddInterface(MAPPER), 1.0)
    shutdown = PduReceived(Shutdown().encode())
    failed, refused = machine.handle(shutdown, 1.1)
    assert isinstance(failed, CallFailed)
    assert (failed.call_id, failed.did_not_execute) == (3, True)
    assert "shutting down" in str(failed.why)
    assert refused == InterfaceRefused(MAPPER, failed.why)
    play(
        machine,
        (1.2, Invoke(4, MGMT, 2, b""), [CallFailed(4, failed.why, True)]),
        (1.3, shutdown, []),
        (1.4, response(2), [CallCompleted(2, b"", True), Closed(None)]),
        (1.5, Invoke(5, MGMT, 2, b""), [CallFailed(5, failed.why, True)]),
    )


def test_a_shutdown_of_an_idle_connection_closes_it() -> None:
    play(opened(), (1.0, PduReceived(Shutdown().encode()), [Closed(None)]))


def test_abandoning_the_last_call_of_a_shutdown_closes_too() -> None:
    machine = opened()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    machine.handle(PduReceived(Shutdown().encode()), 1.1)
    play(machine, (1.2, AbandonCall(2), [send(Cancel(2)), send(Orphaned(2)), Closed(None)]))


def test_losing_the_transport_fails_everything() -> None:
    machine = opened(mpx=False)
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(3, MGMT, 2, b""), 1.0)
    sent, queued, closed = machine.handle(TransportClosed(), 1.1)
    assert isinstance(closed, Closed)
    assert sent == CallFailed(2, closed.why or TransportError(""), did_not_execute=False)
    assert queued == CallFailed(3, closed.why or TransportError(""), did_not_execute=True)


def test_a_bind_without_an_answer_ends_at_its_deadline() -> None:
    machine = ClientConnection(bind_timeout=5)
    machine.handle(Open(MGMT), 10.0)
    assert machine.deadline == 15.0
    assert machine.handle(Tick(), 14.9) == []
    assert "within 5 seconds" in str(closed_by(machine.handle(Tick(), 15.0)))
    assert machine.deadline is None


def test_an_alter_context_has_a_deadline_too() -> None:
    machine = ClientConnection(bind_timeout=5)
    machine.handle(Open(MGMT), 0.0)
    machine.handle(ack(), 1.0)
    assert machine.handle(Tick(), 99.0) == []
    machine.handle(AddInterface(MAPPER), 100.0)
    assert machine.deadline == 105.0
    assert isinstance(closed_by(machine.handle(Tick(), 105.0)), TransportError)


def test_call_ids_count_up_and_skip_those_in_use() -> None:
    machine = opened(mpx=False)
    machine.handle(Invoke(3, MGMT, 2, b""), 1.0)
    machine.handle(Invoke(4, MGMT, 2, b""), 1.0)
    assert [machine.new_call_id() for _ in range(3)] == [2, 5, 6]
    machine._last_call_id = LAST_CALL_ID - 1
    assert [machine.new_call_id() for _ in range(3)] == [LAST_CALL_ID, 1, 2]
    machine = opened()
    machine.handle(AddInterface(MAPPER), 1.0)
    machine._last_call_id = 1
    assert machine.new_call_id() == 3  # 2 is the alter_context's


@pytest.mark.parametrize(
    "event", [Invoke(1, MGMT, 2, b""), AddInterface(MGMT), SecurityStepped(Established())], ids=repr
)
def test_using_a_connection_before_it_is_opened_is_our_mistake(event: Event) -> None:
    with pytest.raises(LocalProtocolError):
        ClientConnection().handle(event, 0.0)


def test_other_mistakes_of_ours_raise_too() -> None:
    machine = opened()
    with pytest.raises(LocalProtocolError, match="opened once"):
        machine.handle(Open(MGMT), 1.0)
    with pytest.raises(LocalProtocolError, match="nobody asked"):
        machine.handle(SecurityStepped(Established()), 1.0)
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    with pytest.raises(LocalProtocolError, match="call id 2 is in use"):
        machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    with pytest.raises(LocalProtocolError, match="1431"):
        ClientConnection(fragment=1431)


class Mechanism:
    """A security context whose token says only that it was there."""

    user = None
    token_size = 8

    def step(self, token: bytes) -> Step:
        raise AssertionError

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        return segments.body, b"signed!!"

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        if token != b"signed!!":
            raise AuthenticationFailed("not signed")
        return segments.body


NTLM = SecTrailer(AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 3, b"")
MECHANISM = Mechanism()
AUTH = Authentication(MECHANISM, AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 3, b"1")


def secured() -> ClientConnection:
    """A connection that was opened with three legs of NTLM."""
    machine = ClientConnection()
    machine.handle(Open(MGMT, auth=AUTH), 0.0)
    two = SecTrailer(AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 3, b"2")
    answer = BindAck(1, (ACCEPTED, ContextResult(3, 3)), assoc_group_id=0x53F0, auth=two)
    assert machine.handle(PduReceived(answer.encode()), 0.1) == [StepSecurity(MECHANISM, b"2")]
    auth3, bound, ready = machine.handle(SecurityStepped(Established(b"3")), 0.2)
    three = SecTrailer(AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 3, b"3")
    assert auth3 == send(Auth3(1, three))
    assert isinstance(bound, Bound)
    assert ready == InterfaceReady(MGMT)
    return machine


def signed(call_id: int, stub: bytes = b"") -> PduReceived:
    return PduReceived(protected(Response(call_id, 0, stub), MECHANISM, NTLM, header_signing=False))


def test_protected_calls_carry_tokens_and_verification() -> None:
    machine = secured()
    [sent] = machine.handle(Invoke(2, MGMT, 2, b"ab"), 1.0)
    assert isinstance(sent, SendPdu)
    first = decode_pdu(sent.data)
    assert isinstance(first, Request)
    assert first.auth is not None
    assert first.auth.token == b"signed!!"
    assert b"\x8a\xe3\x13\x71\x02\xf4\x36\x71" in first.stub
    play(machine, (1.1, signed(2, b"yes"), [CallCompleted(2, b"yes", True)]))
    [sent] = machine.handle(Invoke(3, MGMT, 2, b"ab"), 1.2)
    assert isinstance(sent, SendPdu)
    later = decode_pdu(sent.data)
    assert isinstance(later, Request)
    assert len(later.stub) < len(first.stub)  # interface and bitmask were told


def test_an_answer_without_protection_ends_a_protected_connection() -> None:
    machine = secured()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    assert isinstance(closed_by(machine.handle(response(2), 1.1)), DecodeError)


def test_a_wrong_signature_ends_the_connection_even_where_nobody_waits() -> None:
    wire = bytearray(signed(99).data)
    wire[-1] ^= 1
    assert isinstance(closed_by(secured().handle(PduReceived(bytes(wire)), 1.0)), AuthenticationFailed)


def test_faults_are_believed_without_protection() -> None:
    machine = secured()
    machine.handle(Invoke(2, MGMT, 2, b""), 1.0)
    play(machine, (1.1, fault(2, 5), [CallFaulted(2, 5, False)]))


def test_a_mechanism_that_gives_up_ends_the_connection() -> None:
    machine = ClientConnection()
    machine.handle(Open(MGMT, auth=AUTH), 0.0)
    machine.handle(Invoke(2, MGMT, 2, b""), 0.0)
    answer = BindAck(1, (ACCEPTED, ContextResult(3, 3)), auth=NTLM)
    machine.handle(PduReceived(answer.encode()), 0.1)
    failed, closed = machine.handle(SecurityStepped(Declined("wrong password")), 0.2)
    assert isinstance(failed, CallFailed)
    assert closed == Closed(failed.why)
    assert "wrong password" in str(failed.why)


def test_a_trailer_without_security_ends_the_connection() -> None:
    assert isinstance(closed_by(opened().handle(signed(2), 1.0)), DecodeError)


SAMPLES: list[Pdu] = [
    Bind(1, ()),
    BindAck(1, (ACCEPTED, ContextResult(3, 3))),
    BindNak(1, 4),
    AlterContext(1, ()),
    AlterContextResp(2, (ACCEPTED,)),
    Auth3(1, None),
    Request(1, 0, 0),
    Response(1, 0),
    Fault(1, 5),
    Cancel(1),
    Orphaned(1),
    Shutdown(),
]


def in_state(state: State) -> ClientConnection:
    """A machine that has come to this state."""
    machine = ClientConnection()
    if state is not State.NEW:
        machine.handle(Open(MGMT, auth=AUTH if state.name.startswith("AUTH") else None), 0.0)
    if state in (State.AUTH_STEP, State.AUTH_LEG):
        machine.handle(PduReceived(BindAck(1, (ACCEPTED, ContextResult(3, 3)), auth=NTLM).encode()), 0.1)
    if state is State.AUTH_LEG:
        machine.handle(SecurityStepped(Continue(b"3")), 0.2)
    if state in (State.OPEN, State.DRAINING):
        machine.handle(ack(), 0.1)
        machine.handle(Invoke(7, MGMT, 2, b""), 0.2)
        machine.handle(AddInterface(MAPPER), 0.2)
    if state is State.DRAINING:
        machine.handle(PduReceived(Shutdown().encode()), 0.3)
    if state is State.CLOSED:
        machine.handle(TransportClosed(), 0.3)
    assert machine.state is state
    return machine


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: type(pdu).__name__)
def test_every_state_answers_every_pdu(state: State, pdu: Pdu) -> None:
    machine = in_state(state)
    actions = machine.handle(PduReceived(pdu.encode()), 1.0)
    if state is State.CLOSED:
        assert actions == []
    elif type(pdu) not in LEGAL[state]:
        assert isinstance(closed_by(actions), UnexpectedMessage)
    elif isinstance(pdu, BindNak) or (isinstance(pdu, Fault) and state is State.BINDING):
        assert isinstance(closed_by(actions), BindRejected)
    elif isinstance(pdu, Fault) and state is State.AUTH_LEG:
        assert isinstance(closed_by(actions), AuthenticationFailed)
    else:
        assert machine.state is not State.CLOSED


def test_an_answer_to_no_offer_is_unexpected() -> None:
    assert isinstance(closed_by(opened().handle(altered(2), 1.0)), UnexpectedMessage)


def test_the_offer_of_a_draining_connection_is_still_answered() -> None:
    machine = in_state(State.DRAINING)
    play(
        machine,
        (1.0, altered(2), [InterfaceReady(MAPPER)]),
        (1.1, response(7), [CallCompleted(7, b"", True), Closed(None)]),
    )


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "05",
        "05010203 10000000 18000000 02000000 00000000 00000000",  # version 5.1
        "04000203 10000000 18000000 02000000 00000000 00000000",  # version 4.0
        "05000203 11000000 18000000 02000000 00000000 00000000",  # EBCDIC
        "05000203 10000000 19000000 02000000 00000000 00000000",  # frag_length too long
        "05000203 10000000 18000900 02000000 00000000 00000000",  # auth_length too long
        "05001403 10000000 10000000 02000000",  # RTS
        "0500ff03 10000000 10000000 02000000",  # a type nobody knows
    ],
)
def test_broken_pdus_end_the_connection(wire: str) -> None:
    machine = opened()
    actions = machine.handle(PduReceived(bytes.fromhex(wire)), 1.0)
    assert machine.state is State.CLOSED
    assert closed_by(actions) is not None


def another(machine: ClientConnection) -> OpenContext:
    """One more security context is wanted."""
    mechanism = ToyMechanism(AuthLevel.PKT, 3, client=True)
    proof = Authentication(mechanism, AuthType.NTLM, AuthLevel.PKT, machine.new_context_id(), b"one")
    return OpenContext(proof)


def leg(call_id: int, context_id: int = 2) -> PduReceived:
    token = SecTrailer(AuthType.NTLM, AuthLevel.PKT, context_id, b"two")
    return PduReceived(AlterContextResp(call_id, (ACCEPTED,), auth=token).encode())


def test_a_security_context_that_is_wanted_early_waits_for_the_bind() -> None:
    machine = ClientConnection()
    machine.handle(Open(MGMT), 0.0)
    wanted = another(machine)
    play(machine, (0.0, wanted, []))
    *_, sent = machine.handle(ack(), 0.1)
    assert isinstance(sent, SendPdu)
    assert isinstance(decode_pdu(sent.data), AlterContext)
    assert machine.deadline is not None
    play(
        machine,
        (0.2, leg(2), [StepSecurity(wanted.auth.mechanism, b"two")]),
        (0.3, SecurityStepped(Established()), [ContextReady(2)]),
        (0.4, Invoke(3, MGMT, 2, b""), [request(3, 2)]),
    )
    assert machine.deadline is None


def test_an_opening_that_takes_too_long_ends_the_connection() -> None:
    machine = opened()
    machine.handle(another(machine), 10.0)
    assert machine.deadline == 10.0 + BIND_TIMEOUT
    refused, closed = machine.handle(Tick(), 10.0 + BIND_TIMEOUT)
    assert isinstance(refused, ContextRefused)
    assert isinstance(closed, Closed)


@pytest.mark.parametrize("status", [Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR])
def test_a_refused_context_explains_the_end_that_may_come_with_it(status: Status) -> None:
    machine = opened()
    machine.handle(another(machine), 1.0)
    machine.handle(Invoke(9, MGMT, 2, b""), 1.0)
    actions = machine.handle(fault(2, status), 1.1)
    assert isinstance(actions[0], ContextRefused)
    if status == Status.ACCESS_DENIED:
        assert machine.state is State.OPEN
        actions = machine.handle(TransportClosed(), 1.2)
    failed, closed = actions[-2:]
    assert isinstance(failed, CallFailed)
    assert "when it refused a security context" in str(failed.why)
    assert isinstance(closed, Closed)


def test_a_draining_connection_opens_no_more_and_ends_what_is_under_way() -> None:
    machine = opened()
    machine.handle(Invoke(9, MGMT, 2, b""), 1.0)
    first = another(machine)
    machine.handle(first, 1.0)
    refused, *rest = machine.handle(PduReceived(Shutdown().encode()), 1.1)
    assert isinstance(refused, ContextRefused)
    assert rest == []
    [too_late] = machine.handle(another(machine), 1.2)
    assert isinstance(too_late, ContextRefused)
    machine.handle(leg(2), 1.3)
    machine.handle(SecurityStepped(Established()), 1.4)
    assert machine.state is State.DRAINING


def test_after_the_end_a_security_context_is_refused() -> None:
    machine = opened()
    wanted = another(machine)
    machine.handle(TransportClosed(), 1.0)
    [refused] = machine.handle(wanted, 1.1)
    assert isinstance(refused, ContextRefused)
    assert machine.handle(SecurityStepped(Established()), 1.2) == []


def test_so_many_contexts_and_no_more() -> None:
    machine = ClientConnection(context_limit=1)
    machine.handle(Open(MGMT), 0.0)
    machine.handle(ack(), 0.1)
    machine.handle(another(machine), 0.2)
    machine.handle(leg(2), 0.3)
    machine.handle(SecurityStepped(Established()), 0.4)
    [refused] = machine.handle(another(machine), 0.5)
    assert isinstance(refused, ContextRefused)
    assert isinstance(refused.why, CannotOpen)
