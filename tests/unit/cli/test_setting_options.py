"""Commands get an option for each setting that a command line can say, by the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from typer.testing import CliRunner

from rpch.cli.setting_options import takes_settings


def told(words: str) -> msgspec.Meta:
    return msgspec.Meta(description=words)


class Bounds(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A table."""

    most_calls: Annotated[int, told("How many calls.")] = 3


class Sample(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Some settings."""

    listen: Annotated[str, told("Where.")] = "a:1"
    no_tls: Annotated[bool, told("Without TLS.")] = False
    strict: Annotated[bool, told("Strictly.")] = False
    cert: Annotated[Path | None, told("A file.")] = None
    users: Annotated[list[str] | None, told("Who.")] = None
    crl: Annotated[list[Path], told("Files.")] = []
    targets: Annotated[dict[str, str], told("For the file alone.")] = {}
    other: Annotated[Bounds | None, told("For the file alone.")] = None
    bounds: Annotated[Bounds, told("Bounds.")] = Bounds()


def run(*arguments: str) -> tuple[dict[str, Any], bool]:
    """What the command gets for these arguments."""
    seen: list[tuple[dict[str, Any], bool]] = []

    @takes_settings(Sample)
    def command(
        given: dict[str, Any], loud: Annotated[bool, typer.Option("--loud", help="Loudly.")] = False
    ) -> None:
        """Do it."""
        seen.append(({name: value for name, value in given.items() if value is not None}, loud))

    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return seen[0] if seen else ({"help": result.output}, False)


def test_nothing_is_given_by_default() -> None:
    assert run() == ({}, False)


def test_every_kind_of_value_can_be_given() -> None:
    given, loud = run(
        *("--listen", "b:2", "--no-tls", "--cert", "x.pem", "--users", "a", "--users", "b"),
        *("--crl", "x.crl", "--bounds.most-calls", "7", "--loud"),
    )
    assert given == {
        "listen": "b:2",
        "no_tls": True,
        "cert": Path("x.pem"),
        "users": ["a", "b"],
        "crl": [Path("x.crl")],
        "bounds__most_calls": 7,
    }
    assert loud


def test_a_switch_can_be_turned_off_against_the_file() -> None:
    assert run("--tls", "--no-strict")[0] == {"no_tls": False, "strict": False}


def test_help_says_what_each_is_for_and_leaves_out_what_only_the_file_can_say() -> None:
    words = run("--help")[0]["help"]
    assert "How many calls." in words
    assert "--targets" not in words
    assert "--other" not in words
