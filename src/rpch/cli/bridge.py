"""`rpch bridge`: RPC over HTTP in front of a server that speaks only TCP."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from rpch.aio.event_loop import run
from rpch.aio.tracing import tracer_from_environment
from rpch.cli.logs import configure_logs
from rpch.cli.output import print_event, print_line
from rpch.cli.shared_options import Json
from rpch.front.serving import address_of, bind, parse_listen, stop_on_signals
from rpch.server.bridge import Bridge


def bridge(
    to: Annotated[str, typer.Option(help="The back end: an ncacn_ip_tcp server, host:port.")],
    listen: Annotated[str, typer.Option(help="Address for RPC proxies; port 0: any.")] = "127.0.0.1:0",
    v1: Annotated[bool, typer.Option("--v1", help="Take clients of version 1 too.")] = False,
    json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
) -> None:
    """Offer a plain ncacn_ip_tcp server as ncacn_http, for an RPC proxy to reach."""
    configure_logs(json=json, verbose=verbose)
    back_host, back_port = parse_listen(to, setting="--to")
    tracer = tracer_from_environment()
    sock = bind(*parse_listen(listen))
    where = address_of(sock)

    async def serve() -> None:
        stop = stop_on_signals()
        async with asyncio.TaskGroup() as tasks:
            crossing = Bridge(tasks, back_host, back_port, v1=v1, tracer=tracer)
            await crossing.serve(sock)
            if json:
                print_event("ready", listen=[where], to=to)
            else:
                print_line(f"bridge on ncacn_http {where} to ncacn_ip_tcp {to}")
            await stop.wait()
            await crossing.close()

    run(serve())
