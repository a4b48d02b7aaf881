"""What calls add to their fragments; how they behave on a connection is in `test_serverside`."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.dcerpc.pdus import NDR20, WHOLE, AuthLevel, Fault, PfcFlags, Request, Response, decode_pdu
from rpch.dcerpc.serverside import ServerConnection
from rpch.dcerpc.serverside_calls import fault
from rpch.dcerpc.statuses import Status
from rpch.dcerpc.verification import RequestFacts, verification_trailer
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
