"""A bar on standard error for what takes long, when somebody is there to see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def watched(what: str, *, total: int | None = None, quiet: bool) -> Iterator[Callable[[int], None]]:
    """What to call with each step's size while it lasts."""
    if quiet or not is_somebody_there():
        yield lambda done: None
        return
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)


def is_somebody_there() -> bool:
    """Whether standard error is a person's."""
    return sys.stderr.isatty()
