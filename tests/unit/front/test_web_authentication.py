"""The web application knows who asks by the accounts of the proxy beside it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response

from rpch.auth.accounts import Identity
from rpch.errors import TransportError
from rpch.exchange.autodiscover.web import Asking
from rpch.front.web_authentication import WebAuthenticator
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy

OFFER = 'Basic realm="rpch", charset="UTF-8"'


@pytest.fixture
async def proxy() -> AsyncIterator[RpcProxy]:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:secret"], trusted_relay=["10.0.0.1"])
    async with asyncio.TaskGroup() as tasks:
        yield settings.proxy(tasks, settings.accounts())


async def asked(
    proxy: RpcProxy, *, peer: str = "10.0.0.1", scheme: str = "http", **headers: str
) -> Asking | Response:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": scheme,
        "path": "/",
        "query_string": b"",
        "headers": named,
        "client": (peer, 1) if peer else None,
        "server": ("localhost", 80),
    }
    return await WebAuthenticator(proxy)(Request(scope))


def basic(password: str) -> str:
    return "Basic " + b64encode(f"LAB\\alice:{password}".encode()).decode()


async def test_a_user_is_known_and_so_is_where_it_is(proxy: RpcProxy) -> None:
    found = await asked(proxy, authorization=basic("secret"), x_forwarded_for="203.0.113.5")
    assert found == Asking(Identity("alice", "LAB"), "203.0.113.5")


@pytest.mark.parametrize("authorization", [None, "Basic", "Digest x", "NTLM TlRMTVNTUAAB", basic("wrong")])
async def test_others_are_asked_for_basic(proxy: RpcProxy, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await asked(proxy, **headers)
    assert isinstance(answer, Response)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, OFFER)


@pytest.mark.parametrize("peer", ["203.0.113.5", ""])
async def test_nobody_is_asked_without_tls(proxy: RpcProxy, peer: str) -> None:
    answer = await asked(proxy, peer=peer, authorization=basic("secret"), x_forwarded_proto="https")
    assert isinstance(answer, Response)
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers


async def test_guessing_is_throttled_as_it_is_at_the_proxy(proxy: RpcProxy) -> None:
    for number in range(5):
        await asked(proxy, authorization=basic(f"wrong-{number}"))
    answer = await asked(proxy, authorization=basic("secret"))
    assert isinstance(answer, Response)
    assert answer.status_code == 401


async def test_accounts_that_are_away_are_no_refusal(proxy: RpcProxy) -> None:
    class Away:
        async def verify_password(self, name: str, password: str) -> Identity | None:
            raise TransportError("the database is away")

    proxy.authenticator.throttle = None
    proxy.authenticator.accounts = Away()  # type: ignore[assignment]
    answer = await asked(proxy, authorization=basic("secret"))
    assert isinstance(answer, Response)
    assert (answer.status_code, answer.body) == (503, b"")
