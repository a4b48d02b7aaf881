"""The web application asks who somebody is, by the same rules as the proxy beside it.

The door tells each request about its connection, since Negotiate and NTLM prove a connection and not a
request. Whoever has passed stands in `request.state.identity`, where it is in `client`, and the methods that
its way in offers in `offered`.  RFC 4559 6
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rpch.auth.http_authenticator import HttpAuthSession
from rpch.auth.outcomes import Authenticated, Challenge, Refused
from rpch.auth.outcomes import Headers as Fields
from rpch.auth.schemes import Scheme
from rpch.http.answers import RULE_FIELD
from rpch.http.proxy_protocol import Relayed
from rpch.proxy.policy import Arrival
from rpch.proxy.service import RpcProxy

CONNECTION: Final = "rpch.connection"
LARGEST_BODY: Final = 65_536  # read away before an answer that keeps the connection


@dataclass(frozen=True, slots=True)
class WebConnection:
    """What is known about the connection of a request."""

    session: HttpAuthSession
    peer: str
    tls: bool
    relayed: Relayed | None = None


class WebAuthentication:
    """Lets requests pass to an application whose senders have shown who they are."""

    def __init__(self, app: ASGIApp, *, proxy: RpcProxy, open_paths: Collection[str] = ("/healthz",)) -> None:
        self._app, self._proxy, self._open = app, proxy, frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http" or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        connection: WebConnection = scope["state"][CONNECTION]
        fields, policy = Headers(scope=scope), self._proxy.policy
        arrival = policy.arrival(
            connection.peer,
            tls=connection.tls,
            forwarded_proto=fields.get("x-forwarded-proto"),
            forwarded_for=(
                connection.relayed.client if connection.relayed else fields.get("x-forwarded-for")
            ),
        )
        if denied := policy.before_web(arrival):
            self._proxy.report_refusal(arrival.client, None, denied.rule, denied.detail)
            await _answer(denied.status, denied.rule, close=True)(scope, receive, send)
            return
        outcome = await connection.session.step(
            fields.get("authorization"), secure=arrival.secure, client=arrival.client
        )
        if isinstance(outcome, Authenticated):
            schemes = self._proxy.authenticator.terms(secure=True, relayed=arrival.relayed).schemes
            offered = [scheme.value.title() if scheme is Scheme.NTLM else scheme.value for scheme in schemes]
            scope["state"] |= {"identity": outcome.identity, "client": arrival.client, "offered": offered}
            await self._app(scope, receive, _adding(send, outcome.headers))
        else:
            await self._refusal(outcome, arrival, receive=receive, scope=scope, send=send)

    async def _refusal(
        self, outcome: Challenge | Refused, arrival: Arrival, *, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if isinstance(outcome, Refused):
            self._proxy.report_refusal(arrival.client, None, outcome.rule, outcome.detail)
            rule = "Authentication" if outcome.status == 401 else outcome.rule
            response = _answer(outcome.status, rule, outcome.headers, close=True)
        else:
            if failure := outcome.failure:
                self._proxy.report_refusal(arrival.client, None, failure.rule, failure.detail)
            whole = await _read_away(receive)
            response = _answer(401, "Authentication", outcome.headers, close=not whole)
        await response(scope, receive, send)


def _answer(status: int, rule: str, fields: Fields = (), *, close: bool) -> Response:
    response = PlainTextResponse(f"{rule}\r\n", status_code=status, headers={RULE_FIELD: rule})
    for name, value in fields:
        response.headers.append(name, value)
    if close:
        response.headers["Connection"] = "close"
    return response


async def _read_away(receive: Receive) -> bool:
    """Whether the body has come whole, so that the next round may use the connection."""
    size, more = 0, True
    while more and size <= LARGEST_BODY:
        message = await receive()
        if message["type"] != "http.request":
            return False
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return not more


def _adding(send: Send, fields: Fields) -> Send:
    """The answer ends the client's authentication, whatever its status.  RFC 4559 5"""
    if not fields:
        return send

    async def adding(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
            message = {**message, "headers": [*message.get("headers", ()), *raw]}  # type: ignore[misc]
        await send(message)

    return adding  # type: ignore[return-value]  # ASGI's messages are mutable mappings
