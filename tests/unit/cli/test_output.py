"""Commands print one JSON line an event for programs, and sentences for people."""

import json

import pytest
from rich.table import Table

from rpch.cli.output import print_event, print_line, print_table, print_text, warn


def test_an_event_is_one_line_of_json_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_event("ready", listen=["127.0.0.1:443"], note="two\nlines")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"event": "ready", "listen": ["127.0.0.1:443"], "note": "two\nlines"}


def test_lines_go_to_standard_output_and_warnings_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("RPC proxy on https://127.0.0.1:443")
    warn("credentials travel in the clear")
    captured = capsys.readouterr()
    assert captured.out == "RPC proxy on https://127.0.0.1:443\n"
    assert captured.err == "warning: credentials travel in the clear\n"


def test_text_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("a\nb")
    assert capsys.readouterr().out == "a\nb"


def test_what_stands_in_a_table_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name", box=None)
    table.add_row("[bold]Ada[/bold]")
    print_table(table)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["name", "[bold]Ada[/bold]"]
