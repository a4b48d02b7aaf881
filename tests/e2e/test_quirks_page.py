"""The pages of quirks and of what protects an RPC connection name tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUIRKS, HARDENING = PAGES = ("docs/design/quirks.md", "docs/design/rpc-hardening.md")
NAMED = [
    found
    for page in PAGES
    for found in re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / page).read_text("utf-8"))
]


def test_the_pages_name_many() -> None:
    assert len(NAMED) > 80


def test_no_rule_of_the_hardening_is_without_a_test() -> None:
    rows = re.findall(r"^\| (\d+(?:, \d+)?) \|.*$", (ROOT / HARDENING).read_text("utf-8"), re.MULTILINE)
    numbers = [int(number) for row in rows for number in row.split(", ")]
    assert numbers == [*range(1, 17), *range(1, 17)]
    tested = re.findall(r"^\| \d.*::test_\w+` \|$", (ROOT / HARDENING).read_text("utf-8"), re.MULTILINE)
    assert len(tested) == len(rows)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_the_named_test_is_there(file: str, test: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (ROOT / "tests" / file).read_text("utf-8"), re.MULTILINE)
