"""Who asks the web application: the accounts and the counters of the RPC proxy beside it.

Only Basic: a request of the web application does not know its connection, which Negotiate and NTLM would
prove.  RFC 7617
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from rpch.auth.outcomes import Authenticated, AuthRule, Challenge, Headers, Refused
from rpch.auth.schemes import CHALLENGE_HEADER, Scheme, read_authorization
from rpch.exchange.autodiscover.web import Asking
from rpch.proxy.policy import Rule
from rpch.proxy.service import RpcProxy

_BASIC: Final = f"{Scheme.BASIC.value} ".lower()


class WebAuthenticator:
    """Asks for credentials as the proxy does, and believes the same relays."""

    def __init__(self, proxy: RpcProxy) -> None:
        self._proxy = proxy

    async def __call__(self, request: Request) -> Asking | Response:
        """Who asks, or what to answer instead."""
        proxy, policy = self._proxy, self._proxy.policy
        peer = request.client.host if request.client else ""
        arrival = policy.arrival(
            peer,
            tls=request.url.scheme == "https",
            forwarded_proto=request.headers.get("x-forwarded-proto"),
            forwarded_for=request.headers.get("x-forwarded-for"),
        )
        if policy.require_tls and not arrival.secure:
            proxy.report_refusal(arrival.client, None, Rule.REQUIRE_TLS, "the request did not come over TLS")
            return _refusal(403)
        authorization = request.headers.get("authorization")
        if authorization is not None and read_authorization(authorization)[0] is not Scheme.BASIC:
            authorization = None
        session = proxy.authenticator.session(peer=arrival.client, relayed=arrival.relayed)
        match await session.step(authorization, secure=arrival.secure, client=arrival.client):
            case Authenticated(identity=identity):
                return Asking(identity, arrival.client)
            case Challenge(headers=headers, failure=failure):
                if failure is not None:
                    proxy.report_refusal(arrival.client, None, failure.rule, failure.detail)
                return _refusal(401, headers)
            case Refused(rule=rule, detail=detail, status=status, headers=headers):
                proxy.report_refusal(arrival.client, None, rule, detail)
                return _refusal(status, headers if rule != AuthRule.UNAVAILABLE else ())


def _refusal(status: int, headers: Headers = ()) -> Response:
    offers = [value for name, value in headers if name == CHALLENGE_HEADER]
    answer = PlainTextResponse("", status, {"Connection": "close"})
    for offer in offers:
        if offer.lower().startswith(_BASIC):
            answer.headers.append(CHALLENGE_HEADER, offer)
    return answer
