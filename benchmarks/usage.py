"""What a process and its children use, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
USER_TIME, SYSTEM_TIME = 11, 12  # places in /proc/PID/stat, behind the name


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for member in found:  # grows while it is read
        for children in (PROC / str(member) / "task").glob("*/children"):
            found += map(int, children.read_text("ascii").split())
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and its children have used, in user and in system mode."""
    ticks = 0
    for member in family(pid):
        # The name stands in brackets, and may itself hold blanks and brackets.
        fields = (PROC / str(member) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        ticks += int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])
    return ticks * TICK


def resident_bytes(pid: int) -> int:
    """Memory that a process and its children occupy."""
    total = 0
    for member in family(pid):
        # /proc/PID/status is allowed to be behind by dozens of pages; this one counts them.
        lines = (PROC / str(member) / "smaps_rollup").read_text("ascii").splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:"))
    return total
