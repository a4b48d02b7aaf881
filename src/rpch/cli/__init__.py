"""The command line: `rpch COMMAND`."""

from __future__ import annotations

import sys

import typer

from rpch.cli.autodiscover import autodiscover
from rpch.cli.bridge import bridge
from rpch.cli.directory import directory
from rpch.cli.dump import dump
from rpch.cli.ping import ping
from rpch.cli.plain_help import PlainHelp
from rpch.cli.policy import policy
from rpch.cli.proxy import proxy
from rpch.cli.switches import mapi, org, outlook_anywhere
from rpch.cli.up import up
from rpch.cli.users import users
from rpch.errors import RpchError

app = typer.Typer(
    name="rpch",
    help="Remote procedure calls over HTTP: proxy, server, bridge and client.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def rpch() -> None:
    """Remote procedure calls over HTTP: proxy, server, bridge and client."""


app.command()(up)
app.command(cls=PlainHelp)(proxy)
app.command()(bridge)
app.command()(dump)
app.command()(ping)
app.command()(autodiscover)
app.add_typer(policy, name="policy")
app.add_typer(users, name="users")
app.add_typer(directory, name="directory")
app.add_typer(outlook_anywhere, name="outlook-anywhere")
app.add_typer(mapi, name="mapi")
app.add_typer(org, name="org")


def main() -> None:
    """Run a command; what is wrong is said in one sentence."""
    try:
        app()
    except RpchError as error:
        sys.stderr.write(f"rpch: {error}\n")
        sys.exit(2)
