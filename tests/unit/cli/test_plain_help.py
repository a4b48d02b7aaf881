"""Names of options are shown whole, however narrow the terminal."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from rpch.exchange.switches import OUTLOOK_ANYWHERE
from tests.command_line import app


def shown(*command: str) -> str:
    return CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "60", "TERMINAL_WIDTH": "60"}).stdout


def test_the_switches_are_named_whole() -> None:
    said = shown("outlook-anywhere", "set")
    for switch in OUTLOOK_ANYWHERE:
        assert f"  --{switch.name} " in said


@pytest.mark.parametrize("command", [("proxy",), ("policy", "show"), ("policy", "check")])
def test_settings_are_named_whole_under_their_headings(command: tuple[str, ...]) -> None:
    said = shown(*command)
    assert "…" not in said
    assert "  --limits.max-channels-per-address " in said
    assert said.index("\nListener:") < said.index("  --listen ") < said.index("\nAccounts:")
