from __future__ import annotations

from uuid import UUID

import pytest

from rpch.dcerpc.fragments import (
    Reassembly,
    StubTooLarge,
    TooManyEmptyFragments,
    chunk_size,
    request_fragments,
    response_fragments,
)
from rpch.dcerpc.pdus import PfcFlags, Request, Response
from rpch.errors import LocalProtocolError

FIRST, LAST = PfcFlags.FIRST_FRAG, PfcFlags.LAST_FRAG
OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")


@pytest.mark.parametrize(
    ("fragment", "header", "token", "expected"),
    [
        (5840, 24, None, 5816),
        (5840, 40, None, 5800),
        (4088, 24, None, 4064),
        (5839, 24, None, 5808),
        (5840, 24, 16, 5792),  # 5840 - 24 - 8 - 16 = 5792
        (5840, 24, 28, 5776),  # 5780 rounded down to 16
        (48, 24, None, 24),
    ],
)
def test_chunks_leave_room_for_header_and_token(
    fragment: int, header: int, token: int | None, expected: int
) -> None:
    assert chunk_size(fragment, header, token=token) == expected


@pytest.mark.parametrize("token", [None, 16])
def test_fragments_too_small_for_any_stub_are_our_own_mistake(token: int | None) -> None:
    with pytest.raises(LocalProtocolError):
        chunk_size(24, 24, token=token)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, [(FIRST | LAST, 0, 0)]),
        (1, [(FIRST | LAST, 1, 1)]),
        (64, [(FIRST | LAST, 64, 64)]),
        (65, [(FIRST, 65, 64), (LAST, 1, 1)]),
        (150, [(FIRST, 150, 64), (PfcFlags.NONE, 86, 64), (LAST, 22, 22)]),
        (192, [(FIRST, 192, 64), (PfcFlags.NONE, 128, 64), (LAST, 64, 64)]),
    ],
)
def test_responses_are_cut_with_flags_and_remaining_bytes(
    size: int, expected: list[tuple[PfcFlags, int, int]]
) -> None:
    stub = bytes(range(256))[:size]
    pieces = list(response_fragments(Response(3, 7, stub), fragment=88))
    assert [(piece.flags, piece.alloc_hint, len(piece.stub)) for piece in pieces] == expected
    assert b"".join(piece.stub for piece in pieces) == stub
    assert {(piece.call_id, piece.context_id) for piece in pieces} == {(3, 7)}
    assert all(len(piece.encode()) <= 88 for piece in pieces)


def test_requests_repeat_their_object_and_keep_their_other_flags() -> None:
    request = Request(3, 7, 9, bytes(100), object_uuid=OBJECT, flags=PfcFlags.MAYBE)
    pieces = list(request_fragments(request, fragment=104))
    assert [len(piece.stub) for piece in pieces] == [64, 36]
    assert [piece.alloc_hint for piece in pieces] == [100, 36]
    assert [piece.flags for piece in pieces] == [PfcFlags.MAYBE | FIRST, PfcFlags.MAYBE | LAST]
    assert {(piece.object_uuid, piece.opnum, piece.context_id) for piece in pieces} == {(OBJECT, 9, 7)}


def test_protected_fragments_leave_room_and_end_on_sixteen() -> None:
    pieces = list(response_fragments(Response(1, 0, bytes(100)), fragment=88, token=16))
    assert [len(piece.stub) for piece in pieces] == [32, 32, 32, 4]


def test_fragments_join_to_what_was_cut() -> None:
    stub = bytes(range(256)) * 10
    joined = Reassembly()
    for piece in request_fragments(Request(1, 0, 0, stub), fragment=128):
        joined.add(piece.stub, hint=piece.alloc_hint)
    assert len(joined) == len(stub)
    assert joined.finish() == stub
    assert len(joined) == 0


def test_exactly_the_limit_is_accepted_and_one_more_is_not() -> None:
    joined = Reassembly(limit=100)
    joined.add(bytes(60), hint=100)
    joined.add(bytes(40), hint=40)
    with pytest.raises(StubTooLarge, match="101 bytes of stub data exceed the limit of 100"):
        joined.add(b"x")
    assert len(joined) == 100


@pytest.mark.parametrize(("already", "hint"), [(0, 101), (60, 41), (60, 0xFFFFFFFF)])
def test_a_hint_beyond_the_limit_is_refused_at_once(already: int, hint: int) -> None:
    joined = Reassembly(limit=100)
    joined.add(bytes(already))
    with pytest.raises(StubTooLarge):
        joined.add(b"x", hint=hint)


def test_empty_fragments_are_legal_up_to_a_number() -> None:
    joined = Reassembly(empty_limit=3)
    for _ in range(3):
        joined.add(b"")
    joined.add(b"x")
    with pytest.raises(TooManyEmptyFragments, match="more than 3"):
        joined.add(b"")
    assert joined.finish() == b"x"
