"""Signing and sealing in a session that pyspnego opened, behind the seam of our own.  RFC 2743 2.3

NTLM's sessions are pyspnego's. Kerberos' are those of the system's GSS-API, and with them we speak as the
accepting side does: how long a signature will be pyspnego cannot say.
"""

from __future__ import annotations

from typing import Any

import spnego
from spnego import iov
from spnego.exceptions import SpnegoError

from rpch.auth.gss_session import GssSession
from rpch.auth.keytab import library
from rpch.auth.security import SessionSecurity, SignatureMismatch
from rpch.errors import LocalProtocolError

_Part = iov.BufferType | bytes | tuple[iov.BufferType, bytes]


def session_of(context: spnego.ContextProxy, *, seals: bool) -> SessionSecurity:
    """The initiating side of a session, whatever its mechanism; `seals` says what its signatures are for."""
    if context.negotiated_protocol != "kerberos":
        return InitiatedSession(context)
    gssapi = library()
    inner: Any = context
    while not isinstance(inner, gssapi.raw.SecurityContext):  # within Negotiate it lies one deeper
        inner = inner._context  # noqa: SLF001 - pyspnego has no other way to it
    return GssSession(gssapi.raw, inner, int(inner.actual_flags), seals=seals)


class InitiatedSession:
    """The initiating side of a session of NTLM."""

    def __init__(self, context: spnego.ContextProxy) -> None:
        self._context = context

    def __repr__(self) -> str:
        return f"InitiatedSession({self._context.negotiated_protocol})"

    @property
    def can_sign(self) -> bool:
        """Whether integrity was agreed on."""
        return bool(self._context.context_attr & spnego.ContextReq.integrity)

    @property
    def can_seal(self) -> bool:
        """Whether confidentiality was agreed on."""
        return self.can_sign and bool(self._context.context_attr & spnego.ContextReq.confidentiality)

    @property
    def protects_mechanisms(self) -> bool:
        """Whether a MIC over a list of mechanisms protects it."""
        return self.can_sign

    @property
    def covers_headers(self) -> bool:
        """NTLM signs all that it is given.  MS-RPCE 2.2.2.11"""
        return True

    @property
    def signature_size(self) -> int:
        """How long every signature is."""
        return self._context.query_message_sizes().header

    @property
    def session_key(self) -> bytes:
        """The key that both ends share."""
        return self._context.session_key

    def sign(self, message: bytes) -> bytes:
        """The signature of the next message sent."""
        return self._context.sign(message)

    def verify(self, message: bytes, signature: bytes) -> None:
        """`SignatureMismatch` unless it is the signature of the next message received."""
        try:
            self._context.verify(message, signature)
        except SpnegoError as error:
            raise SignatureMismatch("a signature does not fit its message") from error

    def seal(self, head: bytes, body: bytes, tail: bytes) -> tuple[bytes, bytes]:
        """The body encrypted, and the signature over all three parts, for the next message sent."""
        signature, sealed = self._parts(head, body, tail, iov.BufferType.header, unseal=False)
        return sealed, signature

    def unseal(self, head: bytes, body: bytes, tail: bytes, signature: bytes) -> bytes:
        """The body in clear; `SignatureMismatch` unless the signature is that of all three parts."""
        try:
            return self._parts(head, body, tail, (iov.BufferType.header, signature), unseal=True)[1]
        except SpnegoError as error:
            raise SignatureMismatch("a signature does not fit its message") from error

    def sign_mechanisms(self, mechanisms: bytes) -> bytes:
        """Not ours to do: the exchange that opened the session has done it."""
        raise LocalProtocolError("the list of mechanisms was signed when the session was opened")

    def verify_mechanisms(self, mechanisms: bytes, mic: bytes) -> None:
        """Not ours to do: the exchange that opened the session has done it."""
        raise LocalProtocolError("the list of mechanisms was signed when the session was opened")

    def _parts(
        self, head: bytes, body: bytes, tail: bytes, header: _Part, *, unseal: bool
    ) -> tuple[bytes, bytes]:
        """Signature and body out of one pass; what is empty is no part."""
        parts: list[_Part] = [header]
        if head:
            parts.append((iov.BufferType.sign_only, head))
        parts.append((iov.BufferType.data, body))
        if tail:
            parts.append((iov.BufferType.sign_only, tail))
        result = self._context.unwrap_iov(parts) if unseal else self._context.wrap_iov(parts)
        return result.buffers[0].data or b"", result.buffers[2 if head else 1].data or b""
