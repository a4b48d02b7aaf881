"""What SECURITY.md says can be looked up: each test that it names is there, and each promise has one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
NOT_BUILT = {"A15"}


def section(title: str) -> str:
    """What stands below a heading."""
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:tests|docs)/[\w./-]+)`", PAGE))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    short = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert [name for name in sorted(short) if not list((ROOT / "tests").rglob(name))] == []


def test_every_promise_names_a_test() -> None:
    promises = re.split(r"\n(?=\d+\. )", section("What is promised"))[1:]
    assert len(promises) == 8
    assert [promise for promise in promises if "tests/" not in promise] == []


def test_every_attack_has_an_answer_and_a_test() -> None:
    rows = [
        row.split(" | ") for row in section("Attacks, and what answers them").splitlines() if "| A" in row
    ]
    numbers = {number for row in rows for number in re.findall(r"A\d+", row[0])}
    assert numbers == {f"A{number}" for number in range(1, 18)}
    assert all(len(row) == 4 and row[2] for row in rows)
    assert {row[0].strip("| ") for row in rows if "`" not in row[3]} == NOT_BUILT
