"""What decoding yields: messages, and the fields they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a stretch of a stream is."""

    RTS = "RTS"
    RPC = "RPC"
    HEAD = "HTTP"
    BODY = "body"
    BANNER = "banner"
    NOTE = "note"  # nothing on the wire: a remark about what cannot be shown


@dataclass(frozen=True)
class Part:
    """One field: where it starts in its message, its size, its name, and what it says.

    `shown` are its bytes, as far as they may be shown: of a cookie the first four, of a token none.
    """

    at: int
    size: int
    shown: bytes
    name: str
    value: str
    depth: int = 0


@dataclass(frozen=True)
class Message:
    """One message of a stream, in the order of its bytes.

    `at` counts from the start of the stream. `about` is the one line that a reader needs first. `problem`
    says what is wrong with it and where, counted from the start of the message.
    """

    kind: Kind
    name: str
    at: int
    data: bytes
    about: str = ""
    parts: tuple[Part, ...] = ()
    problem: str | None = None
