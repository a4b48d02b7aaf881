"""A proxy of some settings on a port of this machine, as `rpch proxy` serves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rpch.front.serving import bind, serve_proxy
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy


@asynccontextmanager
async def served(settings: ProxyConfiguration) -> AsyncIterator[tuple[RpcProxy, int]]:
    """The proxy and its port, for as long as it serves."""
    stop, ready = asyncio.Event(), asyncio.Event()
    with bind("127.0.0.1", 0) as sock:
        port = int(sock.getsockname()[1])
        async with asyncio.TaskGroup() as tasks:
            proxy = settings.proxy(tasks, settings.accounts())
            serving = tasks.create_task(
                serve_proxy(proxy, sock, tls=settings.tls(), grace=settings.grace, stop=stop, ready=ready.set)
            )
            await ready.wait()
            try:
                yield proxy, port
            finally:
                stop.set()
                await serving
