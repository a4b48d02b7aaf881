"""Signing and sealing in a session of Kerberos, by the system's GSS-API.  RFC 4121 4.2, MS-KILE 3.4.5.4

A signature (MIC) and the header of a sealed message differ in size; a session of RPC uses one of the two, by
its level. Tokens carry their number: one that is late, early or twice is no better than a wrong one.
"""

from __future__ import annotations

from typing import Any, Final

from rpch.auth.security import SignatureMismatch
from rpch.errors import LocalProtocolError

_CONFIDENTIALITY: Final = 0x10
_INTEGRITY: Final = 0x20
_SESSION_KEY: Final = bytes.fromhex("2a864886f7120102020505")  # 1.2.840.113554.1.2.2.5.5


class GssSession:
    """One side of a session. `raw` is the library's low level, `flags` what was negotiated."""

    def __init__(self, raw: Any, context: Any, flags: int, *, seals: bool) -> None:
        """`seals` says which of the two sizes is that of its signatures."""
        self._raw, self._context, self._flags, self._seals = raw, context, flags, seals
        self._size: int | None = None
        self._alive = True

    def __repr__(self) -> str:
        return f"GssSession(flags={self._flags:#x})"

    @property
    def can_sign(self) -> bool:
        """Whether integrity was agreed on."""
        return bool(self._flags & _INTEGRITY)

    @property
    def can_seal(self) -> bool:
        """Whether confidentiality was agreed on."""
        return self.can_sign and bool(self._flags & _CONFIDENTIALITY)

    @property
    def protects_mechanisms(self) -> bool:
        """Whether a MIC over a list of mechanisms protects it.  RFC 4178 5"""
        return self.can_sign

    @property
    def covers_headers(self) -> bool:
        """Kerberos signs what both ends agreed on.  MS-RPCE 2.2.2.11"""
        return False

    @property
    def signature_size(self) -> int:
        """How long every signature is; the encryption type of the ticket decides."""
        if self._size is None:
            self._size = self._sealed_size() if self._seals else self._signed_size()
        return self._size

    @property
    def session_key(self) -> bytes:
        """The key that both ends share.  MS-KILE 3.1.1.2"""
        oid = self._raw.OID(elements=_SESSION_KEY)
        return bytes(self._raw.inquire_sec_context_by_oid(self._context, oid)[0])

    def sign(self, message: bytes) -> bytes:
        """The signature of the next message sent.  RFC 4121 4.2.6.1"""
        self._check_alive()
        return bytes(self._raw.get_mic(self._context, message))

    def verify(self, message: bytes, signature: bytes) -> None:
        """`SignatureMismatch` unless it is the signature of the next message received."""
        self._check_alive()
        try:
            self._raw.verify_mic(self._context, message, signature)
        except self._raw.GSSError as error:
            raise self._mismatch(error) from error

    def seal(self, head: bytes, body: bytes, tail: bytes) -> tuple[bytes, bytes]:
        """The body encrypted in its place, and the header that proves all three parts.  RFC 4121 4.2.6.2"""
        self._check_alive()
        parts = self._parts(self._raw.IOVBufferType.header, head, body, tail)
        if not self._raw.wrap_iov(self._context, parts, confidential=True):
            raise LocalProtocolError("the session that was negotiated cannot seal")
        return _value(parts[2 if head else 1]), _value(parts[0])

    def unseal(self, head: bytes, body: bytes, tail: bytes, signature: bytes) -> bytes:
        """The body in clear; `SignatureMismatch` unless the header proves all three parts."""
        self._check_alive()
        header = (self._raw.IOVBufferType.header, False, signature)
        parts = self._parts(header, head, body, tail)
        try:
            result = self._raw.unwrap_iov(self._context, parts)
        except self._raw.GSSError as error:
            raise self._mismatch(error) from error
        if not result.encrypted:
            raise self._mismatch(None)
        return _value(parts[2 if head else 1])

    def sign_mechanisms(self, mechanisms: bytes) -> bytes:
        """The MIC over a list of mechanisms.  RFC 4178 5"""
        return self.sign(mechanisms)

    def verify_mechanisms(self, mechanisms: bytes, mic: bytes) -> None:
        """`SignatureMismatch` unless it is the peer's MIC over this list of mechanisms.  RFC 4178 5"""
        self.verify(mechanisms, mic)

    def _parts(self, header: Any, head: bytes, body: bytes, tail: bytes) -> Any:
        """The parts in the order of the PDU; what is empty is no part.  MS-RPCE 3.3.1.5.2.2"""
        kinds = self._raw.IOVBufferType
        parts: list[Any] = [header]
        if head:
            parts.append((kinds.sign_only, False, head))
        parts.append((kinds.data, False, body))
        if tail:
            parts.append((kinds.sign_only, False, tail))
        return self._raw.IOV(*parts, std_layout=False)

    def _sealed_size(self) -> int:
        parts = self._parts(self._raw.IOVBufferType.header, b"", bytes(16), b"")
        self._raw.wrap_iov_length(self._context, parts, confidential=True)
        return len(_value(parts[0]))

    def _signed_size(self) -> int:
        kinds = self._raw.IOVBufferType
        parts = self._raw.IOV((kinds.data, False, b""), (kinds.mic_token, True, None), std_layout=False)
        self._raw.get_mic_iov_length(self._context, parts)
        return len(_value(parts[1]))

    def _mismatch(self, error: Exception | None) -> SignatureMismatch:
        self._alive = False
        return SignatureMismatch(f"a signature does not fit its message ({error or 'it is not sealed'})")

    def _check_alive(self) -> None:
        if not self._alive:
            raise LocalProtocolError("this session ended with a signature that did not fit")


def _value(buffer: Any) -> bytes:
    return bytes(buffer.value or b"")
