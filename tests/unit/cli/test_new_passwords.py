"""New passwords come from anywhere but the arguments."""

from __future__ import annotations

import io
import sys

import pytest
import typer

from rpch.cli.new_passwords import VARIABLE, new_password
from rpch.errors import ConfigError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def stdin(monkeypatch: pytest.MonkeyPatch, text: str, *, terminal: bool = False) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text) if terminal else io.StringIO(text))


@pytest.mark.parametrize("text", ["se cret \r\n", "se cret \nmore\n", "se cret "])
def test_the_first_line_of_standard_input_counts_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(VARIABLE, "other")
    stdin(monkeypatch, text)
    assert new_password("alice", from_stdin=True) == "se cret "


def test_the_environment_counts_before_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "secret")
    stdin(monkeypatch, "", terminal=True)
    assert new_password("alice", from_stdin=False) == "secret"


def test_a_person_types_it_unseen_and_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    def prompt(text: str, **options: object) -> str:
        asked.append((text, options))
        return "typed"

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(typer, "prompt", prompt)
    stdin(monkeypatch, "", terminal=True)
    assert new_password(r"LAB\alice", from_stdin=False) == "typed"
    ((text, options),) = asked
    assert text == r"New password of LAB\alice"
    assert options == {"hide_input": True, "confirmation_prompt": True, "err": True}


def test_where_nobody_can_be_asked_the_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    stdin(monkeypatch, "not this\n")
    with pytest.raises(ConfigError, match="--password-stdin, or set RPCH_NEW_PASSWORD"):
        new_password("alice", from_stdin=False)
