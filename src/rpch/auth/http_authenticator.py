"""Who sends a request: HTTP authentication, by connection.

A listener has one authenticator, a connection one session. Basic is proven anew by each request; Negotiate
and NTLM prove the connection, whose later requests need no header. What a connection proved is dropped
before new credentials are looked at.  RFC 7617, RFC 4559 6, MS-NTHT 3.1
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from rpch.auth.accounts import AccountRegister, AccountSource, Identity, Standing
from rpch.auth.basic import BasicCredentials
from rpch.auth.channel_binding import PLAIN, Channel
from rpch.auth.extended_protection import ExtendedProtection
from rpch.auth.kerberos import KerberosAcceptor, KerberosSettings
from rpch.auth.mechanism import Continue, Done, Established, Failed, Mechanism
from rpch.auth.ntlm.acceptor import CHALLENGE_SIZE, NtlmAcceptor
from rpch.auth.ntlm.availability import why_unavailable
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.outcomes import Authenticated, AuthOutcome, AuthRule, Challenge, Failure, Headers, Refused
from rpch.auth.schemes import (
    CHALLENGE_HEADER,
    CONNECTION_BOUND,
    Scheme,
    begins_exchange,
    offer,
    read_authorization,
    with_token,
)
from rpch.auth.spnego import SpnegoAcceptor
from rpch.auth.spnego_tokens import KERBEROS, NTLM
from rpch.auth.throttle import Throttle
from rpch.auth.verified_cache import VerifiedCache
from rpch.errors import AccessDenied, ConfigError, LocalProtocolError, TransportError

FAILURES_BEFORE_CLOSE: Final = 3
STANDING_RULES: Final = {
    Standing.DISABLED: AuthRule.ACCOUNT_DISABLED,
    Standing.LOCKED: AuthRule.ACCOUNT_LOCKED,
    Standing.UNKNOWN: AuthRule.NO_ACCOUNT,
}
_STAYS: Final = ("Persistent-Auth", "true")  # the connection itself is authenticated.  MS-N2HT 2.2.1.1
_PINS: Final = ("Proxy-Support", "Session-Based-Authentication")  # what is in between must pin.  RFC 4559 6


@dataclass(frozen=True, slots=True)
class Terms:
    """Which schemes a connection may use, and the headers of a 401 that lists them."""

    schemes: frozenset[Scheme]
    offers: Headers


class HttpAuthenticator:
    """What one listener accepts: its schemes, its realm and its accounts."""

    def __init__(
        self,
        accounts: AccountSource,
        *,
        schemes: Iterable[Scheme] = (Scheme.BASIC,),
        without_tls: Collection[Scheme] = (),
        connection_affinity: bool = False,
        realm: str = "rpch",
        ntlm: NtlmSettings | None = None,
        kerberos: KerberosSettings | None = None,
        protection: ExtendedProtection | None = None,
        throttle: Throttle | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`without_tls` are the schemes that are taken on plain connections too.

        `connection_affinity` says that the relays in front keep each client on a connection of its own;
        without it Negotiate and NTLM through them would give one client's identity to another.
        """
        if not realm.isascii() or not realm.isprintable() or '"' in realm or "\\" in realm:
            raise ConfigError("realm", f"{realm!r} cannot be quoted; use letters, digits and spaces")
        wanted = frozenset(schemes)
        if Scheme.NTLM in wanted or (Scheme.NEGOTIATE in wanted and kerberos is None):
            _require_ntlm(ntlm)
        self.accounts, self.ntlm, self.throttle = accounts, ntlm, throttle
        self.kerberos = kerberos
        self.protection = protection or ExtendedProtection()
        self.clock, self.wall_clock, self.random = clock, wall_clock, random
        self.verified = VerifiedCache()
        self._terms = {
            (secure, relayed): _terms(
                wanted
                - (frozenset() if secure else wanted - frozenset(without_tls))
                - (CONNECTION_BOUND if relayed and not connection_affinity else frozenset()),
                realm,
            )
            for secure in (True, False)
            for relayed in (True, False)
        }

    def terms(self, *, secure: bool, relayed: bool) -> Terms:
        """What may be used on a connection of this kind."""
        return self._terms[secure, relayed]

    def session(self, *, peer: str = "", channel: Channel = PLAIN, relayed: bool = False) -> HttpAuthSession:
        """What is known about one connection: from `peer`, over `channel`, through a relay or not."""
        return HttpAuthSession(self, peer=peer, channel=channel, relayed=relayed)

    def accounts_for(self, client: str) -> AccountSource:
        """The accounts, which a client may not ask more often than the throttle lets it."""
        return self.throttle.guard(self.accounts, peer=client) if self.throttle else self.accounts

    async def vouched(self, identity: Identity, *, client: str) -> Authenticated | Refused:
        """Let somebody in whose identity something else has proven, if the account may be used at all."""
        if not isinstance(self.accounts, AccountRegister):
            return Refused(AuthRule.UNAVAILABLE, "these accounts cannot say who is disabled", status=503)
        ask = partial(self.accounts.standing, identity)
        try:
            found = await (self.throttle.admit(identity, ask, client) if self.throttle else ask())
        except AccessDenied as denied:
            return Refused(denied.rule, denied.detail, status=403)
        except TransportError as error:
            return Refused(AuthRule.UNAVAILABLE, error.reason, status=503)
        if found is Standing.GOOD:
            return Authenticated(identity)
        return Refused(STANDING_RULES[found], f"user {str(identity)!r}", status=403)

    def mechanism(self, scheme: Scheme, accounts: AccountSource, channel: Channel) -> Mechanism:
        """A new exchange of a scheme that has one."""

        def ntlm() -> Mechanism:
            if self.ntlm is None:
                raise LocalProtocolError("NTLM is not set up")
            return NtlmAcceptor(
                self.ntlm,
                accounts,
                server_challenge=self.random(CHALLENGE_SIZE),
                protection=self.protection,
                channel=channel,
            )

        def kerberos() -> Mechanism:
            if self.kerberos is None:
                raise LocalProtocolError("Kerberos is not set up")
            return KerberosAcceptor(self.kerberos, protection=self.protection, channel=channel)

        if scheme is Scheme.NTLM:
            return ntlm()
        on = {NTLM: ntlm if self.ntlm else None, KERBEROS: kerberos if self.kerberos else None}
        return SpnegoAcceptor({oid: factory for oid, factory in on.items() if factory})


class HttpAuthSession:
    """Who one connection belongs to, and how far it got in proving it."""

    def __init__(
        self, authenticator: HttpAuthenticator, *, peer: str, channel: Channel, relayed: bool
    ) -> None:
        self._authenticator, self._peer = authenticator, peer
        self._accounts = authenticator.accounts_for(peer)
        self._channel, self._relayed = channel, relayed
        self.identity: Identity | None = None
        """Whom the connection itself belongs to."""
        self.established: Established | None = None
        """How that was proven; kept for the audit line."""
        self._exchange: tuple[Scheme, Mechanism] | None = None
        self._failures = 0
        self._stepping = False

    def recall(
        self, authorization: str | None, *, secure: bool, client: str | None = None
    ) -> Authenticated | None:
        """Who asks, when it is known without verifying anything; None calls for a `step`.

        `client` is who sent it, where a relay sends requests of several over one connection. What one of
        them has proven is nobody else's, whatever the relay was said to do.
        """
        self._meet(client)
        if authorization is None:
            return None if self.identity is None else Authenticated(self.identity)
        scheme, token = read_authorization(authorization)
        if scheme is not Scheme.BASIC or token is None or scheme not in self._terms(secure).schemes:
            return None
        identity = self._authenticator.verified.recall(token, self._authenticator.clock())
        if identity is None:
            return None
        self._forget()
        return Authenticated(identity)

    async def step(
        self, authorization: str | None, *, secure: bool, client: str | None = None
    ) -> AuthOutcome:
        """Take the `Authorization` of one request, or its absence. One request at a time."""
        if self._stepping:
            raise LocalProtocolError("a connection authenticates one request at a time")
        if known := self.recall(authorization, secure=secure, client=client):
            return known
        self._stepping = True
        try:
            return await self._step(authorization, secure=secure)
        except AccessDenied as denied:
            return self._fail(denied.rule, denied.detail, secure=secure)
        except TransportError as error:
            return Refused(AuthRule.UNAVAILABLE, error.reason, status=503)
        finally:
            self._stepping = False

    async def _step(self, authorization: str | None, *, secure: bool) -> AuthOutcome:
        exchange = self._forget()
        if authorization is None:
            return self._ask(secure=secure)
        scheme, token = read_authorization(authorization)
        if scheme is None or scheme not in self._terms(True).schemes:
            return self._fail(AuthRule.SCHEME_NOT_OFFERED, "this scheme is not offered", secure=secure)
        if scheme not in self._terms(secure).schemes:
            return Refused(AuthRule.CLEARTEXT, f"{scheme} is refused without TLS", status=403)
        if token is None:
            return self._fail(AuthRule.BAD_TOKEN, f"the {scheme} token is no base64", secure=secure)
        if scheme is Scheme.BASIC:
            return await self._basic(token, secure=secure)
        return await self._exchange_tokens(scheme, token, exchange, secure=secure)

    async def _basic(self, token: bytes, *, secure: bool) -> AuthOutcome:
        credentials = BasicCredentials.decode(token)
        if credentials is None:
            return self._fail(AuthRule.BAD_TOKEN, "no user name and password in it", secure=secure)
        identity = await self._accounts.verify_password(credentials.user, credentials.password)
        if identity is None:
            return self._fail(AuthRule.WRONG_CREDENTIALS, f"user {credentials.user!r}", secure=secure)
        self._authenticator.verified.remember(token, identity, self._authenticator.clock())
        self._failures = 0
        return Authenticated(identity)

    async def _exchange_tokens(
        self, scheme: Scheme, token: bytes, exchange: tuple[Scheme, Mechanism] | None, *, secure: bool
    ) -> AuthOutcome:
        """One leg of Negotiate or NTLM. A first token begins anew, whatever was before.  MS-NTHT 3.1"""
        begins = begins_exchange(scheme, token)
        if begins is None:
            return self._fail(AuthRule.BAD_TOKEN, f"no token of {scheme}", secure=secure)
        if begins:
            mechanism = self._authenticator.mechanism(scheme, self._accounts, self._channel)
        elif exchange is not None and exchange[0] is scheme:
            mechanism = exchange[1]
        else:
            detail = "its exchange was begun on another connection: does a front not pin connections?"
            return self._fail(AuthRule.OUT_OF_SEQUENCE, detail, secure=secure)
        step = await mechanism.step(token, self._authenticator.wall_clock())
        match step:
            case Continue(token=answer):
                self._exchange = (scheme, mechanism)
                # Only the token: a list beside it makes some clients begin again.
                return Challenge(((CHALLENGE_HEADER, with_token(scheme, answer)),))
            case Done(established=established, token=answer):
                return self._accept(scheme, established, answer)
            case Failed(failure=Failure(rule=AuthRule.UNAVAILABLE, detail=detail)):
                return Refused(AuthRule.UNAVAILABLE, detail, status=503)
            case Failed(failure=failure):
                return self._fail(failure.rule, failure.detail, secure=secure)

    def _accept(self, scheme: Scheme, established: Established, answer: bytes | None) -> Authenticated:
        self.identity, self.established, self._failures = established.identity, established, 0
        last = () if answer is None else ((CHALLENGE_HEADER, with_token(scheme, answer)),)
        return Authenticated(established.identity, (*last, _STAYS))

    def _forget(self) -> tuple[Scheme, Mechanism] | None:
        """What was proven no longer counts; what was begun is the caller's to go on with."""
        exchange, self._exchange = self._exchange, None
        self.identity = self.established = None
        return exchange

    def _meet(self, client: str | None) -> None:
        if client is not None and client != self._peer:
            self._peer, self._accounts = client, self._authenticator.accounts_for(client)
            self._forget()

    def _terms(self, secure: bool) -> Terms:
        return self._authenticator.terms(secure=secure, relayed=self._relayed)

    def _ask(self, *, secure: bool) -> Challenge | Refused:
        offers = self._terms(secure).offers
        if not offers:
            return Refused(AuthRule.NOTHING_OFFERED, "no scheme may be used on this connection", status=403)
        return Challenge(offers)

    def _fail(self, rule: str, detail: str, *, secure: bool) -> Challenge | Refused:
        """Ask again, or give up on a connection that keeps failing."""
        self._failures += 1
        asked = self._ask(secure=secure)
        if isinstance(asked, Refused):
            return asked
        if self._failures >= FAILURES_BEFORE_CLOSE:
            return Refused(rule, detail, headers=asked.headers)
        return Challenge(asked.headers, Failure(rule, detail))


def _require_ntlm(settings: NtlmSettings | None) -> None:
    if settings is None:
        raise ConfigError("schemes", "NTLM and Negotiate need NTLM's settings; give them or offer Basic")
    if reason := why_unavailable():
        raise ConfigError("schemes", reason)


def _terms(schemes: frozenset[Scheme], realm: str) -> Terms:
    offers = tuple((CHALLENGE_HEADER, offer(scheme, realm)) for scheme in Scheme if scheme in schemes)
    return Terms(schemes, (*offers, _PINS) if schemes & CONNECTION_BOUND else offers)
