"""HTTP first or TCP first: several ways to one server, tried as Outlook's dialog has it.

Outlook asks two questions, one for fast networks and one for slow ones: connect using HTTP first, then
TCP/IP? Here the second way does not wait until the first has failed, which behind a firewall that drops
packets takes minutes. The first way has a head start; then the second one begins too, and whoever answers
first is taken. A way that fails gives its turn to the next at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from rpch.client.ways import Way
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ConfigError, RpchError, TransportError


class Order(Enum):
    """Which way is tried first, and whether the other is tried at all."""

    HTTP_FIRST = "HTTP first, then TCP/IP"
    TCP_FIRST = "TCP/IP first, then HTTP"
    HTTP_ONLY = "HTTP only"
    TCP_ONLY = "TCP/IP only"


class Network(Enum):
    """What the caller says of the network it is on. Outlook calls 128 kbit/s and below slow."""

    FAST = "fast"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class ConnectionPolicy:
    """Which way first, on fast networks and on slow ones; the defaults are Outlook's.

    The head starts, in seconds, are for how long a way that is first is tried alone. That of HTTP is
    longer: it takes more round trips to open.
    """

    fast: Order = Order.TCP_FIRST
    slow: Order = Order.HTTP_FIRST
    tcp_head_start: float = 0.5
    http_head_start: float = 2.0

    def __post_init__(self) -> None:
        if min(self.tcp_head_start, self.http_head_start) < 0:
            raise ConfigError("policy", "a head start cannot be negative")

    def order(self, network: Network) -> tuple[ProtocolSequence, ...]:
        """The ways to try, in their order."""
        http, tcp = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP
        match self.fast if network is Network.FAST else self.slow:
            case Order.HTTP_FIRST:
                return http, tcp
            case Order.TCP_FIRST:
                return tcp, http
            case Order.HTTP_ONLY:
                return (http,)
            case Order.TCP_ONLY:
                return (tcp,)

    def head_start(self, protseq: ProtocolSequence) -> float:
        """How long this way is tried alone."""
        return self.tcp_head_start if protseq is ProtocolSequence.NCACN_IP_TCP else self.http_head_start


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A way that was not taken, and why."""

    way: str
    reason: str
    error: RpchError | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"not {self.way}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Path:
    """Which way was taken, and why no other."""

    protseq: ProtocolSequence
    way: str
    notes: tuple[str, ...] = ()
    not_taken: tuple[NotTaken, ...] = ()

    def __str__(self) -> str:
        return "; ".join([self.way, *self.notes, *map(str, self.not_taken)])


class NoWay(TransportError):
    """No way leads to the server; `reasons` has one for each."""

    def __init__(self, reasons: Sequence[NotTaken]) -> None:
        super().__init__(
            "no way leads to the server: " + "; ".join(f"{it.way}: {it.reason}" for it in reasons)
        )
        self.reasons = tuple(reasons)


async def first_to_answer(ways: Sequence[Way], policy: ConnectionPolicy) -> tuple[Way, tuple[NotTaken, ...]]:
    """Try the ways in their order, each after the head start of the one before; the first answer wins."""
    race = _Race(ways, policy)
    winner = await race.run()
    losers = tuple(race.why_not(way, winner) for way in ways if way is not winner)
    for way in ways:
        if way is not winner:
            way.close()
    if winner is None:
        only = race.only_error()
        raise only if only is not None else NoWay(losers)
    return winner, losers


class _Race:
    """One trial of all ways."""

    def __init__(self, ways: Sequence[Way], policy: ConnectionPolicy) -> None:
        self._ways, self._policy = ways, policy
        self._loop = asyncio.get_running_loop()
        self._began: dict[Way, float] = {}
        self._failed: dict[Way, RpchError] = {}
        self._arrivals: asyncio.Queue[Way] = asyncio.Queue()

    async def run(self) -> Way | None:
        """The way that answered first; None when none does."""
        winner: Way | None = None
        async with asyncio.TaskGroup() as group:
            running = []
            for way in self._ways:
                running.append(group.create_task(self._try(way)))
                last = way is self._ways[-1]
                winner = await self._arrival(None if last else self._head_start(way))
                if winner is not None:
                    break
            for task in running:
                task.cancel()
        return winner

    def _head_start(self, way: Way) -> float:
        return self._policy.head_start(way.binding.transport)

    async def _try(self, way: Way) -> None:
        self._began[way] = self._loop.time()
        try:
            await way.reach()
        except RpchError as error:
            self._failed[way] = error
        self._arrivals.put_nowait(way)

    async def _arrival(self, patience: float | None) -> Way | None:
        """The next way that answers; None when patience is at an end, or nobody is left to wait for."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    way = await self._arrivals.get()
                    if way not in self._failed:
                        return way
                    if len(self._failed) == len(self._began):
                        return None
        except TimeoutError:
            return None

    def why_not(self, way: Way, winner: Way | None) -> NotTaken:
        """Why this way did not win."""
        name, error = str(way), self._failed.get(way)
        if error is not None:
            return NotTaken(name, str(error), error)
        if way not in self._began:
            return NotTaken(name, f"not tried: {winner} answered within its head start")
        waited = self._loop.time() - self._began[way]
        return NotTaken(name, f"it had not answered after {waited:.1f} seconds, when {winner} did")

    def only_error(self) -> RpchError | None:
        """The error of the only way there was."""
        return self._failed[self._ways[0]] if len(self._ways) == 1 else None
