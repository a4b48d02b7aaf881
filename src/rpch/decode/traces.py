"""Finds the payloads in a trace, so that they can be decoded like a capture.

Only a trace with payloads (`RPCH_TRACE_FULL=1`) has any. What an event carries was received, what an action
carries was sent; legs keep them apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rpch.errors import DecodeError
from rpch.trace import PAYLOAD_FIELDS


@dataclass(frozen=True)
class Payload:
    """Bytes that a machine received or sent."""

    time: float
    role: str
    connection: str
    leg: str
    received: bool
    data: bytes


def read_payloads(lines: Iterable[str]) -> Iterator[Payload]:
    """The payloads of a trace in order; `DecodeError` names a line that is none of a trace."""
    at = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from _payloads(line, number, at)
        at += len(line.encode("utf-8", "replace"))


def _payloads(line: str, number: int, at: int) -> Iterator[Payload]:
    try:
        turn = json.loads(line)
        about = (float(turn["time"]), str(turn["role"]), str(turn["connection"]))
        sides = [(turn["event"], True), *((action, False) for action in turn["actions"])]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DecodeError(f"line {number} is no turn of a trace", at=at) from error
    for shown, received in sides:
        if isinstance(shown, dict):
            for data in _bytes_in(shown):
                yield Payload(*about, str(shown.get("leg", "")), received, data)


def _bytes_in(shown: dict[str, Any]) -> Iterator[bytes]:
    for name in PAYLOAD_FIELDS & shown.keys():
        payload = shown[name]
        if isinstance(payload, dict) and isinstance(payload.get("hex"), str):
            try:
                yield bytes.fromhex(payload["hex"])
            except ValueError:
                continue
