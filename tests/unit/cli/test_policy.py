"""`rpch policy check` fails on dangers and says the cure."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from rpch.cli.example_settings import example_settings
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.errors import ConfigError
from rpch.exchange.switches import OUTLOOK_ANYWHERE, set_switches
from rpch.proxy.configuration import ProxyConfiguration
from tests.command_line import app

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
    place = f"{tmp_path / 'proxy.toml'}, line 3"
    assert lines[0]["values"] == {"valid-ports": {"value": "ex01.corp.example:1-9000", "from": place}}
    assert lines[-1] == {"event": "checked", "file": str(tmp_path / "proxy.toml"), "dangers": len(lines) - 1}


def test_an_unknown_key_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 4, valid-port.*unknown field"):
        check(tmp_path, SAFE + 'valid-port = "x:1"\n')


def test_options_win_and_are_checked_too(tmp_path: Path) -> None:
    status, said = check(tmp_path, SAFE, "--valid-ports", "x:1-9000", "--json")
    danger = json.loads(said.splitlines()[0])
    assert status == 1
    assert danger["values"]["valid-ports"]["from"] == "command line"


def test_show_says_what_holds_and_where_it_is_from(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(SAFE + 'user = ["LAB\\\\alice:canary"]\n')
    command = ["policy", "show", str(file), "--workers", "2", "--limits.max-channels", "9"]
    lines = CliRunner().invoke(app, [*command, "--json"]).stdout.splitlines()
    found = {line["name"]: (line["value"], line["origin"]) for line in map(json.loads, lines)}
    assert found["listen"] == ("127.0.0.1:8080", f"{file}, line 1")
    assert found["workers"] == (2, "command line")
    assert found["limits.max-channels"] == (9, "command line")
    assert found["heads.size"] == (16_384, "default")
    assert found["user"] == ("1 accounts", f"{file}, line 4")
    assert "canary" not in str(found)


def test_show_for_people_can_leave_out_what_nobody_set(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(SAFE)
    said = CliRunner().invoke(app, ["policy", "show", str(file), "--changed"]).stdout
    assert [line.split()[0] for line in said.splitlines()] == ["listen", "no-tls", "valid-ports"]
    said = CliRunner().invoke(app, ["policy", "show"]).stdout
    assert re.search(r"^tls-cert +- +default$", said, re.MULTILINE)


def test_the_example_is_written_to_standard_output() -> None:
    assert CliRunner().invoke(app, ["policy", "example"]).stdout == example_settings(ProxyConfiguration)


@pytest.mark.parametrize("command", ["check", "show", "example"])
def test_each_command_says_what_it_does(command: str) -> None:
    assert "Usage" in CliRunner().invoke(app, ["policy", command, "--help"]).stdout


def test_switches_in_the_database_hold_and_are_checked(tmp_path: Path) -> None:
    cost = HashingCost(passes=1, memory=8, lanes=1)
    with closing(Directory.open(str(tmp_path / "rpch.sqlite3"), cost=cost)) as directory:
        set_switches(directory.settings, OUTLOOK_ANYWHERE, {"ExtendedProtectionTokenChecking": "None"})
    leaf = trustme.CA().issue_cert("localhost")
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    text = SAFE.replace("no-tls = true", f'tls-cert = "{tmp_path}/server.pem"')
    text += f'database = "{tmp_path}/rpch.sqlite3"\n'
    for file in tmp_path.iterdir():
        file.chmod(0o600)
    status, said = check(tmp_path, text, "--json")
    (danger, _) = map(json.loads, said.splitlines())
    assert status == 1
    assert danger["settings"] == ["extended-protection", "auth"]
    held = {"value": "None", "from": "database, see rpch outlook-anywhere"}
    assert danger["values"]["extended-protection"] == held
    shown = CliRunner().invoke(app, ["policy", "show", str(tmp_path / "proxy.toml"), "--changed"]).stdout
    assert re.search(r"^extended-protection +None +database", shown, re.MULTILINE)
