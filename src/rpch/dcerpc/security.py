"""The seam for security mechanisms: what NTLM, SPNEGO or Kerberos must do for RPC.  MS-RPCE 3.3.1.5.2

A `SecurityProvider` starts contexts, a `SecurityContext` is one of them. Legs (`step`) may have to ask
somebody, so they are orders to the driver. Signing and sealing only compute and are plain calls.

A protected PDU has three parts, in this order, and the token behind them:

    header   24 bytes, or 40 with an object UUID     signed, never encrypted
    body     stub, verification trailer, padding     signed, encrypted at level PKT_PRIVACY
    trailer  the 8 bytes of the security trailer     signed, never encrypted

Whether header and trailer are signed too is negotiated by the connection (`header_signing`) and decided
by the mechanism: NTLM always signs them, Kerberos follows the negotiation.  MS-RPCE 2.2.2.11
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias, TypeVar

from rpch.dcerpc.pdus import AuthLevel, AuthType, Request, Response, SecTrailer
from rpch.errors import AuthenticationFailed, LocalProtocolError

_PAD_TO: Final = 16


@dataclass(frozen=True)
class Continue:
    """A leg that needs another one."""

    token: bytes


@dataclass(frozen=True)
class Established:
    """The last leg; the token may be empty."""

    token: bytes = b""


@dataclass(frozen=True)
class Declined:
    """The mechanism gave up; `too_weak` when what was negotiated cannot give the level asked for."""

    why: str = "the mechanism gave up"
    too_weak: bool = False


Step: TypeAlias = Continue | Established | Declined


@dataclass(frozen=True)
class Segments:
    """The parts of a PDU that protection covers, in wire order.  MS-RPCE 2.2.2.11"""

    header: bytes
    body: bytes
    trailer: bytes


class Protection(Protocol):
    """What signs and seals PDUs, at one level, in the order in which they travel."""

    @property
    def token_size(self) -> int:
        """How many bytes `protect` adds."""
        ...

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        """The body as it shall travel, and its token. Lengths in the header are final."""
        ...

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        """The body in clear; `AuthenticationFailed` when the token does not fit."""
        ...


class SecurityContext(Protection, Protocol):
    """One security context of one connection."""

    @property
    def user(self) -> str | None:
        """Who the peer proved to be; None before the last leg, and for anonymous."""
        ...

    def step(self, token: bytes) -> Step | Awaitable[Step]:
        """Take one leg. The driver runs it and reports `SecurityStepped`."""
        ...


class SecurityProvider(Protocol):
    """Knows the mechanisms of one endpoint."""

    def start(self, auth_type: AuthType, level: AuthLevel) -> SecurityContext | None:
        """A new context; None for unknown types, `AuthenticationFailed` when it cannot start."""
        ...


P = TypeVar("P", Request, Response)


def protected(pdu: P, mechanism: Protection, trailer: SecTrailer, *, header_signing: bool) -> bytes:
    """One request or response with padding, trailer and token, as bytes.  MS-RPCE 2.2.2.11

    `trailer` gives type, level and context id.
    """
    pad = -len(pdu.stub) % _PAD_TO
    room = mechanism.token_size
    auth = replace(trailer, token=bytes(room), pad_length=pad)
    wire = replace(pdu, stub=pdu.stub + bytes(pad), auth=auth).encode()
    clear = segments(wire, len(pdu.stub) + pad, room)
    body, token = mechanism.protect(clear, header_signing=header_signing)
    if len(body) != len(clear.body) or len(token) > room:
        raise LocalProtocolError("the mechanism returned more than it announced")
    return b"".join((clear.header, body, clear.trailer, token, bytes(room - len(token))))


def verified(data: bytes, pdu: Request | Response, mechanism: Protection, *, header_signing: bool) -> bytes:
    """The body of a received fragment in clear, padding still there.  MS-RPCE 3.3.1.5.2

    `AuthenticationFailed` unless the token proves it.
    """
    if pdu.auth is None:
        raise AuthenticationFailed("the fragment is not protected")
    token = pdu.auth.token
    parts = segments(data, len(pdu.stub), len(token))
    return mechanism.verify(parts, token, header_signing=header_signing)


def segments(data: bytes, body: int, token: int) -> Segments:
    """Part a PDU that ends with `body` bytes of body, a trailer and `token` bytes of token."""
    trailer_at = len(data) - token - SecTrailer.SIZE
    body_at = trailer_at - body
    return Segments(data[:body_at], data[body_at:trailer_at], data[trailer_at : trailer_at + SecTrailer.SIZE])
