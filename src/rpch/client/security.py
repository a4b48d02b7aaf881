"""Who we are to an RPC server, and how its calls are protected.  MS-RPCE 3.3.1.5.2

Whom the proxy let in is between us and the proxy; the server behind it wants its own proof, perhaps of
somebody else. NTLM takes three legs, and nobody answers the last. Kerberos takes three, in the style of DCE,
and Negotiate four: these are answered, so that a refusal shows before the first call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import spnego

from rpch.auth.initiated_session import session_of
from rpch.auth.initiator import Package, TokenInitiator
from rpch.auth.kept_tickets import KeptTickets
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.client_events import Authentication
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.security import Continue, Declined, Established, Step
from rpch.dcerpc.session_protection import SessionContext
from rpch.errors import AuthenticationFailed, ConfigError

CONTEXT_ID: Final = 1  # of the context that a bind begins
_SERVICE: Final = "host"

_PACKAGES: Final[Mapping[AuthType, Package]] = {
    AuthType.NEGOTIATE: Package.NEGOTIATE,
    AuthType.NTLM: Package.NTLM,
    AuthType.KERBEROS: Package.KERBEROS,
}
# What a session must be able to do for each level.  MS-RPCE 3.3.1.5.2.2
_ORDERED: Final = spnego.ContextReq.replay_detect | spnego.ContextReq.sequence_detect
_SIGNED: Final = spnego.ContextReq.integrity | _ORDERED | spnego.ContextReq.dce_style
# Kerberos grants confidentiality unasked. Observed: Samba then takes signatures for longer than they are, and
# answers no signed call.
_NO_MORE: Final = spnego.ContextReq.no_integrity
_REQUIREMENTS: Final[Mapping[AuthLevel, spnego.ContextReq]] = {
    AuthLevel.CONNECT: spnego.ContextReq.dce_style | _NO_MORE,
    AuthLevel.PKT: _SIGNED | _NO_MORE,
    AuthLevel.PKT_INTEGRITY: _SIGNED | _NO_MORE,
    AuthLevel.PKT_PRIVACY: _SIGNED | spnego.ContextReq.confidentiality,
}
# Samba's flags of a string binding.
_LEVELS: Final[Mapping[str, AuthLevel]] = {
    "connect": AuthLevel.CONNECT,
    "packet": AuthLevel.PKT,
    "sign": AuthLevel.PKT_INTEGRITY,
    "seal": AuthLevel.PKT_PRIVACY,
}
_TYPES: Final[Mapping[str, AuthType]] = {
    "spnego": AuthType.NEGOTIATE,
    "ntlm": AuthType.NTLM,
    "krb5": AuthType.KERBEROS,
}


@dataclass(frozen=True, slots=True)
class RpcCredentials:
    """Who we are to an RPC server, how we prove it, and how well calls are protected then.

    Without a password a ticket of Kerberos is taken, and without a user that of whoever has signed in. What
    tickets the password gave is kept for further connections. On connections level CALL is PKT.
    MS-RPCE 2.2.1.1.8
    """

    user: str
    password: str = field(repr=False)
    level: AuthLevel = AuthLevel.PKT_PRIVACY
    auth_type: AuthType = AuthType.NEGOTIATE
    tickets: KeptTickets = field(default_factory=KeptTickets, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.level == AuthLevel.CALL:
            object.__setattr__(self, "level", AuthLevel.PKT)
        if self.level not in _REQUIREMENTS:
            known = ", ".join(level.name for level in _REQUIREMENTS)
            raise ConfigError("auth_level", f"{self.level.name} is not used with connections; use {known}")
        if self.auth_type not in _PACKAGES:
            known = ", ".join(kind.name for kind in _PACKAGES)
            raise ConfigError("auth_type", f"{self.auth_type.name} is not known here; known are {known}")

    @property
    def who(self) -> str:
        """The user as messages name them."""
        return self.user or "whoever has signed in"

    async def begin(self, binding: StringBinding, context_id: int = CONTEXT_ID) -> Authentication:
        """A new context for one connection to the server of a binding, with its first token."""
        context = InitiatedContext(self, *_target(binding))
        return Authentication(context, self.auth_type, self.level, context_id, await context.first())


def credentials_for(
    binding: StringBinding,
    user: str | None,
    password: str,
    *,
    level: AuthLevel | None = None,
    auth_type: AuthType | None = None,
) -> RpcCredentials | None:
    """What was asked for; a binding's flags count where nothing else was said.

    None without a user, unless Kerberos is asked for: then it is whoever has signed in.
    """
    levels = [_LEVELS[flag] for flag in binding.flags if flag in _LEVELS]
    types = [_TYPES[flag] for flag in binding.flags if flag in _TYPES]
    if len(levels) > 1 or len(types) > 1:
        raise ConfigError("string binding", f"{binding} asks for several levels or mechanisms; keep one")
    auth_type = auth_type or next(iter(types), AuthType.NEGOTIATE)
    if user is None and auth_type is not AuthType.KERBEROS:
        if levels or types:
            raise ConfigError("rpc_user", f"is missing: {binding} asks for protection; say who you are")
        return None
    level = level or next(iter(levels), AuthLevel.PKT_PRIVACY)
    return RpcCredentials(user or "", password, level, auth_type)


class InitiatedContext(SessionContext):
    """One security context of a connection, as we open it."""

    def __init__(self, credentials: RpcCredentials, service: str, host: str) -> None:
        super().__init__(credentials.level)
        package = _PACKAGES[credentials.auth_type]
        self._wants_answer = package is not Package.NTLM
        self._tokens = TokenInitiator(
            package,
            credentials.user,
            credentials.password,
            host=host,
            service=service,
            requirements=_REQUIREMENTS[credentials.level],
            kept=credentials.tickets,
        )

    @property
    def user(self) -> str | None:
        """A server has a name, and no user."""
        return None

    async def first(self) -> bytes:
        """The token that begins the exchange."""
        return await self._next(None) or b""

    async def step(self, token: bytes) -> Step:
        """Take the server's leg; the answer is ours."""
        if self._tokens.complete:
            return Declined("the server goes on after the last leg") if token else Established()
        if not token:
            return Declined("the server answered without its part of the authentication")
        try:
            return self._answered(await self._next(token) or b"")
        except AuthenticationFailed as error:
            return Declined(error.reason)

    def _answered(self, answer: bytes) -> Step:
        """What our next token means. A session that cannot do what the level needs is refused."""
        if not self._tokens.complete:
            return Continue(answer) if answer else Declined("the server ended the authentication too early")
        session = session_of(self._tokens.context, seals=self._level == AuthLevel.PKT_PRIVACY)
        if self._level >= AuthLevel.PKT and not session.can_sign:
            return Declined("the server does not agree to signing", too_weak=True)
        if self._level == AuthLevel.PKT_PRIVACY and not session.can_seal:
            return Declined("the server does not agree to sealing", too_weak=True)
        self._establish(session)
        # Only NTLM ends with an auth3, which nobody answers.  MS-RPCE 3.3.1.5.2.1
        return Continue(answer) if answer and self._wants_answer else Established(answer)

    async def _next(self, token: bytes | None) -> bytes | None:
        """One step. Some may ask a KDC, which the event loop must not wait for."""
        if self._tokens.may_block:
            return await asyncio.to_thread(self._tokens.step, token)
        return self._tokens.step(token)


def _target(binding: StringBinding) -> tuple[str, str]:
    """Service and host to prove ourselves to; a binding may name them itself.  MS-RPCE 3.3.2.4.1"""
    service, slash, host = (binding.target_principal or "").partition("/")
    if slash:
        return service, host
    return _SERVICE, binding.target_hostname or binding.host
