"""A bar on standard error for what takes long, when somebody is there to see it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Bar:
    """How far something is, and how many entries that were. Nobody sees one without `progress`."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._task = TaskID(0)
        self._entries = 0

    def begin(self, what: str, total: int | None) -> None:
        """Something that ends at `total`; None where nobody knows when it ends."""
        self._entries = 0
        if self._progress is not None:
            self._task = self._progress.add_task(what, total=total, entries=0)

    def advance(self, entries: int, position: int | None = None) -> None:
        """So many entries more; they end at this position, or each is one step."""
        self._entries += entries
        if self._progress is not None:
            position = self._entries if position is None else position
            self._progress.update(self._task, completed=position, entries=self._entries)


@contextmanager
def watched(*, quiet: bool) -> Iterator[Bar]:
    """A bar for each thing that is begun while it lasts."""
    if quiet or not is_somebody_there():
        yield Bar()
        return
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    columns += [TextColumn("{task.fields[entries]:,} entries"), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Bar(progress)


def is_somebody_there() -> bool:
    """Whether standard error is a person's."""
    return sys.stderr.isatty()
