"""The seam where security packages plug into RPC: contexts that protect PDUs.  MS-RPCE 3.3.1.5.2

How a context comes about (its legs, and whoever must be asked on the way) is the business of the side
that builds it. Once it exists, both sides use it alike: `protect` on the way out, `unprotect` on the way
in, once per fragment, in the order of the wire, because every PDU counts in the sequence numbers.

    header (24 or 40) | stub, padding | sec_trailer (8) | token
         signed       |  signed, and  |     signed      |
                      | sealed at 6   |
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from rpch.dcerpc.pdus import AuthLevel, AuthType, Request, Response, SecTrailer, unpadded
from rpch.dcerpc.pdus_call import OBJECT_UUID_SIZE, REQUEST_HEADER_SIZE
from rpch.errors import DecodeError, LocalProtocolError, RemoteProtocolError

BODY_ALIGNMENT: Final = 16
_TRAILER_ALIGNMENT: Final = 4


class ProtectionFailed(RemoteProtocolError):
    """A signature does not fit what it signs, or a sealed body does not open.  MS-RPCE 3.3.1.5.2.2"""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"protection check failed: {self.reason}"


class SecurityContext(Protocol):
    """An established context of one connection; what a security package has to offer.  MS-RPCE 3.3.1.5.2"""

    @property
    def auth_type(self) -> AuthType: ...

    @property
    def auth_level(self) -> AuthLevel: ...

    @property
    def context_id(self) -> int: ...

    @property
    def token_size(self) -> int:
        """The exact size of every token that `protect` makes."""
        ...

    def protect(self, head: bytes, body: bytes, tail: bytes, *, sign_header: bool) -> tuple[bytes, bytes]:
        """The body as it travels, and the token, for the next PDU sent."""
        ...

    def unprotect(self, head: bytes, body: bytes, tail: bytes, token: bytes, *, sign_header: bool) -> bytes:
        """The body in clear, for the next PDU received; `ProtectionFailed` when the token does not fit."""
        ...


def belongs(trailer: SecTrailer, context: SecurityContext) -> bool:
    """Whether a trailer names this context, with its type and its level.  MS-RPCE 2.2.2.11"""
    named = (trailer.auth_type, trailer.auth_level, trailer.context_id)
    return named == (context.auth_type, context.auth_level, context.context_id)


def protect(pdu: Request | Response, context: SecurityContext | None, *, sign_header: bool) -> bytes:
    """One fragment as bytes, under its context's protection if that level has any.  MS-RPCE 2.2.2.11"""
    if context is None or context.auth_level < AuthLevel.PKT:
        return pdu.encode()
    # The padding counts from the body, so sec_trailer sits at 8 modulo 16 of the PDU (2.2.2.11)
    padding = -len(pdu.stub) % BODY_ALIGNMENT
    blank = SecTrailer(
        context.auth_type, context.auth_level, context.context_id, bytes(context.token_size), padding
    )
    # The lengths in the header have their final values before anything is signed
    data = replace(pdu, stub=pdu.stub + bytes(padding), auth=blank).encode()
    head, body, tail, _ = _segments(data, pdu, context.token_size)
    sealed, token = context.protect(head, body, tail, sign_header=sign_header)
    if (len(sealed), len(token)) != (len(body), context.token_size):
        raise LocalProtocolError("a security package made a token or a body of another size than promised")
    return b"".join((head, sealed, tail, token))


def unprotect(
    data: bytes, pdu: Request | Response, context: SecurityContext | None, *, sign_header: bool
) -> bytes:
    """The stub bytes of a received fragment: checked, in clear, without padding.  MS-RPCE 3.3.1.5.2.2

    `pdu` is what `data` decoded to. Whether its trailer names the context is the caller's to judge, since
    what follows differs by role and by fragment.
    """
    if pdu.auth is None:
        if context is not None and context.auth_level >= AuthLevel.PKT:
            raise DecodeError(f"a fragment without the protection of level {context.auth_level.name}", at=10)
        return pdu.stub
    if context is None:
        raise DecodeError("a security trailer on a connection without security", at=10)
    head, body, tail, token = _segments(data, pdu, len(pdu.auth.token))
    if (len(head) + len(body)) % _TRAILER_ALIGNMENT:
        raise DecodeError("the security trailer is not aligned", at=len(head) + len(body))
    unpadded(body, pdu.auth)  # no package should see a body that cannot be
    if context.auth_level >= AuthLevel.PKT:
        body = context.unprotect(head, body, tail, token, sign_header=sign_header)
    return unpadded(body, pdu.auth)


def _segments(data: bytes, pdu: Request | Response, token_size: int) -> tuple[bytes, bytes, bytes, bytes]:
    """A PDU in its four parts: header, body, sec_trailer, token."""
    has_object = isinstance(pdu, Request) and pdu.object_uuid is not None
    body_at = REQUEST_HEADER_SIZE + (OBJECT_UUID_SIZE if has_object else 0)
    token_at = len(data) - token_size
    tail_at = token_at - SecTrailer.SIZE
    return data[:body_at], data[body_at:tail_at], data[tail_at:token_at], data[token_at:]
