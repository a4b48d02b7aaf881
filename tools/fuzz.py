"""Fuzz every parser that sees a peer's bytes, guided by coverage.

    python -m tools.fuzz                      every target, ten seconds each
    python -m tools.fuzz --seconds 3600 rts   one target, an hour
    python -m tools.fuzz --keep               and keep what was found worth keeping

A defect ends the run with status 1 and leaves its input beside the corpus. `--keep` adds inputs that reach
new code to `tests/fuzz/corpus`, the smallest first, so that later runs begin where this one ended.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
LARGEST = 4096  # bytes of one input
KEPT = 40  # inputs of one target


def main() -> int:
    """Run the targets one after the other; each in a process of its own."""
    arguments = parse()
    from tests.fuzz.targets import TARGETS

    seeds = {target.name: target.seeds for target in TARGETS}
    names = arguments.targets or list(seeds)
    results = [fuzz(name, seeds[name], arguments.seconds, keep=arguments.keep) for name in names]
    for result in results:
        print(
            f"{result['target']:20} {result['runs']:>9} runs  {result['coverage']:>6} edges"
            f"  {result['corpus']:>4} inputs  {'defect' if result['defect'] else 'clean'}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if any(result["defect"] for result in results) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", help="names of targets; all of them if none is given")
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    parser.add_argument("--keep", action="store_true", help="add what reaches new code to the corpus")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def fuzz(name: str, seeds: tuple[bytes, ...], seconds: int, *, keep: bool) -> dict[str, Any]:
    """One target in a process of its own, and what it came to."""
    with tempfile.TemporaryDirectory() as found:
        for number, seed in enumerate(seeds):
            Path(found, f"seed-{number}").write_bytes(seed)
        folders = [found, *([str(CORPUS / name)] if (CORPUS / name).is_dir() else [])]
        options = [f"-max_total_time={seconds}", f"-max_len={LARGEST}", "-timeout=10", "-rss_limit_mb=1024"]
        options += [f"-artifact_prefix={found}/defect-", "-print_final_stats=1"]
        command = [sys.executable, "-m", "tools.fuzz_one", name, *options, *folders]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        defects = list(Path(found).glob("defect-*"))
        if done.returncode:
            print(said[-4000:], file=sys.stderr)
        for defect in defects:
            target = CORPUS.parent / f"{name}-{defect.name}"
            target.write_bytes(defect.read_bytes())
            print(f"{name}: the input is in {target}", file=sys.stderr)
        if keep and not done.returncode:
            retain(name, Path(found))
        return {
            "target": name,
            "seconds": seconds,
            "runs": _number(r"stat::number_of_executed_units:\s*(\d+)", said),
            "coverage": _number(r"cov: (\d+)", said),
            "corpus": _number(r"corp: (\d+)/", said),
            "defect": bool(done.returncode),
        }


def retain(name: str, found: Path) -> None:
    """Keep the smallest inputs; whatever the fuzzer wrote down has reached new code."""
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {file.read_bytes() for place in (folder, found) for file in place.iterdir()}
    smallest = sorted(inputs, key=lambda data: (len(data), data))[:KEPT]
    for old in folder.iterdir():
        old.unlink()
    for data in smallest:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def _number(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


if __name__ == "__main__":
    sys.exit(main())
