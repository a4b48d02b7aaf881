"""A command finds the password of whoever uses it, in an order that is the same for all commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import rpch.cli.passwords as module
from rpch.cli.passwords import ask_password, name_and_password
from rpch.errors import ConfigError
from tests.keyrings import KnownPasswords, using


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("RPCH_USER", "RPCH_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(module, "_is_somebody_there", lambda: False)
    with using(KnownPasswords({("rpch", "alice"): "of the keyring"})):
        yield


def somebody_types(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def prompt(text: str, **how: Any) -> str:
        assert (text, how) == ("password of bob", {"hide_input": True, "err": True})
        return password

    monkeypatch.setattr(module, "_is_somebody_there", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)


def test_nobody_is_nobody() -> None:
    assert name_and_password(None) is None


def test_each_place_is_asked_only_if_none_before_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_and_password("alice") == ("alice", "of the keyring")
    somebody_types("typed", monkeypatch)
    assert name_and_password("bob") == ("bob", "typed")
    assert name_and_password("alice") == ("alice", "of the keyring")
    monkeypatch.setenv("RPCH_PASSWORD", "of the environment")
    assert name_and_password("alice") == ("alice", "of the environment")
    assert name_and_password("alice:of:the argument") == ("alice", "of:the argument")
    assert name_and_password("alice:") == ("alice", "")


def test_a_password_that_others_can_read_is_taken_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RPCH_USER", "alice:canary")
    assert name_and_password(None) == ("alice", "canary")
    assert capsys.readouterr() == ("", "")
    assert name_and_password("alice:canary") == ("alice", "canary")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("warning: --user: others here can read a password in a command")
    assert "canary" not in said.err


def test_the_name_may_be_in_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPCH_USER", "alice")
    assert name_and_password(None) == ("alice", "of the keyring")
    with pytest.raises(ConfigError, match="for bob"):
        name_and_password("bob")


def test_without_anybody_to_ask_the_other_places_are_named() -> None:
    with pytest.raises(ConfigError, match=r"^-I: .*RPCH_PASSWORD, or store it with: keyring set rpch 'bob'"):
        ask_password("bob", option="-I")


def test_a_ticket_will_do_where_no_password_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_and_password("bob", may_have_ticket=True) == ("bob", "")
    assert name_and_password("alice", may_have_ticket=True) == ("alice", "of the keyring")


@pytest.mark.parametrize("user", ["", ":pw"])
def test_a_name_is_needed(user: str) -> None:
    with pytest.raises(ConfigError, match="no user name"):
        name_and_password(user)
