"""Log lines go to standard error, for people or for programs, without secrets."""

import json
from collections.abc import Iterator

import pytest
import structlog

from rpch.cli.logs import configure_logs, mask_secrets


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leaves no configuration behind."""
    yield
    structlog.reset_defaults()


def test_programs_read_json_with_time_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(json=True)
    structlog.get_logger("rpch.test").warning("refused", rule="ValidPorts", client="192.0.2.7")
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert (line["event"], line["level"], line["rule"]) == ("refused", "warning", "ValidPorts")
    assert line["timestamp"].endswith("Z")


def test_people_read_columns(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(json=False)
    structlog.get_logger("rpch.test").info("listening", port=593)
    assert "listening" in (said := capsys.readouterr().err)
    assert "port=593" in said


def test_details_are_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(json=True)
    structlog.get_logger("rpch.test").debug("detail")
    assert capsys.readouterr().err == ""
    configure_logs(json=True, verbose=True)
    structlog.get_logger("rpch.test").debug("detail")
    assert "detail" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["authorization", "password", "token", "secret", "hash"])
def test_no_line_shows_a_secret_whoever_wrote_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(json=True)
    structlog.get_logger("rpch.test").info("something", **{name: "canary", "other": "shown"})
    said = capsys.readouterr().err
    assert "canary" not in said
    assert "shown" in said
    assert mask_secrets(None, "info", {name: b"canary"}) == {name: "***"}
