"""Sorting in slices comes to what sorting comes to."""

import random

import pytest

from rpch.exchange.nspi.sorting import SLICE, sort_in_slices


@pytest.mark.parametrize("size", [0, 1, 2, SLICE, SLICE + 1, 3 * SLICE, 5 * SLICE + 7])
def test_the_result_is_sorted(size: int) -> None:
    rng = random.Random(size)
    items = [(rng.choice("abc"), rng.randrange(size + 1)) for _ in range(size)]
    assert sort_in_slices(iter(items)) == sorted(items)


def test_what_is_equal_keeps_its_order() -> None:
    class Same(int):
        def __lt__(self, other: object) -> bool:
            return False

    items = [Same(at) for at in range(2 * SLICE + 1)]
    assert all(one is other for one, other in zip(sort_in_slices(items), items, strict=True))
