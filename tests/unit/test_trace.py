"""A turn is one line of JSON that says what happened, and never a secret."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntFlag, auto
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from rpch.errors import DecodeError
from rpch.rts.pdus import OutR1A9
from rpch.testing.rts_samples import SAMPLES
from rpch.trace import DEPTH, SHOWN_OF_TEXT, Tracer, Turn, plain, short
from rpch.vconn.events import Leg, Place

COOKIE = bytes(range(0x10, 0x20))
BY_NAME = {sample.NAME: sample for sample in SAMPLES}


class State(Enum):
    WAIT_C2 = auto()
    OPENED = auto()


class Bits(IntFlag):
    ONE = 1
    TWO = 2


def in_leg(number: int) -> Leg:
    """A leg, which knows how to show itself."""
    return Leg(Place.IN_H, number)


class Foreign:
    """Shows more of itself than it should."""

    def __repr__(self) -> str:
        return "Foreign(password='hunter2')"


class Slotted:
    __slots__ = ("size", "what")

    def __init__(self) -> None:
        self.size, self.what = 3, "abc"


class Private:
    """Keeps something to itself."""

    __slots__ = ("_password", "user")

    def __init__(self) -> None:
        self._password, self.user = "hunter2", "ann"


@dataclass(frozen=True)
class Started:
    stub: bytes
    _inner: str = "hidden"


class OneSlot:
    __slots__ = "only"

    def __init__(self) -> None:
        self.only = 1


class Opaque:
    """Shows nothing of itself."""


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class RtsArrived:
    leg: Leg
    data: bytes


@dataclass(slots=True)
class Forward:
    leg: Leg
    run: memoryview


@dataclass(frozen=True)
class Send:
    leg: Leg
    pdu: object


@dataclass(frozen=True)
class Closed:
    why: Exception | None


@dataclass(frozen=True)
class LogIn:
    user: str
    password: str
    token: bytes
    headers: tuple[tuple[str, str], ...]
    credentials: object | None = None


@dataclass(frozen=True)
class Loose:
    value: object


class Nested:
    """Repeats itself without end."""

    __slots__ = ("inner",)

    def __init__(self) -> None:
        self.inner: object = self


def turn(event: object, *actions: object) -> Turn:
    """One turn around this event."""
    return Turn(12.3456789, "client", "10111213…", event, State.WAIT_C2, State.OPENED, actions)


def told(sample: Turn) -> dict[str, Any]:
    """What the line of a turn says."""
    value = json.loads(sample.line())
    assert isinstance(value, dict)
    return value


def test_a_line_says_when_who_what_and_what_followed() -> None:
    line = turn(RtsArrived(in_leg(1), bytes(44)), Send(in_leg(2), BY_NAME["CONN/C2"]), Closed(None)).line()
    assert "\n" not in line
    assert json.loads(line) == {
        "time": 12.345679,
        "role": "client",
        "connection": "10111213…",
        "event": {"is": "RtsArrived", "leg": "IN-H#1", "data": {"bytes": 44}},
        "before": "WAIT_C2",
        "after": "OPENED",
        "actions": [
            {
                "is": "Send",
                "leg": "IN-H#2",
                "pdu": {"is": "CONN/C2", "version": 1, "window": 65536, "timeout": 120000},
            },
            {"is": "Closed", "why": None},
        ],
    }


def test_times_may_be_those_of_day() -> None:
    assert json.loads(turn(None).line(epoch=1000.0))["time"] == 1012.345679


def test_rts_pdus_have_the_names_of_the_specification_and_short_cookies() -> None:
    assert plain(BY_NAME["CONN/A1"]) == {
        "is": "CONN/A1",
        "version": 1,
        "virtual_connection": "10111213…",
        "out_channel": "20212223…",
        "window": 65536,
    }
    assert plain(BY_NAME["OUT_R2/A5"]) == {"is": "OUT_R2/A5", "destination": "CLIENT", "ance": {"is": "Ance"}}
    assert plain(BY_NAME["FlowControlAck"]) == {
        "is": "FlowControlAck",
        "ack": {
            "is": "FlowControlAck",
            "bytes_received": 0x9000,
            "available_window": 0x10000,
            "channel": "30313233…",
        },
    }
    assert plain(BY_NAME["CONN/B2"])["client"] == "192.0.2.1"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.NAME)
def test_no_pdu_shows_a_whole_cookie(sample: object) -> None:
    line = json.dumps(plain(sample))
    for start in range(0x10, 0x70, 0x10):
        assert bytes(range(start + 3, start + 6)).hex() not in line


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (0.5, 0.5),
        ("text", "text"),
        (State.OPENED, "OPENED"),
        (Bits.ONE | Bits.TWO, "ONE|TWO"),
        (Bits.ONE | 0x40, "ONE|64"),
        (b"abc", {"bytes": 3}),
        (memoryview(b"abc"), {"bytes": 3}),
        (bytearray(17), {"bytes": 17}),
        (COOKIE, "10111213…"),
        (DecodeError("short", at=3), {"is": "DecodeError", "says": "short, at byte 3"}),
        (in_leg(3), "IN-H#3"),
        (Foreign(), "Foreign"),
        (Slotted(), {"is": "Slotted", "size": 3, "what": "abc"}),
        (OneSlot(), {"is": "OneSlot", "only": 1}),
        (Private(), {"is": "Private", "user": "ann"}),
        (Started(bytes(16)), {"is": "Started", "stub": {"bytes": 16}}),
        (Opaque(), "Opaque"),
        (Point(1, 2), {"is": "Point", "x": 1, "y": 2}),
        ([1, (2, 3)], [1, [2, 3]]),
        (frozenset({4}), [4]),
        ({"a": 1, 2: b""}, {"a": 1, "2": {"bytes": 0}}),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (int, "type"),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_values_show_themselves_by_what_they_declare(value: object, shown: object) -> None:
    assert plain(value) == shown


def test_flags_without_a_name_show_their_number() -> None:
    assert plain(Bits(0)) == "0"


def test_a_pdu_with_one_field_keeps_it_apart_from_its_name() -> None:
    assert plain(OutR1A9(BY_NAME["OUT_R1/A9"].ance)) == {"is": "OUT_R1/A9", "ance": {"is": "Ance"}}  # type: ignore[attr-defined]
    assert plain(BY_NAME["CONN/A3"]) == {"is": "CONN/A3", "timeout": 120000}
    assert plain(BY_NAME["Ping"]) == {"is": "Ping"}


def test_secrets_are_never_shown() -> None:
    event = LogIn(
        "ann", "hunter2", b"NTLMSSP\0hunter2", (("Authorization", "Basic aHVudGVyMg=="), ("host", "a"))
    )
    line = turn(event, Loose({"nt_hash": b"hunter2hunter2", "session_keys": ["hunter2"]})).line()
    assert "hunter2" not in line
    assert "aHVudGVyMg" not in line
    assert json.loads(line)["event"] == {
        "is": "LogIn",
        "user": "ann",
        "password": "***",
        "token": "***",
        "headers": [["Authorization", "***"], ["host", "a"]],
        "credentials": None,
    }
    assert json.loads(line)["actions"] == [
        {"is": "Loose", "value": {"nt_hash": "***", "session_keys": "***"}}
    ]


def test_only_what_travels_is_shown_to_the_payload_hook() -> None:
    seen: list[tuple[bytes, object]] = []

    def show(data: bytes | bytearray | memoryview, carrier: object) -> object:
        seen.append((bytes(data), carrier))
        return {"hex": bytes(data).hex()}

    arrived, forward = RtsArrived(in_leg(1), COOKIE), Forward(in_leg(2), memoryview(b"run"))
    shown = json.loads(turn(arrived, forward, Loose(b"secret")).line(show))
    assert seen == [(COOKIE, arrived), (b"run", forward)]
    assert shown["event"]["data"] == {"hex": COOKIE.hex()}
    assert shown["actions"][0]["run"] == {"hex": "72756e"}
    assert shown["actions"][1]["value"] == {"bytes": 6}


def test_text_and_depth_have_an_end() -> None:
    assert plain("x" * 10_000) == "x" * SHOWN_OF_TEXT + "…"
    shown, levels = plain(Nested()), 0
    while isinstance(shown, dict):
        shown, levels = shown["inner"], levels + 1
    assert (shown, levels) == ("…", DEPTH)


def test_a_tracer_writes_each_turn_as_one_piece() -> None:
    class Pieces:
        def __init__(self) -> None:
            self.written: list[str] = []

        def write(self, text: str) -> None:
            self.written.append(text)

    sink = Pieces()
    tracer = Tracer(sink, epoch=100.0)
    tracer.write(turn(Loose("a\nb")))
    tracer.write(turn(None))
    assert len(sink.written) == 2
    for piece in sink.written:
        assert piece.endswith("\n")
        assert piece.count("\n") == 1
        assert json.loads(piece)["time"] == 112.345679


def test_any_text_stream_is_a_sink() -> None:
    sink = io.StringIO()
    Tracer(sink, payload=lambda data, carrier: len(data)).write(turn(RtsArrived(in_leg(1), b"abc")))
    assert json.loads(sink.getvalue())["event"]["data"] == 3


def test_a_short_cookie_tells_and_keeps() -> None:
    assert short(COOKIE) == "10111213…"
    assert short(memoryview(COOKIE)) == "10111213…"


def test_mappings_are_shown_by_their_keys() -> None:
    class Frozen(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            return {"a": 1}[key]

        def __iter__(self) -> Any:
            return iter(["a"])

        def __len__(self) -> int:
            return 1

    assert plain(Frozen()) == {"a": 1}
    assert told(turn({"x": Loose(1)}))["event"] == {"x": {"is": "Loose", "value": 1}}
