"""TCP connections to a proxy, with TLS or without, before anything was said on them."""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol, cast

from rpch.auth.channel_binding import ChannelBinding
from rpch.client.heads import HeadReader
from rpch.errors import ConfigError, TransportError

Connection = tuple[asyncio.Transport, HeadReader]


class NoAnswer(TransportError):
    """The other end said nothing for too long."""

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class CertificateRefused(TransportError):
    """The server's certificate does not hold against our authorities, or is for another name."""


async def open_connection(host: str, port: int, tls: ssl.SSLContext | None) -> Connection:
    """A TCP connection, with TLS if wanted; `TransportError` says in words what failed."""
    loop = asyncio.get_running_loop()
    try:
        transport, reader = await loop.create_connection(
            HeadReader, host, port, ssl=tls, server_hostname=host if tls else None
        )
    except ssl.SSLCertVerificationError as error:
        raise _refused_certificate(host, port, error) from error
    except ssl.SSLError as error:
        raise TransportError(f"TLS with {host}:{port} failed: {error.reason or error}") from error
    except OSError as error:
        raise TransportError(f"{host}:{port} cannot be reached: {error.strerror or error}") from error
    except UnicodeError as error:  # a label of more than 63 bytes is no OSError
        raise TransportError(f"{host}:{port} cannot be reached: {error}") from error
    return transport, reader


async def start_tls(transport: asyncio.Transport, tls: ssl.SSLContext, host: str, port: int) -> Connection:
    """TLS with `host` on a connection that leads there through an HTTP proxy."""
    loop, reader = asyncio.get_running_loop(), HeadReader()
    try:
        secured = await loop.start_tls(transport, reader, tls, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise _refused_certificate(host, port, error) from error
    except OSError as error:
        why = getattr(error, "reason", None) or error
        raise TransportError(f"TLS with {host}:{port} through the HTTP proxy failed: {why}") from error
    if secured is None:
        raise TransportError(f"{host}:{port} was lost during TLS")
    return secured, reader


def binding_of(transport: asyncio.Transport) -> ChannelBinding | None:
    """What binds a proof to the server's certificate; None without TLS, or where it has none.  RFC 5929 4"""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    try:
        return ChannelBinding.of_certificate(certificate) if certificate else None
    except ConfigError as error:
        raise CertificateRefused("the server's certificate cannot be read") from error


def leads_to_loopback(transport: asyncio.Transport) -> bool:
    """Whether the other end is on this machine."""
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return False
    address = ip_address(str(peer[0]))
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


class _Certificate(Protocol):
    """A certificate of the chain, as Python before 3.13 gives it."""

    def public_bytes(self, encoding: int) -> bytes: ...


class _Verified(Protocol):
    """What Python 3.13 has in `ssl.SSLObject`, and older ones behind it."""

    def get_verified_chain(self) -> list[bytes] | list[_Certificate] | None: ...


_DER: Final = 2  # what the older ones call DER


def chain_of(transport: asyncio.Transport) -> list[bytes]:
    """The certificates that were verified, in DER, the server's own first, which may be the only one."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    own = tls.getpeercert(binary_form=True) if tls is not None else None
    if own is None:
        return []
    known = tls if hasattr(tls, "get_verified_chain") else getattr(tls, "_sslobj", None)
    if not hasattr(known, "get_verified_chain"):
        return [own]
    verified = cast(_Verified, known).get_verified_chain() or []
    return [one if isinstance(one, bytes) else one.public_bytes(_DER) for one in verified] or [own]


def _refused_certificate(host: str, port: int, error: ssl.SSLCertVerificationError) -> CertificateRefused:
    return CertificateRefused(f"the certificate of {host}:{port} is not accepted: {error.verify_message}")
