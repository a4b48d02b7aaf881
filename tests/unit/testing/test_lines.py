"""Simulated TCP connections."""

from __future__ import annotations

from random import Random

import pytest

from rpch.errors import TransportError
from rpch.testing.clock import Clock
from rpch.testing.lines import Accepted, BudgetExceeded, Declined, Gone, Item, Line


def line(seed: int = 1) -> tuple[Clock, Line, list[Item]]:
    """A line, and what its far end hears."""
    clock, heard = Clock(), list[Item]()
    made = Line(clock, Random(seed), 0.1, ("near", "far"))
    made.far.receive = heard.append
    return clock, made, heard


def read(heard: list[Item]) -> bytes:
    """The bytes among what was heard."""
    return b"".join(item for item in heard if isinstance(item, bytes))


@pytest.mark.parametrize("seed", range(8))
def test_bytes_arrive_in_order_however_they_are_cut(seed: int) -> None:
    clock, made, heard = line(seed)
    sent = b""
    for number in range(50):
        data = bytes([number]) * (number + 1)
        sent += data
        made.near.send(data)
        clock.run(clock.now + 0.01)
    clock.settle(limit=1000)
    assert read(heard) == sent
    assert [len(item) for item in heard if isinstance(item, bytes)] != list(range(1, 51))


def test_heads_keep_their_place_between_bytes() -> None:
    clock, made, heard = line()
    made.near.send(b"before")
    made.near.send(Accepted())
    made.near.send(b"after")
    clock.settle(limit=100)
    place = heard.index(Accepted())
    assert read(heard[:place]) == b"before"
    assert read(heard[place:]) == b"after"


def test_nothing_arrives_at_once() -> None:
    clock, made, heard = line()
    made.near.send(b"x")
    assert heard == []
    clock.settle(limit=10)
    assert clock.now > 0.0


def test_closing_is_heard_behind_what_was_sent() -> None:
    clock, made, heard = line()
    made.near.send(b"last words")
    made.near.close()
    made.near.close()
    clock.settle(limit=10)
    assert read(heard) == b"last words"
    assert heard[-1] == Gone()
    assert made.closed


def test_an_end_that_closed_hears_and_says_nothing_more() -> None:
    clock, made, heard = line()
    made.near.send(b"too late")
    made.far.close()
    made.far.send(b"no")
    made.near.send(b"even later")
    clock.settle(limit=10)
    assert heard == []


def test_both_ends_notice_a_broken_line_and_what_was_on_its_way_is_lost() -> None:
    clock, made, heard = line()
    at_the_near_end: list[Item] = []
    made.near.receive = at_the_near_end.append
    made.near.send(b"lost")
    made.break_down()
    made.break_down()
    made.near.send(b"lost too")
    clock.settle(limit=10)
    assert heard == at_the_near_end == [Gone()]
    assert made.closed


def test_a_channel_carries_its_content_length_and_not_a_byte_more() -> None:
    _, made, _ = line()
    made.near.budget = 10
    made.near.send(bytes(10))
    made.near.send(Declined(TransportError("a head is not part of the body")))
    with pytest.raises(BudgetExceeded, match="1 bytes beyond"):
        made.near.send(b"x")


def test_a_line_nobody_listens_to_is_silent() -> None:
    clock = Clock()
    made = Line(clock, Random(1), 0.1, ("near", "far"))
    made.near.send(b"hello")
    clock.settle(limit=10)
    assert repr(made) == "near..far"


def test_each_direction_has_a_latency_of_its_own() -> None:
    made = Line(Clock(), Random(3), 0.1, ("near", "far"))
    there, back = made.delay(made.far), made.delay(made.near)
    assert there != back
    assert 0.0 < there <= 0.15
    assert made.round_trip() > 0.0
