"""`python -m benchmarks`: run everything, print the table, write JSON if asked to."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import loads
from benchmarks.relays import NoHaproxy, Relay, relays
from benchmarks.report import Figures
from rpch.aio.event_loop import run

LOADED = ("direct", "haproxy-tcp", "haproxy-http", "rpch")
RELAYED = LOADED[1:]
LOADS = {
    None: ("calls", "upload", "download"),
    "calls": ("calls",),
    "bulk": ("upload", "download"),
    "idle": (),
}


def arguments() -> argparse.Namespace:
    """What may be chosen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each measurement takes (2)")
    parser.add_argument("--lines", type=int, default=50, help="connections that make small calls (50)")
    parser.add_argument("--bulk-lines", type=int, default=8, help="connections that make large calls (8)")
    parser.add_argument("--idle-lines", type=int, default=500, help="connections that do nothing (500)")
    parser.add_argument("--window", type=int, default=65_536, help="what every party announces (65536)")
    parser.add_argument("--only", choices=("calls", "bulk", "idle"), help="measure one thing only")
    return parser.parse_args()


async def measure(chosen: argparse.Namespace, available: dict[str, Relay], figures: Figures) -> None:
    """Memory first, of relays that have done nothing yet; then the rounds.

    The ways take turns within each round, so that a noisy minute harms all alike.
    """
    if chosen.only in (None, "idle"):
        for name in (*RELAYED, "rpch-tls"):
            relay = available[name]
            progress(f"{chosen.idle_lines} idle connections: {name}")
            assert relay.process is not None
            figures.add_idle(name, await loads.idle(relay.way, relay.process, lines=chosen.idle_lines))
    for number in range(chosen.rounds):
        for load in LOADS[chosen.only]:
            for name in LOADED:
                progress(f"round {number + 1} of {chosen.rounds}: {load}, {name}")
                gc.collect()
                await _load(load, chosen, available[name], name, figures)
    progress("")


async def _load(load: str, chosen: argparse.Namespace, relay: Relay, name: str, figures: Figures) -> None:
    way, process, seconds = relay.way, relay.process, chosen.seconds
    match load:
        case "calls":
            figures.add_calls(name, await loads.calls(way, process, lines=chosen.lines, seconds=seconds))
        case "upload":
            bulk = await loads.uploads(way, process, lines=chosen.bulk_lines, seconds=seconds)
            figures.add_bulk(name, load, bulk)
        case "download":
            bulk = await loads.downloads(way, process, lines=chosen.bulk_lines, seconds=seconds)
            figures.add_bulk(name, load, bulk)


def progress(text: str) -> None:
    """What goes on, for a person who waits."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def conditions(chosen: argparse.Namespace) -> dict[str, object]:
    """What the figures depend on."""
    names = ("rounds", "seconds", "lines", "bulk_lines", "idle_lines", "window")
    return {
        **{name: getattr(chosen, name) for name in names},
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def main() -> int:
    """Measure and report."""
    chosen, figures = arguments(), Figures()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="rpch-bench-") as folder,
            relays(Path(folder), chosen.window) as available,
        ):
            run(measure(chosen, available, figures))
    except NoHaproxy as missing:
        print(missing, file=sys.stderr)
        return 1
    for line in figures.table():
        print(line)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures.as_json(conditions(chosen)), indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
