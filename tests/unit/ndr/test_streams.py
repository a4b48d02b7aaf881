"""Stubs being written and read."""

import struct
from types import SimpleNamespace

import pytest

from rpch.ndr.correlation import Expression
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import Plan
from rpch.ndr.streams import BUDGET_FACTOR, BUDGET_FLOOR, Decoder, Encoder


class Scope(SimpleNamespace):
    UNSENT = frozenset({"capacity"})


def test_gaps_are_written_as_zero() -> None:
    encoder = Encoder()
    encoder.align(7)
    assert encoder.out == b""
    encoder.out += b"\1"
    encoder.align(7)
    encoder.align(7)
    assert encoder.out == b"\1" + bytes(7)


def tree() -> tuple[Plan, list[str]]:
    """A plan whose values are names; each name queues itself with 'a' and 'b' appended, twice deep."""
    plan, seen = Plan(), list[str]()

    def write(encoder: Encoder, value: str, _scope: object) -> None:
        seen.append(value)
        if len(value) < 3:
            encoder.queue += [(plan, value + "a", None), (plan, value + "b", None)]

    def read(decoder: Decoder, _slots: object, key: str, _scope: object) -> None:
        seen.append(key)
        if len(key) < 3:
            decoder.queue += [(plan, {}, key + "a", None), (plan, {}, key + "b", None)]

    plan.write, plan.read = write, read
    return plan, seen


DEPTH_FIRST = ["x", "xa", "xaa", "xab", "xb", "xba", "xbb", "y", "ya", "yaa", "yab", "yb", "yba", "ybb"]


def test_referents_are_written_depth_first() -> None:
    plan, seen = tree()
    encoder = Encoder()
    encoder.queue += [(plan, "x", None), (plan, "y", None)]
    encoder.flush()
    assert seen == DEPTH_FIRST
    assert encoder.queue == []


def test_referents_are_read_depth_first() -> None:
    plan, seen = tree()
    decoder = Decoder(b"")
    decoder.queue += [(plan, {}, "x", None), (plan, {}, "y", None)]
    decoder.flush()
    assert seen == DEPTH_FIRST
    assert decoder.queue == []


def test_reading_stops_at_the_end() -> None:
    decoder = Decoder(b"\1\0\0\0\2\0\0")
    assert decoder.unpack(struct.Struct("<B"), 0) == (1,)
    with pytest.raises(StubError, match="need 4 bytes, have 3, at byte 4"):
        decoder.unpack(struct.Struct("<I"), 3)
    assert decoder.take(6) == b"\0\0\0\2\0\0"
    with pytest.raises(StubError, match="need 1 bytes, have 0"):
        decoder.take(1)
    with pytest.raises(StubError, match="need 4 bytes, have 0, at byte 8"):
        decoder.unpack(struct.Struct("<I"), 3)


def test_a_claim_must_fit_in_what_is_left() -> None:
    decoder = Decoder(bytes(10))
    decoder.claim(5, 2, 8)
    decoder.claim(0, 100, 8)
    with pytest.raises(StubError, match="6 items of 2 bytes or more, 10 bytes left"):
        decoder.claim(6, 2, 8)


def test_a_stub_unfolds_within_its_budget() -> None:
    decoder = Decoder(bytes(10))
    before = decoder.spent
    decoder.charge(BUDGET_FACTOR * 10 + BUDGET_FLOOR)
    assert decoder.spent - before == BUDGET_FACTOR * 10 + BUDGET_FLOOR
    with pytest.raises(StubError, match="unfolds"):
        decoder.charge(1)


def test_counts_are_compared_at_once_or_when_their_field_is_there() -> None:
    decoder, early, late = Decoder(b""), Scope(count=2), Scope()
    decoder.expect(Expression("size_is", "count"), 2, early)
    with pytest.raises(StubError, match=r"size_is\(count\) is 2, the wire says 3"):
        decoder.expect(Expression("size_is", "count"), 3, early)
    decoder.expect(Expression("size_is", "count"), 3, late)
    late.count = 3
    decoder.finish()
    late.count = 4
    with pytest.raises(StubError, match=r"size_is\(count\) is 4, the wire says 3"):
        decoder.finish()


def test_numbers_of_the_other_direction_are_learned_first_and_checked_then() -> None:
    decoder, scope = Decoder(b""), Scope()
    decoder.expect(Expression("size_is", "capacity"), 3, scope)
    decoder.expect(Expression("size_is", "capacity"), 3, scope)
    decoder.finish()
    assert scope.capacity == 3
    fresh = Scope()
    decoder.expect(Expression("size_is", "capacity"), 3, fresh)
    decoder.expect(Expression("size_is", "capacity"), 4, fresh)
    with pytest.raises(StubError, match="is 3, the wire says 4"):
        decoder.finish()


def test_numbers_nothing_told_of_are_zero() -> None:
    decoder, told, untold = Decoder(b""), Scope(capacity=5), Scope()
    decoder.unsent += [told, untold]
    decoder.finish()
    assert (told.capacity, untold.capacity) == (5, 0)


def test_an_expression_that_cannot_be_told_is_the_peers_mistake() -> None:
    decoder, scope = Decoder(b""), Scope(model=None)
    decoder.expect(Expression("size_is", lambda it: it.model.count), 3, scope)
    decoder.expect(Expression("size_is", lambda it: it.model + 1), 3, scope)
    with pytest.raises(StubError, match="cannot be told"):
        decoder.finish()
