"""Makes `sort_order.txt` from Unicode's table of weights: `python -m tools.make_sort_order allkeys.txt`.

The table is the Default Unicode Collation Element Table (UTS #10). Only first weights are kept, which say
what letter a character is, and only those that do not follow from how a character is composed. The file is
not made anew when Unicode grows: clients keep positions in tables that are sorted by it.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rpch.exchange.nspi.collation.weights import ORDER_FILE, spelled

_LINE = re.compile(r"([0-9A-F]+)\s*;\s*((?:\[[^\]]+\])+)")
_ELEMENT = re.compile(r"\[([.*])([0-9A-F]{4,5})\.")
_LAST = 0x10000  # characters above it are sorted by number

Key = tuple[int, ...]


def main() -> None:
    """Writes the file anew."""
    source = Path(sys.argv[1]).read_text("utf-8")
    keys, last_symbol = _keys(source)
    kept = {char: key for char, key in keys.items() if not _follows(char, keys)}
    groups: dict[int, list[str]] = {}
    for char, key in kept.items():
        if len(key) == 1:
            groups.setdefault(key[0], []).append(char)
    order = [sorted(groups[weight]) for weight in sorted(groups)]
    symbols = sum(weight <= last_symbol for weight in groups)
    first = {weight: min(chars) for weight, chars in groups.items()}
    notice = ORDER_FILE.read_text("utf-8").partition("\n[")[0]
    sections = {
        "ignored": _runs([[char] for char, key in sorted(kept.items()) if not key]),
        "symbols": _runs(order[:symbols]),
        "letters": _runs(order[symbols:]),
        "spelled": _spelled(kept, first),
    }
    parts = [f"[{name}]\n" + "\n".join(lines) for name, lines in sections.items()]
    ORDER_FILE.write_text("\n".join((notice, *parts)) + "\n", "utf-8")


def _keys(source: str) -> tuple[dict[str, Key], int]:
    """The first weights of every single character, and the largest one of a symbol."""
    found: dict[str, Key] = {}
    last_symbol = 0
    for line in source.splitlines():
        if not (parts := _LINE.match(line)) or int(parts[1], 16) >= _LAST:
            continue
        elements = [(kind, int(weight, 16)) for kind, weight in _ELEMENT.findall(parts[2])]
        last_symbol = max([last_symbol, *(weight for kind, weight in elements if kind == "*")])
        found[chr(int(parts[1], 16))] = tuple(weight for _, weight in elements if weight)
    return found, last_symbol


def _follows(char: str, keys: dict[str, Key]) -> bool:
    """Whether the weights are those of the characters that it is composed of."""
    parts = spelled(char)
    return parts != char and keys[char] == tuple(weight for part in parts for weight in keys.get(part, (-1,)))


def _runs(groups: Sequence[Sequence[str]]) -> list[str]:
    """Groups of equal characters: `0061-007A` is a run of groups, `=0251` belongs to the one before."""
    tokens: list[str] = []
    start = last = -2
    for group in groups:
        code = ord(group[0])
        if code != last + 1:
            tokens += _run(start, last)
            start = code
        last = code
        if len(group) > 1:
            tokens += [*_run(start, last), *(f"={ord(char):04X}" for char in group[1:])]
            start = last = -2
    tokens += _run(start, last)
    return list(_wrapped(tokens))


def _run(start: int, last: int) -> list[str]:
    if last < 0:
        return []
    return [f"{start:04X}" if start == last else f"{start:04X}-{last:04X}"]


def _spelled(kept: dict[str, Key], first: dict[int, str]) -> list[str]:
    """Characters that are sorted as several others."""
    lines = []
    for char, key in sorted(kept.items()):
        if len(key) > 1 and all(weight in first for weight in key):
            lines.append(" ".join(f"{ord(each):04X}" for each in (char, *(first[weight] for weight in key))))
    return lines


def _wrapped(tokens: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(tokens), 16):
        yield " ".join(tokens[start : start + 16])


if __name__ == "__main__":
    main()
