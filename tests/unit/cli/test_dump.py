"""`rpch dump` shows what it is given, and says in one sentence what it cannot read."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from rpch.cli.dump import dump
from rpch.testing.captures import BIND, NAMES, PASSWORD, RTS, opening_capture

COOKIE = bytes(range(0x10, 0x20)).hex()

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(dump)


def run(*arguments: str, data: bytes | None = None) -> tuple[int, list[str], str]:
    """The exit status, the lines on standard output, and standard error."""
    result = CliRunner().invoke(app, arguments, input=data)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout.splitlines(), result.stderr


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture file."""
    path = tmp_path / "opening.pcapng"
    path.write_bytes(opening_capture())
    return path


def test_hex_digits_are_decoded_field_by_field() -> None:
    status, lines, _ = run(RTS["CONN/A3"].hex(" "))
    assert status == 0
    assert lines[0] == "0000  CONN/A3, 28 bytes: timeout 120000"
    assert lines[-1].split() == ["0018", "c0", "d4", "01", "00", "milliseconds", "120000"]


def test_a_file_of_raw_bytes_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "pdus"
    path.write_bytes(BIND + RTS["Ping"])
    status, lines, _ = run(str(path), "--brief")
    assert (status, lines) == (
        0,
        ["0000  bind, 72 bytes: call 1, context 0 EMSMDB", "0048  Ping, 20 bytes"],
    )


def test_a_capture_is_followed(capture: Path) -> None:
    status, lines, _ = run(str(capture), "--brief")
    assert status == 0
    assert len(lines) == len(NAMES)
    assert lines[0].startswith(
        "00:16:40.200000  192.0.2.1:50002 > 192.0.2.9:80  OUT-H  10111213…  RPC_OUT_DATA"
    )


def test_programs_get_an_object_a_line(capture: Path) -> None:
    status, lines, _ = run(str(capture), "--json")
    assert status == 0
    objects = [json.loads(line) for line in lines]
    assert [shown["name"] for shown in objects] == list(NAMES)
    assert objects[1]["fields"][0] == {
        "at": 0,
        "size": 1,
        "depth": 0,
        "name": "rpc_vers",
        "value": "5",
        "hex": "05",
    }
    assert "fields" not in json.loads(run(str(capture), "--json", "--brief")[1][0])


def test_secrets_and_cookies_are_not_printed(capture: Path) -> None:
    for options in ([], ["--json"], ["--full"], ["--full", "--json"]):
        _, lines, _ = run(str(capture), *options)
        text = "\n".join(lines)
        assert PASSWORD not in text
        assert (COOKIE in text.replace(" ", "")) == ("--full" in options)


def test_the_place_may_be_said() -> None:
    _, lines, _ = run(RTS["OUT_R1/A9"].hex(), "--brief", "--leg", "OUT-H", "--to", "client")
    assert lines == ["0000  OUT-H  OUT_R1/A10, 24 bytes"]


@pytest.mark.parametrize(("option", "value"), [("--leg", "IN"), ("--to", "nobody"), ("--from", "xml")])
def test_a_choice_that_does_not_exist_is_refused(option: str, value: str) -> None:
    status, _, error = run(RTS["Ping"].hex(), option, value)
    assert status == 2
    assert value in error


def test_a_capture_can_be_written_without_secrets(capture: Path, tmp_path: Path) -> None:
    safe, whole = tmp_path / "safe.pcapng", tmp_path / "whole.pcapng"
    assert run(str(capture), "--brief", "--pcapng", str(safe))[0] == 0
    assert run(str(capture), "--brief", "--full", "--pcapng", str(whole))[0] == 0
    assert PASSWORD.encode() not in safe.read_bytes()
    assert PASSWORD.encode() in whole.read_bytes()
    assert [json.loads(line)["name"] for line in run(str(safe), "--json")[1]] == list(NAMES)


@pytest.mark.parametrize(
    ("wire", "problem"),
    [
        (RTS["CONN/A1"][:40], "frag_length says 76 bytes, the stream ends after 40"),
        (b"\x05\0\x14", "the stream ends after 3 bytes of a message that needs more"),
        (b"\x99\x99\x99\x99\x99", "neither RPC nor HTTP: it starts with 99 99 99 99 99"),
        (RTS["Ping"][:12] + b"\x01" + RTS["Ping"][13:], "not the header of an RTS PDU, at byte 12"),
    ],
)
def test_what_is_wrong_is_shown_and_is_a_failure(tmp_path: Path, wire: bytes, problem: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(wire)
    status, lines, _ = run(str(path), "--from", "raw")
    assert status == 1
    assert problem in lines[-1]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the input is empty, at byte 0"),
        (b"no hex", "'n' in line 1 is no hex digit, at byte 0"),
        (b"\x1f\x8b\x08", "a gzip file: unpack it first, at byte 0"),
        (opening_capture()[:100], "the capture file is cut off"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_on_standard_error(
    tmp_path: Path, data: bytes, problem: str
) -> None:
    path = tmp_path / "input"
    path.write_bytes(data)
    status, _, error = run(str(path))
    assert status == 1
    assert error.startswith("rpch dump: ")
    assert problem in error
    assert len(error.splitlines()) == 1


def test_files_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    status, _, error = run(str(missing))
    assert (status, error) == (1, f"rpch dump: {missing}: No such file or directory\n")
    status, _, error = run(RTS["Ping"].hex(), "--pcapng", str(tmp_path))
    assert (status, error) == (1, f"rpch dump: {tmp_path}: Is a directory\n")
