"""Messages become lines for people and objects for programs."""

import json
from io import BytesIO

import pytest

from rpch.decode.conversations import Seen
from rpch.decode.messages import Kind, Message, Part
from rpch.decode.pcapng import CLIENT, SERVER
from rpch.decode.render import as_object, hex_rows, lines
from rpch.decode.sources import decode_source
from rpch.testing.captures import BIND, RTS, opening_capture

PART = Part(2, 4, b"\x01\0\0\0", "number", "1", depth=1)
LONG = Part(6, 20, bytes(range(0x41, 0x55)), "stub", "41 42…")
HIDDEN = Part(26, 16, b"", "auth_value", "token, 16 bytes, not shown")
MESSAGE = Message(Kind.RPC, "request", 32, bytes(42), "call 1", (PART, LONG, HIDDEN))


def test_a_message_is_a_line_and_its_fields() -> None:
    assert list(lines(Seen(MESSAGE))) == [
        "0020  request, 42 bytes: call 1",
        "      0002  01 00 00 00                number                 1",
        "      0006  41 42 43 44 45 46 47 48… stub                     41 42…",
        "      001a                           auth_value               token, 16 bytes, not shown",
    ]


def test_a_line_alone_is_enough_for_many() -> None:
    assert list(lines(Seen(MESSAGE), fields=False)) == ["0020  request, 42 bytes: call 1"]


def test_all_bytes_are_shown_when_asked_for() -> None:
    shown = list(lines(Seen(MESSAGE), full=True))
    assert shown[3:5] == [
        "          0006  41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP",
        "          0016  51 52 53 54                                      QRST",
    ]
    assert len(shown) == 6


def test_a_captured_message_says_when_and_where() -> None:
    seen = Seen(MESSAGE, 86_399.25, 3, CLIENT, SERVER, True, "10111213…", "IN-H")
    assert next(lines(seen)) == (
        "23:59:59.250000  192.0.2.1:50000 > 192.0.2.2:593  IN-H  10111213…  request, 42 bytes: call 1"
    )
    traced = Seen(MESSAGE, 0.0, connection="10111213…")
    assert next(lines(traced)) == "00:00:00.000000  10111213…  request, 42 bytes: call 1"


@pytest.mark.parametrize("time", [1e300, -1e300, 1e15])
def test_a_time_that_no_calendar_knows_stays_a_number(time: float) -> None:
    assert next(lines(Seen(MESSAGE, time))).startswith(f"{time:.6f}  ")


def test_problems_and_notes_are_visible() -> None:
    broken = Message(Kind.RTS, "RTS", 0, b"\x05", problem="need 20 bytes, have 1, at byte 0")
    assert list(lines(Seen(broken), fields=False)) == [
        "0000  RTS, 1 bytes",
        "      problem: need 20 bytes, have 1, at byte 0",
    ]
    note = Message(Kind.NOTE, "lost", 9, b"", problem="10 bytes are missing")
    assert list(lines(Seen(note))) == ["0009  -- 10 bytes are missing"]
    assert list(lines(Seen(Message(Kind.NOTE, "lost", 9, b"")))) == ["0009  -- lost"]


def test_an_object_has_what_is_known() -> None:
    assert as_object(Seen(MESSAGE)) == {
        "kind": "RPC",
        "name": "request",
        "at": 32,
        "size": 42,
        "about": "call 1",
        "stream": 1,
        "fields": [
            {"at": 2, "size": 4, "depth": 1, "name": "number", "value": "1", "hex": "01000000"},
            {"at": 6, "size": 20, "depth": 0, "name": "stub", "value": "41 42…", "hex": LONG.shown.hex()},
            {"at": 26, "size": 16, "depth": 0, "name": "auth_value", "value": HIDDEN.value, "hex": ""},
        ],
    }
    seen = Seen(MESSAGE, 5.5, 3, CLIENT, SERVER, True, "10111213…", "IN-H")
    known = as_object(seen, fields=False)
    assert (known["time"], known["from"], known["to"]) == (5.5, "192.0.2.1:50000", "192.0.2.2:593")
    assert (known["leg"], known["connection"], known["stream"]) == ("IN-H", "10111213…", 3)
    assert "fields" not in known


def test_long_fields_are_whole_only_when_asked_for() -> None:
    part = Part(0, 100, bytes(100), "stub", "…")
    seen = Seen(Message(Kind.RPC, "request", 0, bytes(100), parts=(part,)))
    assert len(as_object(seen)["fields"][0]["hex"]) == 48
    assert len(as_object(seen, full=True)["fields"][0]["hex"]) == 200


def test_everything_decoded_can_be_rendered() -> None:
    for data in (opening_capture(), RTS["CONN/B2"], BIND, BIND[:30]):
        for seen in decode_source(BytesIO(data)):
            assert all(line.isprintable() for line in lines(seen, full=True))
            assert json.loads(json.dumps(as_object(seen)))["name"] == seen.message.name


def test_rows_of_hex_hide_control_bytes() -> None:
    assert list(hex_rows(b"a\x1b\x7f\xff")) == ["          0000  61 1b 7f ff" + " " * 36 + "  a..."]
    assert list(hex_rows(b"")) == []
