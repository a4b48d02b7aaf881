"""`rpch directory sync`, with a directory in memory. `make interop` has a real one."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rpch.cli.directory_sync import _stop_at_eof
from rpch.directory.database import Database
from rpch.directory.entries import Entries
from rpch.errors import ConfigError
from tests.command_line import app
from tests.ldap_library import LdapLibrary, install_ldap
from tests.unit.directory.mirror.fake_tree import FakeTree

MODULE = "rpch.cli.directory_sync"


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> LdapLibrary:
    return install_ldap(monkeypatch)


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> FakeTree:
    made = FakeTree()
    made.put(1, "Alice", mail="alice@x")
    made.put(2, "\a")

    @contextmanager
    def open_tree(settings: object) -> Iterator[FakeTree]:
        yield made

    monkeypatch.setattr(sys.modules[MODULE], "open_tree", open_tree)
    return made


def invoke(
    data: Path, *args: str, given: tuple[str, ...] = ("--ldap", "ldapi://there", "--base", "dc=there")
) -> Result:
    result = CliRunner().invoke(app, ["directory", "sync", *given, *args, "--data", str(data)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def event(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_once_it_says_what_it_did_and_what_could_not_be_kept(tree: FakeTree, tmp_path: Path) -> None:
    assert invoke(tmp_path, "--what-if").stdout == "would be 2 added\n"
    done = invoke(tmp_path)
    assert (done.exit_code, done.stdout) == (1, "1 added\n")
    assert "has no name that can be shown" in done.stderr
    tree.drop(2)
    again = invoke(tmp_path)
    assert (again.exit_code, again.stdout) == (0, "nothing to do\n")


def test_programs_read_an_event(tree: FakeTree, tmp_path: Path) -> None:
    for number in range(10, 40):
        tree.put(number, f"P{number}")
    assert event(invoke(tmp_path, "--json")) == {
        "event": "synchronised",
        "added": 31,
        "changed": 0,
        "removed": 0,
        "links": 0,
        "held_back": 0,
        "problems": 1,
        "what_if": False,
    }
    tree.drop(*tree.people)
    held = invoke(tmp_path, "--json")
    assert (held.exit_code, event(held)["held_back"]) == (1, 31)
    assert "--remove-many removes them" in held.stderr
    assert event(invoke(tmp_path, "--json", "--remove-many"))["removed"] == 31


def test_settings_come_from_a_file_and_the_command_line_wins(tree: FakeTree, tmp_path: Path) -> None:
    config = tmp_path / "ldap.toml"
    config.write_text('url = "ldapi://wrong"\nbase = "dc=there"\n[attributes]\ntitle = "info"\n')
    tree.put(1, "Alice", title="Boss")
    invoke(tmp_path, given=("--config", str(config), "--ldap", "ldapi://there"))
    with closing(Database.open(str(tmp_path / "rpch.sqlite3"))) as database:
        (alice,) = Entries(database).named("Alice")
    assert alice.attributes["info"] == "Boss"


def test_what_is_missing_or_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="url"):
        invoke(tmp_path, given=())
    with pytest.raises(ConfigError, match="in the clear"):
        invoke(tmp_path, given=("--ldap", "ldap://192.0.2.1", "--base", "x"))
    assert list(tmp_path.iterdir()) == []


def test_watching_goes_on_until_it_is_told(
    tree: FakeTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            self.set()
            return True

    monkeypatch.setattr("threading.Event", Stop)
    done = invoke(tmp_path, "--watch")
    assert (done.exit_code, done.stdout) == (0, "1 added\n")
    assert waits == [2.0]


def test_it_ends_with_whoever_holds_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    stop = threading.Event()
    _stop_at_eof(stop)
    assert stop.is_set()
