"""Sorting much without keeping everybody else waiting.

A sort holds the interpreter until it is done, and for a hundred thousand names that is a quarter of a second
in which no other thread does anything. Sorted in slices, which are then merged two by two, no step takes
longer than a merge of two runs; between the steps others have their turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

T = TypeVar("T", bound=Any)

SLICE: Final = 4096  # items; a few milliseconds


def sort_in_slices(items: Iterable[T]) -> list[T]:
    """What `sorted` comes to."""
    waiting = list(items)
    runs = [sorted(waiting[start : start + SLICE]) for start in range(0, len(waiting), SLICE)]
    while len(runs) > 1:
        # Sorting two sorted runs is merging them: it costs a comparison for each item.
        runs = [sorted([*runs[at], *_next(runs, at)]) for at in range(0, len(runs), 2)]
    return runs[0] if runs else []


def _next(runs: list[list[T]], at: int) -> list[T]:
    return runs[at + 1] if at + 1 < len(runs) else []
