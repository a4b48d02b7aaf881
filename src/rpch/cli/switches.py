"""`rpch outlook-anywhere`, `rpch mapi` and `rpch org`: what clients are told, and what they may use.

The names are those of Exchange's cmdlets. What is set holds from the next connection on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rpch.cli.output import print_event, print_line, warn
from rpch.cli.plain_help import PlainHelp
from rpch.cli.shared_options import DATA, Data, Json, KeyFile, Url, WhatIf, opened_directory
from rpch.cli.switch_changes import shown, tell_changes
from rpch.errors import ConfigError
from rpch.exchange.switches import (
    DEFAULT_METHOD,
    MAPI,
    ORGANISATION,
    OUTLOOK_ANYWHERE,
    Switch,
    cautions,
    read_switches,
    set_switches,
)

outlook_anywhere = typer.Typer(help="How clients reach RPC over HTTP.", no_args_is_help=True)
mapi = typer.Typer(help="How clients reach MAPI over HTTP.", no_args_is_help=True)
org = typer.Typer(help="What holds for the whole organisation.", no_args_is_help=True)

Text = str | None
OF_PROXY = "as each proxy is set"


@outlook_anywhere.command("get")
def outlook_anywhere_get(
    data: Data = DATA, database: Url = None, key_file: KeyFile = None, json: Json = False
) -> None:
    """Show how clients reach RPC over HTTP."""
    _show(OUTLOOK_ANYWHERE, data, database, key_file, json=json)


@outlook_anywhere.command("set", cls=PlainHelp)
def outlook_anywhere_set(
    external_hostname: Annotated[
        Text, typer.Option("--ExternalHostname", help="RPC over HTTP from outside; empty: none.")
    ] = None,
    internal_hostname: Annotated[
        Text, typer.Option("--InternalHostname", help="The same from inside; empty: this host.")
    ] = None,
    external_client_authentication_method: Annotated[
        Text, typer.Option("--ExternalClientAuthenticationMethod", help="Basic, Ntlm, Negotiate.")
    ] = None,
    internal_client_authentication_method: Annotated[
        Text, typer.Option("--InternalClientAuthenticationMethod", help="Basic, Ntlm, Negotiate.")
    ] = None,
    iis_authentication_methods: Annotated[
        Text, typer.Option("--IISAuthenticationMethods", help="Basic, Ntlm, Negotiate, with commas.")
    ] = None,
    external_clients_require_ssl: Annotated[
        Text, typer.Option("--ExternalClientsRequireSsl", help="true or false.")
    ] = None,
    internal_clients_require_ssl: Annotated[
        Text, typer.Option("--InternalClientsRequireSsl", help="true or false.")
    ] = None,
    ssl_offloading: Annotated[Text, typer.Option("--SSLOffloading", help="true or false.")] = None,
    extended_protection_token_checking: Annotated[
        Text, typer.Option("--ExtendedProtectionTokenChecking", help="None, Allow, Require.")
    ] = None,
    extended_protection_flags: Annotated[
        Text, typer.Option("--ExtendedProtectionFlags", help="None, or others with commas: see the guide.")
    ] = None,
    extended_protection_spn_list: Annotated[
        Text, typer.Option("--ExtendedProtectionSPNList", help="HTTP/mail.example.com, with commas.")
    ] = None,
    default_authentication_method: Annotated[
        Text, typer.Option("--DefaultAuthenticationMethod", help="The three methods at once.")
    ] = None,
    what_if: WhatIf = False,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Change how clients reach RPC over HTTP. An empty value goes back to the default."""
    values = locals()
    given = _given(OUTLOOK_ANYWHERE, values, besides=(DEFAULT_METHOD,))
    _change(OUTLOOK_ANYWHERE, given, data, database, key_file, what_if=what_if, json=json)


@mapi.command("get")
def mapi_get(data: Data = DATA, database: Url = None, key_file: KeyFile = None, json: Json = False) -> None:
    """Show how clients reach MAPI over HTTP."""
    _show(MAPI, data, database, key_file, json=json)


@mapi.command("set", cls=PlainHelp)
def mapi_set(
    internal_url: Annotated[Text, typer.Option("--InternalUrl", help="https://mail.example.com/mapi")] = None,
    external_url: Annotated[
        Text, typer.Option("--ExternalUrl", help="The same from outside; empty: none.")
    ] = None,
    iis_authentication_methods: Annotated[
        Text, typer.Option("--IISAuthenticationMethods", help="Basic, Ntlm, Negotiate, with commas.")
    ] = None,
    what_if: WhatIf = False,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Change how clients reach MAPI over HTTP. An empty value goes back to the default."""
    given = _given(MAPI, locals())
    _change(MAPI, given, data, database, key_file, what_if=what_if, json=json)
    if "IISAuthenticationMethods" in given:
        warn("IISAuthenticationMethods: kept, but rpch serves no MAPI over HTTP yet, which would go by it")


@org.command("get")
def org_get(data: Data = DATA, database: Url = None, key_file: KeyFile = None, json: Json = False) -> None:
    """Show what holds for the whole organisation."""
    _show(ORGANISATION, data, database, key_file, json=json)


@org.command("set", cls=PlainHelp)
def org_set(
    mapi_http_enabled: Annotated[Text, typer.Option("--MapiHttpEnabled", help="true or false.")] = None,
    internal_networks: Annotated[
        Text, typer.Option("--InternalNetworks", help="Where clients are inside, with commas.")
    ] = None,
    owa_internal_url: Annotated[
        Text, typer.Option("--OwaInternalUrl", help="Webmail for those inside.")
    ] = None,
    owa_external_url: Annotated[
        Text, typer.Option("--OwaExternalUrl", help="Webmail for everybody else.")
    ] = None,
    ews_internal_url: Annotated[
        Text, typer.Option("--EwsInternalUrl", help="Exchange's web services, if some server has them.")
    ] = None,
    ews_external_url: Annotated[Text, typer.Option("--EwsExternalUrl", help="The same from outside.")] = None,
    active_sync_external_url: Annotated[
        Text, typer.Option("--ActiveSyncExternalUrl", help="ActiveSync, if some server has it.")
    ] = None,
    what_if: WhatIf = False,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Change what holds for the whole organisation. An empty value goes back to the default."""
    _change(
        ORGANISATION, _given(ORGANISATION, locals()), data, database, key_file, what_if=what_if, json=json
    )


def _given(
    switches: tuple[Switch, ...], values: dict[str, Any], besides: tuple[str, ...] = ()
) -> dict[str, str]:
    texts = {name.replace("_", ""): value for name, value in values.items() if isinstance(value, str)}
    names = [*(each.name for each in switches), *besides]
    given = {name: texts[name.lower()] for name in names if name.lower() in texts}
    if not given:
        raise ConfigError("set", f"nothing to set; give one of {', '.join(names)}")
    return given


def _show(
    switches: tuple[Switch, ...], data: Path, database: str | None, key_file: Path | None, *, json: bool
) -> None:
    with opened_directory(data, database, key_file) as directory:
        values = read_switches(directory.settings, switches)
    if json:
        print_event("switches", **values)
        return
    width = max(map(len, values))
    for name, value in values.items():
        print_line(f"{name:{width}}  {shown(value, unset=OF_PROXY)}".rstrip())


def _change(
    switches: tuple[Switch, ...],
    given: dict[str, str],
    data: Path,
    database: str | None,
    key_file: Path | None,
    *,
    what_if: bool,
    json: bool,
) -> None:
    with opened_directory(data, database, key_file) as directory:
        changes = set_switches(directory.settings, switches, given, what_if=what_if)
        would_be = read_switches(directory.settings, switches) | {
            change.name: change.after for change in changes
        }
    tell_changes(changes, what_if=what_if, json=json, unset=OF_PROXY)
    for caution in cautions(would_be):
        warn(caution)
