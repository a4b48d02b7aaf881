"""Calls a client waits for: fragments, interleaving, and answers that do not fit."""

import pytest

from rpch.dcerpc.client_calls import AwaitedCalls
from rpch.dcerpc.client_events import CallCompleted
from rpch.dcerpc.fragments import StubTooLarge, TooManyEmptyFragments
from rpch.dcerpc.pdus import WHOLE, Header, PfcFlags, Response, decode_pdu
from rpch.errors import DecodeError, UnexpectedMessage

FIRST, MIDDLE, LAST = PfcFlags.FIRST_FRAG, PfcFlags.NONE, PfcFlags.LAST_FRAG


def receive(
    calls: AwaitedCalls,
    call_id: int,
    stub: bytes,
    flags: PfcFlags = WHOLE,
    *,
    context_id: int = 0,
    little_endian: bool = True,
    alloc_hint: int = 0,
) -> CallCompleted | None:
    wire = Response(call_id, context_id, stub, alloc_hint, flags=flags).encode(little_endian=little_endian)
    pdu = decode_pdu(wire)
    assert isinstance(pdu, Response)
    return calls.received(pdu, Header.decode(wire), pdu.stub)


def waiting(*call_ids: int, context_id: int = 0, limit: int = 100) -> AwaitedCalls:
    calls = AwaitedCalls(response_limit=limit)
    for call_id in call_ids:
        calls.sent(call_id, context_id)
    return calls


def test_an_answer_in_one_fragment() -> None:
    calls = waiting(5)
    assert receive(calls, 5, b"abc") == CallCompleted(5, b"abc", little_endian=True)
    assert len(calls) == 0


def test_an_answer_may_be_empty_and_big_endian() -> None:
    assert receive(waiting(5), 5, b"", little_endian=False) == CallCompleted(5, b"", little_endian=False)


def test_fragments_are_put_together_even_when_answers_interleave() -> None:
    calls = waiting(1, 2)
    assert receive(calls, 1, b"a", FIRST) is None
    assert receive(calls, 2, b"x", FIRST) is None
    assert receive(calls, 1, b"b", MIDDLE) is None
    assert receive(calls, 2, b"y", LAST) == CallCompleted(2, b"xy", little_endian=True)
    assert receive(calls, 1, b"", LAST) == CallCompleted(1, b"ab", little_endian=True)


def test_answers_nobody_waits_for_are_dropped_in_any_state_of_theirs() -> None:
    calls = waiting(1)
    for flags in (WHOLE, FIRST, MIDDLE, LAST):
        assert receive(calls, 2, b"abc", flags) is None
    assert 1 in calls
    assert 2 not in calls


def test_the_hint_of_an_answer_is_not_trusted() -> None:
    assert receive(waiting(1), 1, b"abc", alloc_hint=0xFFFFFFFF) is not None


@pytest.mark.parametrize("context_id", [0x0101, 0x01, 0xFF01])
def test_the_context_id_is_compared_modulo_256(context_id: int) -> None:
    assert receive(waiting(1, context_id=0x0101), 1, b"", context_id=context_id) is not None


def test_an_answer_for_another_interface_is_refused() -> None:
    with pytest.raises(DecodeError, match="another interface"):
        receive(waiting(1), 1, b"", context_id=1)


@pytest.mark.parametrize("flags", [MIDDLE, LAST])
def test_an_answer_without_a_first_fragment_is_refused(flags: PfcFlags) -> None:
    with pytest.raises(UnexpectedMessage, match="no first fragment"):
        receive(waiting(1), 1, b"", flags)


def test_a_second_first_fragment_is_refused() -> None:
    calls = waiting(1)
    receive(calls, 1, b"a", FIRST)
    with pytest.raises(UnexpectedMessage, match="second first fragment"):
        receive(calls, 1, b"b", FIRST)


def test_the_byte_order_may_not_change_within_an_answer() -> None:
    calls = waiting(1)
    receive(calls, 1, b"a", FIRST)
    with pytest.raises(DecodeError, match="byte order"):
        receive(calls, 1, b"b", LAST, little_endian=False)


def test_answers_are_bounded_in_bytes_and_in_empty_fragments() -> None:
    calls = waiting(1, limit=4)
    assert receive(calls, 1, b"abcd", FIRST) is None
    with pytest.raises(StubTooLarge):
        receive(calls, 1, b"e", LAST)
    calls = waiting(1)
    for sent in range(1024):
        receive(calls, 1, b"", MIDDLE if sent else FIRST)
    with pytest.raises(TooManyEmptyFragments):
        receive(calls, 1, b"", MIDDLE)


def test_a_call_is_cancelled_once_and_forgotten_once() -> None:
    calls = waiting(1)
    assert [calls.cancel(1), calls.cancel(1)] == [True, False]
    assert [calls.forget(1), calls.forget(1)] == [True, False]


def test_the_contexts_of_a_call_are_known_while_it_is_awaited() -> None:
    calls = waiting(1, context_id=7)
    call = calls.find(1)
    assert call is not None
    assert (call.context_id, call.protection) == (7, None)
    assert calls.find(2) is None


def test_clearing_tells_what_was_awaited() -> None:
    calls = waiting(3, 1, 2)
    assert calls.clear() == [3, 1, 2]
    assert len(calls) == 0
