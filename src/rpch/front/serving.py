"""Listening: sockets, TLS, worker processes and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog
import uvicorn
from starlette.routing import BaseRoute

from rpch.errors import ConfigError
from rpch.front.door import door_for
from rpch.front.web import web_application
from rpch.proxy.service import RpcProxy

log = structlog.get_logger("rpch.front")

LAST_ARRIVALS: Final = 0.2  # seconds for what was connected before a drain to say what it is


def parse_listen(text: str, *, setting: str = "--listen") -> tuple[str, int]:
    """`127.0.0.1:443` or `[::1]:443`; port 0 lets the system choose."""
    host, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ConfigError(setting, f"{text!r} is no address; write 127.0.0.1:443")
    return host.strip("[]"), int(port)


def bind(host: str, port: int, *, setting: str = "--listen") -> socket.socket:
    """A listening socket; `ConfigError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConfigError(setting, f"{host}:{port} cannot be listened on: {error.strerror}") from error
    sock.listen(1024)
    sock.setblocking(False)
    return sock


def address_of(sock: socket.socket) -> str:
    """Where a socket listens, as one would type it."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to us: a stop that was asked for is no failure."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_proxy(
    proxy: RpcProxy,
    sock: socket.socket,
    *,
    tls: ssl.SSLContext | None,
    grace: float,
    stop: asyncio.Event,
    ready: Callable[[], None],
    draining: Callable[[], None] = lambda: None,
    routes: Sequence[BaseRoute] = (),
) -> None:
    """Serve until `stop`, then drain for `grace` seconds.

    A drain begins with the end of listening: whatever comes from then on, a successor among it, goes to
    another process or machine.
    """
    config = uvicorn.Config(
        web_application(proxy, routes),
        http=door_for(proxy),  # type: ignore[arg-type]  # a maker of protocols is one, as uvicorn uses it
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the policy says which relays are believed
        timeout_graceful_shutdown=5,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    if not serving.done():
        ready()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if server.started:
        for listener in server.servers:
            listener.close()
        sock.close()
        draining()
        if server.server_state.connections:
            await asyncio.sleep(LAST_ARRIVALS)
        await proxy.drain(grace)
    server.should_exit = True
    await serving


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
