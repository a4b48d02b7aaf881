"""What a port really speaks, asked when it does not speak what we expected.

No credentials are sent here, so nothing here needs to be believed.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import Final

from rpch.aio.leg import BANNER
from rpch.client.access import ProxyAccess
from rpch.errors import DecodeError, TransportError
from rpch.http.channels import RpcMethod
from rpch.http.requests import ChannelHeads
from rpch.http.targets import RpcTarget
from rpch.probe.certificate import Certificate

PATIENCE: Final = 2.0  # seconds; what a port speaks it says at once
FIRST_WORDS: Final = 64
_ALERT: Final = "ALERT"


async def first_words(access: ProxyAccess, target: RpcTarget) -> bytes:
    """How the port begins its answer to an echo request in the clear; empty if it says nothing."""
    question = ChannelHeads(access.host_field, target).echo(RpcMethod.OUT)
    try:
        async with asyncio.timeout(_patience(access)):
            reader, writer = await asyncio.open_connection(access.host, access.port)
            try:
                writer.write(question)
                return await reader.read(FIRST_WORDS)
            finally:
                writer.transport.abort()
    except OSError:  # a time-out is one too
        return b""


def is_http(words: bytes) -> bool:
    """Whether a port that begins so speaks plain HTTP."""
    return words.startswith(b"HTTP/")


def is_rpc(words: bytes) -> bool:
    """Whether a port that begins so is an RPC server's own.  MS-RPCH 2.1.1.2.1"""
    return words.startswith(BANNER)


async def speaks_tls(access: ProxyAccess) -> bool:
    """Whether the port takes part in a TLS handshake; a refusal by TLS's own rules counts too."""
    try:
        async with asyncio.timeout(_patience(access)):
            _, writer = await asyncio.open_connection(
                access.host, access.port, ssl=_unverified(), server_hostname=access.host
            )
    except ssl.SSLError as error:
        return _ALERT in (error.reason or "")
    except OSError:
        return False
    writer.transport.abort()
    return True


async def presented_certificate(access: ProxyAccess) -> Certificate | None:
    """The certificate that the server shows, whether it is good or not."""
    try:
        transport, _ = await replace(
            access, tls=_unverified(), timeout=_patience(access), principal=None
        ).dial()
    except TransportError:
        return None
    try:
        return certificate_of(transport)
    finally:
        transport.abort()


def certificate_of(transport: asyncio.Transport) -> Certificate | None:
    """The certificate of the server at the other end; None where it cannot be read."""
    tls = transport.get_extra_info("ssl_object")
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    try:
        return Certificate.decode(shown) if shown else None
    except DecodeError:
        return None


def _patience(access: ProxyAccess) -> float:
    return min(PATIENCE, access.timeout)


def _unverified() -> ssl.SSLContext:
    """TLS that believes everything: for looking at what is not believed, never for credentials."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
