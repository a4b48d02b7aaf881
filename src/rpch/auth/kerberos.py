"""The accepting side of Kerberos: a ticket for one of our services says who it is.  RFC 4121, MS-KILE 3.4

    AP-REQ               -> identity, channel binding and service name -> AP-REP, done
    AP-REQ in DCE style  -> AP-REP;  AP-REP of the client  -> identity, done

Passwords and accounts are the realm's: whoever has a ticket of a known realm is that realm's user, in the
domain that the settings name for it. A service is nobody's user, and neither is a machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rpch.auth.accounts import Identity
from rpch.auth.channel_binding import Channel, ChannelBinding
from rpch.auth.extended_protection import BindingState, ExtendedProtection, ProtectionMode
from rpch.auth.keytab import Answer, TicketExchange, TicketProof, TicketRefused, Tickets
from rpch.auth.mechanism import Continue, Done, Established, Failed, Step, StepFailed
from rpch.auth.names import has_controls
from rpch.auth.outcomes import AuthRule, Failure
from rpch.errors import ConfigError

NAME: Final = "Kerberos"
# Stands for whatever binding a client sent that is none of ours: the library does not tell.
_OTHER_BINDING: Final = b"\xff" * 16
_SPECIAL: Final = frozenset("/\\@")  # components, quoting and a second realm


@dataclass(frozen=True, slots=True)
class KerberosSettings:
    """The keys of our services, and the domains for which realms stand."""

    tickets: Tickets
    realms: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.realms:
            problem = "is missing; name the realms whose users may come in, and their domains"
            raise ConfigError("kerberos-realms", problem)

    def identity_of(self, principal: str) -> Identity:
        """Whom a principal stands for; `StepFailed` where that is nobody. Realms are compared exactly."""
        name, _, realm = principal.rpartition("@")
        domain = self.realms.get(realm)
        if domain is None:
            raise StepFailed(AuthRule.KERBEROS_REALM, f"{principal!r} is of a realm that is not listed")
        if not name or _SPECIAL & set(name) or has_controls(name):
            raise StepFailed(AuthRule.KERBEROS_PRINCIPAL, f"{principal!r} is no user")
        if name.endswith("$"):
            raise StepFailed(AuthRule.MACHINE_ACCOUNT, f"{principal!r} is a machine's account")
        return Identity(name, domain)


class KerberosAcceptor:
    """One exchange. Without a channel nothing is checked that binds to one, as on RPC connections.

    `dce_style` asks for the three legs of RPC; `seals` says that what follows them is sealed.
    """

    def __init__(
        self,
        settings: KerberosSettings,
        *,
        protection: ExtendedProtection | None = None,
        channel: Channel | None = None,
        dce_style: bool = False,
        seals: bool = False,
    ) -> None:
        self._settings, self._protection, self._channel = settings, protection, channel
        self._dce_style, self._seals = dce_style, seals
        self._exchange: TicketExchange | None = None
        self._binding: bytes | None = None  # what the client must have sent if its ticket is bound
        self._over = False

    async def step(self, token: bytes, now: float) -> Step:
        """Take the next token. The library has its own clock, and waits for files."""
        try:
            if self._over:
                raise StepFailed(AuthRule.OUT_OF_SEQUENCE, "this exchange is over")
            if not token:
                raise StepFailed(AuthRule.BAD_TOKEN, "no token of Kerberos")
            answer = await asyncio.to_thread(self._take, token)
            if answer.proof is None:
                return Continue(answer.token or b"")
            self._over = True
            return Done(self._judge(answer.proof), answer.token)
        except StepFailed as failed:
            failure = failed.failure
        except TicketRefused as refused:
            failure = self._reason(refused)
        self._over = True
        return Failed(failure)

    def _take(self, token: bytes) -> Answer:
        if self._exchange is not None:
            return self._exchange.step(token)
        return self._begin(token)

    def _begin(self, token: bytes) -> Answer:
        """The first leg: the library takes one binding at a time, so each of ours is tried.

        The first attempt has put the token into the replay cache; the others do without it.
        """
        candidates = self._candidates()
        for number, binding in enumerate(candidates):
            exchange = self._settings.tickets.begin(binding, seals=self._seals, remember=number == 0)
            try:
                answer = exchange.step(token)
            except TicketRefused as refused:
                if refused.bound_elsewhere and number + 1 < len(candidates):
                    continue
                raise
            self._exchange = exchange
            if binding is not None:
                self._binding = binding.digest
            elif number:
                self._binding = _OTHER_BINDING
            return answer
        raise AssertionError("there is always a candidate")

    def _candidates(self) -> tuple[ChannelBinding | None, ...]:
        """What clients may have seen; behind a front that ends TLS the last one is anything."""
        protection, channel = self._protection, self._channel
        if protection is None or channel is None or protection.mode is ProtectionMode.NONE:
            return (None,)
        known = (*channel.bindings, *protection.fronts)
        return (*known, None) if protection.proxy or not known else known

    def _judge(self, proof: TicketProof) -> Established:
        if self._dce_style and not proof.dce_style:
            raise StepFailed(AuthRule.KERBEROS, "not in the style of DCE, which RPC needs")
        identity = self._settings.identity_of(proof.client)
        target = proof.service.rpartition("@")[0] or proof.service
        state = BindingState.NOT_CHECKED
        if self._protection is not None and self._channel is not None:
            sent = self._binding if proof.bound or self._binding == _OTHER_BINDING else None
            state, failure = self._protection.judge(self._channel, sent, target)
            if failure is not None:
                raise StepFailed(failure.rule, failure.detail)
        return Established(NAME, identity, proof.session, proof.client, state, target)

    def _reason(self, refused: TicketRefused) -> Failure:
        if refused.no_keys:
            return Failure(AuthRule.UNAVAILABLE, refused.detail)
        if refused.bound_elsewhere and self._protection is not None and self._channel is not None:
            _, failure = self._protection.judge(self._channel, _OTHER_BINDING, "")
            if failure is not None:
                return failure
        return Failure(AuthRule.KERBEROS, refused.detail)
