"""What is free goes back to the system, where its allocator can be told to."""

import sys

import pytest

from rpch.aio import memory


class Trimmed:
    """Counts what it was asked to leave."""

    def __init__(self) -> None:
        self.left: list[int] = []

    def __call__(self, size: int) -> int:
        self.left.append(size)
        return 1


def test_everything_that_is_free_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed = Trimmed()
    monkeypatch.setattr(memory, "_malloc_trim", trimmed)
    memory.give_back_free_memory()
    assert trimmed.left == [0]


def test_nothing_happens_where_the_allocator_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_malloc_trim", None)
    memory.give_back_free_memory()


def test_the_real_function_may_be_called() -> None:
    memory.give_back_free_memory()


def test_other_systems_have_no_such_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory._find_malloc_trim() is None
