"""A real server with the demo interface and a mapper, behind a real proxy. Over sockets, in this process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import Call, interface_of
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from rpch.proxy.service import RpcProxy
from rpch.server.demo import AddRequest, AddResponse, Demo
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.server.runtime import RpcServer
from tests.unit.client.scripted import LOOPBACK, PASSWORD, USER

DEMO = interface_of(Demo)
HTTP, TCP = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP


class Counting(Demo):
    """The demo interface, which counts how often it was asked to add."""

    def __init__(self) -> None:
        super().__init__()
        self.additions = 0

    def add(self, call: Call, request: AddRequest) -> AddResponse:
        self.additions += 1
        return super().add(call, request)


@dataclass
class Served:
    """What runs. The proxy knows the demo interface as `server:6001` and the mapper as `server:593`."""

    proxy_port: int
    demo_http: int
    demo_tcp: int
    registrations: Registrations
    demo: Counting
    proxy: RpcProxy

    def binding(self, endpoint: str = "6001", **options: str) -> StringBinding:
        """The server through the proxy, by its port or with an empty endpoint by its mapper."""
        more = "".join(f",{name}={value}" for name, value in options.items())
        return StringBinding.parse(
            f"ncacn_http:server[{endpoint},RpcProxy={LOOPBACK}:{self.proxy_port}{more}]"
        )

    def direct(self) -> StringBinding:
        """The server over TCP."""
        return StringBinding.parse(f"ncacn_ip_tcp:{LOOPBACK}[{self.demo_tcp}]")


@asynccontextmanager
async def served(
    *, v1: bool = False, tls: ssl.SSLContext | None = None, **settings: Any
) -> AsyncIterator[Served]:
    """Everything in order. With `v1` the proxy asks nobody, and knows version 1 too."""
    registrations, demo = Registrations(), Counting()
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, v1=v1)
        mapper_http = await server.listen(HTTP, LOOPBACK, 0, [Mapper(registrations)])
        demo_http = await server.listen(HTTP, LOOPBACK, 0, [demo])
        demo_tcp = await server.listen(TCP, LOOPBACK, 0, [demo])
        registrations.insert(Registration(DEMO.syntax, HTTP, 6001, "demo"))
        routes = {593: mapper_http, 6001: demo_http, 6002: demo_http}
        given: dict[str, Any] = {
            "user": [f"{USER}:{PASSWORD}"],
            "valid_ports": ";".join(f"server:{port}" for port in (*routes, 6009)),
            "route": [f"server:{known}={LOOPBACK}:{real}" for known, real in routes.items()]
            + [f"server:6009={LOOPBACK}:1"],
            "v1": v1,
            "allow_anonymous": v1,
        }
        configuration = ProxyConfiguration(no_tls=True, **given | settings)
        proxy = configuration.proxy(tasks, configuration.accounts())
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: ProxyConnection(proxy), LOOPBACK, 0, ssl=tls)
        port = int(listener.sockets[0].getsockname()[1])
        try:
            yield Served(port, demo_http, demo_tcp, registrations, demo, proxy)
        finally:
            listener.close()
            proxy.end_all(None)
            await server.close()


@contextmanager
def served_elsewhere(**settings: Any) -> Iterator[Served]:
    """The same on a loop of its own, for clients that block."""
    ready, stop = Event(), Event()
    found: list[Served] = []

    async def serve() -> None:
        async with served(**settings) as running:
            found.append(running)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = Thread(target=asyncio.run, args=[serve()])
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        stop.set()
        thread.join()
