"""The security contexts of one server connection, and which of them a request runs under.  MS-RPCE 3.3.1.5.2

A client names its contexts by ids of its own choice. The default context is that of the bind: anonymous
when the bind carried no token. Requests without a trailer run as the default, or as the context at level
CONNECT that was established last, until a request carries a trailer.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from rpch.dcerpc.pdus import (
    AuthLevel,
    AuthType,
    RejectReason,
    Request,
    Response,
    SecTrailer,
    unpadded,
)
from rpch.dcerpc.refusals import Refused
from rpch.dcerpc.security import (
    Declined,
    SecurityContext,
    SecurityProvider,
    Segments,
    Step,
    protected,
    segments,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, RemoteProtocolError, RpchError

SECURITY_CONTEXT_LIMIT: Final = 2049
_LEVELS: Final = range(AuthLevel.CONNECT, AuthLevel.PKT_PRIVACY + 1)


class Phase(Enum):
    """How far a security context is."""

    LEGS = auto()
    ESTABLISHED = auto()
    INVALID = auto()


class CannotStart(RemoteProtocolError):
    """A security context cannot begin; a bind is refused for `reason`.  MS-RPCE 3.3.1.5.2"""

    def __init__(self, reason: RejectReason, why: str) -> None:
        super().__init__(reason, why)
        self.reason, self.why = reason, why

    def __str__(self) -> str:
        return self.why


class SecuredContext:
    """One security context, as the server keeps it."""

    def __init__(
        self, auth_type: AuthType, level: AuthLevel, context_id: int, mechanism: SecurityContext
    ) -> None:
        self.auth_type, self.level, self.context_id = auth_type, level, context_id
        self.mechanism = mechanism
        self.phase = Phase.LEGS

    @property
    def protects(self) -> bool:
        """Whether each fragment carries a token that is checked."""
        return self.level >= AuthLevel.PKT

    def matches(self, trailer: SecTrailer) -> bool:
        """Whether a trailer names this context, its type and its level.  MS-RPCE 3.3.1.5.2.2"""
        ours = (self.auth_type, self.level, self.context_id)
        return ours == (trailer.auth_type, trailer.auth_level, trailer.context_id)

    def trailer(self, token: bytes = b"") -> SecTrailer:
        """A trailer of this context."""
        return SecTrailer(self.auth_type, self.level, self.context_id, token)


class Nobody:
    """The mechanism of those who did not authenticate: it proves nothing and protects nothing."""

    user = None
    token_size = 0

    def step(self, token: bytes) -> Step:
        """There is nothing to agree on."""
        return Declined("nobody authenticates here")

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        """The body as it is."""
        return segments.body, b""

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        """No token is right."""
        raise AuthenticationFailed("nobody authenticated here")


def anonymous() -> SecuredContext:
    """The context of a connection whose bind carried no token."""
    context = SecuredContext(AuthType.NONE, AuthLevel.NONE, 0, Nobody())
    context.phase = Phase.ESTABLISHED
    return context


class SecurityContexts:
    """All security contexts of one connection."""

    def __init__(self, provider: SecurityProvider | None, *, limit: int = SECURITY_CONTEXT_LIMIT) -> None:
        self._provider, self.limit = provider, limit
        self._contexts: dict[int, SecuredContext] = {}
        self._connect: SecuredContext | None = None
        self._named_connect = False
        self.default = anonymous()
        self.header_signing = False
        self.protected_request_seen = False

    def __len__(self) -> int:
        return len(self._contexts)

    def find(self, context_id: int) -> SecuredContext | None:
        """The context a client began under this id."""
        return self._contexts.get(context_id)

    @property
    def legs_open(self) -> bool:
        """Whether any context still waits for a leg."""
        return any(one.phase is Phase.LEGS for one in self._contexts.values())

    @property
    def full(self) -> bool:
        """Whether another context would be one too many."""
        return len(self._contexts) >= self.limit

    def begin(self, trailer: SecTrailer) -> SecuredContext:
        """Start the context that a bind or an alter_context asks for.  MS-RPCE 3.3.1.5.2

        The level is judged before the type.
        """
        level = trailer.auth_level
        if level not in _LEVELS:
            raise CannotStart(RejectReason.NOT_SPECIFIED, f"level {level.name} protects nothing")
        try:
            mechanism = self._provider.start(trailer.auth_type, level) if self._provider else None
        except RpchError as error:
            raise CannotStart(RejectReason.INVALID_CHECKSUM, str(error)) from error
        if mechanism is None:
            unknown = RejectReason.AUTHENTICATION_TYPE_NOT_RECOGNIZED
            raise CannotStart(unknown, f"security mechanism {trailer.auth_type.name} is not offered")
        if level == AuthLevel.CALL:
            raise CannotStart(RejectReason.INVALID_CHECKSUM, "level CALL exists without connections only")
        context = SecuredContext(trailer.auth_type, level, trailer.context_id, mechanism)
        self._contexts[trailer.context_id] = context
        return context

    def established(self, context: SecuredContext) -> None:
        """The last leg of a context was taken."""
        context.phase = Phase.ESTABLISHED
        if context.level == AuthLevel.CONNECT and not self._named_connect:
            self._connect = context

    def for_request(self, trailer: SecTrailer | None) -> SecuredContext | None:
        """The context of a request's first fragment; None when its trailer names none.  MS-RPCE 3.3.1.5.2"""
        if trailer is None:
            may_be_connect = self.default.level <= AuthLevel.CONNECT
            return self._connect if self._connect is not None and may_be_connect else self.default
        self._connect = None
        if trailer.auth_level == AuthLevel.CONNECT:
            self._named_connect = True
        return self._contexts.get(trailer.context_id)

    def open(
        self, context: SecuredContext, data: bytes, request: Request, *, first: bool, context_id: int
    ) -> bytes:
        """The stub bytes of one received fragment, checked and in clear.  MS-RPCE 3.3.1.5.2.2

        `context_id` is the presentation context that a fault will name.
        """
        if context.phase is Phase.INVALID:
            raise Refused(Status.ACCESS_DENIED, "the security context is invalid", context_id=context_id)
        if request.auth is None:
            if context.protects:
                raise Refused(Status.PROTO_ERROR, "the fragment is not protected", context_id=context_id)
            return request.stub
        if context.level == AuthLevel.NONE:
            raise Refused(Status.ACCESS_DENIED, "nothing was authenticated here", context_id=context_id)
        check_place(data, request.auth, len(request.stub), context_id)
        if first and not context.matches(request.auth):
            context.phase = Phase.INVALID
            why = "the trailer names another mechanism or level than its context has"
            raise Refused(Status.ACCESS_DENIED, why, context_id=context_id)
        body = request.stub
        if context.protects:
            body = self._clear(context, data, request.auth, body, context_id)
        return unpadded(body, request.auth)

    def keep_in_step(self, data: bytes, trailer: SecTrailer | None, body: bytes = b"") -> None:
        """Check a PDU that will not be used, for each one moves a sequence number.  MS-RPCE 3.3.1.5.2"""
        if trailer is None:
            return
        context = self._contexts.get(trailer.context_id)
        if context is not None and context.protects and context.phase is Phase.ESTABLISHED:
            self._clear(context, data, trailer, body, 0)

    def seal(self, context: SecuredContext, response: Response) -> bytes:
        """One fragment of a response as bytes, protected as its request was.  MS-RPCE 2.2.2.11"""
        if not context.protects:
            return response.encode()
        signing = self.header_signing
        try:
            return protected(response, context.mechanism, context.trailer(), header_signing=signing)
        except (AuthenticationFailed, RemoteProtocolError) as error:
            raise Refused(Status.RPC_S_SEC_PKG_ERROR, str(error)) from error

    def invalidate(self) -> None:
        """The connection ended: nothing is protected any more."""
        for context in self._contexts.values():
            context.phase = Phase.INVALID

    def _clear(
        self, context: SecuredContext, data: bytes, trailer: SecTrailer, body: bytes, context_id: int
    ) -> bytes:
        """The body of a PDU that its token proves."""
        parts, signing = segments(data, len(body), len(trailer.token)), self.header_signing
        try:
            clear = context.mechanism.verify(parts, trailer.token, header_signing=signing)
        except (AuthenticationFailed, RemoteProtocolError) as error:
            raise Refused(Status.RPC_S_SEC_PKG_ERROR, str(error), context_id=context_id) from error
        self.protected_request_seen = True
        return clear


def check_place(data: bytes, trailer: SecTrailer, body: int, context_id: int) -> None:
    """A trailer is 4-aligned, and its padding is part of the body.  MS-RPCE 2.2.2.11"""
    at = len(data) - len(trailer.token) - SecTrailer.SIZE
    if at % 4:
        raise Refused(Status.PROTO_ERROR, f"a trailer at byte {at}", context_id=context_id)
    if trailer.pad_length > body:
        raise Refused(Status.PROTO_ERROR, "more padding than body", context_id=context_id)
