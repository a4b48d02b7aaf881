"""A database hears of growth each time that what was stored has doubled."""

from __future__ import annotations

import pytest

from rpch.directory.database import Database
from rpch.directory.growth import FIRST, Growth
from tests.unit.directory.conftest import Directory


def test_it_looks_as_often_as_the_tables_double(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    stored = 0
    monkeypatch.setattr(Database, "look_at_sizes", lambda database: looks.append(stored))
    growth = Growth(directory.database)
    for _ in range(1000):
        stored += 100
        growth.stored(100)
    assert looks == [FIRST, 2000, 4000, 8000, 16_000, 32_000, 64_000]


def test_sqlite_has_nothing_to_look_at(directory: Directory) -> None:
    directory.database.look_at_sizes()
