"""The order of all characters, as the Unicode Collation Algorithm has it.  UTS #10, MS-OXNSPI 3.1.4.3.5.1

Every character has a weight: text that says where it stands, one character long for most. Case, accents,
width and kind of kana make no difference, and what makes none at all has no weight. Symbols come first, then
digits, then letters, script by script; what the order does not know, such as Han, follows by number.

The order is in `sort_order.txt`, made by `tools/make_sort_order.py`. A weight is found out when it is first
needed, and then kept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ORDER_FILE: Final = Path(__file__).with_name("sort_order.txt")
MOST_KEPT: Final = 100_000  # weights; a few megabytes

_FIRST: Final = 0x20


class Weights(dict[int, str]):
    """The weight of each character, as `str.translate` asks for it."""

    def __init__(self, known: Mapping[int, str], *, symbols: bool = True) -> None:
        super().__init__(known)
        self._symbols = symbols

    def __missing__(self, code: int) -> str:
        char = chr(code)
        parts = spelled(char)
        if parts != char:
            weight = "".join(self[ord(part)] for part in parts)
        else:
            weight = _unknown(char, symbols=self._symbols)
        if len(self) < MOST_KEPT:
            self[code] = weight
        return weight

    def of(self, text: str) -> str:
        """What a text is sorted by."""
        return text.translate(self)


def spelled(char: str) -> str:
    """What a character is composed of, in small letters."""
    decomposed = unicodedata.normalize("NFKD", char)
    return unicodedata.normalize("NFKD", decomposed.casefold())


@cache
def weights() -> Weights:
    """Those of every character."""
    return Weights(_read())


@cache
def letter_weights() -> Weights:
    """The same, where symbols and punctuation do not count.  MS-OXNSPI 2.2.1.6"""
    known = {code: "" if _is_symbol(weight) else weight for code, weight in _read().items()}
    return Weights(known, symbols=False)


def _unknown(char: str, *, symbols: bool) -> str:
    """Letters behind those that are known; pictures behind the other symbols, and marks nowhere."""
    match unicodedata.category(char)[0]:
        case "M" | "C":
            return ""
        case "S" | "P" | "Z":
            return chr(_symbols_end()) + char if symbols else ""
        case _:
            return char


def _is_symbol(weight: str) -> bool:
    return weight < chr(_symbols_end())


@cache
def _symbols_end() -> int:
    """The weight behind all symbols that are known, which those that are not begin with."""
    return _FIRST + 1 + sum(not same for _, same in _groups("symbols"))


@cache
def _read() -> Mapping[int, str]:
    """The weights that are written down: one for each group of equal characters."""
    found = dict.fromkeys((code for code, _ in _groups("ignored")), "")
    rank = _FIRST
    for section in ("symbols", "letters"):
        for code, same in _groups(section):
            rank += not same
            found[code] = chr(rank)
        rank += 1
    for line in _sections()["spelled"]:
        code, *parts = (int(number, 16) for number in line.split())
        found[code] = "".join(found[part] for part in parts)
    return found


def _groups(section: str) -> Iterator[tuple[int, bool]]:
    """Characters in order; True with those that are equal to the one before."""
    for token in " ".join(_sections()[section]).split():
        if token.startswith("="):
            yield int(token[1:], 16), True
            continue
        first, _, last = token.partition("-")
        for code in range(int(first, 16), int(last or first, 16) + 1):
            yield code, False


@cache
def _sections() -> Mapping[str, list[str]]:
    """The lines of each section."""
    found: dict[str, list[str]] = {}
    for line in ORDER_FILE.read_text("utf-8").splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = lines = []
        elif found and line:
            lines.append(line)
    return found
