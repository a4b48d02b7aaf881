"""What an authenticated pair can do with the key it shares: sign and seal messages, in order.  RFC 2743 2.3

The RPC layer puts this behind its own seam; SPNEGO uses it for the MIC over its list of mechanisms.
"""

from __future__ import annotations

from typing import Protocol

from rpch.errors import RemoteProtocolError


class SignatureMismatch(RemoteProtocolError):
    """A signature does not fit what it signs. The session is dead: nothing after it could be trusted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class SessionSecurity(Protocol):
    """One side of an established session. Calls must come in the order of the messages on the wire."""

    @property
    def can_sign(self) -> bool:
        """Whether messages can be signed as strongly as we ask for."""

    @property
    def can_seal(self) -> bool:
        """Whether messages can be sealed as strongly as we ask for."""

    @property
    def protects_mechanisms(self) -> bool:
        """Whether a MIC over a list of mechanisms protects it.  RFC 4178 5"""

    @property
    def covers_headers(self) -> bool:
        """Whether RPC's headers are signed even where that was not agreed on.  MS-RPCE 2.2.2.11"""

    @property
    def signature_size(self) -> int:
        """How long every signature is."""

    @property
    def session_key(self) -> bytes:
        """The key that both ends share."""

    def sign(self, message: bytes) -> bytes:
        """The signature of the next message sent."""

    def verify(self, message: bytes, signature: bytes) -> None:
        """`SignatureMismatch` unless it is the signature of the next message received."""

    def seal(self, head: bytes, body: bytes, tail: bytes) -> tuple[bytes, bytes]:
        """The body encrypted, and the signature over all three parts, for the next message sent."""

    def unseal(self, head: bytes, body: bytes, tail: bytes, signature: bytes) -> bytes:
        """The body in clear; `SignatureMismatch` unless the signature is that of all three parts."""

    def sign_mechanisms(self, mechanisms: bytes) -> bytes:
        """The MIC over a list of mechanisms.  RFC 4178 5"""

    def verify_mechanisms(self, mechanisms: bytes, mic: bytes) -> None:
        """`SignatureMismatch` unless it is the peer's MIC over this list of mechanisms.  RFC 4178 5"""
