"""A proxy as `rpch proxy` runs it, a server with the demo interface, and clients, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import trustme

from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy
from rpch.server.demo import Demo
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.server.runtime import RpcServer
from rpch.testing.rts_samples import SAMPLES
from rpch.vconn.settings import Settings
from tests.e2e.serving import served
from tests.raw_peer import RawPeer, raw_peer, until

LOOPBACK = "127.0.0.1"
USER, PASSWORD = r"LAB\alice", "Passw0rd!"
PDUS = {sample.NAME: sample.encode() for sample in SAMPLES}
A1, B1 = PDUS["CONN/A1"], PDUS["CONN/B1"]
HTTP, TCP = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP


@cache
def authority() -> trustme.CA:
    """Who vouches for our proxies."""
    return trustme.CA()


def trusting() -> ssl.SSLContext:
    """What a client that trusts it uses."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def certificate(folder: Path, name: str = "localhost") -> dict[str, Any]:
    """The settings of a proxy whose certificate is for that name."""
    issued = authority().issue_cert(name)
    files = {"tls_cert": folder / f"{name}.pem", "tls_key": folder / f"{name}.key"}
    issued.cert_chain_pems[0].write_to_path(str(files["tls_cert"]))
    issued.private_key_pem.write_to_path(str(files["tls_key"]))
    return files


@dataclass
class System:
    """What a test holds in its hands."""

    proxy: RpcProxy
    port: int
    server: RpcServer
    demo: Demo
    ports: dict[str, int]
    tls: ssl.SSLContext | None

    def binding(self, endpoint: int | None = 6001, server: str = "server") -> str:
        """A string binding that leads through the proxy."""
        host = "localhost" if self.tls else LOOPBACK
        port = f"{endpoint}," if endpoint else ""
        return f"ncacn_http:{server}[{port}RpcProxy={host}:{self.port}]"

    def connect(self, binding: str = "", **more: Any) -> AbstractAsyncContextManager[RpcClient]:
        """Our own client, with a good password unless told otherwise."""
        given: dict[str, Any] = {
            "user": USER,
            "password": PASSWORD,
            "scheme": "Basic",  # Negotiate may look for a KDC in the DNS
            "tls": self.tls or False,
            "timeout": 10.0,
        }
        return connect(binding or self.binding(), **{**given, **more})

    def peer(self) -> AbstractAsyncContextManager[RawPeer]:
        """A client that says anything to the proxy; without TLS."""
        return raw_peer(self.port)

    @asynccontextmanager
    async def channels(self) -> AsyncIterator[tuple[RawPeer, RawPeer]]:
        """The OUT and the IN channel of a virtual connection that a raw client has opened."""
        async with self.peer() as out, self.peer() as into:
            out.send(request("RPC_OUT_DATA", 76), A1)
            into.send(request("RPC_IN_DATA", 1 << 30), B1)
            assert (await out.head())[0] == "HTTP/1.1 200 Success"
            await out.pdu()  # CONN/A3
            await out.pdu()  # CONN/C2
            yield out, into

    async def called(self, count: int = 1) -> None:
        """Returns when so many calls have come to the server."""
        await until(lambda: sum(offer.counters.calls_in for offer in self.server._offers) >= count)

    def empty(self) -> bool:
        """Whether all that virtual connections took was given back."""
        proxy = self.proxy
        tables = len(proxy.inbound) + len(proxy.outbound)
        legs = [offer.legs for offer in self.server._offers]
        served = sum(len(one.connections) + len(one.arrivals) + len(one.table) for one in legs)
        held = len(proxy.drivers) + len(proxy.openings) + proxy.ledger.channels + proxy.ledger.half_open
        return not (tables + served + held + len(self.server.connections))

    async def emptied(self) -> None:
        """Returns when nothing is left."""
        await until(self.empty)


def request(
    method: str,
    length: int,
    *fields: str,
    target: str = "server:6001",
    version: str = "1.1",
    url: str = "/rpc/rpcproxy.dll",
    user: str | None = USER,
    password: str = PASSWORD,
) -> bytes:
    """A request head."""
    lines = [
        f"{method} {url}?{target} HTTP/{version}",
        "Host: localhost",
        f"Content-Length: {length}",
        *fields,
    ]
    if user is not None:
        lines.append(f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


@asynccontextmanager
async def system(
    *, server_settings: Settings | None = None, routes: dict[str, int] | None = None, **given: Any
) -> AsyncIterator[System]:
    """Everything, running; `routes` leads more targets to ports of this machine. Nothing may be left."""
    plain = "tls_cert" not in given
    async with asyncio.TaskGroup() as tasks:
        server, demo, registrations = RpcServer(tasks, settings=server_settings), Demo(), Registrations()
        ports = {
            "http": await server.listen(HTTP, LOOPBACK, 0, [demo]),
            "tcp": await server.listen(TCP, LOOPBACK, 0, [demo]),
            "mapper": await server.listen(HTTP, LOOPBACK, 0, [Mapper(registrations)]),
        }
        registrations.insert(Registration(interface_of(demo).syntax, HTTP, 6001, "demo"))
        targets = {"server:6001": ports["http"], "server:593": ports["mapper"], **(routes or {})}
        configuration: dict[str, Any] = {
            "no_tls": plain,
            "user": [f"{USER}:{PASSWORD}"],
            "valid_ports": ";".join(targets),
            "route": [f"{target}={LOOPBACK}:{port}" for target, port in targets.items()],
            "public_name": "localhost",
            "grace": 0.0,
            **given,
        }
        settings = ProxyConfiguration(**configuration)
        try:
            async with served(settings) as (proxy, port):
                running = System(proxy, port, server, demo, ports, None if plain else trusting())
                yield running
                await running.emptied()
        finally:
            await server.close()
