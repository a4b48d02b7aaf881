"""Counting with bounds: many that count at once never get past a bound together.

A store counts for one process, or for a farm that shares a database. Keys are tuples of words, the first of
them saying what is counted. A key's second word, where there is one, is its subject: the account or the
source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

Key = tuple[str, ...]
MOST_ENTRIES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Bound:
    """How often something is counted within a window, in seconds; not at all while `unless` is remembered."""

    key: Key
    most: int
    window: float
    unless: Key | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything was counted under these keys."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Exceeded:
    """Nothing was counted, since this bound is reached."""

    bound: Bound


class CounterStore(Protocol):
    """Where counts are."""

    async def count(self, bounds: Sequence[Bound]) -> Counted | Exceeded:
        """Count one more of everything, unless that is more than a bound allows: then of nothing."""

    async def take_back(self, keys: Sequence[Key]) -> None:
        """Count one less."""

    async def forgive(self, keys: Sequence[Key], *, forget: Key, remember: Key, during: float) -> None:
        """`take_back`; then forget one count altogether, and remember another for so long. All at once."""


class MemoryCounters:
    """Counts of one process. Each begins anew with its window; the oldest leaves when there are too many."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, most_entries: int = MOST_ENTRIES
    ) -> None:
        self.clock = clock
        self._most = most_entries
        self._counts: dict[Hashable, tuple[float, int]] = {}  # until when, and how many

    def __len__(self) -> int:
        return len(self._counts)

    async def count(self, bounds: Sequence[Bound]) -> Counted | Exceeded:
        """Nothing is awaited here, so nobody counts in between."""
        now = self.clock()
        counted = [bound for bound in bounds if bound.unless is None or not self._of(bound.unless, now)]
        for bound in counted:
            if self._of(bound.key, now) >= bound.most:
                return Exceeded(bound)
        for bound in counted:
            self._add(bound.key, now, bound.window)
        return Counted(tuple(bound.key for bound in counted))

    async def take_back(self, keys: Sequence[Key]) -> None:
        """Count one less."""
        for key in keys:
            until, count = self._counts.get(key, (0.0, 0))
            if count > 0:
                self._counts[key] = (until, count - 1)

    async def forgive(self, keys: Sequence[Key], *, forget: Key, remember: Key, during: float) -> None:
        """Count one less, forget and remember."""
        await self.take_back(keys)
        self._counts.pop(forget, None)
        self._counts.pop(remember, None)
        self._add(remember, self.clock(), during)

    def seen(self, key: Key, window: float) -> bool:
        """Whether this was seen within the window; now it has been."""
        now = self.clock()
        before = self._of(key, now) > 0
        self._add(key, now, window)
        return before

    def _of(self, key: Key, now: float) -> int:
        until, count = self._counts.get(key, (now, 0))
        return count if now < until else 0

    def _add(self, key: Key, now: float, window: float) -> None:
        before = self._of(key, now)
        until = self._counts[key][0] if before else now + window
        self._counts.pop(key, None)
        if len(self._counts) >= self._most:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = (until, before + 1)
