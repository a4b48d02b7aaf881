"""The queue of calls: what goes when, who overtakes whom, and how each ends."""

from dataclasses import replace
from itertools import count
from uuid import UUID

import pytest

from rpch.dcerpc.client_bind import NOTHING_AGREED
from rpch.dcerpc.client_events import (
    Action,
    AddInterface,
    Authentication,
    CallCompleted,
    CallFailed,
    CallFaulted,
    ContextReady,
    ContextRefused,
    InterfaceReady,
    InterfaceRefused,
    Invoke,
    OpenContext,
    SendPdu,
    StepSecurity,
)
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.client_queue import CallQueue, Wanted
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    AuthLevel,
    AuthType,
    Cancel,
    ContextElement,
    ContextResult,
    Fault,
    Header,
    Orphaned,
    Pdu,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.presentation import Features
from rpch.dcerpc.security import Declined, Established, protected
from rpch.dcerpc.statuses import Status
from rpch.errors import (
    AuthenticationFailed,
    DecodeError,
    LocalProtocolError,
    TransportError,
    UnexpectedMessage,
)
from rpch.testing.mechanisms import ToyMechanism

READY = SyntaxId(UUID(int=1), 1)
OTHER = SyntaxId(UUID(int=2), 1)
THIRD = SyntaxId(UUID(int=3), 1)
ACCEPTED = ContextResult(0, 0, NDR20)
WHY = TransportError("the end")
NTLM = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 7, b"")


def queue(*, multiplexed: bool = True, protection: Protection | None = None) -> CallQueue:
    """A queue with one interface ready; its own call ids begin at 100."""
    ids = count(100)
    made = CallQueue(response_limit=64, offer_timeout=5.0, new_call_id=lambda: next(ids))
    several = Features.SECURITY_CONTEXT_MULTIPLEXING
    agreed = replace(NOTHING_AGREED, group_id=9, multiplexed=multiplexed, features=several)
    made.begin(agreed, protection, ContextElement(0, READY, (NDR20,)), InterfaceReady(READY))
    return made


def put(calls: CallQueue, *wanted: Wanted, now: float = 0.0) -> list[Action]:
    for one in wanted:
        calls.put(one)
    return calls.flush(now)


def call(call_id: int, interface: SyntaxId = READY, stub: bytes = b"") -> Invoke:
    return Invoke(call_id, interface, 4, stub)


def sent(actions: list[Action]) -> list[Pdu]:
    return [decode_pdu(action.data) for action in actions if isinstance(action, SendPdu)]


def request(call_id: int, context_id: int = 0, stub: bytes = b"") -> Request:
    return Request(call_id, context_id, 4, stub, len(stub))


def offer(call_id: int, context_id: int, interface: SyntaxId) -> AlterContext:
    return AlterContext(call_id, (ContextElement(context_id, interface, (NDR20,)),), assoc_group_id=9)


def answer(calls: CallQueue, pdu: Response, wire: bytes | None = None) -> list[Action]:
    data = wire or pdu.encode()
    received = decode_pdu(data)
    assert isinstance(received, Response)
    return calls.answered(received, Header.decode(data), data)


def test_multiplexed_calls_go_at_once() -> None:
    calls = queue()
    assert sent(put(calls, call(1), call(2, stub=b"ab"))) == [request(1), request(2, stub=b"ab")]
    assert calls.running == 2
    assert put(calls) == []


def test_calls_of_a_ready_interface_overtake_those_that_must_wait() -> None:
    calls = queue()
    actions = put(calls, call(1, OTHER), call(2), call(3, THIRD), call(4, OTHER), now=10.0)
    assert sent(actions) == [offer(100, 2, OTHER), request(2)]
    assert calls.deadline == 15.0
    assert calls.altered(AlterContextResp(100, (ACCEPTED,))) == [InterfaceReady(OTHER)]
    assert sent(calls.flush(11.0)) == [request(1, 2), offer(101, 3, THIRD), request(4, 2)]


def test_an_answered_offer_has_no_deadline() -> None:
    calls = queue()
    put(calls, AddInterface(OTHER))
    calls.altered(AlterContextResp(100, (ACCEPTED,)))
    assert calls.deadline is None


def test_without_multiplexing_nobody_overtakes() -> None:
    calls = queue(multiplexed=False)
    assert sent(put(calls, call(1), call(2, OTHER), call(3))) == [request(1)]
    assert answer(calls, Response(1, 0)) == [CallCompleted(1, b"", True)]
    assert sent(calls.flush(0.0)) == [offer(100, 2, OTHER)]
    assert calls.flush(0.0) == []
    calls.altered(AlterContextResp(100, (ACCEPTED,)))
    assert sent(calls.flush(0.0)) == [request(2, 2)]
    assert calls.faulted(Fault(2, 5)) == [CallFaulted(2, 5, False)]
    assert sent(calls.flush(0.0)) == [request(3)]


def test_asking_for_a_ready_interface_is_answered_at_once() -> None:
    assert put(queue(), AddInterface(READY)) == [InterfaceReady(READY)]


def test_asking_twice_for_an_interface_offers_it_once() -> None:
    calls = queue()
    assert sent(put(calls, AddInterface(OTHER), AddInterface(OTHER))) == [offer(100, 2, OTHER)]
    assert calls.altered(AlterContextResp(100, (ACCEPTED,))) == [InterfaceReady(OTHER)]
    assert calls.flush(0.0) == []


@pytest.mark.parametrize("by_fault", [False, True])
def test_a_refused_interface_fails_those_who_wait_for_it(by_fault: bool) -> None:
    calls = queue()
    put(calls, call(1, OTHER), AddInterface(OTHER), call(2, THIRD))
    if by_fault:
        refused, failed = calls.faulted(Fault(100, 5))
    else:
        refused, failed = calls.altered(AlterContextResp(100, (ContextResult(2, 1),)))
    assert isinstance(refused, InterfaceRefused)
    assert failed == CallFailed(1, refused.why, did_not_execute=True)
    assert sent(calls.flush(0.0)) == [offer(101, 3, THIRD)]


def test_an_answer_to_no_offer_or_to_another_is_refused() -> None:
    calls = queue()
    with pytest.raises(UnexpectedMessage, match="nothing offered"):
        calls.altered(AlterContextResp(100, (ACCEPTED,)))
    put(calls, AddInterface(OTHER))
    with pytest.raises(DecodeError, match="call 5 is answered instead of 100"):
        calls.altered(AlterContextResp(5, (ACCEPTED,)))


def test_answers_complete_with_their_last_fragment() -> None:
    calls = queue()
    put(calls, call(1))
    assert answer(calls, Response(1, 0, b"a", flags=PfcFlags.FIRST_FRAG)) == []
    assert answer(calls, Response(1, 0, b"b", flags=PfcFlags.LAST_FRAG)) == [CallCompleted(1, b"ab", True)]
    assert calls.running == 0


def test_faults_fail_their_call_and_strange_ones_nothing() -> None:
    calls = queue()
    put(calls, call(1), AddInterface(OTHER))
    assert calls.faulted(Fault(7, 5)) == []
    flags = WHOLE | PfcFlags.DID_NOT_EXECUTE
    assert calls.faulted(Fault(1, 0, flags=flags)) == [CallFaulted(1, Status.RPC_S_PROTOCOL_ERROR, True)]


def test_cancelling_asks_the_server_once_or_takes_the_call_back() -> None:
    calls = queue(multiplexed=False)
    put(calls, call(1), call(2), call(3))
    assert sent(calls.cancel(1)) == [Cancel(1)]
    assert calls.cancel(1) == []
    assert calls.cancel(3) == [CallFaulted(3, Status.S_FAULT_CANCEL, True)]
    assert calls.cancel(9) == []
    assert calls.running == 1


def test_abandoning_tells_the_server_only_of_calls_it_has() -> None:
    calls = queue(multiplexed=False)
    put(calls, call(1), call(2))
    assert calls.abandon(2) == []
    assert sent(calls.abandon(1)) == [Cancel(1), Orphaned(1)]
    assert calls.abandon(1) == []
    assert calls.running == 0


def test_everything_fails_at_the_end_and_what_was_queued_did_not_run() -> None:
    calls = queue(multiplexed=False)
    put(calls, call(1), call(2), AddInterface(OTHER))
    assert calls.fail_all(WHY) == [
        CallFailed(1, WHY, did_not_execute=False),
        CallFailed(2, WHY, did_not_execute=True),
        InterfaceRefused(OTHER, WHY),
    ]
    assert calls.fail_all(WHY) == []


def test_the_queue_alone_can_fail() -> None:
    calls = queue(multiplexed=False)
    put(calls, call(1), call(2))
    assert calls.fail_queued(WHY) == [CallFailed(2, WHY, did_not_execute=True)]
    assert calls.running == 1


def test_ids_are_in_use_while_queued_offered_or_awaited() -> None:
    calls = queue(multiplexed=False)
    put(calls, call(1), call(2))
    assert [calls.uses(call_id) for call_id in (1, 2, 3)] == [True, True, False]
    calls = queue()
    put(calls, AddInterface(OTHER))
    assert calls.uses(100)


def secured() -> CallQueue:
    mechanism = ToyMechanism(AuthLevel.PKT_PRIVACY, 3, client=True)
    return queue(protection=Protection(mechanism, NTLM, header_signing=True))


def test_protected_calls_are_sealed_and_their_answers_opened() -> None:
    calls = secured()
    server = ToyMechanism(AuthLevel.PKT_PRIVACY, 3, client=False)
    [wire] = sent(put(calls, call(1, stub=b"secret")))
    assert isinstance(wire, Request)
    assert wire.auth is not None
    assert b"secret" not in wire.stub
    sealed = protected(Response(1, 0, b"answer"), server, NTLM, header_signing=True)
    assert answer(calls, Response(1, 0), sealed) == [CallCompleted(1, b"answer", True)]
    stray = protected(Response(99, 0, b"late"), server, NTLM, header_signing=True)
    assert answer(calls, Response(99, 0), stray) == []
    with pytest.raises(AuthenticationFailed):
        answer(calls, Response(99, 0), stray)  # a replay, though nobody waits for it


def test_the_server_is_told_that_header_signing_was_offered_whatever_it_agreed_to() -> None:
    mechanism = ToyMechanism(AuthLevel.PKT_INTEGRITY, 3, client=True)
    calls = queue(protection=Protection(mechanism, NTLM, header_signing=False))
    [wire] = sent(put(calls, call(1, stub=b"")))
    assert isinstance(wire, Request)
    assert wire.stub[:16] == bytes.fromhex("8ae3137102f43671 01000400 01000000")  # bit 0 of the bitmask


def test_a_trailer_without_security_is_refused() -> None:
    server = ToyMechanism(AuthLevel.PKT_PRIVACY, 3, client=False)
    sealed = protected(Response(1, 0, b"answer"), server, NTLM, header_signing=True)
    with pytest.raises(DecodeError, match="without security"):
        answer(queue(), Response(1, 0), sealed)


def further(calls: CallQueue) -> OpenContext:
    mechanism = ToyMechanism(AuthLevel.PKT_PRIVACY, 3, client=True)
    context_id = calls.security.new_id()
    return OpenContext(Authentication(mechanism, AuthType.NTLM, AuthLevel.PKT_PRIVACY, context_id, b"one"))


def leg(call_id: int, context_id: int = 2) -> AlterContextResp:
    token = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, context_id, b"two")
    return AlterContextResp(call_id, (ACCEPTED,), auth=token)


def test_calls_of_other_contexts_overtake_those_that_wait_for_theirs() -> None:
    calls = queue()
    wanted = further(calls)
    actions = put(calls, wanted, replace(call(1), security=2), call(2), call(3, OTHER))
    altered, plain = sent(actions)
    assert isinstance(altered, AlterContext)
    assert plain == request(2)
    assert calls.flush(0.0) == []
    assert calls.altered(leg(100)) == [StepSecurity(wanted.auth.mechanism, b"two")]
    [ready] = calls.stepped(Established())
    assert ready == ContextReady(2)
    mine, offered = sent(calls.flush(0.0))
    assert isinstance(mine, Request)
    assert mine.auth is not None
    assert mine.auth.context_id == 2
    assert offered == offer(101, 2, OTHER)


def test_without_multiplexing_a_context_takes_its_turn() -> None:
    calls = queue(multiplexed=False)
    assert sent(put(calls, call(1), further(calls), call(2))) == [request(1)]
    answer(calls, Response(1, 0))
    [altered] = sent(calls.flush(0.0))
    assert isinstance(altered, AlterContext)
    assert calls.flush(0.0) == []
    calls.altered(leg(100))
    calls.stepped(Established())
    assert sent(calls.flush(0.0)) == [request(2)]


@pytest.mark.parametrize("by_fault", [False, True])
def test_a_refused_context_fails_its_calls_and_no_others(by_fault: bool) -> None:
    calls = queue()
    put(calls, further(calls), replace(call(1), security=2), call(2, THIRD))
    if by_fault:
        refused, failed = calls.faulted(Fault(100, 5))
    else:
        calls.altered(leg(100))
        refused, failed = calls.stepped(Declined("no such user"))
    assert isinstance(refused, ContextRefused)
    assert failed == CallFailed(1, refused.why, did_not_execute=True)
    assert sent(calls.flush(0.0)) == [offer(101, 2, THIRD)]


@pytest.mark.parametrize("multiplexed", [True, False])
def test_many_contexts_that_may_not_be_opened_are_refused_and_the_rest_goes_on(multiplexed: bool) -> None:
    ids = count(100)
    calls = CallQueue(response_limit=64, offer_timeout=5.0, new_call_id=lambda: next(ids))
    for number in range(50):
        calls.put(further(calls))
        calls.put(replace(call(number), security=number + 2))
    agreed = replace(NOTHING_AGREED, multiplexed=multiplexed)
    calls.put(call(5000))
    calls.begin(agreed, None, ContextElement(0, READY, (NDR20,)), InterfaceReady(READY))
    actions = calls.flush(0.0)
    assert sum(isinstance(action, ContextRefused) for action in actions) == 50
    assert sum(isinstance(action, CallFailed) for action in actions) == 50
    assert sent(actions) == [request(5000)]


def test_a_call_by_a_context_that_nobody_asked_for_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="no security context 2"):
        put(queue(), replace(call(1), security=2))


def test_contexts_to_come_fail_with_the_queue_and_at_the_end() -> None:
    calls = queue(multiplexed=False)
    put(calls, further(calls), further(calls))
    assert calls.fail_all(WHY) == [ContextRefused(2, WHY), ContextRefused(3, WHY)]
    assert calls.deadline is None
