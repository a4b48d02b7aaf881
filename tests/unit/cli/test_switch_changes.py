"""What commands print of changed switches."""

import json

import pytest

from rpch.cli.switch_changes import shown, tell_changes
from rpch.exchange.switches import Change


def test_values_are_shown_as_they_are_typed() -> None:
    assert [shown(value) for value in (None, True, ["a", "b"], "x", 7)] == [
        "inherit",
        "true",
        "a, b",
        "x",
        "7",
    ]


def test_changes_are_told_to_people_and_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    changes = [Change("SSLOffloading", before=False, after=True)]
    tell_changes(changes, what_if=False, json=False)
    tell_changes([], what_if=False, json=False)
    tell_changes([], what_if=True, json=True)
    tell_changes(changes, what_if=True, json=True, user="alice")
    *sentences, line = capsys.readouterr().out.splitlines()
    assert sentences == ["changed SSLOffloading: false -> true", "nothing changed"]
    assert json.loads(line) == {
        "event": "would-change",
        "user": "alice",
        "name": "SSLOffloading",
        "before": False,
        "after": True,
    }
