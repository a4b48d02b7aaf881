"""What is done on the lines while the relay between them and the back end is watched."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from benchmarks.lines import Line, Way
from benchmarks.messages import ASK_DOWNLOAD, BULK_SIZE, CALL, CALL_SIZE, UPLOAD
from benchmarks.usage import cpu_seconds, resident_bytes
from rpch.dcerpc.framing import Bytes

WARM_UP: Final = 0.3  # seconds of load before anything is counted
MIB: Final = 1 << 20
SETTLE: Final = 0.5  # seconds without load before memory is read


@dataclass(frozen=True)
class Calls:
    """Small calls, one after another on each line. Times in seconds; `cpu` is the relay's."""

    count: int
    seconds: float
    latencies: Sequence[float]
    cpu: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_per_call(self) -> float:
        return self.cpu / self.count

    def percentile(self, part: float) -> float:
        """The latency that this part of the calls did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[max(math.ceil(len(ordered) * part) - 1, 0)]


@dataclass(frozen=True)
class Bulk:
    """Large calls in one direction."""

    size: int
    seconds: float
    cpu: float

    @property
    def mib_per_second(self) -> float:
        return self.size / MIB / self.seconds

    @property
    def cpu_per_mib(self) -> float:
        return self.cpu / (self.size / MIB)


class PingPong:
    """Makes small calls on one line, the next as soon as one is answered."""

    def __init__(self, line: Line, latencies: list[float]) -> None:
        self._line, self._latencies = line, latencies
        self._got = 0
        self._asked = 0.0
        line.received = self._received

    def begin(self) -> None:
        self._asked = perf_counter()
        self._line.send(CALL)

    def _received(self, run: Bytes) -> None:
        self._got += len(run)
        if self._got == CALL_SIZE:
            self._got = 0
            now = perf_counter()
            self._latencies.append(now - self._asked)
            self._asked = now
            self._line.send(CALL)


class Flow:
    """Makes large calls on one line, the next as soon as one is answered."""

    def __init__(self, line: Line, request: bytes, answer_size: int) -> None:
        self._line, self._request, self._answer_size = line, request, answer_size
        self.received = 0
        line.received = self._received

    def begin(self) -> None:
        self._line.send(self._request)

    @property
    def carried(self) -> int:
        """Bytes that certainly arrived, in the direction that matters."""
        if self._answer_size == BULK_SIZE:
            return self.received
        return self.received // self._answer_size * BULK_SIZE

    def _received(self, run: Bytes) -> None:
        self.received += len(run)
        if self.received % self._answer_size == 0:
            self._line.send(self._request)


@asynccontextmanager
async def opened(way: Way, count: int) -> AsyncIterator[list[Line]]:
    """Lines of one way, closed at the end and gone before anything else begins."""
    lines: list[Line] = []
    try:
        for _ in range(count):
            lines.append(await way.open())  # noqa: PERF401 - what was opened must be closed, whatever fails
        yield lines
    finally:
        for line in lines:
            line.close()
        await asyncio.sleep(SETTLE)


async def calls(way: Way, relay: int | None, *, lines: int, seconds: float) -> Calls:
    """Small calls for a while. `relay` is the process whose CPU time is counted."""
    async with opened(way, lines) as ready:
        latencies: list[float] = []
        for line in ready:
            PingPong(line, latencies).begin()
        await asyncio.sleep(WARM_UP)
        skipped = len(latencies)
        spent, elapsed = await _watch(relay, seconds)
        counted = latencies[skipped:]
    return Calls(len(counted), elapsed, counted, spent)


async def uploads(way: Way, relay: int | None, *, lines: int, seconds: float) -> Bulk:
    """Large requests with small responses."""
    return await _bulk(way, relay, lines, seconds, lambda line: Flow(line, UPLOAD, CALL_SIZE))


async def downloads(way: Way, relay: int | None, *, lines: int, seconds: float) -> Bulk:
    """Small requests with large responses."""
    return await _bulk(way, relay, lines, seconds, lambda line: Flow(line, ASK_DOWNLOAD, BULK_SIZE))


async def idle(way: Way, relay: int, *, lines: int) -> float:
    """Bytes of memory that one idle line costs the relay."""
    async with opened(way, lines // 5):  # what is allocated once, for any number of lines
        await asyncio.sleep(SETTLE)
        before = resident_bytes(relay)
        async with opened(way, lines):
            await asyncio.sleep(SETTLE)
            grown = resident_bytes(relay) - before
    return grown / lines


async def _bulk(
    way: Way, relay: int | None, lines: int, seconds: float, begin: Callable[[Line], Flow]
) -> Bulk:
    async with opened(way, lines) as ready:
        flows = [begin(line) for line in ready]
        for flow in flows:
            flow.begin()
        await asyncio.sleep(WARM_UP)
        before = sum(flow.carried for flow in flows)
        spent, elapsed = await _watch(relay, seconds)
        size = sum(flow.carried for flow in flows) - before
    return Bulk(size, elapsed, spent)


async def _watch(relay: int | None, seconds: float) -> tuple[float, float]:
    """CPU time of a relay over some seconds, and how many seconds it really were."""
    cpu, began = cpu_seconds(relay) if relay else 0.0, perf_counter()
    await asyncio.sleep(seconds)
    return (cpu_seconds(relay) if relay else 0.0) - cpu, perf_counter() - began
