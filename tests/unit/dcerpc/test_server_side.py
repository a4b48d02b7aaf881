"""What a server answers, row by row.

The tables follow the reactions that an independent raw-protocol test suite demands of servers, those of
its cases that need no security mechanism; what mechanisms add is in `test_serverside_security`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from uuid import UUID

import pytest

from rpch.dcerpc.pdus import (
    NDR20,
    NDR64,
    NO_SYNTAX,
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
    ContextOutcome,
    ContextResult,
    Fault,
    Orphaned,
    Pdu,
    PduType,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    Shutdown,
    SyntaxId,
)
from rpch.dcerpc.presentation import Features, feature_syntax
from rpch.dcerpc.security import Continue, Established
from rpch.dcerpc.server_side import (
    LEGAL,
    CallFailed,
    CancelCall,
    Disconnect,
    Limits,
    PduReceived,
    RunDown,
    SecurityStepped,
    StartCall,
    State,
    StepSecurity,
    TellRefusal,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import LocalProtocolError, TransportError
from rpch.testing.raw_rpc import (
    MANAGED,
    MAPPED,
    UNKNOWN,
    RawClient,
    Seen,
    ToyContext,
    ended,
    endpoint,
    offer,
    started,
)

FIRST, LAST, MIDDLE = PfcFlags.FIRST_FRAG, PfcFlags.LAST_FRAG, PfcFlags.NONE
CANCEL, MPX, SIGN = PfcFlags.PENDING_CANCEL, PfcFlags.CONC_MPX, PfcFlags.SUPPORT_HEADER_SIGN
DNE = PfcFlags.DID_NOT_EXECUTE
ACCEPTED = ContextResult(0, 0, NDR20)
UNKNOWN_ABSTRACT = ContextResult(2, 1)
NO_TRANSFER = ContextResult(2, 2)


def bound(*, flags: PfcFlags = WHOLE, limits: Limits | None = None) -> RawClient:
    """A client whose context 1 is the managed interface."""
    client = RawClient(endpoint(limits=limits))
    client.bind(offer(1), flags=flags)
    return client


def fault(seen: list[Seen]) -> tuple[int, int, int, bool]:
    """The one fault seen: call, status, context, whether it says that nothing ran."""
    answer = seen[0]
    assert isinstance(answer, Fault)
    assert answer.flags in (WHOLE, WHOLE | DNE)
    assert (answer.cancel_count, answer.extended_error) == (0, b"")
    return answer.call_id, answer.status, answer.context_id, answer.did_not_execute


def check_fault(seen: list[Seen], call_id: int, status: Status, context_id: int, *, dne: bool) -> None:
    """That fault, and the end."""
    assert fault(seen) == (call_id, status, context_id, dne)
    assert ended(seen)
    assert len(seen) == 2


def check_nak(seen: list[Seen], reason: int) -> None:
    """That bind_nak, and the end."""
    assert isinstance(seen[0], BindNak)
    assert (seen[0].reason, seen[0].versions) == (reason, ((5, 0),))
    assert ended(seen)
    assert len(seen) == 2


def check_works(client: RawClient, context_id: int = 1, call_id: int = 77) -> None:
    """A call on this context starts and is answered."""
    assert started(client.send(Request(call_id, context_id, 0, b"in"))).stub == b"in"
    assert client.finish(call_id, b"out") == [Response(call_id, context_id & 0xFF, b"out", alloc_hint=3)]


# Flags on bind and alter_context


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(flags, 3) for flags in (0x00, 0x01, 0x02, 0x03, 0x08, 0x20, 0x40, 0x80)]
    + [(0x04, 0x07), (0x10, 0x13), (0xFF, 0x17)],
)
def test_a_bind_is_answered_whatever_its_flags(asked: int, answered: int) -> None:
    client = RawClient()
    assert client.bind(offer(1), flags=PfcFlags(asked)).flags == PfcFlags(answered)
    check_works(client)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(flags, 3) for flags in (0x00, 0x01, 0x02, 0x08, 0x10, 0x20, 0x40, 0x80)] + [(0x04, 7), (0xFF, 7)],
)
def test_an_alter_context_is_answered_whatever_its_flags(asked: int, answered: int) -> None:
    client = bound()
    [answer] = client.send(AlterContext(2, (offer(1),), flags=PfcFlags(asked)))
    assert answer == AlterContextResp(2, (ACCEPTED,), assoc_group_id=0x53F0, flags=PfcFlags(answered))


# No contexts, second binds


def test_a_bind_without_contexts_is_refused() -> None:
    check_nak(RawClient().send(Bind(1, ())), 4)


def test_a_bind_that_promises_a_token_and_has_none_is_refused() -> None:
    wire = bytearray(Bind(1, ()).encode())
    wire[10] = 8
    check_nak(RawClient().send(bytes(wire)), 4)


def test_a_second_bind_is_refused() -> None:
    check_nak(bound().send(Bind(2, (offer(1),))), 0)


def test_an_alter_context_without_contexts_is_a_protocol_error() -> None:
    check_fault(bound().send(AlterContext(2, ())), 2, Status.PROTO_ERROR, 0, dne=True)


# Presentation contexts


def test_junk_before_the_transfer_syntax_is_skipped_and_unknown_operations_cost_one_call() -> None:
    client = RawClient()
    element = offer(1, MANAGED.syntax, NO_SYNTAX, NDR20)
    assert client.bind(element).results == (ACCEPTED,)
    assert client.send(AlterContext(2, (element,))) == [
        AlterContextResp(2, (ACCEPTED,), assoc_group_id=0x53F0)
    ]
    seen = client.send(Request(3, 1, 0xFFFF))
    assert fault(seen) == (3, Status.OP_RNG_ERROR, 1, True)
    assert len(seen) == 1
    check_works(client)


def test_a_bind_of_nothing_known_leaves_a_connection_that_alter_context_can_use() -> None:
    client = RawClient()
    assert client.bind(offer(1, UNKNOWN)).results == (UNKNOWN_ABSTRACT,)
    seen = client.send(Request(2, 12345, 0))
    assert [fault(seen), len(seen)] == [(2, Status.UNK_IF, 0, True), 1]
    for _ in range(2):
        [answer] = client.send(AlterContext(3, (offer(1, UNKNOWN),)))
        assert isinstance(answer, AlterContextResp)
        assert answer.results == (UNKNOWN_ABSTRACT,)
    client.send(AlterContext(4, (offer(1),)))
    check_works(client)


def test_a_context_without_transfer_syntaxes_is_refused() -> None:
    empty = ContextElement(1, MANAGED.syntax, ())
    check_nak(RawClient().send(Bind(1, (empty,))), 0)
    check_fault(bound().send(AlterContext(2, (empty,))), 2, Status.PROTO_ERROR, 0, dne=True)


@pytest.mark.parametrize("transfers", [(NO_SYNTAX, MAPPED.syntax), (NO_SYNTAX,)])
def test_a_re_offer_without_a_known_syntax_keeps_the_old_context(transfers: tuple[SyntaxId, ...]) -> None:
    client = bound()
    [answer] = client.send(AlterContext(2, (offer(1, MANAGED.syntax, *transfers),)))
    assert isinstance(answer, AlterContextResp)
    assert answer.results == (NO_TRANSFER,)
    check_works(client)


def test_a_re_offer_that_adds_ndr64_is_a_protocol_error() -> None:
    answers = bound().send(AlterContext(2, (offer(1, MANAGED.syntax, NDR20, NDR64),)))
    check_fault(answers, 2, Status.PROTO_ERROR, 0, dne=True)


def test_each_alter_context_gets_one_acceptance() -> None:
    client = RawClient()
    client.bind(offer(54321, NO_SYNTAX, NO_SYNTAX))
    for ids, results in [
        ([0], [ACCEPTED]),
        ([1], [ACCEPTED]),
        ([2], [ACCEPTED]),
        ([3, 4], [ACCEPTED, NO_TRANSFER]),
        ([4, 3], [ACCEPTED, NO_TRANSFER]),
        ([4, 4], [ACCEPTED, NO_TRANSFER]),
        ([5, 5], [ACCEPTED, NO_TRANSFER]),
    ]:
        [answer] = client.send(AlterContext(9, tuple(offer(one) for one in ids)))
        assert isinstance(answer, AlterContextResp)
        assert list(answer.results) == results
        check_works(client, ids[0])


def test_an_id_cannot_be_moved_to_another_interface() -> None:
    seen = bound().send(AlterContext(2, (offer(1, MAPPED.syntax),)))
    check_fault(seen, 2, Status.PROTO_ERROR, 0, dne=True)


def test_too_many_contexts_are_refused_by_bind_and_rejected_by_alter_context() -> None:
    limits = Limits(contexts=1)
    client = bound(limits=limits)
    [answer] = client.send(AlterContext(2, (offer(2),)))
    assert isinstance(answer, AlterContextResp)
    assert answer.results == (ContextResult(2, 3),)
    check_works(client)
    check_nak(RawClient(endpoint(limits=Limits(contexts=0))).send(Bind(1, (offer(1),))), 2)


# Bind-time features


def features(mask: int, *more: SyntaxId, before: tuple[SyntaxId, ...] = ()) -> ContextElement:
    return offer(1, NO_SYNTAX, *before, feature_syntax(Features(mask)), *more)


@pytest.mark.parametrize(
    ("element", "result"),
    [
        (features(0), ContextResult(3, 0)),
        (features(0, NO_SYNTAX, NDR20), ContextResult(3, 0)),
        (features(2), ContextResult(3, 2)),
        (features(2, NO_SYNTAX, NDR20), ContextResult(3, 2)),
        (features(1, NO_SYNTAX, NDR20), ContextResult(3, 1)),
        (features(0xFF), ContextResult(3, 3)),
        (features(2, features(1).transfer_syntaxes[0], before=(NO_SYNTAX,)), UNKNOWN_ABSTRACT),
    ],
)
def test_features_are_agreed_on(element: ContextElement, result: ContextResult) -> None:
    assert RawClient().bind(element).results == (result,)


def test_features_offered_twice_are_refused() -> None:
    check_nak(RawClient().send(Bind(1, (features(2), features(1)))), 0)


def test_features_do_not_use_up_the_one_acceptance() -> None:
    assert RawClient().bind(features(3), offer(2)).results == (ContextResult(3, 3), ACCEPTED)


# Fragments

FRAGMENT_CASES: list[tuple[str, bool, list[Request], tuple[int, Status, int, bool]]] = [
    (
        "last of another call",
        False,
        [Request(3, 1, 0, flags=FIRST), Request(4, 1, 0, flags=LAST)],
        (3, Status.PROTO_ERROR, 1, False),
    ),
    (
        "last of another call, multiplexed",
        True,
        [Request(3, 1, 0, flags=FIRST), Request(4, 1, 0, flags=LAST)],
        (4, Status.PROTO_ERROR, 0, False),
    ),
    ("first twice", False, [Request(3, 1, 0, flags=FIRST)] * 2, (3, Status.PROTO_ERROR, 1, False)),
    (
        "first twice, multiplexed",
        True,
        [Request(3, 1, 0, flags=FIRST)] * 2,
        (3, Status.PROTO_ERROR, 1, False),
    ),
    (
        "first of another call",
        False,
        [Request(50, 1, 0, flags=FIRST), Request(51, 1, 0, flags=FIRST)],
        (50, Status.PROTO_ERROR, 1, False),
    ),
    (
        "first of another call, multiplexed",
        True,
        [Request(50, 1, 0, flags=FIRST), Request(51, 1, 0, flags=FIRST)],
        (51, Status.PROTO_ERROR, 0, False),
    ),
    ("middle alone", False, [Request(3, 1, 0, flags=MIDDLE)], (3, Status.PROTO_ERROR, 0, False)),
    ("middle alone, multiplexed", True, [Request(3, 1, 0, flags=MIDDLE)], (3, Status.PROTO_ERROR, 1, False)),
    ("last alone", False, [Request(3, 1, 0, flags=LAST)], (3, Status.PROTO_ERROR, 0, False)),
    (
        "cancelled from the start",
        False,
        [Request(2, 1, 0, flags=FIRST | CANCEL)],
        (2, Status.RPC_S_NO_CALL_ACTIVE, 0, True),
    ),
    (
        "too large by its hint",
        False,
        [Request(2, 1, 0, alloc_hint=0x400001, flags=FIRST)],
        (2, Status.ACCESS_DENIED, 1, False),
    ),
    (
        "orphaned, then another call",
        False,
        [Request(1, 1, 0, flags=FIRST), Request(2, 1, 0)],
        (1, Status.PROTO_ERROR, 1, False),
    ),
    (
        "orphaned, then another call, multiplexed",
        True,
        [Request(1, 1, 0, flags=FIRST), Request(2, 1, 0)],
        (2, Status.PROTO_ERROR, 0, False),
    ),
]


@pytest.mark.parametrize(
    ("multiplexed", "requests", "expected"),
    [c[1:] for c in FRAGMENT_CASES],
    ids=[c[0] for c in FRAGMENT_CASES],
)
def test_fragments_out_of_order_end_the_connection(
    multiplexed: bool, requests: list[Request], expected: tuple[int, Status, int, bool]
) -> None:
    client = bound(flags=WHOLE | MPX if multiplexed else WHOLE)
    for request in requests[:-1]:
        assert client.send(request) == []
    call_id, status, context_id, dne = expected
    check_fault(client.send(requests[-1]), call_id, status, context_id, dne=dne)
    assert client.send(Request(9, 1, 0)) == []


@pytest.mark.parametrize("extra", [0x40, 0x20, 0x10, 0x08])
def test_other_flags_on_fragments_mean_nothing(extra: int) -> None:
    client = bound()
    assert client.send(Request(3, 1, 0, b"a", flags=FIRST | PfcFlags(extra))) == []
    assert started(client.send(Request(3, 1, 0, b"b", flags=LAST | PfcFlags(extra)))).stub == b"ab"


def test_a_middle_fragment_of_an_unknown_context_costs_nothing_when_multiplexed() -> None:
    client = bound(flags=WHOLE | MPX)
    seen = client.send(Request(3, 111, 111, flags=MIDDLE))
    assert [fault(seen), len(seen)] == [(3, Status.UNK_IF, 0, True), 1]
    check_works(client)


@pytest.mark.parametrize("where", [1, 2])
def test_cancels_on_later_fragments_are_accepted(where: int) -> None:
    client = bound()
    flags = [FIRST, MIDDLE, LAST]
    flags[where] |= CANCEL
    for flag in flags[:-1]:
        assert client.send(Request(3, 1, 0, b"ab", flags=flag)) == []
    assert started(client.send(Request(3, 1, 0, b"ab", flags=flags[-1]))).stub == b"ababab"


def test_only_the_first_fragment_says_what_is_called() -> None:
    client = bound()
    named = UUID(int=7)
    assert client.send(Request(3, 1, 1, b"a", object_uuid=named, flags=FIRST)) == []
    call = started(client.send(Request(3, 111, 111, b"b", flags=LAST)))
    assert (call.interface, call.opnum, call.stub, call.object_uuid) == (MANAGED, 1, b"ab", named)


def test_the_nil_object_is_no_object() -> None:
    assert started(bound().send(Request(3, 1, 1, object_uuid=UUID(int=0)))).object_uuid is None


def test_fragments_of_one_request_share_a_byte_order() -> None:
    client = bound()
    assert client.send(Request(3, 1, 0, flags=FIRST), little_endian=False) == []
    seen = client.send(Request(3, 1, 0, flags=LAST))
    check_fault(seen, 3, Status.PROTO_ERROR, 1, dne=True)


def test_calls_in_either_byte_order_are_answered_in_ours() -> None:
    client = bound()
    assert not started(client.send(Request(3, 1, 0, b"in"), little_endian=False)).little_endian
    assert client.finish(3) == [Response(3, 1, b"done", alloc_hint=4)]


def test_empty_fragments_are_legal_up_to_a_number() -> None:
    client = bound(limits=Limits(empty_fragments=2))
    for flags in (FIRST, MIDDLE):
        assert client.send(Request(3, 1, 0, flags=flags)) == []
    check_fault(client.send(Request(3, 1, 0, flags=MIDDLE)), 3, Status.PROTO_ERROR, 1, dne=False)


@pytest.mark.parametrize("hint", [0x400000, 0x100000, 0])
def test_four_mebibytes_of_stub_are_accepted(hint: int) -> None:
    client, total = bound(), 0x400000
    for at in range(0, total, 5816):
        size = min(5816, total - at)
        flags = (FIRST if at == 0 else MIDDLE) | (LAST if at + size == total else MIDDLE)
        seen = client.send(Request(2, 1, 0, bytes(size), alloc_hint=max(0, hint - at), flags=flags))
    assert len(started(seen).stub) == total


def test_more_than_four_mebibytes_are_refused_at_once() -> None:
    client = bound()
    seen = client.send(Request(2, 1, 0, bytes(5816), flags=FIRST))
    sent = 5816
    while not seen:
        seen = client.send(Request(2, 1, 0, bytes(5816), flags=MIDDLE))
        sent += 5816
    assert sent == -(-0x400001 // 5816) * 5816
    check_fault(seen, 2, Status.ACCESS_DENIED, 1, dne=False)


def test_a_later_hint_beyond_what_is_left_is_refused() -> None:
    client = bound(limits=Limits(request=100))
    client.send(Request(2, 1, 0, bytes(60), alloc_hint=100, flags=FIRST))
    seen = client.send(Request(2, 1, 0, bytes(1), alloc_hint=41, flags=MIDDLE))
    check_fault(seen, 2, Status.ACCESS_DENIED, 1, dne=False)


# Cancel and orphaned


@pytest.mark.parametrize("kind", [Cancel, Orphaned])
def test_cancels_of_unknown_calls_are_silent(kind: type[Cancel | Orphaned]) -> None:
    client = bound()
    assert client.send(kind(3)) == []
    check_works(client)


@pytest.mark.parametrize("kind", [Cancel, Orphaned])
@pytest.mark.parametrize("flags", [WHOLE, WHOLE | MPX])
def test_cancels_do_not_stop_a_request_half_received(kind: type[Cancel | Orphaned], flags: PfcFlags) -> None:
    client = bound(flags=flags)
    assert client.send(Request(1, 1, 0, flags=FIRST)) == []
    assert client.send(kind(1)) == []
    started(client.send(Request(1, 1, 0, flags=LAST)))
    assert client.finish(1) == [Response(1, 1, b"done", alloc_hint=4)]
    check_works(client)


@pytest.mark.parametrize("kind", [Cancel, Orphaned])
def test_running_calls_are_asked_to_end(kind: type[Cancel | Orphaned]) -> None:
    client = bound()
    client.send(Request(1, 1, 0))
    assert client.send(kind(1)) == [CancelCall(1)]
    seen = client.tell(CallFailed(1, Status.S_FAULT_CANCEL))
    assert seen == [Fault(1, Status.S_FAULT_CANCEL, 1)]
    check_works(client)


# Sizes and hints


@pytest.mark.parametrize(
    ("xmit", "recv", "agreed"),
    [
        (0xFFFF, 0xFFFF, 5840),
        (0, 0xFFFF, 2048),
        (0xFFFF, 0, 2048),
        (0, 0, 2048),
        (3199, 0, 2048),
        (0, 3199, 2048),
        (3199, 0xFFFF, 3192),
        (0xFFFF, 3199, 3192),
    ],
)
def test_fragment_sizes_are_agreed_on_and_larger_requests_still_received(
    xmit: int, recv: int, agreed: int
) -> None:
    client = RawClient()
    [ack] = client.send(Bind(0, (offer(1),), xmit, recv))
    assert isinstance(ack, BindAck)
    assert (ack.max_xmit_frag, ack.max_recv_frag) == (agreed, agreed)
    [answer] = client.send(AlterContext(1, (offer(1),), agreed - 8, agreed - 8, 0xFFFFFFFF))
    assert answer == AlterContextResp(1, (ACCEPTED,), agreed, agreed, ack.assoc_group_id)
    for size in (agreed, 5840):
        started(client.send(Request(2, 1, 0, bytes(size - 24), alloc_hint=0xFFFFFFFF)))
        client.finish(2)
    seen = client.send(Request(3, 1, 0, bytes(5841 - 24), alloc_hint=0xFFFFFFFF))
    check_fault(seen, 3, Status.PROTO_ERROR, 0, dne=False)


@pytest.mark.parametrize(("hint", "size"), [(0xFFFFFFFF, 0), (0xFFFFFFFF, 8), (1, 8)])
def test_hints_of_single_fragments_mean_nothing(hint: int, size: int) -> None:
    started(bound().send(Request(2, 1, 0, bytes(size), alloc_hint=hint)))


def test_bind_and_alter_context_may_be_as_large_as_a_pdu() -> None:
    many = tuple(offer(n, MANAGED.syntax, *[NDR20] * 11) for n in range(255))
    big = Bind(1, many, filler=bytes(65532 - len(Bind(1, many).encode())))
    client = RawClient()
    assert isinstance(client.send(big)[0], BindAck)
    alter = dataclasses.replace(AlterContext(2, many), filler=big.filler)
    assert isinstance(client.send(alter)[0], AlterContextResp)


# Calls


def test_context_ids_are_cut_to_a_byte_in_responses_only() -> None:
    client = RawClient()
    client.bind(offer(0x1234))
    check_works(client, 0x1234)
    assert fault(client.send(Request(3, 0x1234, 9))) == (3, Status.OP_RNG_ERROR, 0x1234, True)


@pytest.mark.parametrize(
    ("status", "sent"), [(0x6F7, 0x6F7), (0xC0000005, Status.S_FAULT_UNSPEC), (0x80070005, 0x80070005)]
)
def test_a_call_may_fail_without_harm_to_the_connection(status: int, sent: int) -> None:
    client = bound()
    client.send(Request(3, 1, 0))
    assert client.tell(CallFailed(3, status)) == [Fault(3, sent, 1)]
    client.send(Request(3, 1, 0))
    assert client.tell(CallFailed(3, status, did_not_execute=True)) == [Fault(3, sent, 1, WHOLE | DNE)]
    check_works(client)


@pytest.mark.parametrize("call_id", [0, 0xFFFFFFFF])
def test_any_call_id_can_be_used_again_and_again(call_id: int) -> None:
    client = bound()
    check_works(client, call_id=call_id)
    check_works(client, call_id=call_id)


def test_a_connection_that_is_not_multiplexed_runs_one_call() -> None:
    client = bound()
    client.send(Request(3, 1, 0))
    seen = client.send(Request(4, 1, 0))
    assert fault(seen) == (4, Status.PROTO_ERROR, 0, False)
    assert seen[1] == CancelCall(3)
    assert ended(seen)


def test_a_multiplexed_connection_runs_many_calls_and_answers_in_any_order() -> None:
    client = bound(flags=WHOLE | MPX)
    for call_id in range(64):
        started(client.send(Request(call_id, 1, 0)))
    for call_id in reversed(range(64)):
        assert client.finish(call_id) == [Response(call_id, 1, b"done", alloc_hint=4)]


def test_a_call_id_in_use_cannot_be_used_again_yet() -> None:
    client = bound(flags=WHOLE | MPX)
    client.send(Request(3, 1, 0))
    seen = client.send(Request(3, 1, 0))
    assert fault(seen) == (3, Status.PROTO_ERROR, 0, False)
    assert ended(seen)


def test_multiplexing_needs_a_context_accepted_by_the_bind() -> None:
    client = RawClient()
    assert client.bind(offer(1, UNKNOWN), flags=WHOLE | MPX).flags == WHOLE
    [answer] = client.send(AlterContext(2, (offer(1),), flags=WHOLE | MPX))
    assert isinstance(answer, AlterContextResp)
    assert answer.flags == WHOLE
    client.send(Request(3, 1, 0))
    assert ended(client.send(Request(4, 1, 0)))


@pytest.mark.parametrize("limits", [Limits(calls=1), Limits(running_stubs=7)])
def test_too_much_at_once_is_too_busy(limits: Limits) -> None:
    client = bound(flags=WHOLE | MPX, limits=limits)
    started(client.send(Request(3, 1, 0, bytes(4))))
    seen = client.send(Request(4, 1, 0, bytes(4)))
    assert fault(seen) == (4, Status.SERVER_TOO_BUSY, 1, True)
    assert [type(one) for one in seen] == [Fault, TellRefusal]
    client.finish(3)
    started(client.send(Request(4, 1, 0, bytes(4))))


def test_responses_are_cut_below_the_agreed_size() -> None:
    client = RawClient()
    client.send(Bind(1, (offer(1),), 4088, 4088))
    client.send(Request(2, 1, 0))
    stub = bytes(range(256)) * 40
    answers = [answer for answer in client.finish(2, stub) if isinstance(answer, Response)]
    assert b"".join(answer.stub for answer in answers) == stub
    assert max(len(answer.encode()) for answer in answers) == 4080
    assert [answer.flags for answer in answers] == [FIRST, MIDDLE, LAST]
    assert [answer.alloc_hint for answer in answers] == [10240, 10240 - 4056, 10240 - 2 * 4056]


def test_an_empty_response_is_one_pdu() -> None:
    client = bound()
    client.send(Request(2, 1, 0))
    assert client.finish(2, b"") == [Response(2, 1)]


def test_calls_after_a_fault_for_an_unknown_context_go_on_and_its_fragments_are_dropped() -> None:
    client = bound()
    assert fault(client.send(Request(2, 9, 0, flags=FIRST))) == (2, Status.UNK_IF, 0, True)
    assert client.send(Request(2, 9, 0, flags=MIDDLE)) == []
    assert client.send(Request(2, 9, 0, flags=LAST)) == []
    check_works(client, call_id=2)


# Headers


@pytest.mark.parametrize(
    ("at", "value"), [(1, 1), (0, 4), (4, 0x11), (5, 1), (7, 1), (10, 0xFF)], ids=lambda value: f"{value:x}"
)
def test_headers_that_may_not_stand_are_refused(at: int, value: int) -> None:
    def spoilt(pdu: Pdu) -> bytes:
        wire = bytearray(pdu.encode())
        wire[at] = value
        return bytes(wire)

    trailer = SecTrailer(AuthType.NTLM, AuthLevel.PKT, 1, b"token")
    check_nak(RawClient().send(spoilt(Bind(1, (offer(1),)))), 4)
    for pdu in (AlterContext(2, (offer(1),)), Request(2, 1, 0), Auth3(2, trailer), Cancel(2), Orphaned(2)):
        check_fault(bound().send(spoilt(pdu)), 2, Status.PROTO_ERROR, 0, dne=True)


def test_a_body_cut_short_under_a_good_header_is_refused() -> None:
    def cut(pdu: Pdu, size: int) -> bytes:
        wire = bytearray(pdu.encode()[:size])
        wire[8:10] = size.to_bytes(2, "little")
        return bytes(wire)

    check_nak(RawClient().send(cut(Bind(1, (offer(1),)), 40)), 4)
    check_fault(bound().send(cut(AlterContext(2, (offer(1),)), 40)), 2, Status.PROTO_ERROR, 0, dne=True)
    check_fault(bound().send(cut(Request(2, 1, 0), 23)), 2, Status.PROTO_ERROR, 0, dne=True)
    check_fault(bound().send(cut(Auth3(2, None), 18)), 2, Status.PROTO_ERROR, 0, dne=True)
    wanting = Request(2, 1, 0, object_uuid=UUID(int=1))
    check_fault(bound().send(cut(wanting, 39)), 2, Status.PROTO_ERROR, 0, dne=True)


@pytest.mark.parametrize("size", [0, 15])
def test_less_than_a_header_ends_without_an_answer(size: int) -> None:
    seen = RawClient().send(bytes(size))
    assert ended(seen)
    assert len(seen) == 1


# Security that is not there


@pytest.mark.parametrize(
    ("level", "reason"), [(2, 8), (3, 8), (4, 8), (5, 8), (6, 8), (1, 0), (0, 0), (7, 0), (255, 0)]
)
def test_unknown_mechanisms_are_refused_after_the_level_was_judged(level: int, reason: int) -> None:
    trailer = SecTrailer(AuthType(1), AuthLevel(level), 0, b"none")
    check_nak(RawClient().send(Bind(1, (offer(1),), auth=trailer)), reason)
    seen = bound().send(AlterContext(2, (offer(1),), auth=trailer))
    check_fault(seen, 2, Status.ACCESS_DENIED, 0, dne=True)


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4])
def test_a_token_where_nothing_was_authenticated_is_denied(level: int) -> None:
    client = bound()
    check_works(client)
    seen = client.send(Request(3, 1, 0, auth=SecTrailer(AuthType.NONE, AuthLevel(level), 0, b"none")))
    check_fault(seen, 3, Status.ACCESS_DENIED, 1, dne=False)


@pytest.mark.parametrize("token", [None, b"token"])
def test_auth3_before_any_security_is_a_protocol_error(token: bytes | None) -> None:
    trailer = SecTrailer(AuthType.NTLM, AuthLevel.PKT, 1, token) if token else None
    check_fault(bound().send(Auth3(2, trailer)), 2, Status.PROTO_ERROR, 0, dne=True)


def test_an_interface_that_wants_privacy_can_be_bound_and_not_called() -> None:
    client = RawClient()
    client.bind(offer(1, SyntaxId(UUID("12345678-1234-abcd-ef00-01234567cffb"), 1)))
    check_fault(client.send(Request(2, 1, 0)), 2, Status.ACCESS_DENIED, 1, dne=False)


# Association groups


def test_groups_are_joined_by_the_same_client_and_by_nobody_else() -> None:
    where = endpoint()
    first, second = RawClient(where), RawClient(where)
    group_id = first.bind(offer(1)).assoc_group_id
    assert group_id
    assert second.bind(offer(2), group_id=group_id).assoc_group_id == group_id
    check_works(first, 1)
    check_works(second, 2)
    seen = second.send(Request(1, 1, 0))
    assert [fault(seen), len(seen)] == [(1, Status.UNK_IF, 0, True), 1]
    stranger = RawClient(where, identity="10.0.0.2")
    check_nak(stranger.send(Bind(1, (offer(1),), assoc_group_id=group_id)), 0)
    check_nak(RawClient(where).send(Bind(1, (offer(1),), assoc_group_id=1)), 0)


def test_groups_differ_unless_joined_and_die_with_their_last_connection() -> None:
    where = endpoint()
    first, second = RawClient(where), RawClient(where)
    group_id = first.bind().assoc_group_id
    assert second.bind().assoc_group_id != group_id
    first.tell(TransportClosed())
    check_nak(RawClient(where).send(Bind(1, (offer(1),), assoc_group_id=group_id)), 0)


def test_too_many_groups_are_a_local_limit() -> None:
    where = endpoint(groups=1)
    RawClient(where).bind()
    check_nak(RawClient(where).send(Bind(1, (offer(1),))), 2)


def test_a_refused_bind_leaves_no_group_behind() -> None:
    where = endpoint()
    check_nak(RawClient(where).send(Bind(1, (features(2), features(1)))), 0)
    assert len(where.associations) == 0


# Context handles and the end


def test_handles_are_run_down_when_the_last_connection_and_the_last_call_are_gone() -> None:
    where, gone = endpoint(), []
    first, second = RawClient(where), RawClient(where)
    group_id = first.bind(flags=WHOLE | MPX).assoc_group_id
    second.bind(group_id=group_id)
    call = started(first.send(Request(2, 0, 0)))
    handle = call.association.open("state", rundown=lambda: gone.append("state"))
    assert started(second.send(Request(5, 0, 0))).association.find(handle, str) == "state"
    assert second.tell(TransportClosed()) == [CancelCall(5)]
    assert first.tell(TransportClosed()) == [CancelCall(2)]
    assert first.finish(2) == []
    [action] = second.finish(5)
    assert isinstance(action, RunDown)
    for routine in action.routines:
        routine()
    assert gone == ["state"]


def test_an_idle_association_is_run_down_at_once() -> None:
    client = RawClient()
    client.bind()
    started(client.send(Request(2, 0, 0))).association.open("state", rundown=lambda: None)
    client.finish(2)
    [action] = client.tell(TransportClosed())
    assert isinstance(action, RunDown)


def test_a_refused_bind_leaves_nothing_to_use() -> None:
    refused = RawClient(endpoint(secure=True))
    check_nak(refused.send(Bind(1, (offer(1),), auth=SecTrailer(AuthType(111), AuthLevel.PKT, 1, b"x"))), 8)
    for pdu in (Bind(2, (offer(1),)), AlterContext(2, (offer(1),)), Request(2, 1, 0)):
        assert refused.send(pdu) == []


def test_nothing_happens_after_the_end() -> None:
    client = bound(flags=WHOLE | MPX)
    client.send(Request(2, 1, 0))
    client.send(Request(3, 1, 0))
    seen = client.send(Shutdown())
    assert isinstance(seen[0], Fault)
    assert seen[1:3] == [CancelCall(2), CancelCall(3)]
    assert ended(seen)
    assert client.send(Request(4, 1, 0)) == []
    assert client.tell(TransportClosed()) == []
    assert client.tell(Tick()) == []
    assert client.finish(2) == []
    assert client.tell(CallFailed(3, 5)) == []
    assert client.tell(SecurityStepped(Established())) == []


def test_a_connection_lost_before_its_bind_just_ends() -> None:
    client = RawClient()
    assert client.tell(TransportClosed()) == []
    assert client.machine.state is State.CLOSED


# Time


def test_a_client_that_never_binds_is_sent_away() -> None:
    client = RawClient(endpoint(limits=Limits(bind_timeout=5)))
    assert client.machine.deadline == 5
    client.now = 4.9
    assert client.tell(Tick()) == []
    client.now = 5
    [action] = client.tell(Tick())
    assert isinstance(action, Disconnect)
    assert isinstance(action.why, TransportError)
    assert str(action.why) == "no bind came in time"
    assert client.machine.deadline is None


def test_a_request_must_be_completed_in_time() -> None:
    client = bound(limits=Limits(fragment_timeout=5))
    deadlines = [client.machine.deadline]
    for now, flags in [(10, FIRST), (12, MIDDLE)]:
        client.now = now
        client.send(Request(2, 1, 0, flags=flags))
        deadlines.append(client.machine.deadline)
    assert deadlines == [None, 15, 17]
    client.now = 17
    assert ended(client.tell(Tick()))


def test_a_request_that_runs_takes_the_time_it_takes() -> None:
    client = bound()
    client.send(Request(2, 1, 0, flags=FIRST))
    client.send(Request(2, 1, 0, flags=LAST))
    assert client.machine.deadline is None


# Our own mistakes


def test_answers_to_calls_that_do_not_run_are_our_own_mistake() -> None:
    client = bound()
    with pytest.raises(LocalProtocolError, match="call 9 does not run"):
        client.finish(9)
    with pytest.raises(LocalProtocolError, match="no mechanism was asked"):
        client.tell(SecurityStepped(Established()))


# Every PDU in every state

TRAILER = SecTrailer(AuthType.NTLM, AuthLevel.PKT, 1, b"token")
EVERY: list[Pdu] = [
    Request(2, 1, 0),
    Request(2, 1, 0, auth=TRAILER),
    Response(2, 1),
    Fault(2, 5),
    Bind(2, (offer(1),)),
    Bind(2, (offer(1),), auth=TRAILER),
    BindAck(2, (ACCEPTED,)),
    BindNak(2, 0),
    AlterContext(2, (offer(1),)),
    AlterContext(2, (offer(1),), auth=TRAILER),
    AlterContextResp(2, (ACCEPTED,)),
    Auth3(2, TRAILER),
    Auth3(2, None),
    Shutdown(2),
    Cancel(2),
    Orphaned(2),
]
FOREIGN = [bytes((5, 0, kind, 3, 16, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0)) for kind in (1, 4, 20, 21, 255)]


def in_state(state: State) -> RawClient:
    """A client whose connection is there by what it did."""
    client = RawClient(endpoint(secure=True))
    if state is not State.NEW:
        client.bind(offer(1))
    if state is State.STEPPING:
        client.steps = False
        context = ToyContext(5)
        seen = client.send(AlterContext(2, (offer(1),), auth=context.leg(context.mechanism.first())))
        assert isinstance(seen[0], StepSecurity)
    if state is State.CLOSED:
        client.tell(TransportClosed())
    assert client.machine.state is state
    return client


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    "pdu",
    [*[pdu.encode() for pdu in EVERY], *FOREIGN],
    ids=lambda data: f"{PduType(data[2]).name}-{len(data)}",
)
def test_every_state_answers_every_pdu(state: State, pdu: bytes) -> None:
    client = in_state(state)
    seen = client.send(pdu)
    kind = PduType(pdu[2])
    if state in (State.CLOSED, State.STEPPING):
        assert seen == []
        assert client.machine.state is state
    elif kind not in LEGAL[state]:
        assert ended(seen)
        assert isinstance(seen[0], BindNak if state is State.NEW or kind is PduType.BIND else Fault)
        assert client.machine.state is State.CLOSED
    else:
        assert client.machine.state in (State.BOUND, State.STEPPING, State.CLOSED)
        assert not any(isinstance(one, Disconnect) for one in seen[:-1])


def test_outcomes_have_their_wire_numbers() -> None:
    assert [outcome.value for outcome in ContextOutcome] == [0, 1, 2, 3]
    assert PduReceived(b"secret") != PduReceived(b"")
    assert "secret" not in repr(PduReceived(b"secret"))
    assert isinstance(started(bound().send(Request(2, 1, 0, b"secret"))), StartCall)


def beyond_fragment() -> list[Seen]:
    return bound(limits=Limits(fragment=2048)).send(Request(2, 1, 0, bytes(2048)))


def beyond_request() -> list[Seen]:
    return bound(limits=Limits(request=100)).send(Request(2, 1, 0, bytes(101)))


def beyond_empty_fragments() -> list[Seen]:
    client = bound(limits=Limits(empty_fragments=1))
    client.send(Request(3, 1, 0, flags=FIRST))
    return client.send(Request(3, 1, 0, flags=MIDDLE))


def beyond_contexts() -> list[Seen]:
    return RawClient(endpoint(limits=Limits(contexts=0))).send(Bind(1, (offer(1),)))


def beyond_security_contexts() -> list[Seen]:
    client = RawClient(endpoint(secure=True, limits=Limits(security_contexts=0)))
    client.bind(offer(1))
    context = ToyContext(5)
    return client.send(AlterContext(2, (offer(1),), auth=context.leg(context.mechanism.first())))


def beyond_calls(limits: Limits | None = None) -> list[Seen]:
    client = bound(flags=WHOLE | MPX, limits=limits or Limits(calls=1))
    client.send(Request(3, 1, 0, bytes(4)))
    return client.send(Request(4, 1, 0, bytes(4)))


def beyond_running_stubs() -> list[Seen]:
    return beyond_calls(Limits(running_stubs=7))


def beyond_held() -> list[Seen]:
    client = RawClient(endpoint(secure=True, limits=Limits(held=100)))
    client.bind(offer(1))
    client.steps = False
    context = ToyContext(5)
    client.send(AlterContext(2, (offer(1),), auth=context.leg(context.mechanism.first())))
    return client.send(Request(3, 1, 0, bytes(100)))


@pytest.mark.parametrize(
    ("beyond", "limit"),
    [
        (beyond_fragment, "fragment is 2048"),
        (beyond_request, "request is 100"),
        (beyond_empty_fragments, "empty-fragments is 1"),
        (beyond_contexts, "contexts is 0"),
        (beyond_security_contexts, "security-contexts is 0"),
        (beyond_calls, "calls is 1"),
        (beyond_running_stubs, "running-stubs is 7"),
        (beyond_held, "held is 100"),
    ],
)
def test_every_refusal_names_its_limit(beyond: Callable[[], list[Seen]], limit: str) -> None:
    (why,) = [str(one.why) for one in beyond() if isinstance(one, Disconnect | TellRefusal)]
    assert f"the limit {limit}" in why


def test_legs_are_taken_by_the_driver_and_answered_by_the_machine() -> None:
    client = RawClient(endpoint(secure=True, limits=Limits(held=100)))
    client.bind(offer(1))
    client.steps = False
    context = ToyContext(5)
    leg = AlterContext(2, (offer(1),), auth=context.leg(context.mechanism.first()))
    [step] = client.send(leg)
    assert isinstance(step, StepSecurity)
    assert client.machine.state is State.STEPPING
    assert client.send(Request(3, 1, 0)) == []
    answer, call = client.tell(SecurityStepped(Continue(b"leg 2:alice")))
    assert isinstance(answer, AlterContextResp)
    assert isinstance(call, StartCall)
    client.send(Auth3(2, context.leg(b"leg 3:alice")))
    assert ended(client.send(Request(4, 1, 0, bytes(100))))
