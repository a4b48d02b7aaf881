"""`rpch proxy`: the RPC proxy alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from rpch.aio.event_loop import run
from rpch.aio.tracing import tracer_from_environment
from rpch.cli.configuration import configure
from rpch.cli.logs import configure_logs
from rpch.cli.output import print_event, print_line, warn
from rpch.cli.setting_options import takes_settings
from rpch.cli.shared_options import Json
from rpch.front.following import following
from rpch.front.serving import address_of, bind, parse_listen, serve_proxy, stop_on_signals
from rpch.front.supervision import tell_supervisor
from rpch.front.web import autodiscover_of
from rpch.front.workers import Notice, Tell, run_workers
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.reload import Reloader


@takes_settings(ProxyConfiguration)
def proxy(
    given: dict[str, Any],
    config: Annotated[
        Path | None, typer.Option(help="TOML file with the same names; what options say wins.")
    ] = None,
    json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
) -> None:
    """Run the RPC proxy: one port in front of RPC servers.

    SIGHUP, or a change of the file, makes it read its settings anew; connections stay.
    """
    configure_logs(json=json, verbose=verbose)
    settings = configure(ProxyConfiguration, config, given)
    for warning in settings.warnings():
        warn(warning)
    settings.check()
    tls, tracer = settings.tls(), tracer_from_environment()
    sock = bind(*parse_listen(settings.listen))
    where = address_of(sock)

    def ready() -> None:
        tell_supervisor(f"READY=1\nSTATUS=serving on {where}")
        if json:
            print_event("ready", listen=[where], workers=settings.workers)
        else:
            print_line(f"RPC proxy on {'https' if tls else 'http'}://{where}/rpc/rpcproxy.dll")

    async def serve(ready: Callable[[], None], draining: Callable[[], None]) -> None:
        stop = stop_on_signals()
        async with asyncio.TaskGroup() as tasks:
            served = settings.proxy(tasks, settings.accounts(), tracer)
            reader = partial(configure, ProxyConfiguration, config, given)
            reloader = Reloader(served, settings, tls, config, reader)
            async with following(served, reloader):
                await serve_proxy(
                    served,
                    sock,
                    tls=tls,
                    grace=settings.grace,
                    stop=stop,
                    ready=ready,
                    draining=draining,
                    routes=autodiscover_of(served, settings, where),
                )

    def work(tell: Tell) -> None:
        run(serve(lambda: tell(Notice.SERVES), lambda: tell(Notice.DRAINS)))

    if settings.workers == 1:
        run(serve(ready, lambda: tell_supervisor("STOPPING=1")))
    else:
        stopped = partial(_give_up, sock.close)
        run_workers(settings.workers, work, ready, on_stop=stopped, reloads=config is not None)


def _give_up(close: Callable[[], None]) -> None:
    """What the parent of workers does at a stop."""
    tell_supervisor("STOPPING=1")
    close()
