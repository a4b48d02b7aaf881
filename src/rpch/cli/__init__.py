"""The command line: `rpch COMMAND`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Final

import typer

from rpch.cli.plain_help import PlainHelp
from rpch.errors import RpchError

# In the order of `--help`: each command or family of commands, and the module it is in.
COMMANDS: Final[Mapping[str, str]] = {
    "up": "up",
    "proxy": "proxy",
    "bridge": "bridge",
    "dump": "dump",
    "ping": "ping",
    "autodiscover": "autodiscover",
    "policy": "policy",
    "users": "users",
    "directory": "directory",
    "outlook-anywhere": "switches",
    "mapi": "switches",
    "org": "switches",
}
_LONG_OPTIONS: Final = {"proxy"}  # whose names a table would cut off


def command_line(*names: str) -> typer.Typer:
    """`rpch` with these commands; without any, with all. What a command needs is loaded with it alone."""
    app = typer.Typer(
        name="rpch",
        help=rpch.__doc__,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(rpch)
    for name in names or COMMANDS:
        command = getattr(import_module(f"rpch.cli.{COMMANDS[name]}"), name.replace("-", "_"))
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(cls=PlainHelp if name in _LONG_OPTIONS else None)(command)
    return app


def rpch() -> None:
    """Remote procedure calls over HTTP: proxy, server, bridge and client."""


def main() -> None:
    """Run a command; what is wrong is said in one sentence."""
    wanted = [name for name in sys.argv[1:2] if name in COMMANDS]
    try:
        command_line(*wanted)()
    except RpchError as error:
        sys.stderr.write(f"rpch: {error}\n")
        sys.exit(2)
