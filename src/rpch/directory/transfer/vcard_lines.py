"""The lines of vCards: folded, escaped, with parameters.  RFC 6350 3, RFC 2426, vCard 2.1"""

from __future__ import annotations

import quopri
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TextIO

from rpch.directory.transfer.records import BadRecord

LARGEST_CARD: Final = 32 * 1024 * 1024  # characters
_WIDTH: Final = 75  # octets of a line


@dataclass(frozen=True, slots=True)
class CardLine:
    """One property of a card."""

    name: str
    types: frozenset[str]
    parameters: Mapping[str, str]
    value: str

    @property
    def text(self) -> str:
        """The value as one text."""
        return "".join(_unescaped(self.value))

    @property
    def parts(self) -> list[str]:
        """The value as its components."""
        return ["".join(_unescaped(part)) for part in _split(self.value, ";")]


def read_cards(source: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The lines of each card, folded ones joined, and where it begins."""
    lines: list[str] | None = None
    begin = size = 0
    for number, raw in enumerate(source, 1):
        line = raw.rstrip("\r\n")
        size += len(line)
        if size > LARGEST_CARD:
            raise BadRecord(f"line {begin}", f"a card of more than {LARGEST_CARD} characters")
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += line[1:]
        elif line.strip().upper() == "BEGIN:VCARD":
            lines, begin, size = [], number, 0
        elif line.strip().upper() == "END:VCARD":
            if lines is not None:
                yield begin, lines
            lines = None
        elif lines and lines[-1].endswith("=") and "QUOTED-PRINTABLE" in _cut(lines[-1])[0].upper():
            lines[-1] = lines[-1][:-1] + line
        elif lines is not None and line.strip():
            lines.append(line)


def parse_line(line: str, where: str) -> CardLine:
    head, colon, value = _cut(line)
    if not colon:
        raise BadRecord(where, f"{line[:40]!r} is no `NAME:value`")
    name, *given = _split(head, ";", quotes=True)
    parameters: dict[str, str] = {}
    types: set[str] = set()
    for each in given:
        key, equals, setting = each.partition("=")
        setting = setting.strip('"')
        if not equals or key.upper() == "TYPE":
            types |= {one.strip().lower() for one in (setting if equals else key).split(",")}
        else:
            parameters[key.upper()] = setting
    if parameters.get("ENCODING", "").upper() == "QUOTED-PRINTABLE" or "quoted-printable" in types:
        value = _decoded(quopri.decodestring(value.encode()), parameters.get("CHARSET", "utf-8"))
    return CardLine(name.rpartition(".")[2].upper(), frozenset(types), parameters, value)


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def folded(line: str) -> str:
    """A line in pieces that are short enough, none of which cuts a letter."""
    pieces, piece, size = [], "", 0
    for char in line:
        wide = len(char.encode())
        if size + wide > _WIDTH:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + char, size + wide
    return "\r\n".join([*pieces, piece])


def escaped(text: str) -> str:
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    for char in ("\\", ",", ";"):
        plain = plain.replace(char, f"\\{char}")
    return plain.replace("\n", "\\n")


def _unescaped(text: str) -> Iterator[str]:
    chars = iter(text)
    for char in chars:
        if char == "\\":
            following = next(chars, "\\")
            yield "\n" if following in "nN" else following
        else:
            yield char


def _split(text: str, separator: str, *, quotes: bool = False) -> list[str]:
    """The parts of a text; separators behind a backslash separate nothing, nor do those within quotes."""
    parts, part, quoted, escaped = [], "", False, False
    for char in text:
        if char == separator and not escaped and not quoted:
            parts.append(part)
            part = ""
            continue
        quoted ^= quotes and char == '"'
        escaped = char == "\\" and not escaped
        part += char
    return [*parts, part]


def _cut(line: str) -> tuple[str, str, str]:
    """A line before and behind the first colon that is not within quotes."""
    quoted = False
    for at, char in enumerate(line):
        quoted ^= char == '"'
        if char == ":" and not quoted:
            return line[:at], ":", line[at + 1 :]
    return line, "", ""
