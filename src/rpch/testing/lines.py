"""Simulated TCP connections: bytes in order, after a while, in pieces of any size.

Nothing gets lost on the way but by breaking the line, which both ends notice. An HTTP channel has a
budget besides: its Content-Length, beyond which not a byte may be written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from rpch.errors import RpchError
from rpch.testing.clock import Clock

MERGES, TEARS = 0.3, 0.1  # how often a write arrives together with the one before, or in two parts


class BudgetExceeded(AssertionError):
    """More was written on an HTTP channel than its Content-Length."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The 200 head."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The 503 head."""

    why: RpchError


@dataclass(frozen=True, slots=True)
class Gone:
    """The other end closed, or the line broke."""


Item = bytes | Accepted | Declined | Gone


class End:
    """One end of a line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.peer: End
        self.line: Line
        self.open = True
        self.budget: int | None = None
        self.receive: Callable[[Item], None] = _nobody
        self._coming: deque[tuple[float, Item]] = deque()
        self._latest = 0.0

    def __repr__(self) -> str:
        return self.name

    def send(self, item: Item) -> None:
        """Write; it arrives at the other end, unless that has closed."""
        if not self.open or self.line.broken:
            return
        if isinstance(item, bytes) and self.budget is not None:
            self.budget -= len(item)
            if self.budget < 0:
                raise BudgetExceeded(f"{-self.budget} bytes beyond the Content-Length of {self}")
        self.peer.expect(item)

    def expect(self, item: Item) -> None:
        """Something was sent to this end, which hears it unless it has closed."""
        if not self.open:
            return
        line = self.line
        random = line.random
        if isinstance(item, bytes) and len(item) > 1 and random.random() < TEARS:
            cut = random.randrange(1, len(item))
            self._arrives(item[:cut], line.clock.now + line.delay(self))
            self._arrives(item[cut:], self._latest + line.delay(self) / 10)
        elif self._latest > line.clock.now and random.random() < MERGES:
            self._arrives(item, self._latest)
        else:
            self._arrives(item, line.clock.now + line.delay(self))

    def close(self) -> None:
        """Close this end: it hears nothing more, the other end hears of it."""
        if self.open:
            self.open = False
            self._coming.clear()
            self.peer.expect(Gone())

    def lose(self) -> None:
        """The line broke: what was on its way here is lost, and soon this end knows."""
        self._coming.clear()
        self._latest = 0.0
        self.expect(Gone())

    def _arrives(self, item: Item, when: float) -> None:
        self._latest = max(when, self._latest)
        self._coming.append((self._latest, item))
        self.line.clock.at(self._latest, self._deliver)

    def _deliver(self) -> None:
        """Everything that is here by now; bytes in one read."""
        coming, now = self._coming, self.line.clock.now
        while coming and coming[0][0] <= now:
            item = coming.popleft()[1]
            while isinstance(item, bytes) and coming and coming[0][0] <= now:
                if not isinstance(more := coming[0][1], bytes):
                    break
                item += more
                coming.popleft()
            if isinstance(item, Gone):
                self.open = False
            self.receive(item)


class Line:
    """One TCP connection between two ends, with a latency of its own in each direction."""

    def __init__(
        self, clock: Clock, random: Random, slowest: float, names: tuple[str, str], connection: bytes = b""
    ) -> None:
        self.clock, self.random, self.connection = clock, random, connection
        self.near, self.far = End(names[0]), End(names[1])
        self.near.peer, self.far.peer = self.far, self.near
        self.near.line = self.far.line = self
        self._latency = {end: slowest * 10 ** -random.uniform(0.0, 2.5) for end in (self.near, self.far)}
        self.broken = False

    def __repr__(self) -> str:
        return f"{self.near}..{self.far}"

    def delay(self, towards: End) -> float:
        """How long the next thing takes to get there."""
        return self._latency[towards] * self.random.uniform(0.5, 1.5)

    def round_trip(self) -> float:
        """How long a question and its answer take."""
        return self.delay(self.near) + self.delay(self.far)

    @property
    def closed(self) -> bool:
        """Whether neither end is open any more."""
        return not (self.near.open or self.far.open)

    def break_down(self) -> None:
        """Lose the connection: what is on its way is lost, and both ends notice."""
        if not self.broken:
            self.broken = True
            for end in (self.near, self.far):
                if end.open:
                    end.lose()


def _nobody(item: Item) -> None:
    """Before anybody listens there is nothing to hear."""
