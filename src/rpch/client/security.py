"""Who we are to an RPC server, and how its calls are protected.  MS-RPCE 3.3.1.5.2

Whom the proxy let in is between us and the proxy; the server behind it wants its own proof, perhaps of
somebody else. NTLM takes three legs, Negotiate four: the last is the server's own proof.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import spnego

from rpch.auth.initiated_session import InitiatedSession
from rpch.auth.initiator import TokenInitiator
from rpch.auth.schemes import Scheme
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.client_events import Authentication
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.security import Continue, Declined, Established, Segments, Step
from rpch.dcerpc.session_protection import SessionProtection
from rpch.errors import AuthenticationFailed, ConfigError

CONTEXT_ID: Final = 1
_SERVICE: Final = "host"

_SCHEMES: Final[Mapping[AuthType, Scheme]] = {
    AuthType.NEGOTIATE: Scheme.NEGOTIATE,
    AuthType.NTLM: Scheme.NTLM,
}
# What a session must be able to do for each level.  MS-RPCE 3.3.1.5.2.2
_ORDERED: Final = spnego.ContextReq.replay_detect | spnego.ContextReq.sequence_detect
_SIGNED: Final = spnego.ContextReq.integrity | _ORDERED | spnego.ContextReq.dce_style
_REQUIREMENTS: Final[Mapping[AuthLevel, spnego.ContextReq]] = {
    AuthLevel.CONNECT: spnego.ContextReq.dce_style,
    AuthLevel.PKT: _SIGNED,
    AuthLevel.PKT_INTEGRITY: _SIGNED,
    AuthLevel.PKT_PRIVACY: _SIGNED | spnego.ContextReq.confidentiality,
}
# Samba's flags of a string binding.
_LEVELS: Final[Mapping[str, AuthLevel]] = {
    "connect": AuthLevel.CONNECT,
    "packet": AuthLevel.PKT,
    "sign": AuthLevel.PKT_INTEGRITY,
    "seal": AuthLevel.PKT_PRIVACY,
}
_TYPES: Final[Mapping[str, AuthType]] = {"spnego": AuthType.NEGOTIATE, "ntlm": AuthType.NTLM}


@dataclass(frozen=True, slots=True)
class RpcCredentials:
    """Who we are to an RPC server, how we prove it, and how well calls are protected then."""

    user: str
    password: str = field(repr=False)
    level: AuthLevel = AuthLevel.PKT_PRIVACY
    auth_type: AuthType = AuthType.NEGOTIATE

    def __post_init__(self) -> None:
        if self.level not in _REQUIREMENTS:
            known = ", ".join(level.name for level in _REQUIREMENTS)
            raise ConfigError("auth_level", f"{self.level.name} is not used with connections; use {known}")
        if self.auth_type not in _SCHEMES:
            known = ", ".join(kind.name for kind in _SCHEMES)
            raise ConfigError("auth_type", f"{self.auth_type.name} is not known here; known are {known}")

    async def begin(self, binding: StringBinding) -> Authentication:
        """A new context for one connection to the server of a binding, with its first token."""
        context = InitiatedContext(self, *_target(binding))
        return Authentication(context, self.auth_type, self.level, CONTEXT_ID, await context.first())


def credentials_for(
    binding: StringBinding,
    user: str | None,
    password: str,
    *,
    level: AuthLevel | None = None,
    auth_type: AuthType | None = None,
) -> RpcCredentials | None:
    """What was asked for; a binding's flags count where nothing else was said. None without a user."""
    levels = [_LEVELS[flag] for flag in binding.flags if flag in _LEVELS]
    types = [_TYPES[flag] for flag in binding.flags if flag in _TYPES]
    if len(levels) > 1 or len(types) > 1:
        raise ConfigError("string binding", f"{binding} asks for several levels or mechanisms; keep one")
    if user is None:
        if levels or types:
            raise ConfigError("rpc_user", f"is missing: {binding} asks for protection; say who you are")
        return None
    level = level or next(iter(levels), AuthLevel.PKT_PRIVACY)
    return RpcCredentials(user, password, level, auth_type or next(iter(types), AuthType.NEGOTIATE))


class InitiatedContext:
    """One security context of a connection, as we open it."""

    def __init__(self, credentials: RpcCredentials, service: str, host: str) -> None:
        self._level, scheme = credentials.level, _SCHEMES[credentials.auth_type]
        self._negotiates = scheme is Scheme.NEGOTIATE
        self._tokens = TokenInitiator(
            scheme,
            credentials.user,
            credentials.password,
            host=host,
            service=service,
            requirements=_REQUIREMENTS[credentials.level],
        )
        self._protection: SessionProtection | None = None

    @property
    def user(self) -> str | None:
        """A server has a name, and no user."""
        return None

    @property
    def token_size(self) -> int:
        """How many bytes `protect` adds."""
        return self._established.token_size

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
        session = InitiatedSession(self._tokens.context)
        if self._level >= AuthLevel.PKT and not session.can_sign:
            return Declined("the server does not agree to signing", too_weak=True)
        if self._level == AuthLevel.PKT_PRIVACY and not session.can_seal:
            return Declined("the server does not agree to sealing", too_weak=True)
        self._protection = SessionProtection(session, self._level)
        # Negotiate never ends with an auth3: what it still has to say wants an answer.
        return Continue(answer) if answer and self._negotiates else Established(answer)

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

    async def _next(self, token: bytes | None) -> bytes | None:
        """One step. Negotiate may ask a KDC, which the event loop must not wait for."""
        if self._negotiates:
            return await asyncio.to_thread(self._tokens.step, token)
        return self._tokens.step(token)


def _target(binding: StringBinding) -> tuple[str, str]:
    """Service and host to prove ourselves to; a binding may name them itself.  MS-RPCE 3.3.2.4.1"""
    service, slash, host = (binding.target_principal or "").partition("/")
    if slash:
        return service, host
    return _SERVICE, binding.target_hostname or binding.host
