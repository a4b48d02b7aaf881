"""Fragments under several security contexts; those without security are in `test_server_side`.

The table of mixed fragments follows the 39 cases of an independent raw-protocol test suite.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rpch.dcerpc.fragments import Reassembly
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AuthLevel,
    AuthType,
    Fault,
    Header,
    Orphaned,
    PfcFlags,
    Request,
    SecTrailer,
)
from rpch.dcerpc.presentation import PresentationContext, PresentationContexts
from rpch.dcerpc.refusals import Refused
from rpch.dcerpc.request_assembly import IncomingCall, RequestAssembly
from rpch.dcerpc.security import Segments, protected
from rpch.dcerpc.security_contexts import SecurityContexts, anonymous
from rpch.dcerpc.server_side import CancelCall
from rpch.dcerpc.statuses import Status
from rpch.dcerpc.verification import RequestFacts, verification_trailer
from rpch.testing.mechanisms import ToyProvider
from rpch.testing.raw_rpc import (
    INTERFACES,
    MANAGED,
    MAPPED,
    PRIVATE,
    RawClient,
    ToyContext,
    ended,
    endpoint,
    offer,
    started,
)

FIRST, LAST, MIDDLE = PfcFlags.FIRST_FRAG, PfcFlags.LAST_FRAG, PfcFlags.NONE
FORGED = SecTrailer(AuthType(111), AuthLevel(111), 111, b"")
STUB = bytes(range(45))
PROTO, DENIED, PKG = Status.PROTO_ERROR, Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR
ACCEPTED = None


class Mixed:
    """A client with two security contexts, perhaps with the first fragment of call 3 sent by the first."""

    def __init__(self, *, multiplexed: bool) -> None:
        self.client = RawClient(endpoint(secure=True))
        self.client.bind(offer(1), flags=WHOLE | PfcFlags.CONC_MPX if multiplexed else WHOLE)
        self.one = ToyContext(1, AuthLevel.PKT_INTEGRITY)
        self.two = ToyContext(2, AuthLevel.PKT)
        for context in (self.one, self.two):
            self.client.authenticate(context, offer(1))

    def begin(self) -> None:
        request = Request(3, 1, 0, STUB[:16], 45, flags=FIRST)
        assert self.client.send(self.one.protect(request)) == []

    def second(
        self, flags: PfcFlags, call_id: int, signer: int | None, trailer: SecTrailer, other: int
    ) -> bytes:
        """The second PDU; `other` is its presentation context, and 111 its opnum when that is forged."""
        request = Request(call_id, other, 111 if other == 111 else 0, STUB[16:], flags=flags)
        if signer is None:
            return request.encode()
        mechanism = (self.one if signer == 1 else self.two).mechanism
        return protected(request, mechanism, trailer, header_signing=False)


ONE = ToyContext(1, AuthLevel.PKT_INTEGRITY).trailer
TWO = ToyContext(2, AuthLevel.PKT).trailer

# multiplexed, flags, call, signed by, trailer, presentation context; then status, call, context of the fault
MIXES = [
    (False, LAST, 3, 2, TWO, 1, (PKG, 3, 1)),
    (False, LAST, 3, 1, FORGED, 111, ACCEPTED),
    (False, LAST, 3, None, ONE, 1, (PROTO, 3, 1)),
    (False, LAST, 3, None, ONE, 111, (PROTO, 3, 1)),
    (True, LAST, 3, None, ONE, 1, (PROTO, 3, 1)),
    (True, LAST, 3, None, ONE, 111, (PROTO, 3, 1)),
    (False, LAST, 4, 2, TWO, 1, (PROTO, 3, 1)),
    (False, LAST, 4, 1, FORGED, 111, (PROTO, 3, 1)),
    (False, LAST, 4, None, ONE, 1, (PROTO, 3, 1)),
    (False, LAST, 4, None, ONE, 111, (PROTO, 3, 1)),
    (True, LAST, 4, 1, FORGED, 111, (PROTO, 4, 0)),
    (True, LAST, 4, None, ONE, 1, (PROTO, 4, 0)),
    (True, LAST, 4, None, ONE, 111, (PROTO, 4, 0)),
    (False, FIRST, 3, 2, TWO, 1, (PKG, 3, 1)),
    (True, FIRST, 3, 2, TWO, 1, (PKG, 3, 1)),
    (False, FIRST, 3, 1, FORGED, 111, (PROTO, 3, 1)),
    (True, FIRST, 3, 1, FORGED, 111, (PROTO, 3, 1)),
    (False, FIRST, 3, None, ONE, 1, (PROTO, 3, 1)),
    (True, FIRST, 3, None, ONE, 1, (PROTO, 3, 1)),
    (False, FIRST, 3, None, ONE, 111, (PROTO, 3, 1)),
    (True, FIRST, 3, None, ONE, 111, (PROTO, 3, 1)),
    (False, FIRST, 4, 2, TWO, 1, (PROTO, 3, 1)),
    (False, FIRST, 4, 1, FORGED, 111, (PROTO, 3, 1)),
    (True, FIRST, 4, 1, FORGED, 111, (PROTO, 4, 0)),
    (False, FIRST, 4, None, ONE, 1, (PROTO, 3, 1)),
    (True, FIRST, 4, None, ONE, 1, (PROTO, 4, 0)),
    (False, FIRST, 4, None, ONE, 111, (PROTO, 3, 1)),
    (True, FIRST, 4, None, ONE, 111, (PROTO, 4, 0)),
]


@pytest.mark.parametrize(("multiplexed", "flags", "call_id", "signer", "trailer", "other", "expected"), MIXES)
def test_a_second_fragment_under_other_security(
    multiplexed: bool,
    flags: PfcFlags,
    call_id: int,
    signer: int | None,
    trailer: SecTrailer,
    other: int,
    expected: tuple[Status, int, int] | None,
) -> None:
    mixed = Mixed(multiplexed=multiplexed)
    mixed.begin()
    seen = mixed.client.send(mixed.second(flags, call_id, signer, trailer, other))
    if expected is None:
        assert started(seen).stub == STUB
        return
    status, about, context_id = expected
    assert seen[0] == Fault(about, status, context_id)
    assert ended(seen)


TYPE_ONLY = SecTrailer(AuthType(111), AuthLevel.PKT_INTEGRITY, 1, b"")
LEVEL_ONLY = SecTrailer(AuthType.NTLM, AuthLevel(111), 1, b"")
CONTEXT_ONLY = SecTrailer(AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 111, b"")


@pytest.mark.parametrize("trailer", [ONE, FORGED, TYPE_ONLY, LEVEL_ONLY, CONTEXT_ONLY])
@pytest.mark.parametrize("other", [1, 111])
def test_a_middle_fragment_alone(trailer: SecTrailer, other: int) -> None:
    mixed = Mixed(multiplexed=False)
    seen = mixed.client.send(mixed.second(MIDDLE, 3, 1, trailer, other))
    assert seen[0] == Fault(3, PROTO, 0)
    assert ended(seen)


@pytest.mark.parametrize(
    ("trailer", "status"),
    [(ONE, PROTO), (FORGED, DENIED), (TYPE_ONLY, DENIED), (LEVEL_ONLY, DENIED), (CONTEXT_ONLY, DENIED)],
)
def test_a_middle_fragment_alone_on_a_multiplexed_connection(trailer: SecTrailer, status: Status) -> None:
    mixed = Mixed(multiplexed=True)
    seen = mixed.client.send(mixed.second(MIDDLE, 3, 1, trailer, 1))
    assert seen[0] == Fault(3, status, 1)
    assert ended(seen)


def test_a_middle_fragment_alone_of_an_unknown_context_ends_nothing() -> None:
    mixed = Mixed(multiplexed=True)
    seen = mixed.client.send(mixed.second(MIDDLE, 3, 1, FORGED, 111))
    assert seen == [Fault(3, Status.UNK_IF, 0, WHOLE | PfcFlags.DID_NOT_EXECUTE)]


def test_calls_refused_for_their_context_keep_the_sequence_numbers_in_step() -> None:
    mixed = Mixed(multiplexed=False)
    unknown = [Request(3, 9, 0, b"a", flags=FIRST), Request(3, 9, 0, b"b", flags=LAST)]
    seen = [mixed.client.send(mixed.one.protect(request)) for request in unknown]
    assert seen == [[Fault(3, Status.UNK_IF, 0, WHOLE | PfcFlags.DID_NOT_EXECUTE)], []]
    assert started(mixed.client.send(mixed.one.protect(Request(4, 1, 0, b"c")))).stub == b"c"


def test_a_forged_fragment_of_an_abandoned_call_is_refused() -> None:
    mixed = Mixed(multiplexed=False)
    mixed.client.send(mixed.one.protect(Request(3, 9, 0, b"a", flags=FIRST)))
    seen = mixed.client.send(mixed.second(LAST, 3, 2, ONE, 9))
    assert seen[0] == Fault(3, PKG, 0)
    assert ended(seen)


def test_a_signed_orphan_moves_the_sequence_numbers_and_a_forged_one_is_not_heeded() -> None:
    mixed = Mixed(multiplexed=False)
    started(mixed.client.send(mixed.one.protect(Request(3, 1, 0))))
    wire = Orphaned(3, auth=replace(ONE, token=bytes(16))).encode()
    assert mixed.client.send(wire) == []
    parts = Segments(wire[:16], b"", wire[16:24])
    _, token = mixed.one.mechanism.protect(parts, header_signing=False)
    assert mixed.client.send(wire[:24] + token) == [CancelCall(3)]
    mixed.client.finish(3)
    assert started(mixed.client.send(mixed.one.protect(Request(4, 1, 0, b"c")))).stub == b"c"


def test_an_interface_that_refuses_connect_costs_the_connection_unless_something_was_protected() -> None:
    for protected_before in (False, True):
        client = RawClient(endpoint(secure=True))
        client.bind(offer(1, MAPPED.syntax))
        client.send(AlterContext(2, (offer(2),)))
        connect, signed = ToyContext(1, AuthLevel.CONNECT), ToyContext(2)
        client.authenticate(connect, offer(2))
        client.authenticate(signed, offer(2))
        if protected_before:
            started(client.send(signed.protect(Request(3, 2, 0))))
            client.finish(3)
        request = Request(4, 1, 2, auth=connect.leg(bytes(16)), flags=FIRST)
        seen = client.send(request)
        assert seen[0] == Fault(4, DENIED, 1)
        assert ended(seen) is not protected_before
        assert client.send(Request(4, 1, 2, flags=LAST)) == []


@pytest.mark.parametrize(("user", "welcome"), [(b"alice", True), (b"", False)])
def test_a_sealed_call_by_nobody_is_refused_where_privacy_is_wanted(user: bytes, *, welcome: bool) -> None:
    client, context = RawClient(endpoint(secure=True)), ToyContext(1, AuthLevel.PKT_PRIVACY, user=user)
    client.bind(offer(1))
    client.authenticate(context, offer(2, PRIVATE.syntax))
    seen = client.send(context.protect(Request(3, 2, 0, b"told")))
    if welcome:
        assert started(seen).stub == b"told"
    else:
        assert seen == [Fault(3, DENIED, 2)]


def test_only_so_many_abandoned_calls_are_remembered() -> None:
    client = RawClient()
    client.bind(offer(1))
    for call_id in range(151):
        assert client.send(Orphaned(call_id)) == []
    for call_id in range(1, 151):
        assert client.send(Request(call_id, 1, 0, flags=LAST)) == []
    assert client.send(Request(0, 1, 0, flags=LAST))[0] == Fault(0, PROTO, 0)


def test_an_incoming_call_tells_who_it_is_and_hides_what_it_says() -> None:
    header, context = (
        Header.decode(Request(3, 7, 0).encode()),
        PresentationContext(7, MANAGED, MANAGED.syntax, NDR20),
    )
    stub = Reassembly()
    stub.add(b"secret")
    call = IncomingCall(header, Request(3, 7, 0), context, anonymous(), stub)
    assert (call.call_id, call.context_id) == (3, 7)
    assert "secret" not in repr(call)


def test_what_was_half_received_can_be_forgotten() -> None:
    presentation = PresentationContexts(INTERFACES)
    presentation.bind([offer(1)])
    assembly = RequestAssembly(presentation, SecurityContexts(None))
    request = Request(3, 1, 0, b"abc", flags=FIRST)
    data = request.encode()
    assert assembly.take(data, Header.decode(data), request, multiplexed=False, running=False) is None
    assert assembly.incomplete is not None
    assembly.clear()
    assert assembly.incomplete is None


def plain(*, limit: int = 100) -> RequestAssembly:
    presentation = PresentationContexts(INTERFACES)
    presentation.bind([offer(1)])
    return RequestAssembly(presentation, SecurityContexts(ToyProvider()), limit=limit, empty_limit=1)


def take(
    assembly: RequestAssembly, request: Request, *, running: bool = False, little_endian: bool = True
) -> IncomingCall | None:
    data = request.encode(little_endian=little_endian)
    return assembly.take(data, Header.decode(data), request, multiplexed=False, running=running)


@pytest.mark.parametrize(
    ("request_", "running", "status", "unrun"),
    [
        (Request(3, 1, 0), True, PROTO, False),
        (Request(3, 1, 0, flags=FIRST | PfcFlags.PENDING_CANCEL), False, Status.RPC_S_NO_CALL_ACTIVE, True),
        (Request(3, 1, 0, auth=SecTrailer(ONE.auth_type, ONE.auth_level, 9, b"x")), False, DENIED, False),
        (Request(3, 1, 0, bytes(101)), False, DENIED, False),
        (Request(3, 1, 0, alloc_hint=101, flags=FIRST), False, DENIED, False),
    ],
)
def test_first_fragments_that_may_not_begin_a_call(
    request_: Request, running: bool, status: Status, unrun: bool
) -> None:
    with pytest.raises(Refused) as caught:
        take(plain(), request_, running=running)
    assert (caught.value.status, caught.value.did_not_execute) == (status, unrun)
    assert caught.value.disconnect


def test_a_request_before_the_last_leg_does_not_begin() -> None:
    presentation, security = PresentationContexts(INTERFACES), SecurityContexts(ToyProvider())
    presentation.bind([offer(1)])
    security.begin(ONE)
    with pytest.raises(Refused, match="before the legs") as caught:
        take(RequestAssembly(presentation, security), Request(3, 1, 0, auth=ONE))
    assert caught.value.did_not_execute


def test_one_request_is_in_one_byte_order() -> None:
    assembly = plain()
    take(assembly, Request(3, 1, 0, flags=FIRST))
    with pytest.raises(Refused, match="two data representations"):
        take(assembly, Request(3, 1, 0, flags=LAST), little_endian=False)


def test_fragments_that_bring_nothing_are_counted() -> None:
    assembly = plain()
    take(assembly, Request(3, 1, 0, flags=FIRST))
    with pytest.raises(Refused, match="without stub data") as caught:
        take(assembly, Request(3, 1, 0, flags=LAST))
    assert (caught.value.status, caught.value.context_id) == (PROTO, 1)


def test_a_verification_trailer_must_tell_the_truth() -> None:
    facts = RequestFacts(4, 1, 0, MANAGED.syntax, NDR20)
    for call_id in (4, 3):
        assembly = plain()
        stub = b"stub" + verification_trailer(facts, header=True)
        call = take(assembly, Request(call_id, 1, 0, stub))
        assert call is not None
        if call_id == 4:
            assert assembly.whole_stub(call) == b"stub"
        else:
            with pytest.raises(Refused, match="verification trailer"):
                assembly.whole_stub(call)
