"""Turns decoded messages into lines for people and objects for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rpch.decode.conversations import Seen
from rpch.decode.messages import Kind, Message, Part

SHOWN_OF_FIELD = 8  # bytes in the column of a field
SHOWN_IN_JSON = 24
ROW = 16
INDENT = "      "


def lines(seen: Seen, *, fields: bool = True, full: bool = False) -> Iterator[str]:
    """One message for people: a line that says what it is, then its fields."""
    message = seen.message
    yield f"{_where(seen)}  {_title(message)}"
    if fields:
        for part in message.parts:
            yield _field(part)
            if full and part.size > SHOWN_OF_FIELD and part.shown:
                yield from hex_rows(part.shown, part.at)
    if message.problem and message.kind is not Kind.NOTE:
        yield f"{INDENT}problem: {message.problem}"


def _where(seen: Seen) -> str:
    """Time, ends, leg and virtual connection; or where in the input it stands."""
    if seen.source is None:
        words = [f"{seen.message.at:04x}"] if seen.time is None else [_time(seen.time)]
    else:
        words = [_time(seen.time or 0.0), f"{seen.source} > {seen.target}"]
    words += [word for word in (seen.place, seen.connection) if word]
    return "  ".join(words)


def _time(seconds: float) -> str:
    """The time of day in UTC; a number no calendar knows stays a number."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.6f}"


def _title(message: Message) -> str:
    if message.kind is Kind.NOTE:
        return f"-- {message.problem or message.name}"
    about = f": {message.about}" if message.about else ""
    return f"{message.name}, {len(message.data)} bytes{about}"


def _field(part: Part) -> str:
    raw = part.shown[:SHOWN_OF_FIELD].hex(" ") + ("…" if part.size > SHOWN_OF_FIELD and part.shown else "")
    name = "  " * part.depth + part.name
    return f"{INDENT}{part.at:04x}  {raw:<24} {name:<24} {part.value}".rstrip()


def hex_rows(data: bytes, start: int = 0) -> Iterator[str]:
    """Bytes in rows of sixteen, with what text there is in them."""
    for at in range(0, len(data), ROW):
        row = data[at : at + ROW]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{INDENT}    {start + at:04x}  {row.hex(' '):<47}  {text}"


def as_object(seen: Seen, *, fields: bool = True, full: bool = False) -> dict[str, Any]:
    """One message for programs; what is not known is left out."""
    message = seen.message
    shown: dict[str, Any] = {
        "kind": message.kind.value,
        "name": message.name,
        "at": message.at,
        "size": len(message.data),
        "about": message.about,
        "problem": message.problem,
        "time": seen.time,
        "stream": seen.number,
        "from": str(seen.source) if seen.source else None,
        "to": str(seen.target) if seen.target else None,
        "leg": seen.place,
        "connection": seen.connection,
        "fields": [_field_object(part, full=full) for part in message.parts] if fields else None,
    }
    return {name: value for name, value in shown.items() if value not in (None, "", [])}


def _field_object(part: Part, *, full: bool) -> dict[str, Any]:
    shown = part.shown if full else part.shown[:SHOWN_IN_JSON]
    return {
        "at": part.at,
        "size": part.size,
        "depth": part.depth,
        "name": part.name,
        "value": part.value,
        "hex": shown.hex(),
    }
