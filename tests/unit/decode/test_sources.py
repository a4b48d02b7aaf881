"""Input is recognised by its first bytes, and decoded."""

import gzip
import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.decode import sources
from rpch.decode.conversations import Seen
from rpch.decode.sources import Form, Where, decode_source
from rpch.decode.streams import BANNER
from rpch.errors import DecodeError, RemoteProtocolError
from rpch.testing.captures import BIND, NAMES, REQUEST, RTS, channel_head, opening_capture


def decoded(data: bytes, form: Form = Form.AUTO, where: Where | None = None) -> list[Seen]:
    """All that is seen in some input."""
    return list(decode_source(BytesIO(data), form, where))


def names(data: bytes, form: Form = Form.AUTO, where: Where | None = None) -> list[str]:
    """The names of all messages in some input."""
    return [seen.message.name for seen in decoded(data, form, where)]


def turn(role: str, leg: str, data: bytes, *, received: bool = True) -> str:
    """One line of a trace with a payload."""
    shown = {"is": "RtsArrived", "leg": leg, "data": {"bytes": len(data), "hex": data.hex()}}
    line = {"time": 5.0, "role": role, "connection": "10111213…", "before": "A", "after": "B"}
    line |= {"event": shown, "actions": []} if received else {"event": None, "actions": [shown]}
    return json.dumps(line) + "\n"


TRACE = (
    turn("SERVER", "OUT-T#1", RTS["CONN/A2"]) + turn("SERVER", "OUT-T#1", RTS["CONN/C1"], received=False)
).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (RTS["CONN/A1"], ["CONN/A1"]),
        (BANNER + RTS["CONN/B3"], [BANNER.decode(), "CONN/B3"]),
        (channel_head("RPC_IN_DATA", 200) + RTS["Ping"], [NAMES[2], "Ping"]),
        (RTS["CONN/A1"].hex(" ").encode(), ["CONN/A1"]),
        (b"\xef\xbb\xbf" + RTS["CONN/A1"].hex().encode(), ["CONN/A1"]),
        (BIND.hex().encode() + b"\n" + REQUEST.hex().encode(), ["bind", "request"]),
        (opening_capture(), list(NAMES)),
        (TRACE, ["CONN/A2", "CONN/C1"]),
    ],
    ids=["raw", "banner", "head", "hex", "hex with a mark", "hex lines", "capture", "trace"],
)
def test_input_is_recognised(data: bytes, expected: list[str]) -> None:
    assert names(data) == expected


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (Form.RAW, RTS["Ping"]),
        (Form.HEX, RTS["Ping"].hex().encode()),
        (Form.TRACE, turn("CLIENT", "IN-H#1", RTS["Ping"], received=False).encode()),
    ],
)
def test_the_form_may_be_said(form: Form, data: bytes) -> None:
    assert names(data, form) == ["Ping"]


def test_a_capture_may_be_said_too() -> None:
    assert names(opening_capture(), Form.CAPTURE) == list(NAMES)
    with pytest.raises(DecodeError, match="no capture file: it starts with 05 00 14 03, at byte 0"):
        decoded(RTS["Ping"], Form.CAPTURE)


def test_what_the_caller_knows_tells_twins_apart() -> None:
    assert names(RTS["OUT_R1/A9"]) == ["OUT_R1/A9 = OUT_R1/A10 = OUT_R1/A11 = OUT_R2/B1"]
    assert names(RTS["OUT_R1/A9"], where=Where("OUT-H", "client")) == ["OUT_R1/A10"]
    assert names(RTS["OUT_R1/A9"], where=Where("OUT-T")) == ["OUT_R1/A9 = OUT_R2/B1"]
    (seen,) = decoded(RTS["IN_R1/A5"], where=Where(whole_cookies=True))
    assert seen.message.parts[-1].value == bytes(range(0x60, 0x70)).hex()


def test_a_trace_tells_place_direction_and_connection() -> None:
    first, second = decoded(TRACE)
    assert (first.place, first.connection, first.time, first.from_client) == ("OUT-T", "10111213…", 5.0, True)
    assert (second.message.name, second.from_client) == ("CONN/C1", False)
    received = turn("CLIENT", "OUT-H#1", RTS["OUT_R1/A9"]).encode()
    assert names(received) == ["OUT_R1/A10"]
    assert names(turn("CLIENT", "OUT-H#2", RTS["OUT_R1/A9"], received=False).encode()) == [
        "OUT_R1/A10 = OUT_R1/A11"
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the input is empty, at byte 0"),
        (gzip.compress(opening_capture()), "a gzip file: unpack it first, at byte 0"),
        (b"what is this?", "'w' in line 1 is no hex digit, at byte 0"),
        (b'{"a": 1}', "line 1 is no turn of a trace, at byte 0"),
        (
            json.dumps({"time": 1, "role": "a", "connection": "b", "event": None, "actions": []}).encode(),
            "this trace has no payloads; record it with RPCH_TRACE_FULL=1, at byte 0",
        ),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, problem: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decoded(data)
    assert str(caught.value) == problem


def test_garbage_is_shown_as_what_it_is() -> None:
    (seen,) = decoded(b"\x99\x88\x77")
    assert seen.message.problem == "neither RPC nor HTTP: it starts with 99 88 77"


def test_input_that_is_no_capture_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST_TEXT", 1 << 20)
    with pytest.raises(DecodeError, match="more than 1 MiB that are no capture"):
        decoded(RTS["Ping"] + bytes(1 << 20))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x05\0\x14\x03", b"{", b"\x0a\x0d\x0d\x0a", b"0500"]))
def test_any_input_is_decoded_or_refused(data: bytes, start: bytes) -> None:
    try:
        decoded(start + data)
    except RemoteProtocolError:
        return
