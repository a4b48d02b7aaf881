"""The check of counter stores finds what it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from rpch.auth.counters import Bound, Counted, Exceeded, MemoryCounters
from rpch.testing.counters import check_counter_store


class Careless(MemoryCounters):
    """Looks, lets others run, and counts then."""

    async def count(self, bounds: Sequence[Bound]) -> Counted | Exceeded:
        now = self.clock()
        for bound in bounds:
            if self._of(bound.key, now) >= bound.most:
                return Exceeded(bound)
        await asyncio.sleep(0)
        return await super().count([Bound(each.key, 1000, each.window, each.unless) for each in bounds])


async def test_a_careful_store_passes() -> None:
    await check_counter_store(lambda clock: MemoryCounters(clock=clock))


async def test_a_store_that_looks_before_it_counts_does_not() -> None:
    def make(clock: Callable[[], float]) -> MemoryCounters:
        return Careless(clock=clock)

    with pytest.raises(AssertionError):
        await check_counter_store(make)
