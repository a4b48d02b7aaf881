"""Who sends a request: HTTP authentication, by connection.

A listener has one authenticator, a connection one session. Basic is proven anew by each request; Negotiate
and NTLM prove the connection, whose later requests need no header. What a connection proved is dropped
before new credentials are looked at.  RFC 7617, RFC 4559 6
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Final

from rpch.auth.accounts import AccountSource, Identity
from rpch.auth.basic import BasicCredentials
from rpch.auth.outcomes import Authenticated, AuthOutcome, AuthRule, Challenge, Failure, Headers, Refused
from rpch.auth.schemes import CHALLENGE_HEADER, Scheme, offer, read_authorization
from rpch.auth.verified_cache import VerifiedCache
from rpch.errors import ConfigError

FAILURES_BEFORE_CLOSE: Final = 3


class HttpAuthenticator:
    """What one listener accepts: its schemes, its realm and its accounts."""

    def __init__(
        self,
        accounts: AccountSource,
        *,
        schemes: Iterable[Scheme] = (Scheme.BASIC,),
        without_tls: Collection[Scheme] = (),
        realm: str = "rpch",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`without_tls` are the schemes that are taken on plain connections too."""
        if not realm.isascii() or not realm.isprintable() or '"' in realm or "\\" in realm:
            raise ConfigError("realm", f"{realm!r} cannot be quoted; use letters, digits and spaces")
        wanted = set(schemes)
        self.accounts, self.clock = accounts, clock
        self.schemes = tuple(scheme for scheme in Scheme if scheme in wanted)
        self.verified = VerifiedCache()
        self._offers = {
            True: self._offer_lines(self.schemes, realm),
            False: self._offer_lines([s for s in self.schemes if s in without_tls], realm),
        }
        self._usable = {True: frozenset(self.schemes), False: frozenset(self.schemes) & set(without_tls)}

    @staticmethod
    def _offer_lines(schemes: Iterable[Scheme], realm: str) -> Headers:
        return tuple((CHALLENGE_HEADER, offer(scheme, realm)) for scheme in schemes)

    def offers(self, *, secure: bool) -> Headers:
        """The headers of a 401 that lists what may be used here."""
        return self._offers[secure]

    def accepts(self, scheme: Scheme, *, secure: bool) -> bool:
        """Whether a scheme may be used here."""
        return scheme in self._usable[secure]

    def session(self, *, peer: str = "") -> HttpAuthSession:
        """What is known about one connection from `peer`."""
        return HttpAuthSession(self, peer=peer)


class HttpAuthSession:
    """Who one connection belongs to, and how far it got in proving it."""

    def __init__(self, authenticator: HttpAuthenticator, *, peer: str) -> None:
        self._authenticator, self.peer = authenticator, peer
        self.identity: Identity | None = None  # whom the connection itself belongs to
        self._failures = 0

    def recall(self, authorization: str | None, *, secure: bool) -> Authenticated | None:
        """Who asks, when it is known without verifying anything; None calls for a `step`."""
        if authorization is None:
            return None if self.identity is None else Authenticated(self.identity)
        scheme, token = read_authorization(authorization)
        if scheme is not Scheme.BASIC or token is None:
            return None
        if not self._authenticator.accepts(scheme, secure=secure):
            return None
        identity = self._authenticator.verified.recall(token, self._authenticator.clock())
        if identity is None:
            return None
        self.identity = None
        return Authenticated(identity)

    async def step(self, authorization: str | None, *, secure: bool) -> AuthOutcome:
        """Take the `Authorization` of one request, or its absence."""
        if known := self.recall(authorization, secure=secure):
            return known
        self.identity = None
        if authorization is None:
            return self._ask(secure=secure)
        scheme, token = read_authorization(authorization)
        if scheme is None or scheme not in self._authenticator.schemes:
            return self._fail(AuthRule.SCHEME_NOT_OFFERED, "this scheme is not offered", secure=secure)
        if not self._authenticator.accepts(scheme, secure=secure):
            return Refused(AuthRule.CLEARTEXT, f"{scheme} is refused without TLS", status=403)
        if token is None:
            return self._fail(AuthRule.BAD_TOKEN, f"the {scheme} token is no base64", secure=secure)
        return await self._basic(token, secure=secure)

    async def _basic(self, token: bytes, *, secure: bool) -> AuthOutcome:
        credentials = BasicCredentials.decode(token)
        if credentials is None:
            return self._fail(AuthRule.BAD_TOKEN, "no user name and password in it", secure=secure)
        authenticator = self._authenticator
        identity = await authenticator.accounts.verify_password(credentials.user, credentials.password)
        if identity is None:
            return self._fail(AuthRule.WRONG_CREDENTIALS, f"user {credentials.user!r}", secure=secure)
        authenticator.verified.remember(token, identity, authenticator.clock())
        self._failures = 0
        return Authenticated(identity)

    def _ask(self, *, secure: bool) -> Challenge | Refused:
        offers = self._authenticator.offers(secure=secure)
        if not offers:
            detail = "no authentication scheme may be used on a connection without TLS"
            return Refused(AuthRule.NOTHING_OFFERED, detail, status=403)
        return Challenge(offers)

    def _fail(self, rule: AuthRule, detail: str, *, secure: bool) -> Challenge | Refused:
        """Ask again, or give up on a connection that keeps failing.  MS-NTHT 3.1"""
        self._failures += 1
        asked = self._ask(secure=secure)
        if isinstance(asked, Refused):
            return asked
        if self._failures >= FAILURES_BEFORE_CLOSE:
            return Refused(rule, detail, headers=asked.headers)
        return Challenge(asked.headers, Failure(rule, detail))
