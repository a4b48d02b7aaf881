"""`python -m tools.soak`: one virtual connection carries a gibibyte each way, and its proxies come and go."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

from rpch.aio.event_loop import run
from tools.soak.processes import serve
from tools.soak.run import MEBIBYTE, Outcome, soak


def arguments() -> argparse.Namespace:
    """What may be chosen."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024, help="how much goes each way (1024)")
    parser.add_argument("--drain-every", type=float, default=5.0, help="seconds between two drains (5)")
    parser.add_argument("--tolerance", type=float, default=4.0, help="MiB by which a process may grow (4)")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    return parser.parse_args()


def table(outcome: Outcome) -> str:
    """The outcome, as `docs/soak.md` has it."""
    counts = outcome.recyclings
    lines = [
        "| | |",
        "|---|---|",
        f"| bytes to the server | {outcome.sent // MEBIBYTE} MiB |",
        f"| bytes to the client | {outcome.received // MEBIBYTE} MiB |",
        f"| virtual connections | {outcome.connections} |",
        f"| digests of both ends | {'equal' if outcome.equal else 'different'} |",
        f"| proxies drained and restarted | {outcome.drains} |",
        *(f"| {name} | {counts[name]} |" for name in sorted(counts)),
        "",
        "| process | least MiB | most MiB | growth by trend, MiB |",
        "|---|---|---|---|",
    ]
    for name, record in outcome.memory.items():
        held = [held / MEBIBYTE for _, held in record.settled]
        least, most = min(held), max(held)
        lines.append(f"| {name} | {least:.1f} | {most:.1f} | {record.growth() / MEBIBYTE:+.2f} |")
    return "\n".join(lines)


def main() -> int:
    """Runs it; the exit status says whether all was well."""
    chosen = arguments()
    if chosen.serve is not None:
        run(serve(chosen.serve))
    began = time.monotonic()

    def progress(moved: int, held: int) -> None:
        seconds = time.monotonic() - began
        line = f"{moved // MEBIBYTE} MiB in {seconds:.0f} s, {held / MEBIBYTE:.0f} MiB of memory"
        print(f"\r{line:70}", end="", file=sys.stderr, flush=True)

    said = io.StringIO()  # the processes' logs, as they end
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said):
        size = chosen.mebibytes * MEBIBYTE
        outcome = run(soak(Path(folder), size, drain_every=chosen.drain_every, progress=progress))
    print(file=sys.stderr)
    print(table(outcome))
    faults = outcome.faults(int(chosen.tolerance * MEBIBYTE))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
