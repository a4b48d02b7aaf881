"""Protects PDUs with the session that an authentication opened, whatever its mechanism.  MS-RPCE 2.2.2.11

    PKT, PKT_INTEGRITY   header, body and trailer are signed
    PKT_PRIVACY          the same, and the body is encrypted

Both ends of a connection use the same rules, so server and client share this. Where header signing was not
agreed on, header and trailer are left out, unless the session covers them anyway.
"""

from __future__ import annotations

from rpch.auth.security import SessionSecurity, SignatureMismatch
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.security import Segments
from rpch.errors import AuthenticationFailed


class SessionProtection:
    """One session as the fragments of one security context use it."""

    def __init__(self, session: SessionSecurity, level: AuthLevel) -> None:
        self._session, self._level = session, level
        self._broken = False

    @property
    def token_size(self) -> int:
        """How many bytes `protect` adds."""
        return self._session.signature_size

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        """The body as it shall travel, and its token.  MS-RPCE 3.3.1.5.2.2"""
        self._check_use()
        head, tail = self._covered(segments, header_signing)
        if self._level == AuthLevel.PKT_PRIVACY:
            return self._session.seal(head, segments.body, tail)
        return segments.body, self._session.sign(head + segments.body + tail)

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        """The body in clear; `AuthenticationFailed` when the token does not fit.  MS-RPCE 3.3.1.5.2.2"""
        self._check_use()
        head, tail = self._covered(segments, header_signing)
        try:
            if self._level == AuthLevel.PKT_PRIVACY:
                return self._session.unseal(head, segments.body, tail, token)
            self._session.verify(head + segments.body + tail, token)
        except SignatureMismatch as error:
            self._broken = True
            raise AuthenticationFailed(str(error)) from error
        return segments.body

    def _covered(self, segments: Segments, header_signing: bool) -> tuple[bytes, bytes]:
        """What is signed around the body."""
        if header_signing or self._session.covers_headers:
            return segments.header, segments.trailer
        return b"", b""

    def _check_use(self) -> None:
        """Nothing is taken or given after a broken signature, nor below what the level needs."""
        if self._broken:
            raise AuthenticationFailed("an earlier signature did not fit, so nothing is trusted any more")
        if self._level == AuthLevel.PKT_PRIVACY and not self._session.can_seal:
            raise AuthenticationFailed("the session that was negotiated cannot seal")
        if not self._session.can_sign:
            raise AuthenticationFailed("the session that was negotiated cannot sign")


class SessionContext:
    """What the security contexts of both ends share: behind the last leg their session protects."""

    def __init__(self, level: AuthLevel) -> None:
        self._level = level
        self._protection: SessionProtection | None = None

    @property
    def token_size(self) -> int:
        """How many bytes `protect` adds."""
        return self._established.token_size

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        """The body as it shall travel, and its token."""
        return self._established.protect(segments, header_signing=header_signing)

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        """The body in clear; `AuthenticationFailed` when the token does not fit."""
        return self._established.verify(segments, token, header_signing=header_signing)

    @property
    def _established(self) -> SessionProtection:
        if self._protection is None:
            raise AuthenticationFailed("the security context is not established")
        return self._protection

    def _establish(self, session: SessionSecurity) -> None:
        """The last leg is done."""
        self._protection = SessionProtection(session, self._level)
