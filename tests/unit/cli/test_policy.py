"""`rpch policy check` fails on dangers and says the cure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rpch.cli import app
from rpch.errors import ConfigError

SAFE = """\
listen = "127.0.0.1:8080"
no-tls = true
valid-ports = "ex01.corp.example:6001"
"""


def check(tmp_path: Path, text: str, *options: str) -> tuple[int, str]:
    file = tmp_path / "proxy.toml"
    file.write_text(text)
    file.chmod(0o600)
    result = CliRunner().invoke(app, ["policy", "check", str(file), *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_nothing_dangerous_is_status_0(tmp_path: Path) -> None:
    status, said = check(tmp_path, SAFE)
    assert (status, "nothing dangerous" in said) == (0, True)


def test_a_danger_is_status_1_and_names_its_settings(tmp_path: Path) -> None:
    status, said = check(tmp_path, SAFE.replace("127.0.0.1", "192.0.2.1"))
    assert status == 1
    assert said.startswith("no-tls + listen: ")


def test_json_has_one_line_a_danger_and_a_sum(tmp_path: Path) -> None:
    status, said = check(tmp_path, SAFE.replace("6001", "1-9000"), "--json")
    lines = [json.loads(line) for line in said.splitlines()]
    assert status == 1
    assert lines[0]["settings"] == ["valid-ports"]
    assert lines[-1] == {"event": "checked", "file": str(tmp_path / "proxy.toml"), "dangers": len(lines) - 1}


def test_an_unknown_key_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 4, valid-port.*unknown field"):
        check(tmp_path, SAFE + 'valid-port = "x:1"\n')
