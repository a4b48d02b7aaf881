"""Writes `docs/conformance.md`: every check of MS-RPCH's list, the tests that prove it, their outcome.

A test says which checks it proves with `@pytest.mark.conformance(24, 25)`. The page is written when the
run was asked for it (`--conformance=FILE`), and only from what ran: a check without a test is listed as
missing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

CHECKS: Final = Path(__file__).parent.parent / "docs" / "conformance-checks.txt"
PROPERTY: Final = "conformance"
SHOWN: Final = 12  # test functions named for one check


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", metavar="FILE", help="write the conformance page there")


def pytest_configure(config: pytest.Config) -> None:
    if (target := config.getoption("--conformance")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ConformanceReport(Path(target)), "conformance-report")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The numbers travel with each report, also from the processes that run tests side by side."""
    for item in items:
        numbers = sorted({n for marker in item.iter_markers(PROPERTY) for n in marker.args})
        if numbers:
            item.user_properties.append((PROPERTY, numbers))


class ConformanceReport:
    """Collects outcomes and writes the page."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._tests: dict[int, set[str]] = defaultdict(set)
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        numbers = dict(report.user_properties).get(PROPERTY)
        if not isinstance(numbers, list):
            return
        name = report.nodeid.partition("[")[0]
        if report.failed:
            self._failed.add(name)
        if report.when == "call" and not report.skipped:
            for number in numbers:
                self._tests[number].add(name)

    def pytest_sessionfinish(self) -> None:
        self._target.write_text("\n".join(self._page()) + "\n", encoding="utf-8")

    def _page(self) -> Iterator[str]:
        checks = list(read_checks())
        proven = sum(1 for _, number, _ in checks if self._state(number) == "passes")
        yield "# Conformance to MS-RPCH"
        yield ""
        yield f"Written by `make test`. {proven} of {len(checks)} checks have tests, and all of these pass."
        group = ""
        for named, number, text in checks:
            if named != group:
                group = named
                yield f"\n## {group}\n\n| check | | state | tests |\n|---|---|---|---|"
            tests = sorted(self._tests.get(number, ()))
            shown = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests[:SHOWN])
            more = f"<br>and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
            escaped = text.replace("|", "\\|")
            yield f"| {number} | {escaped} | {self._state(number)} | {shown}{more} |"

    def _state(self, number: int) -> str:
        tests = self._tests.get(number)
        if not tests:
            return "**missing**"
        return "**fails**" if tests & self._failed else "passes"


def read_checks() -> Iterator[tuple[str, int, str]]:
    """Group, number and text of each check."""
    group = ""
    for line in CHECKS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif found := re.match(r"(\d+)\. (.*)", line):
            yield group, int(found[1]), found[2]
