"""HTTP proxies on the way to the RPC proxy, and tunnels through them.  RFC 9110 9.3.6, MS-RPCH 3.2.2.4.1.1"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from rpch.client.connections import Connection, open_connection
from rpch.client.credentials import Credentials, Learned, Party
from rpch.client.heads import HeadReader
from rpch.client.proving import Prover, answer_challenge
from rpch.errors import ProxyError
from rpch.http.outcomes import Accepted, Challenged, Failed
from rpch.http.requests import tunnel_head


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """An HTTP proxy that leads to the RPC proxy. Its credentials have nothing to do with those for that."""

    host: str
    port: int
    credentials: Credentials | None = None
    learned: Learned = field(default_factory=Learned, repr=False, compare=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def party(self) -> Party:
        """Who wants our credentials."""
        return Party(f"the HTTP proxy {self}", self.host, self.credentials, self.learned)

    def prover(self) -> Prover:
        """For one connection. Whoever gives credentials for an HTTP proxy means its usual Basic too."""
        return Prover(self.party, basic_allowed=True)


class HttpProxyRefused(ProxyError):
    """The HTTP proxy on the way said no; the RPC proxy was not reached."""

    def __init__(self, proxy: HttpProxy, error: ProxyError) -> None:
        super().__init__(error.status, error.phrase, location=error.location)
        self.proxy = proxy

    def __str__(self) -> str:
        return f"the HTTP proxy {self.proxy} answered {self.status} {self.phrase}"


async def open_tunnel(proxy: HttpProxy, host: str, port: int) -> Connection:
    """A connection to `host` through an HTTP proxy, as if it were a direct one."""
    while True:  # a connection that is closed after a 407 has told which scheme the next begins with
        transport, reader = await open_connection(proxy.host, proxy.port, None)
        try:
            if await _ask(proxy, transport, reader, host, port):
                return transport, reader
        except BaseException:
            transport.abort()
            raise
        transport.abort()


async def _ask(
    proxy: HttpProxy, transport: asyncio.Transport, reader: HeadReader, host: str, port: int
) -> bool:
    """Ask for the tunnel until there is one; False when that needs another connection."""
    prover = proxy.prover()
    await prover.begin()
    while True:
        transport.write(tunnel_head(host, port, proxy_authorization=prover.authorization))
        outcome = await reader.outcome(tunnel=True)
        match outcome:
            case Accepted():
                return True
            case Challenged():
                if not await answer_challenge(reader, outcome, prover):
                    return False
            case Failed():
                raise HttpProxyRefused(proxy, outcome.as_error())
