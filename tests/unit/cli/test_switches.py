"""`rpch outlook-anywhere`, `rpch mapi`, `rpch org` and the switches of `rpch users`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rpch.auth.accounts import Identity
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.errors import ConfigError
from tests.command_line import app


class Shell:
    """Runs commands on a folder of their own."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *args: str) -> str:
        result = CliRunner().invoke(app, [*args, "--data", str(self.data)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def events(self, *args: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*args, "--json").splitlines()]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv("RPCH_DATABASE", raising=False)
    cheap = HashingCost(passes=1, memory=8, lanes=1)
    with closing(Directory.open(str(tmp_path / "rpch.sqlite3"), cost=cheap)) as directory:
        directory.store.add(Identity("alice", "LAB"), "secret", mail="alice@lab.example")
    return Shell(tmp_path)


def test_outlook_anywhere_is_set_and_shown(shell: Shell) -> None:
    names = ("outlook-anywhere", "set", "--ExternalHostname", "mail.lab.example", "--SSLOffloading", "true")
    assert shell(*names, "--what-if").splitlines() == [
        "would change ExternalHostname:  -> mail.lab.example",
        "would change SSLOffloading: as each proxy is set -> true",
    ]
    assert shell(*names).splitlines()[1] == "changed SSLOffloading: as each proxy is set -> true"
    assert shell(*names) == "nothing changed\n"
    assert shell(*names, "--what-if") == "nothing would change\n"
    (shown,) = shell.events("outlook-anywhere", "get")
    assert (shown["ExternalHostname"], shown["SSLOffloading"]) == ("mail.lab.example", True)
    assert "IISAuthenticationMethods            as each proxy is set" in shell("outlook-anywhere", "get")


def test_contradictions_are_refused_and_surprises_warned_of(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="contradicts ExtendedProtectionTokenChecking Require"):
        shell(
            *("outlook-anywhere", "set", "--SSLOffloading", "true"),
            *("--ExtendedProtectionTokenChecking", "Require"),
        )
    done = CliRunner().invoke(
        app,
        [
            *("outlook-anywhere", "set", "--DefaultAuthenticationMethod", "Ntlm"),
            *("--InternalClientsRequireSsl", "false", "--data", str(shell.data)),
        ],
    )
    assert done.exit_code == 0
    assert "changed IISAuthenticationMethods: as each proxy is set -> Ntlm" in done.stdout
    assert "warning: InternalClientsRequireSsl false" in done.stderr


def test_events_tell_before_and_after(shell: Shell) -> None:
    assert shell.events("mapi", "set", "--ExternalUrl", "https://m.example/mapi") == [
        {"event": "changed", "name": "ExternalUrl", "before": "", "after": "https://m.example/mapi"}
    ]
    assert shell.events("mapi", "get")[0]["ExternalUrl"] == "https://m.example/mapi"
    assert shell.events("org", "set", "--MapiHttpEnabled", "true", "--what-if") == [
        {"event": "would-change", "name": "MapiHttpEnabled", "before": False, "after": True}
    ]
    assert shell.events("org", "get")[0]["MapiHttpEnabled"] is False


def test_what_nothing_goes_by_yet_is_said(shell: Shell) -> None:
    args = ["mapi", "set", "--IISAuthenticationMethods", "Basic", "--data", str(shell.data)]
    assert "rpch serves no MAPI over HTTP yet" in CliRunner().invoke(app, args).stderr
    assert shell.events("mapi", "get")[0]["IISAuthenticationMethods"] == ["Basic"]


def test_a_set_without_anything_says_what_there_is(shell: Shell) -> None:
    with pytest.raises(ConfigError, match="give one of InternalUrl, ExternalUrl, IISAuthenticationMethods"):
        shell("mapi", "set")


def test_a_users_switches_are_set_inherited_and_shown(shell: Shell) -> None:
    assert shell("users", "set", "alice", "--MAPIBlockOutlookRpcHttp", "true", "--mail", "", "--what-if") == (
        "would change MAPIBlockOutlookRpcHttp: inherit -> true\nwould change mail: alice@lab.example -> \n"
    )
    (changed,) = shell.events("users", "set", "alice", "--MAPIBlockOutlookRpcHttp", "true")
    assert (changed["event"], changed["MAPIBlockOutlookRpcHttp"]) == ("changed", True)
    (user,) = shell.events("users", "get", "alice")
    assert (user["MAPIBlockOutlookRpcHttp"], user["MapiHttpEnabled"]) == (True, None)
    assert user["mail"] == "alice@lab.example"
    shell("users", "set", "alice", "--MAPIBlockOutlookRpcHttp", "inherit")
    assert "MAPIBlockOutlookRpcHttp  inherit" in shell("users", "get", "alice")


def test_a_user_who_is_told_of_mapi_over_http_alone_is_warned_of(shell: Shell) -> None:
    done = CliRunner().invoke(
        app, ["users", "set", "alice", "--MapiHttpEnabled", "true", "--data", str(shell.data)]
    )
    assert "warning: MapiHttpEnabled true: clients" in done.stderr


def test_a_wrong_switch_leaves_the_user_as_it_was(shell: Shell) -> None:
    with pytest.raises(ConfigError, match="MapiHttpEnabled"):
        shell("users", "set", "alice", "--MapiHttpEnabled", "maybe", "--mail", "other@lab.example")
    assert shell.events("users", "get", "alice")[0]["mail"] == "alice@lab.example"
