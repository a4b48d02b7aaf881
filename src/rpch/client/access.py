"""How a client reaches an RPC proxy: its address, TLS, credentials, and an HTTP proxy on the way."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Final

from rpch.client.connections import (
    Connection,
    NoAnswer,
    binding_of,
    chain_of,
    leads_to_loopback,
    open_connection,
    start_tls,
)
from rpch.client.credentials import Credentials, Learned, Party
from rpch.client.principals import Principal
from rpch.client.proving import Prover
from rpch.client.tunnels import HttpProxy, open_tunnel
from rpch.http.pragmas import Pragmas
from rpch.http.requests import ChannelHeads
from rpch.http.targets import RpcTarget

TLS_PORT: Final = 443
PLAIN_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class ProxyAccess:
    """One RPC proxy and the way to it. Without `tls` everything travels in the clear.

    `client_certificate` says that `tls` has one: then the path is that for certificates.  MS-RPCH 2.2.2
    `http_proxy_optional` says that the direct way may work too and is better; see `detection`.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    credentials: Credentials | None = None
    http_proxy: HttpProxy | None = None
    http_proxy_optional: bool = False
    timeout: float = 30.0
    principal: Principal | None = None
    client_certificate: bool = False
    pragmas: Pragmas = field(default_factory=Pragmas)
    learned: Learned = field(default_factory=Learned, repr=False, compare=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def host_field(self) -> str:
        """The value of the Host field."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        default = TLS_PORT if self.tls else PLAIN_PORT
        return name if self.port == default else f"{name}:{self.port}"

    @property
    def through_proxy(self) -> bool:
        """Whether requests name their target in absolute form, for an HTTP proxy that relays them."""
        return self.http_proxy is not None and self.tls is None

    def heads(self, target: RpcTarget) -> ChannelHeads:
        """What writes the requests for this target."""
        return ChannelHeads(
            self.host_field,
            target,
            client_certificate=self.client_certificate,
            through_proxy=self.through_proxy,
            pragmas=self.pragmas,
        )

    def prover(self, transport: asyncio.Transport) -> Prover:
        """What answers the RPC proxy on this connection. No password leaves in the clear unasked."""
        party = Party(f"the RPC proxy {self}", self.host, self.credentials, self.learned)
        private = self.tls is not None or (not self.through_proxy and leads_to_loopback(transport))
        return Prover(party, basic_allowed=private, binding=binding_of(transport))

    def relay_prover(self) -> Prover | None:
        """What answers the HTTP proxy on this connection; None where a tunnel or nothing lies between."""
        return self.http_proxy.prover() if self.http_proxy is not None and self.through_proxy else None

    async def dial(self, *, tunnelled: bool = False) -> Connection:
        """A connection that is ready for a request to the RPC proxy.

        `tunnelled` goes through an HTTP proxy by CONNECT also without TLS, as version 1 does.
        """
        try:
            async with asyncio.timeout(self.timeout):
                return await self._connected(tunnelled=tunnelled)
        except TimeoutError:
            reason = f"{self} did not answer in {self.timeout:g} seconds"
            raise NoAnswer(reason, seconds=self.timeout) from None

    async def _connected(self, *, tunnelled: bool) -> Connection:
        if self.http_proxy is None:
            transport, reader = await open_connection(self.host, self.port, self.tls)
        elif self.tls is None and not tunnelled:
            return await open_connection(self.http_proxy.host, self.http_proxy.port, None)
        else:
            transport, reader = await open_tunnel(self.http_proxy, self.host, self.port)
        try:
            if self.http_proxy is not None and self.tls is not None:
                transport, reader = await start_tls(transport, self.tls, self.host, self.port)
            if self.principal is not None:
                self.principal.check(chain_of(transport))
        except BaseException:
            transport.abort()
            raise
        return transport, reader
