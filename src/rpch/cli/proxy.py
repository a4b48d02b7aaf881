"""`rpch proxy`: the RPC proxy alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rpch.aio.event_loop import run
from rpch.aio.tracing import tracer_from_environment
from rpch.cli.configuration import configure
from rpch.cli.logs import configure_logs
from rpch.cli.output import print_event, print_line, warn
from rpch.front.following import follow
from rpch.front.serving import address_of, bind, parse_listen, serve_proxy, stop_on_signals
from rpch.front.user_rules import user_rule
from rpch.front.workers import Notice, Tell, run_workers
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.reload import Reloader

Texts = list[str] | None


def proxy(  # long: one line an option
    listen: Annotated[
        str | None, typer.Option(help="Address to listen on; port 0 lets the system choose.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    tls_client_ca: Annotated[Path | None, typer.Option(help="Authorities of clients, PEM.")] = None,
    client_certificate: Annotated[str | None, typer.Option(help="none, optional or required.")] = None,
    no_tls: Annotated[
        bool | None, typer.Option("--no-tls", help="Plain HTTP: loopback and trusted relays.")
    ] = None,
    user: Annotated[Texts, typer.Option(help=r"An account: 'DOMAIN\name:password'.")] = None,
    database: Annotated[str | None, typer.Option(help="Accounts: sqlite:///FILE or postgresql://…")] = None,
    key_file: Annotated[Path | None, typer.Option(help="The key of the database; beside it.")] = None,
    auth: Annotated[Texts, typer.Option(help="Negotiate, NTLM or Basic; may be repeated.")] = None,
    extended_protection: Annotated[str | None, typer.Option(help="none, allow or require.")] = None,
    public_name: Annotated[str | None, typer.Option(help="The name clients know this proxy by.")] = None,
    valid_ports: Annotated[str | None, typer.Option(help="Targets: 'server:593;server:6001-6004'.")] = None,
    wildcards: Annotated[bool | None, typer.Option("--wildcards", help="A trailing * is a prefix.")] = None,
    route: Annotated[Texts, typer.Option(help="Where a target is: 'name:port=127.0.0.1:9999'.")] = None,
    trusted_relay: Annotated[Texts, typer.Option(help="Network of a relay that ends TLS for us.")] = None,
    proxy_protocol: Annotated[
        bool | None, typer.Option("--proxy-protocol", help="Relays say first where clients are.")
    ] = None,
    target_network: Annotated[Texts, typer.Option(help="Network in which targets may be.")] = None,
    allow_anonymous: Annotated[bool | None, typer.Option("--allow-anonymous", help="Ask nobody.")] = None,
    v1: Annotated[bool | None, typer.Option("--v1", help="Serve RPC_CONNECT too; needs --no-tls.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Processes on the port.")] = None,
    channel_lifetime: Annotated[int | None, typer.Option(help="Bytes one OUT channel may carry.")] = None,
    receive_window: Annotated[int | None, typer.Option(help="Bytes, 8192 to 262144.")] = None,
    connection_timeout: Annotated[float | None, typer.Option(help="Seconds a silent channel lives.")] = None,
    connect_timeout: Annotated[float | None, typer.Option(help="Seconds to wait for a target.")] = None,
    chunked: Annotated[bool | None, typer.Option("--chunked", help="Answer OUT channels in chunks.")] = None,
    strict: Annotated[bool | None, typer.Option("--strict", help="Tolerate no known quirk.")] = None,
    grace: Annotated[float | None, typer.Option(help="Seconds for connections to end at a stop.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with the same names.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line an event.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
) -> None:
    """Run the RPC proxy: one port in front of RPC servers."""
    given = {name: value for name, value in locals().items() if name not in {"config", "json", "verbose"}}
    configure_logs(json=json, verbose=verbose)
    settings = configure(ProxyConfiguration, config, given)
    for warning in settings.warnings():
        warn(warning)
    settings.check()
    tls, tracer = settings.tls(), tracer_from_environment()
    sock = bind(*parse_listen(settings.listen))
    where = address_of(sock)

    def ready() -> None:
        if json:
            print_event("ready", listen=[where], workers=settings.workers)
        else:
            print_line(f"RPC proxy on {'https' if tls else 'http'}://{where}/rpc/rpcproxy.dll")

    async def serve(ready: Callable[[], None], draining: Callable[[], None]) -> None:
        stop = stop_on_signals()
        async with asyncio.TaskGroup() as tasks:
            served = settings.proxy(tasks, settings.accounts(), tracer)
            served.user_rule = user_rule(served)
            following = None
            if config is not None:
                reader = partial(configure, ProxyConfiguration, config, given)
                following = tasks.create_task(follow(Reloader(served, settings, tls, config, reader)))
            await serve_proxy(
                served, sock, tls=tls, grace=settings.grace, stop=stop, ready=ready, draining=draining
            )
            if following is not None:
                following.cancel()

    def work(tell: Tell) -> None:
        run(serve(lambda: tell(Notice.SERVES), lambda: tell(Notice.DRAINS)))

    if settings.workers == 1:
        run(serve(ready, lambda: None))
    else:
        run_workers(settings.workers, work, ready, on_stop=sock.close)
