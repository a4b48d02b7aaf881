"""`rpch autodiscover`: how a client finds a mailbox from its address, step by step."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from rpch.aio.tls import client_context
from rpch.cli.output import print_event, print_line
from rpch.cli.passwords import USER_HELP, name_and_password
from rpch.cli.shared_options import Json
from rpch.exchange.autodiscover.client import AutodiscoverClient, Step
from rpch.exchange.autodiscover.pox_settings import MailboxSettings
from rpch.exchange.autodiscover.web_client import TIMEOUT, Credentials, WebClient


def autodiscover(
    address: Annotated[str, typer.Argument(help="The mail address: alice@example.com.")],
    user: Annotated[str | None, typer.Option(help=USER_HELP)] = None,
    url: Annotated[str | None, typer.Option(help="Ask only here, and leave out the search.")] = None,
    tls_ca: Annotated[Path | None, typer.Option(help="Authority to trust instead of the system's.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="A host outside the address's domain that may see credentials.")
    ] = None,
    no_mapi_http: Annotated[
        bool, typer.Option("--no-mapi-http", help="Ask as a client that does not speak MAPI over HTTP.")
    ] = False,
    local_xml: Annotated[
        Path | None, typer.Option(help="A file with an answer, for when no server has one.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each answer.")] = TIMEOUT,
    json: Json = False,
) -> None:
    """Find a mailbox from its address as Outlook does, and show each step with its cause."""
    credentials = _credentials(user)
    allowed = {host.lower() for host in allow or []}

    async def may_have_credentials(host: str) -> bool:
        if host in allowed:
            return True
        if json or not sys.stdin.isatty():
            return False
        return typer.confirm(f"Ask {host}, with credentials?", default=False, err=True)

    async def search() -> MailboxSettings | None:
        client = AutodiscoverClient(
            WebClient(client_context(tls_ca), timeout=timeout),
            credentials=credentials,
            allow=may_have_credentials,
            capability=0 if no_mapi_http else 1,
            local=local_xml,
        )
        found = None
        async for step in client.discover(address, url=url):
            _tell(step, json=json)
            found = step.settings
        return found

    settings = asyncio.run(search())
    if settings is None:
        if not json:
            print_line(f"there are no settings for {address}")
        raise typer.Exit(1)
    if json:
        print_event("settings", **settings.facts())
    else:
        _show(settings)


def _credentials(user: str | None) -> Credentials | None:
    known = name_and_password(user)
    return Credentials(*known) if known is not None else None


def _tell(step: Step, *, json: bool) -> None:
    if json:
        print_event("step", method=step.method, url=step.url, outcome=step.outcome)
    else:
        mark = "found " if step.settings else "      "
        print_line(f"{mark}{step.method}: {step.url}\n          {step.outcome}")


def _show(settings: MailboxSettings) -> None:
    print_line(f"\n{settings.display_name} <{settings.address}>\n{settings.legacy_dn}")
    for protocol in settings.protocols:
        print_line(f"\n{protocol.kind}")
        for name, value in protocol.values.items():
            print_line(f"  {name:24} {value}")
