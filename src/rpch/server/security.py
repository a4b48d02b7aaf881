"""Who calls, at RPC level: NTLM, Kerberos, and Negotiate with either in it.  MS-RPCE 3.3.1.5.2

Whom a proxy let in is the proxy's word; here callers prove it to the server itself. A server has one
`RpcAuthenticator`, each of its connections a provider, each security context of a connection an exchange.

Who wants to be nobody may open a context too, for many clients do before they ask for what is open to all.
A context of nobody's has no user, and counts as no authentication wherever an interface asks for one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from rpch.auth.accounts import AccountSource
from rpch.auth.kerberos import KerberosAcceptor, KerberosSettings
from rpch.auth.mechanism import Continue, Done, Established, Failed, Mechanism
from rpch.auth.ntlm.acceptor import CHALLENGE_SIZE, NtlmAcceptor
from rpch.auth.ntlm.availability import why_unavailable
from rpch.auth.ntlm.settings import MicPolicy, NtlmSettings
from rpch.auth.outcomes import Failure
from rpch.auth.spnego import MechanismFactory, SpnegoAcceptor
from rpch.auth.spnego_tokens import KERBEROS, NTLM
from rpch.auth.throttle import Throttle
from rpch.dcerpc import security
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.session_protection import SessionContext
from rpch.errors import ConfigError

audit = structlog.get_logger("rpch.audit")

LAYER: Final = "RPC"  # beside the proxy's own lines about HTTP
PRIVACY: Final = "Privacy"
NTLM_TOKEN_LIMIT: Final = 2888  # the largest that Windows makes and takes


class RpcAuthenticator:
    """What the endpoints of one server accept: their mechanisms and their accounts."""

    def __init__(
        self,
        accounts: AccountSource,
        *,
        ntlm: NtlmSettings,
        kerberos: KerberosSettings | None = None,
        throttle: Throttle | None = None,
        anonymous: bool = True,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`anonymous` lets nobody open security contexts too; what they may call, interfaces say."""
        if reason := why_unavailable():
            raise ConfigError("security", reason)
        self._accounts, self._throttle = accounts, throttle
        # At level CONNECT nothing is signed, so there is no flag that a MIC would keep a relay from removing,
        # and interfaces say themselves whether they take such callers. A MIC that came is checked.
        relaxed = ntlm.mic is MicPolicy.BY_PROTECTION
        self._ntlm, self._connect = ntlm, replace(ntlm, mic=MicPolicy.IF_FLAGGED) if relaxed else ntlm
        self._kerberos = kerberos
        self._anonymous, self.wall_clock, self._random = anonymous, wall_clock, random

    def provider(self, peer: str) -> ConnectionSecurity:
        """The mechanisms as one connection, from `peer`, may use them."""
        guarded = self._throttle.guard(self._accounts, peer=peer) if self._throttle else self._accounts
        return ConnectionSecurity(self, guarded, peer)

    def mechanism(self, auth_type: AuthType, level: AuthLevel, accounts: AccountSource) -> Mechanism | None:
        """A new exchange; None for what is not offered.  MS-RPCE 2.2.1.1.7"""

        signs = level >= AuthLevel.PKT

        def ntlm() -> NtlmAcceptor:
            return NtlmAcceptor(
                self._ntlm if signs else self._connect,
                accounts,
                server_challenge=self._random(CHALLENGE_SIZE),
                signs_messages=signs,
                anonymous=self._anonymous,
            )

        offered: dict[bytes, MechanismFactory] = {NTLM: ntlm}
        if self._kerberos is not None:
            seals = level == AuthLevel.PKT_PRIVACY
            offered[KERBEROS] = partial(KerberosAcceptor, self._kerberos, dce_style=True, seals=seals)
        match auth_type:
            case AuthType.NTLM:
                return ntlm()
            case AuthType.NEGOTIATE:
                return SpnegoAcceptor(offered)
            case AuthType.KERBEROS if KERBEROS in offered:
                return offered[KERBEROS]()
            case _:
                return None


class ConnectionSecurity:
    """The mechanisms of one connection."""

    def __init__(self, authenticator: RpcAuthenticator, accounts: AccountSource, peer: str) -> None:
        self._authenticator, self._accounts, self._peer = authenticator, accounts, peer

    def start(self, auth_type: AuthType, level: AuthLevel) -> AcceptedContext | None:
        """A new context; None for unknown types."""
        mechanism = self._authenticator.mechanism(auth_type, level, self._accounts)
        if mechanism is None:
            return None
        limit = NTLM_TOKEN_LIMIT if auth_type is AuthType.NTLM else None
        clock = self._authenticator.wall_clock
        return AcceptedContext(mechanism, level, peer=self._peer, clock=clock, token_limit=limit)


class AcceptedContext(SessionContext):
    """One security context of a connection, as its client opens it."""

    def __init__(
        self,
        mechanism: Mechanism,
        level: AuthLevel,
        *,
        peer: str,
        clock: Callable[[], float],
        token_limit: int | None = None,
    ) -> None:
        super().__init__(level)
        self._mechanism, self._peer = mechanism, peer
        self._clock, self._token_limit = clock, token_limit
        self._user: str | None = None

    @property
    def user(self) -> str | None:
        """Who the peer proved to be; None before the last leg, and for nobody."""
        return self._user

    async def step(self, token: bytes) -> security.Step:
        """Take one leg; the account source may have to be waited for."""
        if self._token_limit is not None and len(token) > self._token_limit:
            return security.Declined(f"a token of {len(token)} bytes")
        match await self._mechanism.step(token, self._clock()):
            case Continue(token=answer):
                return security.Continue(answer)
            case Failed(failure=failure):
                return self._refused(failure)
            case Done(established=established, token=answer):
                return self._accepted(established, answer or b"")

    def _accepted(self, established: Established, answer: bytes) -> security.Step:
        """It is known who calls. Who asks for privacy must have negotiated it.  MS-RPCE 3.3.1.5.2.2"""
        identity = established.identity
        facts = {"layer": LAYER, "client": self._peer, "scheme": established.mechanism}
        if self._level == AuthLevel.PKT_PRIVACY and not established.session.can_seal:
            audit.warning("authentication failed", **facts, rule=PRIVACY, detail="sealing was not negotiated")
            return security.Declined("privacy without a session that can seal", too_weak=True)
        self._establish(established.session)
        self._user = None if identity.is_nobody else identity.upn or str(identity)
        sent_as, protection_level = established.sent_as, self._level.name
        audit.info("authenticated", **facts, protection=protection_level, user=self._user, sent_as=sent_as)
        return security.Established(answer)

    def _refused(self, failure: Failure) -> security.Step:
        facts = {"layer": LAYER, "client": self._peer, "rule": failure.rule, "detail": failure.detail}
        audit.warning("authentication failed", **facts)
        return security.Declined(str(failure))
