"""A security mechanism for tests: three or four legs, a token per PDU, sealing that is no secret.

It behaves as RPC wants mechanisms to behave, and proves nothing to anybody: it counts PDUs in each
direction, signs what the level says, and notices every flipped bit, replay and foreign token.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.security import Continue, Declined, Established, Segments, Step
from rpch.errors import AuthenticationFailed

TOKEN_SIZE: Final = 16
LEGS: Final[Mapping[AuthType, int]] = {AuthType.NTLM: 3, AuthType.NEGOTIATE: 4}
WEAK: Final = b"weak"


class ToyMechanism:
    """One end of a context. The n-th leg is `leg n:user`; a user named `weak` gets no privacy."""

    token_size = TOKEN_SIZE

    def __init__(self, level: AuthLevel, legs: int, *, client: bool, user: bytes = b"alice") -> None:
        self._level, self._legs, self._client = level, legs, client
        self._name = user
        self._leg = 0
        self._sent = self._received = 0

    @property
    def established(self) -> bool:
        """Whether the last leg was taken."""
        return self._leg >= self._legs

    @property
    def user(self) -> str | None:
        """Who the first leg claimed to be, once the last was taken; an empty name is nobody's."""
        return (self._name.decode() or None) if self.established else None

    def first(self) -> bytes:
        """The client's opening token."""
        return self._next()

    def step(self, token: bytes) -> Step:
        """Take the other end's leg and answer with ours."""
        due, _, name = token.partition(b":")
        taken = self._leg + 1
        if due != b"leg %d" % taken or taken > self._legs:
            return Declined("that is not the leg that was due")
        self._leg, self._name = taken, name
        if taken == 3 and name == WEAK and self._level == AuthLevel.PKT_PRIVACY:
            return Declined("no privacy for the weak", too_weak=True)
        if taken == self._legs:
            return Established()
        answer = self._next()
        return Established(answer) if taken + 1 == self._legs else Continue(answer)

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        """Sign, and at level PKT_PRIVACY seal."""
        key = self._key(self._client, self._sent)
        self._sent += 1
        token = self._sign(key, segments, header_signing)
        return self._seal(key, segments.body), token

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        """The body in clear, when the token is right."""
        key = self._key(not self._client, self._received)
        body = self._seal(key, segments.body)
        clear = Segments(segments.header, body, segments.trailer)
        if not hmac.compare_digest(token, self._sign(key, clear, header_signing)):
            raise AuthenticationFailed("the token does not fit")
        self._received += 1
        return body

    def _next(self) -> bytes:
        self._leg += 1
        return b"leg %d:%s" % (self._leg, self._name)

    def _key(self, client: bool, number: int) -> bytes:
        return b"%s %d %d %d" % (self._name, self._level, client, number)

    def _sign(self, key: bytes, segments: Segments, header_signing: bool) -> bytes:
        parts = (segments.header, segments.body, segments.trailer) if header_signing else (segments.body,)
        return hmac.digest(key, b"".join(parts), "sha256")[:TOKEN_SIZE]

    def _seal(self, key: bytes, body: bytes) -> bytes:
        if self._level != AuthLevel.PKT_PRIVACY:
            return body
        stream = hashlib.shake_128(key).digest(len(body))
        return bytes(ours ^ theirs for ours, theirs in zip(body, stream, strict=True))


class ToyProvider:
    """Offers the mechanism under the type numbers of NTLM (three legs) and SPNEGO (four)."""

    def start(self, auth_type: AuthType, level: AuthLevel) -> ToyMechanism | None:
        """A server's end of a new context."""
        legs = LEGS.get(auth_type)
        return ToyMechanism(level, legs, client=False) if legs is not None else None
