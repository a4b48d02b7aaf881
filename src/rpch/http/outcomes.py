"""What a response means to a client.  MS-RPCH 3.2.2.5.2, 3.2.2.5.11

The status alone decides: 200 opens a channel whatever else the head says (a v1 connection and a
tunnel open with any 2xx), 1xx is passed over, 401 and 407 ask for another round, everything else ends
the channel. An IN channel expects no response at all, so any but these is the channel's end there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rpch.errors import ProxyError
from rpch.http.answers import RULE_FIELD
from rpch.http.authenticate import Challenge, read_challenges
from rpch.http.heads import ResponseHead
from rpch.http.rpc_error import RpcError, read_rpc_error

_LENGTH: Final = re.compile(r"[0-9]{1,19}")
_HTTP: Final = b"HTTP/"


@dataclass(frozen=True)
class BodyExtent:
    """Where a response's body ends: after `length` bytes, after the last chunk, or at the close."""

    length: int | None = None
    chunked: bool = False

    @property
    def until_close(self) -> bool:
        """Whether only the end of the connection ends the body."""
        return self.length is None and not self.chunked


@dataclass(frozen=True)
class Interim:
    """A response before the response: wait for the next.  RFC 9110 15.2"""

    status: int


@dataclass(frozen=True)
class Accepted:
    """The request succeeded; what follows is its body.  MS-RPCH 3.2.2.5.2"""

    head: ResponseHead
    body: BodyExtent


@dataclass(frozen=True)
class Challenged:
    """The RPC proxy, or an HTTP proxy before it, wants another round of authentication.  RFC 9110 11"""

    challenges: tuple[Challenge, ...]
    by_http_proxy: bool
    body: BodyExtent
    reusable: bool
    """Whether the connection carries the next round, once the body is read away."""


@dataclass(frozen=True)
class Failed:
    """The request failed. The body, where it comes, may know more.  MS-RPCH 3.2.2.5.11"""

    head: ResponseHead
    body: BodyExtent
    rpc_error: RpcError | None
    rule: str | None
    """The rule that refused, where the proxy is one of ours."""

    def with_body(self, content: bytes) -> Failed:
        """The same with what the body adds."""
        return Failed(self.head, self.body, read_rpc_error(self.head, content), self.rule)

    def as_error(self) -> ProxyError:
        """The exception that a caller sees."""
        refused = f" (refused by {self.rule})" if self.rule else ""
        if self.rpc_error is not None:
            status = self.rpc_error.status
            causes = tuple(record.status for record in self.rpc_error.records)
            phrase = f"RPC Error: {status:x}{refused}"
            return ProxyError(self.head.status, phrase, rpc_status=status, rule=self.rule, causes=causes)
        location = self.head.get("location")
        return ProxyError(self.head.status, f"{self.head.phrase}{refused}", rule=self.rule, location=location)


Outcome = Interim | Accepted | Challenged | Failed


def read_outcome(head: ResponseHead, *, tunnel: bool = False) -> Outcome:
    """What `head` means. `tunnel` is for v1 and CONNECT, where every 2xx is success.  MS-RPCH 2.1.1.1"""
    status = head.status
    if 100 <= status < 200:
        return Interim(status)
    if status == 200 or (tunnel and 200 <= status < 300):
        return Accepted(head, BodyExtent() if tunnel else body_extent(head))
    extent = body_extent(head)
    if status in (401, 407):
        by_http_proxy = status == 407
        offers = head.all("proxy-authenticate" if by_http_proxy else "www-authenticate")
        reusable = head.keep_alive and not extent.until_close
        return Challenged(read_challenges(offers), by_http_proxy, extent, reusable)
    return Failed(head, extent, read_rpc_error(head), head.get(RULE_FIELD.lower()))


def body_extent(head: ResponseHead) -> BodyExtent:
    """Where the body ends. A framing that makes no sense lasts until the close.  RFC 9112 6.3"""
    if head.status < 200 or head.status in (204, 304):
        return BodyExtent(length=0)
    codings = head.tokens("transfer-encoding")
    if codings:
        return BodyExtent(chunked=codings == ["chunked"])
    lengths = set(head.all("content-length"))
    length = lengths.pop() if len(lengths) == 1 else ""
    return BodyExtent(length=int(length)) if _LENGTH.fullmatch(length) else BodyExtent()


def stream_turned_http(data: bytes) -> bool | None:
    """Whether a response stands where a PDU should start, or None while too little is there to tell.

    A proxy that fails after it has opened the OUT channel has no other place for its error: IIS writes a
    raw `HTTP/1.0 503 RPC Error` into the stream. No PDU starts with these bytes.  MS-RPCH 2.1.2.1.4
    """
    if data.startswith(_HTTP):
        return True
    return None if _HTTP.startswith(data) else False
