"""How much memory the processes hold while bytes go through them, and whether that grows."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PAGE = 4096
EVERY = 0.25  # seconds


def resident(pid: int) -> int | None:
    """Bytes of a process that are in memory; None when it is gone."""
    try:
        status = Path(f"/proc/{pid}/statm").read_text("ascii")
    except OSError:
        return None
    return int(status.split()[1]) * PAGE or None


Sample = tuple[int, int]  # bytes that had gone through, and bytes that were held


@dataclass
class Record:
    """One kind of process: what each of them, one after the other, held while bytes went through."""

    lives: dict[int, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def growth(self) -> float:
        """By how many bytes the trend rose in the longest life, after its first third.

        In the first third a process still fills its pools.
        """
        samples = self.settled
        mean_moved = sum(moved for moved, _ in samples) / len(samples)
        mean_held = sum(held for _, held in samples) / len(samples)
        covariance = sum((moved - mean_moved) * (held - mean_held) for moved, held in samples)
        variance = sum((moved - mean_moved) ** 2 for moved, _ in samples)
        return covariance / variance * (samples[-1][0] - samples[0][0]) if variance else 0.0

    @property
    def settled(self) -> list[Sample]:
        """The longest life without its first third."""
        longest = max(self.lives.values(), key=lambda samples: samples[-1][0] - samples[0][0])
        return longest[len(longest) // 3 :]


class Memory:
    """Watches processes, by the names of what they are for."""

    def __init__(self, pids: Mapping[str, Callable[[], int | None]], moved: Callable[[], int]) -> None:
        self._pids, self._moved = pids, moved
        self.records = {name: Record() for name in pids}
        self.total = 0  # of all, at the last look

    async def watch(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Until it is cancelled."""
        while True:
            self.sample()
            if progress is not None:
                progress(self._moved(), self.total)
            await asyncio.sleep(EVERY)

    def sample(self) -> None:
        """One look at all of them."""
        self.total = 0
        for name, pid_of in self._pids.items():
            pid = pid_of()
            if pid is not None and (held := resident(pid)) is not None:
                self.records[name].lives[pid].append((self._moved(), held))
                self.total += held
