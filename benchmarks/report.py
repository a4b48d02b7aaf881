"""The figures of one run: medians of its rounds, ratios between its ways, as a table and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks.loads import Bulk, Calls

MICRO, MILLI, KIB = 1e6, 1e3, 1024
REFERENCES: Final = ("haproxy-tcp", "haproxy-http", "direct")
SUBJECT: Final = "rpch"
WAYS: Final = ("direct", "haproxy-tcp", "haproxy-http", SUBJECT, "rpch-tls")


@dataclass(frozen=True)
class Quantity:
    """Something that is measured of each way, and the unit in which people read it."""

    key: str
    title: str


QUANTITIES: Final = (
    Quantity("calls_per_second", "calls a second"),
    Quantity("p50_ms", "latency p50, ms"),
    Quantity("p99_ms", "latency p99, ms"),
    Quantity("cpu_us_per_call", "relay CPU per call, µs"),
    Quantity("upload_mib_per_second", "upload, MiB/s"),
    Quantity("upload_cpu_ms_per_mib", "relay CPU per MiB up, ms"),
    Quantity("download_mib_per_second", "download, MiB/s"),
    Quantity("download_cpu_ms_per_mib", "relay CPU per MiB down, ms"),
    Quantity("idle_kib", "memory per idle connection, KiB"),
)


class Figures:
    """Collects what the rounds measured."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add_calls(self, way: str, calls: Calls) -> None:
        """A round of small calls."""
        self._add(way, "calls_per_second", calls.per_second)
        self._add(way, "p50_ms", calls.percentile(0.5) * MILLI)
        self._add(way, "p99_ms", calls.percentile(0.99) * MILLI)
        self._add(way, "cpu_us_per_call", calls.cpu_per_call * MICRO)

    def add_bulk(self, way: str, direction: str, bulk: Bulk) -> None:
        """A round of large calls."""
        self._add(way, f"{direction}_mib_per_second", bulk.mib_per_second)
        self._add(way, f"{direction}_cpu_ms_per_mib", bulk.cpu_per_mib * MILLI)

    def add_idle(self, way: str, size: float) -> None:
        """Bytes of memory that an idle connection costs."""
        self._add(way, "idle_kib", size / KIB)

    def _add(self, way: str, key: str, value: float) -> None:
        self._samples[way, key].append(value)

    def value(self, way: str, key: str) -> float | None:
        """The median of a quantity; None where nothing was measured, as CPU time of no relay."""
        samples = self._samples.get((way, key))
        return median(samples) or None if samples else None

    def ratio(self, key: str, reference: str) -> float | None:
        """Our proxy's value as a multiple of another way's: the median over the rounds."""
        pairs = zip(self._samples[SUBJECT, key], self._samples[reference, key], strict=False)
        ratios = [ours / theirs for ours, theirs in pairs if theirs]
        return median(ratios) if ratios else None

    def ways(self) -> list[str]:
        """The ways that were measured."""
        measured = {way for (way, _), samples in self._samples.items() if samples}
        return [way for way in WAYS if way in measured]

    def as_json(self, conditions: Mapping[str, object]) -> dict[str, Any]:
        """Everything, for programs: medians, ratios and each round's value."""
        ratios = {
            reference: {q.key: self.ratio(q.key, reference) for q in QUANTITIES} for reference in REFERENCES
        }
        medians = {way: {q.key: self.value(way, q.key) for q in QUANTITIES} for way in self.ways()}
        rounds = {
            way: {q.key: self._samples.get((way, q.key), []) for q in QUANTITIES} for way in self.ways()
        }
        return {
            "conditions": dict(conditions),
            "ratios_of_rpch": ratios,
            "medians": medians,
            "rounds": rounds,
        }

    def table(self) -> Iterator[str]:
        """The lines of a table: the medians, and our proxy in relation to the others."""
        ways = self.ways()
        yield _row("", [*ways, *(f"{SUBJECT} is to" for _ in REFERENCES)])
        yield _row("", [*("" for _ in ways), *REFERENCES])
        for quantity in QUANTITIES:
            values = [self.value(way, quantity.key) for way in ways]
            if not any(values):
                continue
            ratios = [self.ratio(quantity.key, reference) for reference in REFERENCES]
            cells = [*map(_number, values), *("" if r is None else f"{r:.2f}" for r in ratios)]
            yield _row(quantity.title, cells)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _row(title: str, cells: list[str]) -> str:
    return (f"{title:32}" + "".join(f"{cell:>13}" for cell in cells)).rstrip()
