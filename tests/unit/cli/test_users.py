"""`rpch users`, from its arguments to the database."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rpch.auth.accounts import MemoryAccounts
from rpch.auth.throttle import Throttle, ThrottleLimits
from rpch.cli.new_passwords import VARIABLE
from rpch.directory.database import Database
from rpch.directory.opening import Directory
from rpch.errors import AccessDenied, ConfigError
from tests.command_line import app

CANARY = "canary-9431"
ALICE = r"LAB\alice"
NOBODYS = MemoryAccounts({})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "rpch.sqlite3"
    Database.open(str(file)).close()
    return file


class Shell:
    """Runs commands on a folder of their own."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *args: str, stdin: str = "") -> str:
        result = CliRunner().invoke(app, ["users", *args, "--data", str(self.data)], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        assert CANARY not in result.output
        return result.stdout

    def events(self, *args: str, stdin: str = "") -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*args, "--json", stdin=stdin).splitlines()]

    def directory(self) -> Directory:
        return Directory.open(str(self.data / "rpch.sqlite3"))

    def signs_in(self, name: str, password: str) -> bool:
        with closing(self.directory()) as directory:
            return asyncio.run(directory.accounts.verify_password(name, password)) is not None


@pytest.fixture
def shell(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("RPCH_DATABASE", raising=False)
    shutil.copy(template, tmp_path / "rpch.sqlite3")
    return Shell(tmp_path)


@pytest.mark.slow
def test_an_account_is_added_and_can_sign_in(shell: Shell) -> None:
    said = shell("add", ALICE, "--password-stdin", "--mail", "alice@lab.example", stdin=f"{CANARY}\n")
    assert said == "LAB\\alice can sign in\n"
    assert shell.signs_in("alice", CANARY)
    assert not shell.signs_in("alice", "other")


def test_events_tell_everything_but_secrets(shell: Shell) -> None:
    (added,) = shell.events("add", ALICE, "--ntlm", "--password-stdin", stdin=f"{CANARY}\n")
    assert {name: added[name] for name in ("event", "user", "enabled", "ntlm", "mail")} == {
        "event": "added",
        "user": ALICE,
        "enabled": True,
        "ntlm": True,
        "mail": None,
    }
    (listed,) = shell.events("list")
    assert listed == added | {"event": "user", "wrong_passwords": 0, "locked": False}


@pytest.mark.slow
def test_a_password_is_changed_and_ntlm_with_it(shell: Shell) -> None:
    shell("add", ALICE, "--password-stdin", stdin="first\n")
    (changed,) = shell.events("passwd", "alice", "--ntlm", "--password-stdin", stdin=f"{CANARY}\n")
    assert (changed["event"], changed["ntlm"]) == ("password-changed", True)
    assert (shell.signs_in("alice", CANARY), shell.signs_in("alice", "first")) == (True, False)
    (changed,) = shell.events("set", "alice", "--no-ntlm", "--display-name", "Ally")
    assert (changed["ntlm"], changed["display_name"]) == (False, "Ally")


@pytest.mark.slow
def test_an_account_is_disabled_enabled_and_removed(shell: Shell) -> None:
    shell("add", ALICE, "--password-stdin", stdin=f"{CANARY}\n")
    assert "can no longer sign in" in shell("disable", "alice")
    assert "disabled" in shell("list")
    with pytest.raises(AccessDenied):
        shell.signs_in("alice", CANARY)
    shell("enable", "alice")
    assert shell.signs_in("alice", CANARY)
    shell("remove", "alice", "--yes")
    assert shell.events("list") == []


def test_removing_asks_first(shell: Shell) -> None:
    shell("add", ALICE, "--password-stdin", stdin=f"{CANARY}\n")
    result = CliRunner().invoke(app, ["users", "remove", "alice", "--data", str(shell.data)], input="n\n")
    assert result.exit_code == 1
    assert len(shell.events("list")) == 1


@pytest.mark.slow
def test_a_locked_account_is_shown_and_unlocked(shell: Shell, tmp_path: Path) -> None:
    shell("add", ALICE, "--password-stdin", stdin=f"{CANARY}\n")

    async def guess() -> None:
        throttle = Throttle(ThrottleLimits(), directory.counters)
        for number in range(30):
            await throttle.guard(NOBODYS, peer=f"192.0.{number}.1").verify_password("alice", "wrong")

    with closing(shell.directory()) as directory:
        asyncio.run(guess())
    assert "locked for new places" in shell("list")
    assert (shell.events("list")[0]["wrong_passwords"], shell.events("list")[0]["locked"]) == (30, True)
    generous = tmp_path / "generous.toml"
    generous.write_text("[throttle]\nper-account = 31\n", "utf-8")
    assert "locked" not in shell("list", "--config", str(generous))
    assert shell.events("list", "--config", str(generous))[0]["locked"] is False
    assert "wrong passwords are forgotten" in shell("unlock", "alice")
    assert shell.events("list")[0]["wrong_passwords"] == 0


def test_a_database_can_be_named(shell: Shell, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other' / 'accounts.sqlite3'}"
    shell("add", ALICE, "--password-stdin", "--database", url, stdin=f"{CANARY}\n")
    assert (tmp_path / "other" / "rpch.key").exists()
    assert shell.events("list") == []
    settings = tmp_path / "proxy.toml"
    settings.write_text(f'database = "{url}"\n', "utf-8")
    assert [user["user"] for user in shell.events("list", "--config", str(settings))] == [ALICE]
    assert len(shell.events("list", "--database", url)) == 1


def test_mistakes_are_named(shell: Shell) -> None:
    with pytest.raises(ConfigError, match="there is no account 'alice'"):
        shell("passwd", "alice", "--password-stdin", stdin=f"{CANARY}\n")
    with pytest.raises(ConfigError, match="--database: 'mysql' is none of"):
        shell("list", "--database", "mysql://x/y")
    with pytest.raises(ConfigError, match="--password-stdin, or set"):
        shell("add", ALICE)


def test_no_option_takes_a_password(shell: Shell) -> None:
    for command in ("add", "passwd"):
        result = CliRunner().invoke(app, ["users", command, "alice", "--password", CANARY])
        assert result.exit_code == 2
        assert "No such option" in result.output
