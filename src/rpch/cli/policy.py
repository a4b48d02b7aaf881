"""`rpch policy`: look at a proxy's settings before they are used."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from rpch.cli.configuration import DEFAULT, configure, origin
from rpch.cli.example_settings import example_settings
from rpch.cli.output import print_event, print_line, print_text
from rpch.cli.plain_help import PlainHelp
from rpch.cli.setting_options import takes_settings
from rpch.cli.shared_options import Json
from rpch.front.switched_settings import switched
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers.finding import dangers
from rpch.proxy.shown_settings import flattened, shown_value

DATABASE: Final = "database, see rpch outlook-anywhere"
_HELP: Final = "Look at a proxy's settings before they are used."

policy = typer.Typer(help=_HELP, no_args_is_help=True)

File = Annotated[
    Path | None, typer.Argument(help="TOML file of `rpch proxy --config`; without it, options alone.")
]


@policy.callback()
def about() -> None:
    """Look at a proxy's settings before they are used.

    Each command takes the options of `rpch proxy` too, and then looks at what that would run with.
    """


@takes_settings(ProxyConfiguration)
def check(given: dict[str, Any], file: File = None, json: Json = False) -> None:
    """Find dangerous settings and pairs of settings, and say the cure.

    The exit status is 0 when there are none, 1 when there are, and 2 when the settings cannot be used.
    """
    settings, switched_by_database = _effective(file, given)
    settings.tls()
    settings.check()
    found = dangers(settings, file, on_command_line=[name for name in given if given[name] is not None])
    everything, where = flattened(settings), partial(_origin, file, given, switched_by_database)
    for danger in found:
        if json:
            values = {
                name: {"value": shown_value(name, everything.get(name)), "from": where(name)}
                for name in danger.settings
            }
            facts = {"settings": danger.settings, "values": values}
            print_event("danger", **facts, what=danger.what, cure=danger.cure)
        else:
            print_line(str(danger))
    looked_at = str(file or "these options")
    if json:
        print_event("checked", file=str(file) if file else None, dangers=len(found))
    elif not found:
        print_line(f"{looked_at}: nothing dangerous found")
    raise typer.Exit(1 if found else 0)


@takes_settings(ProxyConfiguration)
def show(
    given: dict[str, Any],
    file: File = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not as it is by default.")] = False,
    json: Json = False,
) -> None:
    """Show each setting, the value that holds, and where it comes from. Passwords are left out."""
    settings, switched_by_database = _effective(file, given)
    for name, value in flattened(settings).items():
        source = _origin(file, given, switched_by_database, name)
        if changed and source == DEFAULT:
            continue
        if json:
            print_event("setting", name=name, value=shown_value(name, value), origin=source)
        else:
            print_line(f"{name:38} {_written(shown_value(name, value)):44} {source}")


@policy.command()
def example() -> None:
    """Write a settings file with every setting, its meaning and its default, to start from."""
    print_text(example_settings(ProxyConfiguration))


policy.command(cls=PlainHelp)(check)
policy.command(cls=PlainHelp)(show)


def _effective(file: Path | None, given: dict[str, Any]) -> tuple[ProxyConfiguration, Collection[str]]:
    """The settings that hold, and the names of those that switches in the database have replaced."""
    written = configure(ProxyConfiguration, file, given)
    replaced = switched(written)
    return msgspec.structs.replace(written, **replaced), [name.replace("_", "-") for name in replaced]


def _origin(file: Path | None, given: dict[str, Any], by_database: Collection[str], name: str) -> str:
    if name in by_database:
        return DATABASE
    return origin(tuple(name.split(".")), file, given)


def _written(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
