"""The environment turns the trace on; what is written shows PDUs by name and no secret."""

import json
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rpch.aio.tracing import SHOWN_PDUS, LineSink, describe_payload, tracer_from_environment
from rpch.dcerpc.pdus import AuthLevel, AuthType, Request, Response, SecTrailer
from rpch.errors import ConfigError
from rpch.rts.commands import Padding
from rpch.rts.pdus import encode
from rpch.testing.rts_samples import SAMPLES
from rpch.trace import Turn
from rpch.vconn.events import Leg, Place, RpcArrived, RtsArrived

BY_NAME = {sample.NAME: sample for sample in SAMPLES}
C1 = BY_NAME["CONN/C1"].encode()
TOKEN = b"NTLMSSP\0password"
REQUEST = Request(7, 0, 3, b"stub", auth=SecTrailer(AuthType.NTLM, AuthLevel.CONNECT, 1, TOKEN)).encode()


@dataclass(frozen=True)
class Delivered:
    run: bytes


def turn(event: object) -> Turn:
    """One turn with this event."""
    return Turn(time.monotonic(), "outbound proxy", "10111213…", event, "C1W", "OPENED", [])


def described(data: bytes, carrier: object = None, *, full: bool = False) -> dict[str, Any]:
    """What the trace says of these bytes."""
    shown = describe_payload(data, carrier, full=full)
    assert isinstance(shown, dict)
    return shown


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a trace."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_without_the_variable_there_is_no_trace() -> None:
    assert tracer_from_environment({}) is None
    assert tracer_from_environment({"RPCH_TRACE": ""}) is None


def test_a_trace_goes_to_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    tracer = tracer_from_environment({"RPCH_TRACE": str(path)})
    assert tracer is not None
    tracer.write(turn(RtsArrived(Leg(Place.OUT_T), C1)))
    (line,) = lines_of(path)
    assert line["event"] == {
        "is": "RtsArrived",
        "leg": "OUT-T#1",
        "data": {
            "bytes": 44,
            "pdus": [{"is": "CONN/C1", "version": 1, "window": 65536, "timeout": 120000}],
        },
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_times_are_those_of_day(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    tracer = tracer_from_environment({"RPCH_TRACE": str(path)})
    assert tracer is not None
    tracer.write(turn(None))
    assert abs(lines_of(path)[0]["time"] - time.time()) < 5


def test_several_processes_may_add_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    tracers = [tracer_from_environment({"RPCH_TRACE": str(path)}) for _ in range(2)]
    for tracer in tracers * 2:
        assert tracer is not None
        tracer.write(turn(None))
    assert len(lines_of(path)) == 4


def test_a_dash_is_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    tracer = tracer_from_environment({"RPCH_TRACE": "-"})
    assert tracer is not None
    tracer.write(turn(RpcArrived(Leg(Place.IN_H), REQUEST)))
    shown = json.loads(capfd.readouterr().err)
    assert shown["event"]["run"] == {"bytes": len(REQUEST), "pdus": ["request 7"]}


def test_payloads_come_on_request_and_without_tokens_and_cookies(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    tracer = tracer_from_environment({"RPCH_TRACE": str(path), "RPCH_TRACE_FULL": "1"})
    assert tracer is not None
    tracer.write(turn(Delivered(REQUEST + BY_NAME["CONN/A1"].encode())))
    run = lines_of(path)[0]["event"]["run"]
    shown = bytes.fromhex(run["hex"])
    assert len(shown) == run["bytes"]
    assert b"stub" in shown
    assert b"password" not in shown
    assert bytes(range(0x10, 0x20)) not in shown


def test_zero_does_not_ask_for_payloads(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    tracer = tracer_from_environment({"RPCH_TRACE": str(path), "RPCH_TRACE_FULL": "0"})
    assert tracer is not None
    tracer.write(turn(Delivered(REQUEST)))
    assert "hex" not in lines_of(path)[0]["event"]["run"]


def test_a_file_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "trace"):
        with pytest.raises(ConfigError, match=r"RPCH_TRACE: cannot write to .*: "):
            tracer_from_environment({"RPCH_TRACE": str(path)})


def test_a_trace_that_breaks_stops_and_ends_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sink = LineSink(writing)
    sink.write("lost\n")
    sink.write("not tried\n")
    os.close(writing)


def test_a_terminal_that_cannot_keep_up_loses_lines_and_no_more() -> None:
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    sink = LineSink(writing)
    for _ in range(200):
        sink.write("x" * 1000)
    with suppress(BlockingIOError):
        while os.read(reading, 65_536):
            pass
    sink.write("again")
    assert os.read(reading, 100) == b"again"
    os.close(reading)
    os.close(writing)


def test_twins_have_all_their_names_where_the_place_does_not_tell() -> None:
    shown = described(BY_NAME["OUT_R1/A9"].encode(), Delivered(b""))
    assert shown["pdus"][0]["is"] == "OUT_R1/A9 = OUT_R1/A10 = OUT_R1/A11 = OUT_R2/B1"
    known = described(C1, RtsArrived(Leg(Place.OUT_H), C1))
    assert known["pdus"][0]["is"] == "CONN/C2"


def test_an_rts_pdu_without_a_name_shows_its_commands() -> None:
    assert described(encode(0x20, [Padding(0)]))["pdus"] == ["RTS, flags 0x0020 with Padding"]


def test_long_runs_are_cut_short() -> None:
    one = Response(9, 0, b"x").encode()
    shown = described(one * (SHOWN_PDUS + 5) + one[:7])
    assert shown["pdus"] == ["response 9"] * SHOWN_PDUS + ["5 more", "7 bytes of a torn PDU"]


def test_bytes_that_are_no_pdus_say_so() -> None:
    assert described(REQUEST[:8] + b"\x03\0" + REQUEST[10:])["pdus"] == ["no PDU: frag_length 3, at byte 8"]
    (text,) = described(b"\x05" + bytes(19))["pdus"]
    assert text.startswith("no PDU: ")
    broken = C1[:12] + b"\x01" + C1[13:]
    assert described(broken)["pdus"] == ["no PDU: not the header of an RTS PDU, at byte 12"]
