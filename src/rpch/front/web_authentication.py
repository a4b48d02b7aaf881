"""Who asks the web application: by the schemes, accounts, bindings and counters of the RPC proxy beside it.

The door tells each request about its connection, since Negotiate and NTLM prove a connection and not a
request.  RFC 4559 6
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from rpch.auth.accounts import Identity
from rpch.auth.http_authenticator import HttpAuthSession
from rpch.auth.outcomes import Authenticated, AuthRule, Challenge, Failure, Headers, Refused
from rpch.errors import RpchError
from rpch.exchange.autodiscover.asking import Asking
from rpch.front.user_rules import account_rule
from rpch.http.answers import RULE_FIELD
from rpch.http.authenticate import scheme_of
from rpch.http.proxy_protocol import Relayed
from rpch.proxy.client_certificates import ClientCertificate
from rpch.proxy.policy import Arrival, Denied, Rule
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
    certificate: ClientCertificate | None = None


class WebAuthenticator:
    """Asks for credentials as the proxy does, and believes the same relays."""

    def __init__(self, proxy: RpcProxy) -> None:
        self._proxy, self._ask_account = proxy, account_rule(proxy)

    async def __call__(self, request: Request) -> Asking | Response:
        """Who asks, or what to answer instead."""
        connection: WebConnection = request.scope["state"][CONNECTION]
        arrival = self._arrival(connection, request)
        if denied := self._denied(connection, arrival):
            self._proxy.report_refusal(arrival.client, None, denied.rule, denied.detail)
            return _refusal(denied.status, denied.rule)
        authorization = request.headers.get("authorization")
        scheme = scheme_of(authorization)
        outcome = await connection.session.step(authorization, secure=arrival.secure, client=arrival.client)
        match outcome:
            case Authenticated(identity=identity, headers=headers):
                if scheme is not None:  # a connection that is authenticated already says nothing new
                    self._proxy.report_authenticated(
                        arrival.client, identity, scheme=scheme, target=request.url.path
                    )
                if denied := await self._gone_since(identity):
                    self._proxy.report_refusal(arrival.client, None, denied.rule, denied.detail, identity)
                    return _refusal(denied.status, denied.rule)
                terms = self._proxy.authenticator.terms(secure=True, relayed=arrival.relayed)
                return Asking(identity, arrival.client, headers, terms.schemes)
            case Challenge(headers=headers, failure=failure):
                if failure is not None:
                    self._proxy.report_failure(arrival.client, failure, scheme=scheme)
                whole = await _read_away(request)
                return _refusal(401, Rule.AUTHENTICATION, headers, close=not whole)
            case Refused(rule=rule, detail=detail, status=status, headers=headers):
                self._proxy.report_failure(arrival.client, Failure(rule, detail), scheme=scheme)
                shown = Rule.AUTHENTICATION if status == 401 else rule  # wrong, locked, disabled: all alike
                return _refusal(status, shown, () if rule == AuthRule.UNAVAILABLE else headers)

    async def _gone_since(self, identity: Identity) -> Denied | None:
        """Whether the account was disabled after its owner proved who it is."""
        try:
            return await self._ask_account(identity)
        except RpchError as error:  # it may say where accounts are, which is for our log alone
            return Denied(AuthRule.UNAVAILABLE, 503, str(error))

    def _arrival(self, connection: WebConnection, request: Request) -> Arrival:
        relayed = connection.relayed
        return self._proxy.policy.arrival(
            connection.peer,
            tls=connection.tls,
            forwarded_proto=request.headers.get("x-forwarded-proto"),
            # A relay that passes bytes on leaves in a head what its client has written there.
            forwarded_for=relayed.client if relayed else request.headers.get("x-forwarded-for"),
        )

    def _denied(self, connection: WebConnection, arrival: Arrival) -> Denied | None:
        """What is refused without a look at credentials."""
        # What a relay shows is its own, and says nothing about its clients.
        shown = None if arrival.relayed else connection.certificate
        now = self._proxy.authenticator.wall_clock()
        return self._proxy.policy.before_web(arrival) or self._proxy.options.certificates.judge(shown, now)


def _refusal(status: int, rule: str, headers: Headers = (), *, close: bool = True) -> Response:
    answer = PlainTextResponse("", status, {RULE_FIELD: rule})
    for name, value in headers:
        answer.headers.append(name, value)
    if close:
        answer.headers["Connection"] = "close"
    return answer


async def _read_away(request: Request) -> bool:
    """Whether the body has come whole, so that the next round may use the connection."""
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST_BODY:
                return False
    except ClientDisconnect:
        return False
    return True
