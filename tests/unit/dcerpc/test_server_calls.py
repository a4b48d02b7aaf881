"""What calls add to their fragments; how they behave on a connection is in `test_server_side`."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.dcerpc.handshake import Handshake
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AuthLevel,
    Cancel,
    Fault,
    Header,
    Orphaned,
    PfcFlags,
    Request,
    Response,
    decode_pdu,
)
from rpch.dcerpc.presentation import PresentationContexts
from rpch.dcerpc.security_contexts import SecurityContexts
from rpch.dcerpc.server_calls import ServerCalls, fault
from rpch.dcerpc.server_side import (
    CallFailed,
    CancelCall,
    Limits,
    ServerConnection,
    TellRefusal,
    TransportClosed,
)
from rpch.dcerpc.statuses import Status
from rpch.dcerpc.verification import RequestFacts, verification_trailer
from rpch.errors import LocalProtocolError
from rpch.testing.raw_rpc import MANAGED, RawClient, ToyContext, ended, endpoint, offer, started

FACTS = RequestFacts(3, 1, 0, MANAGED.syntax, NDR20)


def bound() -> RawClient:
    client = RawClient(endpoint(secure=True))
    client.bind(offer(1))
    return client


@pytest.mark.parametrize("unrun", [False, True])
def test_faults_are_whole_and_say_whether_anything_ran(unrun: bool) -> None:
    flags = WHOLE | PfcFlags.DID_NOT_EXECUTE if unrun else WHOLE
    assert decode_pdu(fault(3, 5, 0x1234, did_not_execute=unrun)) == Fault(3, 5, 0x1234, flags)
    assert decode_pdu(fault(3, 0, 1, did_not_execute=unrun)) == Fault(3, Status.S_FAULT_UNSPEC, 1, flags)


def test_a_call_carries_all_that_an_operation_may_ask() -> None:
    client = bound()
    context = ToyContext(2, AuthLevel.PKT_PRIVACY)
    client.authenticate(context, offer(1))
    request = Request(3, 1, 1, b"stub", object_uuid=UUID(int=9))
    call = started(client.send(context.protect(request)))
    assert (call.call_id, call.interface, call.opnum, call.stub) == (3, MANAGED, 1, b"stub")
    assert (call.object_uuid, call.little_endian) == (UUID(int=9), True)
    assert (call.user, call.level) == ("alice", AuthLevel.PKT_PRIVACY)


def test_the_transport_knows_who_calls_when_nobody_else_does() -> None:
    client = bound()
    client.machine = ServerConnection(endpoint(secure=True), identity="here", user="carol")
    client.bind(offer(1))
    assert started(client.send(Request(3, 1, 0))).user == "carol"
    client.finish(3)
    context = ToyContext(2)
    client.authenticate(context, offer(1))
    assert started(client.send(context.protect(Request(3, 1, 0)))).user == "alice"


@pytest.mark.parametrize("secure", [False, True])
def test_verification_trailers_are_checked_and_cut_off(secure: bool) -> None:
    client = bound()
    context = ToyContext(2)
    if secure:
        client.authenticate(context, offer(1))
    for facts, fits in [(FACTS, True), (RequestFacts(4, 1, 0, MANAGED.syntax, NDR20), False)]:
        stub = b"stub" + verification_trailer(facts, contexts=True, header=True)
        request = Request(3, 1, 0, stub)
        seen = client.send(context.protect(request) if secure else request)
        if fits:
            assert started(seen).stub == b"stub"
            client.finish(3)
        else:
            assert seen[0] == Fault(3, Status.ACCESS_DENIED, 1)
            assert ended(seen)


def test_big_answers_are_cut_in_linear_time() -> None:
    client = bound()
    client.send(Request(3, 1, 0))
    stub = bytes(8 * 1024 * 1024)
    seen = client.finish(3, stub)
    answers = [one for one in seen if isinstance(one, Response)]
    assert len(answers) == len(seen) == -(-len(stub) // 5808)
    assert sum(len(one.stub) for one in answers) == len(stub)


def test_running_calls_are_asked_to_end_and_half_received_ones_are_not() -> None:
    client = bound()
    for kind in (Cancel, Orphaned):
        client.send(Request(3, 1, 0))
        assert client.send(kind(3)) == [CancelCall(3)]
        client.finish(3)
        client.send(Request(3, 1, 0, flags=PfcFlags.FIRST_FRAG))
        assert client.send(kind(3)) == []
        started(client.send(Request(3, 1, 0, flags=PfcFlags.LAST_FRAG)))
        client.finish(3)
        assert client.send(kind(5)) == []
    assert client.send(Request(5, 1, 0, flags=PfcFlags.LAST_FRAG)) == []


def test_forged_cancels_are_not_heeded_and_broken_ones_end_the_connection() -> None:
    client = bound()
    context = ToyContext(2)
    client.authenticate(context, offer(1))
    client.send(context.protect(Request(3, 1, 0)))
    assert client.send(Cancel(3, auth=context.leg(bytes(16)))) == []
    seen = client.send(bytes.fromhex("05001203 10000000 1400 0000 03000000 00000000"))
    assert seen[0] == Fault(3, Status.PROTO_ERROR, 0, WHOLE | PfcFlags.DID_NOT_EXECUTE)
    assert ended(seen)


def test_answers_are_protected_as_their_requests_were() -> None:
    client = bound()
    context = ToyContext(2)
    client.authenticate(context, offer(1))
    client.send(context.protect(Request(3, 1, 0)))
    [answer] = client.finish(3)
    assert isinstance(answer, Response)
    assert answer.auth is not None
    client.send(Request(3, 1, 0))
    assert client.finish(3) == [Response(3, 1, b"done", alloc_hint=4)]


def test_unknown_operations_and_too_many_calls_cost_one_call() -> None:
    client = RawClient(endpoint(limits=Limits(calls=1)))
    client.bind(offer(1), flags=WHOLE | PfcFlags.CONC_MPX)
    started(client.send(Request(3, 1, 0)))
    flags = WHOLE | PfcFlags.DID_NOT_EXECUTE
    assert client.send(Request(4, 1, 77)) == [Fault(4, Status.OP_RNG_ERROR, 1, flags)]
    busy, told = client.send(Request(5, 1, 0))
    assert busy == Fault(5, Status.SERVER_TOO_BUSY, 1, flags)
    assert isinstance(told, TellRefusal)
    assert "calls is 1" in str(told.why)
    assert client.tell(CallFailed(3, Status.RPC_X_BAD_STUB_DATA)) == [Fault(3, 0x6F7, 1)]


def test_broken_requests_end_the_connection() -> None:
    seen = bound().send(bytes.fromhex("05000003 10000000 1700 0000 03000000 00000000 000000"))
    assert seen[0] == Fault(3, Status.PROTO_ERROR, 0, WHOLE | PfcFlags.DID_NOT_EXECUTE)
    assert ended(seen)


def test_nobody_hears_what_ends_after_the_connection() -> None:
    client = RawClient()
    client.bind(offer(1), flags=WHOLE | PfcFlags.CONC_MPX)
    client.send(Request(3, 1, 0))
    client.send(Request(4, 1, 0))
    assert client.tell(TransportClosed()) == [CancelCall(3), CancelCall(4)]
    assert client.finish(3) == []
    assert client.tell(CallFailed(4, 5)) == []
    with pytest.raises(LocalProtocolError, match="call 4 does not run"):
        client.finish(4)


def test_a_call_cannot_start_before_the_bind() -> None:
    security = SecurityContexts(None)
    presentation = PresentationContexts([MANAGED])
    presentation.bind([offer(1)])
    handshake = Handshake(
        presentation,
        security,
        endpoint().associations,
        identity="client",
        secondary_address="135",
        fragment_limit=5840,
    )
    calls = ServerCalls(handshake, Limits(), user=None)
    data = Request(3, 1, 0).encode()
    with pytest.raises(LocalProtocolError, match="not bound"):
        calls.receive(data, Header.decode(data))
    assert len(calls) == 0
    assert not calls.incomplete
