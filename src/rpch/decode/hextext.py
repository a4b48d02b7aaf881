"""Reads hex as people have it: bare digits, with separators, or dumps of xxd, hexdump -C and Wireshark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rpch.errors import DecodeError

_OFFSET: Final = re.compile(r"\s*(?:0[xX])?([0-9a-fA-F]{3,16}):?(?:\s+(.*))?")
_NOISE: Final = re.compile(r"0[xX]|\\x|[\s:,;|_\-\"'\[\](){}]")
_BYTES: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")
_TEXT_COLUMN: Final = re.compile(r"\||\s{3,}")
_WIDEST: Final = 32
_COMMENT: Final = "#"


def parse_hex(text: str) -> bytes:
    """The bytes that a text shows; `DecodeError` names what is no hex, and where."""
    lines = [_Line(number, line) for number, line in enumerate(text.splitlines(), 1)]
    lines = [line for line in lines if line.text.strip()]
    if not lines:
        raise DecodeError("no hex digits at all", at=0)
    if (dump := _parse_dump(lines)) is not None:
        return dump
    return b"".join(_parse_loose(line) for line in lines)


@dataclass(frozen=True)
class _Line:
    number: int
    text: str


def _parse_dump(lines: list[_Line]) -> bytes | None:
    """The bytes of a dump with offsets, or None if this is none.

    A column of text may look like hex, so a line holds as many bytes as the next offset says.
    """
    found = [_OFFSET.fullmatch(line.text) for line in lines]
    if len(lines) < 2 and not (found[0] and set(found[0][1]) == {"0"} and found[0][2]):
        return None
    if not found[0] or found[0][2] is None or int(found[0][1], 16) != 0:
        return None
    offsets = [int(match[1], 16) if match else None for match in found]
    data, width = bytearray(), 0
    for index, (line, match) in enumerate(zip(lines, found, strict=True)):
        if line.text.strip() == "*":
            raise DecodeError(
                f"line {line.number} stands for repeated lines: dump again with -v", at=len(data)
            )
        if match is None or offsets[index] != len(data):
            if index == 1:
                return None  # the first line only looked like one
            raise DecodeError(f"line {line.number} does not begin with offset {len(data):x}", at=len(data))
        following = offsets[index + 1] if index + 1 < len(lines) else None
        size = following - len(data) if following is not None else width or _WIDEST
        if not 0 < size <= _WIDEST and following is not None:
            if index == 0:
                return None
            raise DecodeError(f"the offset after line {line.number} does not fit", at=len(data))
        data += _leading_bytes(match[2] or "", size)
        width = max(width, size)
    return bytes(data)


def _leading_bytes(rest: str, most: int) -> bytes:
    """The bytes at the start of a line, before its column of text."""
    data = bytearray()
    columns = _TEXT_COLUMN.split(rest, maxsplit=1)[0]
    for word in columns.replace("-", " ").split():
        if len(data) >= most or not _BYTES.fullmatch(word):
            break
        data += bytes.fromhex(word)
    return bytes(data[:most])


def _parse_loose(line: _Line) -> bytes:
    """The digits of a line, whatever separates them."""
    code = line.text.split(_COMMENT)[0]
    digits = _NOISE.sub("", code)
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise _no_hex(line.number, code, digits) from error


def _no_hex(number: int, code: str, digits: str) -> DecodeError:
    wrong = next((sign for sign in digits if sign not in "0123456789abcdefABCDEF"), None)
    if wrong is None:
        return DecodeError(f"line {number} has an odd number of hex digits", at=len(digits) // 2)
    return DecodeError(f"{wrong!r} in line {number} is no hex digit", at=code.index(wrong))
