"""The commands and files of a page in `docs/howto`, so that tests can run what people are told to type."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[1] / "docs" / "howto"
_BLOCK = r"```{}\n(.*?)```"


def blocks(page: str, kind: str) -> list[str]:
    """The fenced blocks of a kind."""
    return re.findall(_BLOCK.format(kind), (PAGES / page).read_text("utf-8"), re.DOTALL)


def commands(page: str) -> list[str]:
    """Every line that is to be typed into a shell, in order."""
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]
