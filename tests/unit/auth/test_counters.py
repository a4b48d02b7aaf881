"""Counting within one process."""

from __future__ import annotations

from rpch.auth.counters import Bound, MemoryCounters
from rpch.testing.counters import check_counter_store


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_it_does_what_every_store_of_counts_must() -> None:
    await check_counter_store(lambda clock: MemoryCounters(clock=clock))


async def test_what_is_remembered_is_bounded() -> None:
    counters = MemoryCounters(most_entries=10)
    for number in range(50):
        await counters.count([Bound(("account", str(number)), 5, 900.0)])
    assert len(counters) == 10


def test_it_knows_what_it_has_seen_within_the_window() -> None:
    clock = Clock()
    counters = MemoryCounters(clock=clock)
    assert not counters.seen(("a",), 10.0)
    assert counters.seen(("a",), 10.0)
    assert not counters.seen(("b",), 10.0)
    clock.now = 10.0
    assert not counters.seen(("a",), 10.0)
