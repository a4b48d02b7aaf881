"""`rpch up`: the whole system on one machine."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rpch.aio.event_loop import run
from rpch.aio.tracing import tracer_from_environment
from rpch.auth.extended_protection import ProtectionMode
from rpch.cli.configuration import configure
from rpch.cli.logs import configure_logs
from rpch.cli.output import print_event, print_line
from rpch.cli.shared_options import Json
from rpch.directory.mirror.settings import MirrorSettings
from rpch.front.autodiscover import public_address, routes_for
from rpch.front.following import following
from rpch.front.lab import (
    GRACE,
    LabServices,
    LabUser,
    as_they_are,
    lab_accounts,
    lab_certificates,
    lab_database,
    lab_directory,
    lab_proxy,
    lab_security,
    lab_users,
    start_services,
)
from rpch.front.mirroring import mirroring
from rpch.front.serving import address_of, bind, parse_listen, serve_proxy, stop_on_signals
from rpch.proxy.accounts import throttle_for
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.reload import Reloader
from rpch.server.runtime import RpcServer


def up(
    listen: Annotated[str, typer.Option(help="Address of the TLS port; port 0: any.")] = "127.0.0.1:8443",
    data: Annotated[Path, typer.Option(help="Folder for certificates and accounts.")] = Path("data"),
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of settings, as for the proxy; of accounts only [ldap] or [winbind]."),
    ] = None,
    extended_protection: Annotated[
        ProtectionMode | None,
        typer.Option(case_sensitive=False, help="NTLM of clients that send no channel binding needs allow."),
    ] = None,
    ldap: Annotated[
        Path | None,
        typer.Option(help="TOML file of an LDAP server whose people are in the address book."),
    ] = None,
    json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
) -> None:
    """Run everything on this machine, with its own CA and demo users, and say what to try.

    SIGHUP, or a change of the file of settings, makes the proxy read it anew; connections stay.
    """
    configure_logs(json=json, verbose=verbose)
    host, _ = parse_listen(listen)
    wished = _wished(config, extended_protection)
    kerberos = wished.kerberos()
    if ldap is not None:
        configure(MirrorSettings, ldap, {}).server()  # refuses what cannot work before anything is made
    made, certificates = lab_users(data), lab_certificates(data, host)
    directory = lab_directory(data, made)
    accounts, tracer = lab_accounts(directory, wished), tracer_from_environment()
    users = as_they_are(made, directory) if accounts is directory.accounts else []
    throttle = throttle_for(accounts, wished.throttle)
    sock = bind(*parse_listen(listen))
    where = address_of(sock)

    async def serve() -> None:
        stop = stop_on_signals()
        async with asyncio.TaskGroup() as tasks:
            security = lab_security(accounts, throttle, kerberos)
            limits = wished.rpc_limits.limits()
            server = RpcServer(tasks, limits=limits, security=security, tracer=tracer)
            services = await start_services(server, directory, encryption_required=wished.encryption_required)
            in_the_lab = partial(lab_proxy, where, data, services, certificates)
            settings = in_the_lab(wished)
            ready = partial(_tell, where, certificates.ca, services, users, json=json)
            proxy = settings.proxy(tasks, accounts, tracer, throttle=throttle)
            routes, tls = routes_for(proxy, public_address(where)), settings.tls()
            again = partial(_wished, config, extended_protection)
            reloader = Reloader(proxy, settings, tls, config, lambda: in_the_lab(again()))
            async with following(proxy, reloader), mirroring(ldap, lab_database(data), json=json):
                await serve_proxy(
                    proxy, sock, tls=tls, grace=settings.grace, stop=stop, ready=ready, routes=routes
                )
            await server.close()
            services.book.close()

    run(serve())


def _wished(config: Path | None, protection: ProtectionMode | None) -> ProxyConfiguration:
    """What the file says, and the command line over it."""
    given = {"extended_protection": protection and protection.lower()}
    return configure(ProxyConfiguration, config, given | ({} if config else {"grace": GRACE}))


def _tell(where: str, ca: Path, services: LabServices, users: list[LabUser], *, json: bool) -> None:
    """Everything serves."""
    if json:
        facts = {"listen": [where], "ca": str(ca), "ports": services.ports}
        print_event("ready", **facts, users=[asdict(user) for user in users])
    else:
        _say_what_to_try(where, ca, users)


def _say_what_to_try(where: str, ca: Path, users: list[LabUser]) -> None:
    first = users[0] if users else LabUser("USER", "PASSWORD", "")
    port = where.rpartition(":")[2]
    proxy = f"localhost:{port}"
    binding = f"ncacn_http:localhost[593,RpcProxy={proxy}]"
    who = f"--tls-ca {ca} --user '{first.name}'"
    asked = first.address or "ADDRESS"
    print_line(f"""\
rpch serves on https://{where}; its authority is {ca}

users:
{chr(10).join(f"  {user.name:12} {user.password}   {user.address}" for user in users)}

try, in another window:
  export RPCH_PASSWORD='{first.password}'
  rpch ping '{binding}' {who}
  rpch directory lookup {asked.partition("@")[0]} --via rpchttp --proxy {proxy} {who}
  rpch autodiscover {asked} --url https://{proxy}/autodiscover/autodiscover.xml {who}
  curl --cacert {ca} -u '{first.name}:{first.password}' -X RPC_IN_DATA -H 'Content-Length: 0' \\
       'https://{proxy}/rpc/rpcproxy.dll?localhost:593' -o - | xxd

stop with Ctrl-C.""")
