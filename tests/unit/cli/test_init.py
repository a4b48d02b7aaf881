"""`rpch` finds its commands, and says in one sentence what is wrong."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from rpch.cli import main
from tests.command_line import app


def said_by(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that cannot run says, on standard error."""
    monkeypatch.setattr(sys, "argv", ["rpch", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.out == ""
    return captured.err


def test_help_names_the_commands() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("up", "proxy", "bridge", "dump", "ping"):
        assert command in result.stdout


def test_a_command_loads_only_what_it_needs() -> None:
    """Whoever decodes a file need not wait for the database's library."""
    program = (
        "import sys; from rpch.cli import main; sys.argv = ['rpch', 'dump', '--help']\n"
        "try: main()\nfinally: print(sorted({'sqlalchemy', 'uvicorn', 'starlette'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "Decode RTS and RPC PDUs" in done.stdout
    assert done.stdout.endswith("\n[]\n")


def test_an_unknown_command_is_held_against_all() -> None:
    """A slip of the pen is understood."""
    result = CliRunner().invoke(app, ["user"])
    assert result.exit_code == 2
    assert "users" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["proxy", "--no-tls", "--listen", "nowhere"], "--listen: 'nowhere' is no address"),
        (["proxy", "--listen", "127.0.0.1:0"], "tls-cert: is missing"),
        (["proxy", "--no-tls", "--valid-ports", "ex01"], "valid-ports: "),
        (["proxy", "--no-tls", "--user", "alice"], "user: there is no password"),
        (["proxy", "--no-tls", "--channel-lifetime", "5", "--listen", "127.0.0.1:0"], "channel-lifetime: "),
        (["proxy", "--no-tls", "--channel-lifetime", "5", "--workers", "2"], "channel-lifetime: "),
        (["proxy", "--no-tls", "--auth", "Digest"], "auth: "),
        (["proxy", "--tls-cert", "/nowhere.pem"], "tls-cert: /nowhere.pem"),
        (["proxy", "--config", "/nowhere.toml"], "--config: /nowhere.toml cannot be read"),
        (["bridge", "--to", "nowhere"], "--to: 'nowhere' is no address"),
        (["bridge", "--to", "127.0.0.1:1", "--listen", "192.0.2.1:1"], "--listen: 192.0.2.1:1 cannot be"),
        (["up", "--listen", "nowhere"], "--listen: 'nowhere' is no address"),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_one_sentence(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = said_by(arguments, monkeypatch, capsys).splitlines()
    assert said[-1].startswith(f"rpch: {sentence}")
    assert all(line.startswith("warning: ") for line in said[:-1])


@pytest.mark.parametrize("command", [["proxy", "--no-tls"], ["bridge", "--to", "127.0.0.1:1"]])
def test_a_trace_that_cannot_be_written_is_said_before_anybody_listens(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RPCH_TRACE", "/nowhere/trace")
    said = said_by([*command, "--listen", "127.0.0.1:0"], monkeypatch, capsys)
    assert "RPCH_TRACE: cannot write to /nowhere/trace" in said


def test_an_unknown_switch_is_named() -> None:
    result = CliRunner().invoke(app, ["proxy", "--nonsense"])
    assert result.exit_code == 2
    assert "--nonsense" in result.stderr
