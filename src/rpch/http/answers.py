"""What an RPC proxy answers.  MS-RPCH 2.1.2.1.3 to 2.1.2.1.6

An IN channel has no success answer: while it is healthy, nothing is written on it. Errors are short
texts, since the consumer is a program; they name the rule that refused, and the connection closes.
The error of the protocol itself, `503 RPC Error`, is in `rpc_error`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

from rpch.errors import LocalProtocolError
from rpch.http.channels import MAX_LIFETIME, MIN_LIFETIME, RpcMethod
from rpch.http.heads import encode_response_head
from rpch.http.refusals import HttpRefused

Fields = Sequence[tuple[str, str]]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Lets a client that waits send its body.  RFC 9110 15.2.1"""

ECHO_PDU: Final = bytes.fromhex(
    "05 00 14 03"  # version 5.0, PTYPE 20 (RTS), first and last fragment
    "10 00 00 00"  # little-endian
    "14 00 00 00"  # 20 bytes, no authentication
    "00 00 00 00"  # call id
    "40 00 00 00"  # flags ECHO, no commands
)
"""The body of an echo response.  MS-RPCH 2.2.4.48, 2.1.2.1.6"""

RPC_CONTENT: Final = ("Content-Type", "application/rpc")
RULE_FIELD: Final = "X-Rpch-Rule"


class Framing(Enum):
    """How the body of an OUT channel is delimited.

    The specification knows only the length. One client (Ruler) reads only chunks; a listener that
    serves it chooses them.
    """

    LENGTH = auto()
    CHUNKED = auto()


def success_head(lifetime: int, *, framing: Framing = Framing.LENGTH, fields: Fields = ()) -> bytes:
    """Opens an OUT channel that may carry `lifetime` bytes.  MS-RPCH 2.1.2.1.4"""
    if not MIN_LIFETIME <= lifetime <= MAX_LIFETIME:
        raise LocalProtocolError(f"a channel lifetime of {lifetime} bytes")
    delimited = {
        Framing.LENGTH: ("Content-Length", str(lifetime)),
        Framing.CHUNKED: ("Transfer-Encoding", "chunked"),
    }
    return encode_response_head(200, "Success", [RPC_CONTENT, delimited[framing], *fields])


def framing_for(version: str, wanted: Framing) -> Framing:
    """The framing that a client of this HTTP version can read: HTTP/1.0 has no chunks.  RFC 9112 7.1"""
    return Framing.LENGTH if version == "1.0" else wanted


def echo_answer(*, fields: Fields = ()) -> bytes:
    """Answers an echo request; the connection stays open for the next request.  MS-RPCH 2.1.2.1.6"""
    head = [("Connection", "Keep-Alive"), ("Content-Length", str(len(ECHO_PDU))), RPC_CONTENT]
    return encode_response_head(200, "Success", [*head, *fields]) + ECHO_PDU


def connect_head() -> bytes:
    """Answers a v1 request, once the server's banner has come.  MS-RPCH 2.1.1.1"""
    return encode_response_head(200, "OK", [])


def challenge_answer(
    challenges: Sequence[str], *, reuse: bool, rule: str = "Authentication", fields: Fields = ()
) -> bytes:
    """Asks the client to authenticate: 401 with one line for each offer.  RFC 9110 15.5.2

    `reuse` keeps the connection open for the next round; the body is exact, so that it can be.
    """
    if not challenges:
        raise LocalProtocolError("401 must offer a scheme")
    offers = [("WWW-Authenticate", challenge) for challenge in challenges]
    schemes = {challenge.partition(" ")[0].lower() for challenge in challenges}
    if schemes & {"ntlm", "negotiate"}:
        # Tells forward proxies to keep this connection to one client (RFC 4559 6).
        offers.append(("Proxy-Support", "Session-Based-Authentication"))
    return _text_answer(401, "authentication is required", rule, [*offers, *fields], reuse=reuse)


def refusal_answer(refused: HttpRefused, *, method: str = "", fields: Fields = ()) -> bytes:
    """Tells the client which rule refused its request; then the connection closes.  RFC 9110 15.5"""
    more = list(fields)
    if refused.status == HTTPStatus.METHOD_NOT_ALLOWED:
        more.append(("Allow", ", ".join(RpcMethod)))
    detail = refused.detail or refused.phrase
    answer = _text_answer(refused.status, detail, refused.rule, more, reuse=False, phrase=refused.phrase)
    # An answer to HEAD ends with its head (RFC 9110 9.3.2).
    return answer[: answer.index(b"\r\n\r\n") + 4] if method == "HEAD" else answer


def _text_answer(
    status: int, sentence: str, rule: str, fields: Fields, *, reuse: bool, phrase: str | None = None
) -> bytes:
    body = f"{rule}: {sentence}\r\n".encode()
    head = [
        *fields,
        (RULE_FIELD, rule),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Connection", "Keep-Alive" if reuse else "close"),
    ]
    return encode_response_head(status, phrase or HTTPStatus(status).phrase, head) + body
