"""Every exception of the package.

    RpchError
    ├── LocalProtocolError      we were asked for something illegal; nothing was sent
    ├── RemoteProtocolError     the peer broke the protocol
    │   ├── DecodeError         its bytes are not what they claim to be
    │   ├── UnrecognisedPdu     well formed, but no PDU that is known here
    │   └── UnexpectedMessage   known, but not in this state
    ├── RpcFault                the server answered a call with a fault
    ├── BindRejected            the server refused a bind or a presentation context
    ├── AuthenticationFailed    credentials were refused, or the peer's proof was
    ├── AccessDenied            a rule refused it; carries the rule's name
    ├── TransportError          the way there failed: resolve, connect, TLS, reset, time-out
    │   └── ProxyError          an HTTP proxy or RPC proxy answered with an error status
    └── ConfigError             a setting is wrong; says which and what to write instead

Bytes from a peer may raise `RemoteProtocolError` and nothing else. Errors carry facts as attributes
and build their sentence in `__str__`.
"""

from __future__ import annotations


class RpchError(Exception):
    """Root of everything this package raises on purpose."""


class LocalProtocolError(RpchError):
    """We were asked to do something the protocol forbids; nothing was sent."""


class RemoteProtocolError(RpchError):
    """The peer broke the protocol."""


class DecodeError(RemoteProtocolError):
    """The bytes are not what they claim to be."""

    def __init__(self, reason: str, *, at: int) -> None:
        super().__init__(reason, at)
        self.reason, self.at = reason, at

    def __str__(self) -> str:
        return f"{self.reason}, at byte {self.at}"


class UnrecognisedPdu(RemoteProtocolError):
    """A well-formed PDU that is none of those known here.  MS-RPCH 2.2.4.1"""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"no known PDU: {self.what}"


class UnexpectedMessage(RemoteProtocolError):
    """A known message that is not legal in this state."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message, state)
        self.message, self.state = message, state

    def __str__(self) -> str:
        return f"{self.message} is not expected in state {self.state}"


class RpcFault(RpchError):
    """The server answered a call with a fault.  C706 12.6.4.7"""

    def __init__(self, status: int, *, did_not_execute: bool = False) -> None:
        super().__init__(status, did_not_execute)
        self.status, self.did_not_execute = status, did_not_execute

    def __str__(self) -> str:
        executed = "the call was not executed" if self.did_not_execute else "the call may have run"
        return f"the server answered with fault 0x{self.status:08x} ({executed})"


class BindRejected(RpchError):
    """The server refused a bind, or the presentation context a call needs.  C706 12.6.4.4"""

    def __init__(self, reason: str, *, code: int) -> None:
        super().__init__(reason, code)
        self.reason, self.code = reason, code

    def __str__(self) -> str:
        return f"the server refused the bind: {self.reason} ({self.code})"


class AuthenticationFailed(RpchError):
    """Credentials were refused, or the peer could not prove who it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class AccessDenied(RpchError):
    """A rule refused it."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(rule, detail)
        self.rule, self.detail = rule, detail

    def __str__(self) -> str:
        return f"refused by {self.rule}: {self.detail}"


class TransportError(RpchError):
    """The way there failed: resolve, connect, TLS, reset or time-out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class ProxyError(TransportError):
    """A proxy answered with an error status.  MS-RPCH 2.1.2.1.3

    `rpc_status` is the code of `RPC Error: xxx` where there is one, `causes` are the codes that came
    with it as extended information, the last place first. `rule` is the rule that refused, where the
    proxy names one, and `location` where a redirection leads.
    """

    def __init__(
        self,
        status: int,
        phrase: str,
        *,
        rpc_status: int | None = None,
        rule: str | None = None,
        causes: tuple[int, ...] = (),
        location: str | None = None,
    ) -> None:
        super().__init__(f"the proxy answered {status} {phrase}")
        self.status, self.phrase, self.rpc_status = status, phrase, rpc_status
        self.rule, self.causes, self.location = rule, causes, location


class ConfigError(RpchError):
    """A setting is wrong."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(setting, problem)
        self.setting, self.problem = setting, problem

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem}"
