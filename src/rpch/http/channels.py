"""A request to the RPC proxy: which channel it opens, where to, and on what terms.  MS-RPCH 2.1.2.1

The proxy judges in this order: method and path (here, at once), encryption and authentication (the
proxy's), then server and length. `ChannelRequest.problem` keeps what is wrong with those two until the
client has said who it is: the first request of an NTLM exchange may have no query and any length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from http import HTTPMethod
from typing import Final

from rpch.http.authenticate import scheme_of
from rpch.http.heads import RequestHead
from rpch.http.pragmas import Pragmas, read_pragmas
from rpch.http.refusals import HttpRefused, Rule, refused_by
from rpch.http.targets import ProxyPath, RpcTarget, read_connect_target, read_proxy_path, read_server

ECHO_MAX_LENGTH: Final = 0x10
MIN_LIFETIME: Final = 131_072
MAX_LIFETIME: Final = 2_147_483_648
DEFAULT_LIFETIME: Final = 1_073_741_824
FIRST_OUT_LENGTH: Final = 76
REPLACEMENT_OUT_LENGTH: Final = 120
MAX_OUT_LENGTH: Final = 1_024
MAX_DRAINED: Final = 16_384


class RpcMethod(StrEnum):
    """The methods that belong to the RPC proxy.  MS-RPCH 2.1.1.1.1, 2.1.2.1.1, 2.1.2.1.2"""

    IN = "RPC_IN_DATA"
    OUT = "RPC_OUT_DATA"
    CONNECT = "RPC_CONNECT"


class ChannelKind(Enum):
    """What a request asks for."""

    IN = auto()
    OUT = auto()
    ECHO = auto()
    CONNECT = auto()


@dataclass(frozen=True)
class ChannelRequest:
    """One request to the RPC proxy, understood.  MS-RPCH 2.1.2.1"""

    kind: ChannelKind
    method: RpcMethod
    with_certificate: bool
    """Asked for on the path of clients that authenticate by certificate."""
    target: RpcTarget | None
    """Where to; None for an echo, which goes nowhere, and where there is a problem."""
    problem: HttpRefused | None
    """Why the server or the length is refused; to be told only after authentication."""
    content_length: int
    version: str
    keep_alive: bool
    expect_continue: bool
    """The client waits for `100 Continue`, or for an error, before its body."""
    pragmas: Pragmas
    authorization: str | None = field(default=None, repr=False)

    @property
    def scheme(self) -> str | None:
        """The name of the authentication scheme, which a log may show; never the token."""
        return scheme_of(self.authorization)

    @property
    def wants_continue(self) -> bool:
        """Whether to write `100 Continue` once the client is authenticated: there is a body to wait for."""
        return self.expect_continue and self.kind in (ChannelKind.IN, ChannelKind.OUT)

    def reusable_after_401(self, short_body: int = MAX_DRAINED) -> bool:
        """Whether the connection can carry the next round of an authentication exchange.

        Its body must be short enough to read away (`short_body`), and certain to come: a client that expects
        `100 Continue` and reads 401 may keep its body back, and what it sends next is then a request.
        """
        certain = not (self.expect_continue and self.content_length)
        return self.keep_alive and certain and self.content_length <= short_body


def read_channel_request(head: RequestHead) -> ChannelRequest:
    """What `head` asks of the RPC proxy; `HttpRefused` for another method or path.  MS-RPCH 3.2.3.5.1"""
    method = _method(head.method)
    length = head.content_length
    if method is RpcMethod.CONNECT:
        kind, with_certificate, query = ChannelKind.CONNECT, False, read_connect_target(head.target)
    else:
        kind = _kind(method, length)
        path, query = read_proxy_path(head.target)
        with_certificate = path is ProxyPath.WITH_CERTIFICATE
    target, problem = _destination(kind, query, length)
    return ChannelRequest(
        kind=kind,
        method=method,
        with_certificate=with_certificate,
        target=target,
        problem=problem,
        content_length=length,
        version=head.version,
        keep_alive=head.keep_alive,
        expect_continue=head.expect_continue,
        pragmas=read_pragmas(head.all("pragma")),
        authorization=head.get("authorization"),
    )


def is_rpc_method(method: str) -> bool:
    """Whether a request of this method belongs to the RPC proxy and not to the web application."""
    return method in list(RpcMethod)


def _method(name: str) -> RpcMethod:
    try:
        return RpcMethod(name)
    except ValueError:
        known = name in HTTPMethod.__members__
        rule = Rule.METHOD if known else Rule.UNKNOWN_METHOD
        raise refused_by(rule, "the RPC proxy takes RPC_IN_DATA, RPC_OUT_DATA and RPC_CONNECT") from None


def _kind(method: RpcMethod, length: int) -> ChannelKind:
    # A length of at most 16 is always an echo, never a channel (2.1.2.1.5).
    if length <= ECHO_MAX_LENGTH:
        return ChannelKind.ECHO
    return ChannelKind.IN if method is RpcMethod.IN else ChannelKind.OUT


def _destination(
    kind: ChannelKind, query: str | None, length: int
) -> tuple[RpcTarget | None, HttpRefused | None]:
    """Where a channel goes to, or why it may not. An echo is not asked.  MS-RPCH 2.1.2.1.5"""
    if kind is ChannelKind.ECHO:
        return None, None
    try:
        _refuse_length(kind, length)
        return read_server(query), None
    except HttpRefused as refused:
        return None, refused


def _refuse_length(kind: ChannelKind, length: int) -> None:
    """Refuse lengths that no channel of the kind can have.  MS-RPCH 2.1.2.1.1, 2.1.2.1.2"""
    if kind is ChannelKind.CONNECT:
        if length:
            raise refused_by(Rule.CHANNEL_LENGTH, "RPC_CONNECT carries no Content-Length")
    elif kind is ChannelKind.IN:
        if not MIN_LIFETIME <= length <= MAX_LIFETIME:
            raise refused_by(
                Rule.CHANNEL_LENGTH,
                f"an IN channel announces {MIN_LIFETIME} to {MAX_LIFETIME} bytes",
            )
    # Windows clients announce 76 or 120; more than the RTS PDUs of a set-up no OUT channel carries.
    elif not FIRST_OUT_LENGTH <= length <= MAX_OUT_LENGTH:
        raise refused_by(
            Rule.CHANNEL_LENGTH,
            f"an OUT channel announces {FIRST_OUT_LENGTH} or {REPLACEMENT_OUT_LENGTH} bytes",
        )
