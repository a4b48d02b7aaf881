"""The trace: one JSON line for each turn of a machine, for people, the dashboard and replay.

A turn is one event that a machine took, the state before and after, and what it ordered. Values print
themselves from their own declaration: the name of their class, or the specification's name where they
have one, and their fields. What must not be written is cut here and nowhere else: payloads are reduced to
what `Payload` says about them, cookies to their first four bytes, and secrets to three asterisks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, Protocol
from uuid import UUID

from msgspec import Struct

Bytes = bytes | bytearray | memoryview
Payload = Callable[[Bytes, object], object]  # the bytes, and the event or action that carries them

COOKIE_SIZE: Final = 16
SHOWN_OF_COOKIE: Final = 4
SHOWN_OF_TEXT: Final = 500
DEPTH: Final = 8
HIDDEN: Final = "***"

# Fields that carry PDUs; only they are ever shown to `Payload`.
PAYLOAD_FIELDS: Final = frozenset({"data", "run"})
STUB_FIELDS: Final = frozenset({"stub"})  # what a call says: never more than its size
SECRET_WORDS: Final = ("authorization", "credential", "hash", "key", "password", "secret", "token")
SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "cookie", "set-cookie"}
)


class Sink(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object: ...


def short(cookie: Bytes) -> str:
    """A cookie for people: enough to tell it from others, not enough to use it."""
    return f"{bytes(cookie[:SHOWN_OF_COOKIE]).hex()}…"


def size_only(data: Bytes, carrier: object) -> object:
    """What is said of a payload unless more is asked for."""
    return {"bytes": len(data)}


@dataclass(frozen=True, slots=True)
class Turn:
    """One event that a machine took, and what it decided."""

    time: float
    role: str
    connection: str
    event: object
    before: object
    after: object
    actions: Sequence[object]

    def line(self, payload: Payload = size_only, *, epoch: float = 0.0) -> str:
        """This turn as one line of JSON; `epoch` is what makes its time the time of day."""
        shown = {
            "time": round(self.time + epoch, 6),
            "role": self.role,
            "connection": self.connection,
            "event": plain(self.event, payload),
            "before": plain(self.before, payload),
            "after": plain(self.after, payload),
            "actions": [plain(action, payload) for action in self.actions],
        }
        return json.dumps(shown, ensure_ascii=False, separators=(", ", ": "))


class Tracer:
    """Writes turns to a sink, each as one line."""

    __slots__ = ("_epoch", "_payload", "_sink")

    def __init__(self, sink: Sink, *, payload: Payload = size_only, epoch: float = 0.0) -> None:
        self._sink, self._payload, self._epoch = sink, payload, epoch

    def write(self, turn: Turn) -> None:
        """One line; the sink sees it in one piece."""
        self._sink.write(turn.line(self._payload, epoch=self._epoch) + "\n")


def plain(value: object, payload: Payload = size_only) -> Any:
    """A value in terms of JSON, without secrets."""
    return _Printer(payload).shown(value, None, DEPTH)


class _Printer:
    """One walk through a value."""

    __slots__ = ("_payload",)

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    def shown(self, value: object, carrier: object, depth: int) -> Any:
        """What stands for `value`, which `carrier` carries."""
        match value:
            case Enum():
                return value.name or str(value)
            case None | bool() | int() | float():
                return value
            case str():
                return value if len(value) <= SHOWN_OF_TEXT else f"{value[:SHOWN_OF_TEXT]}…"
            case bytes() | bytearray() | memoryview():
                return short(value) if len(value) == COOKIE_SIZE else size_only(value, carrier)
            case UUID() | IPv4Address() | IPv6Address():
                return str(value)
            case BaseException():
                return {"is": type(value).__name__, "says": str(value)}
            case _ if depth == 0:
                return "…"
            case Mapping():
                return {str(name): self._field(str(name), part, value, depth) for name, part in value.items()}
        if (parts := _parts(value)) is not None:
            return self._object(value, parts, depth)
        if isinstance(value, Sequence | AbstractSet):
            return self._members(value, carrier, depth)
        # What others call a fit representation may hold anything.
        kind = type(value)
        ours = kind.__module__.partition(".")[0] == "rpch" and kind.__repr__ is not object.__repr__
        return repr(value) if ours else kind.__name__

    def _object(self, value: object, parts: Iterator[tuple[str, object]], depth: int) -> dict[str, Any]:
        name = getattr(type(value), "NAME", None)
        shown: dict[str, Any] = {"is": name or type(value).__name__}
        for field, part in parts:
            inner = self._field(field, part, value, depth)
            # The fields of a named message are records themselves: one with a single field is its value.
            if name and isinstance(inner, dict) and len(inner) == 2:
                (inner,) = (shown_part for key, shown_part in inner.items() if key != "is")
            shown[field] = inner
        return shown

    def _field(self, name: str, value: object, carrier: object, depth: int) -> Any:
        if any(word in name.lower() for word in SECRET_WORDS):
            return HIDDEN if value else None
        if name in STUB_FIELDS and isinstance(value, Bytes):
            return size_only(value, carrier)
        if name in PAYLOAD_FIELDS and isinstance(value, Bytes):
            return self.shown(self._payload(value, carrier), carrier, depth - 1)
        return self.shown(value, carrier, depth - 1)

    def _members(self, values: Sequence[object] | AbstractSet[object], carrier: object, depth: int) -> Any:
        match values:
            case (str(header), _) if header.lower() in SECRET_HEADERS:
                return [header, HIDDEN]
        return [self.shown(value, carrier, depth - 1) for value in values]


def _parts(value: object) -> Iterator[tuple[str, object]] | None:
    """The public fields of an object that declares them, in order."""
    kind: Any = type(value)
    if is_dataclass(value):
        return ((field.name, getattr(value, field.name)) for field in fields(value) if public(field.name))
    if isinstance(value, Struct):
        return ((name, getattr(value, name)) for name in kind.__struct_fields__ if public(name))
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return zip(kind._fields, value, strict=True)
    if "__slots__" in vars(kind) and kind.__repr__ is object.__repr__:
        names = [kind.__slots__] if isinstance(kind.__slots__, str) else list(kind.__slots__)
        return ((name, getattr(value, name, None)) for name in names if public(name))
    return None


def public(name: str) -> bool:
    """Whether a field is anybody else's business."""
    return not name.startswith("_")
