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
    if not _begins_a_dump(lines):
        return b"".join(_parse_loose(line) for line in lines)
    try:
        return _parse_dump(lines)
    except _Doubt as doubt:
        try:
            return b"".join(_parse_loose(line) for line in lines)
        except DecodeError:
            raise DecodeError(doubt.reason, at=doubt.at) from None


@dataclass(frozen=True)
class _Line:
    number: int
    text: str


class _Doubt(DecodeError):
    """The first lines do not fit together: it may be no dump at all."""


def _begins_a_dump(lines: list[_Line]) -> bool:
    """Whether the first line begins with an offset of zero and goes on."""
    found = _OFFSET.fullmatch(lines[0].text)
    return found is not None and found[2] is not None and int(found[1], 16) == 0


def _parse_dump(lines: list[_Line]) -> bytes:
    """The bytes of a dump with offsets.

    A column of text may look like hex, so a line holds as many bytes as the next offset says.
    """
    found = [_OFFSET.fullmatch(line.text) for line in lines]
    offsets = [int(match[1], 16) if match else None for match in found]
    data, width = bytearray(), 0
    for index, (line, match) in enumerate(zip(lines, found, strict=True)):
        wrong = _Doubt if index < 2 else DecodeError
        if line.text.strip() == "*":
            raise wrong(f"line {line.number} stands for repeated lines: dump again with -v", at=len(data))
        if match is None or offsets[index] != len(data):
            raise wrong(f"line {line.number} does not begin with offset {len(data):x}", at=len(data))
        following = offsets[index + 1] if index + 1 < len(lines) else None
        size = width or _WIDEST if following is None else following - len(data)
        if not 0 < size <= _WIDEST:
            raise wrong(f"the offset after line {line.number} does not fit", at=len(data))
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
