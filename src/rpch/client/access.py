"""How a client reaches an RPC proxy: addresses, TLS, credentials, and an HTTP proxy on the way."""

from __future__ import annotations

import asyncio
import base64
import ssl
from dataclasses import dataclass, field
from typing import Final

from rpch.client.heads import HeadReader
from rpch.errors import AuthenticationFailed, ConfigError, TransportError
from rpch.http.outcomes import Accepted, Challenged, Failed, read_outcome
from rpch.http.requests import tunnel_head

TLS_PORT: Final = 443
PLAIN_PORT: Final = 80


class NoAnswer(TransportError):
    """The other end said nothing for too long."""

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a proxy."""

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if ":" in self.user:
            raise ConfigError("user", "a name with a colon cannot be sent")

    @property
    def basic(self) -> str:
        """The value of an `Authorization` field.  RFC 7617 2"""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class ProxyAccess:
    """One RPC proxy and the way to it. Without `tls` everything travels in the clear."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    credentials: Credentials | None = None
    http_proxy: tuple[str, int] | None = None
    timeout: float = 30.0

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

    async def dial(self) -> tuple[asyncio.Transport, HeadReader]:
        """A connection that is ready for a request to the RPC proxy."""
        try:
            async with asyncio.timeout(self.timeout):
                if self.http_proxy is None:
                    return await open_connection(self.host, self.port, self.tls)
                transport, reader = await open_connection(*self.http_proxy, None)
                if self.tls is None:
                    return transport, reader
                return await self._tunnel(transport, reader, self.tls)
        except TimeoutError:
            where = f"{self.host}:{self.port}"
            raise NoAnswer(
                f"{where} did not answer in {self.timeout:g} seconds", seconds=self.timeout
            ) from None

    async def _tunnel(
        self, transport: asyncio.Transport, reader: HeadReader, tls: ssl.SSLContext
    ) -> tuple[asyncio.Transport, HeadReader]:
        """Through an HTTP proxy to TLS.  RFC 9110 9.3.6"""
        transport.write(tunnel_head(self.host, self.port))
        outcome = read_outcome(await reader.response(), tunnel=True)
        match outcome:
            case Accepted():
                return await _start_tls(transport, tls, self.host, self.port)
            case Challenged():
                raise AuthenticationFailed("the HTTP proxy on the way wants credentials")
            case Failed():
                raise outcome.as_error()
            case _:
                raise TransportError("the HTTP proxy on the way gave no final answer")


async def open_connection(
    host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.Transport, HeadReader]:
    """A TCP connection, with TLS if wanted; `TransportError` says in words what failed."""
    loop = asyncio.get_running_loop()
    try:
        transport, reader = await loop.create_connection(
            HeadReader, host, port, ssl=tls, server_hostname=host if tls else None
        )
    except ssl.SSLCertVerificationError as error:
        raise TransportError(
            f"the certificate of {host}:{port} is not accepted: {error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        raise TransportError(f"TLS with {host}:{port} failed: {error.reason or error}") from error
    except OSError as error:
        raise TransportError(f"{host}:{port} cannot be reached: {error.strerror or error}") from error
    return transport, reader


async def _start_tls(
    transport: asyncio.Transport, tls: ssl.SSLContext, host: str, port: int
) -> tuple[asyncio.Transport, HeadReader]:
    loop, reader = asyncio.get_running_loop(), HeadReader()
    try:
        secured = await loop.start_tls(transport, reader, tls, server_hostname=host)
    except (OSError, ssl.SSLError) as error:
        raise TransportError(f"TLS with {host}:{port} through the HTTP proxy failed: {error}") from error
    if secured is None:
        raise TransportError(f"{host}:{port} was lost during TLS")
    reader.connection_made(secured)
    return secured, reader
