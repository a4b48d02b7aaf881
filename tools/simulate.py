"""Runs simulated worlds, for as long as one likes: `python -m tools.simulate --runs 10000`.

Each run has a seed, and a seed that fails is printed with the trace of its last turns; `--seed` and
`--runs 1` repeat it. With `--losses` a connection is lost, a node killed or somebody hangs up right
after every single turn of each run.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable

from rpch.testing.plans import Plan
from rpch.testing.world import World, WorldBroken

SEQUENCES = {"IN_R1": "IN_R1/A2", "IN_R2": "IN_R2/A2", "OUT_R1": "OUT_R1/A4", "OUT_R2": "OUT_R2/A4"}
KINDS = 4


def disturbance(world: World, number: int) -> Callable[[], None]:
    """One of the things that may go wrong."""
    pick = number // KINDS
    return (
        lambda: world.lose_a_line(pick),
        lambda: world.kill_a_node(pick),
        world.close_by_client,
        world.close_by_server,
    )[number % KINDS]


def run_once(plan: Plan) -> World:
    """One run to its end."""
    world = World(plan)
    world.run()
    world.end(world.close_by_client)
    return world


def run_with_losses(plan: Plan) -> tuple[World, int]:
    """The run, and again with something going wrong after each of its turns."""
    whole = World(plan)
    whole.run()
    for turn in range(1, whole.turns + 1):
        for number in range(KINDS):
            world = World(plan)
            world.disturb_at(turn, disturbance(world, turn * KINDS + number))
            world.run()
            world.end(world.close_by_client)
    return whole, whole.turns * KINDS


def main() -> int:
    """Prints what failed and how much was run; the exit status says whether anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    parser.add_argument("--pdus", type=int, default=300, help="in each direction")
    parser.add_argument("--losses", action="store_true", help="lose something after every turn")
    options = parser.parse_args()
    began, failed, runs = time.monotonic(), 0, 0
    said: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.runs):
        plan = Plan.drawn(seed, pdus=options.pdus)
        try:
            world, more = run_with_losses(plan) if options.losses else (run_once(plan), 0)
        except WorldBroken as failure:
            failed += 1
            print(f"seed {seed}: {failure}")
            continue
        said += world.said
        runs += 1 + more
    sequences = ", ".join(f"{said[pdu]} {name}" for name, pdu in SEQUENCES.items())
    print(f"{runs} runs in {time.monotonic() - began:.0f} s, {failed} seeds failed; {sequences}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
