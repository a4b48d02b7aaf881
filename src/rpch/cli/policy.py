"""`rpch policy`: look at a proxy's settings before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rpch.cli.configuration import configure
from rpch.cli.output import print_event, print_line
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers import dangers

policy = typer.Typer(help="Look at a proxy's settings before they are used.", no_args_is_help=True)


@policy.callback()
def about() -> None:
    """Look at a proxy's settings before they are used."""


@policy.command()
def check(
    file: Annotated[Path, typer.Argument(help="TOML file of `rpch proxy --config`.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON line an event.")] = False,
) -> None:
    """Find dangerous settings and pairs of settings, and say the cure. Status 1 when there are any."""
    settings = configure(ProxyConfiguration, file, {})
    settings.tls()
    settings.bindings()
    settings.authenticator(settings.accounts())
    found = dangers(settings, file)
    for danger in found:
        if json:
            print_event("danger", settings=danger.settings, what=danger.what, cure=danger.cure)
        else:
            print_line(str(danger))
    if json:
        print_event("checked", file=str(file), dangers=len(found))
    elif not found:
        print_line(f"{file}: nothing dangerous found")
    raise typer.Exit(1 if found else 0)
