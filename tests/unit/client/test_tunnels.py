"""Tunnels through HTTP proxies, and what those want."""

from __future__ import annotations

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.credentials import Credentials
from rpch.client.tunnels import HttpProxy, HttpProxyRefused, open_tunnel
from rpch.errors import AuthenticationFailed, DecodeError, TransportError
from rpch.http.heads import RequestHead
from tests.unit.client.scripted import (
    ALICE,
    LOOPBACK,
    OPEN,
    USER,
    Exchange,
    Gate,
    asking,
    authenticator,
    peer,
)

BASIC = 'Basic realm="proxy"'


async def greet(exchange: Exchange) -> None:
    """Says that the tunnel stands, and something through it."""
    exchange.say(OPEN, "HTTP/1.1 404 Hello\r\n\r\n")
    await exchange.ended()


async def tunnel_through(port: int, credentials: Credentials | None = None, times: int = 1) -> HttpProxy:
    """Open tunnels to rpc.example:443, each of which must stand."""
    proxy = HttpProxy(LOOPBACK, port, credentials)
    for _ in range(times):
        transport, reader = await open_tunnel(proxy, "rpc.example", 443)
        assert (await reader.response()).phrase == "Hello"
        transport.abort()
    return proxy


async def test_a_tunnel_is_asked_for_by_host_and_port_and_stands_from_the_first_byte() -> None:
    seen: list[RequestHead] = []

    async def serve(exchange: Exchange) -> None:
        seen.append(await exchange.head())
        await greet(exchange)

    async with peer(serve) as port:
        await tunnel_through(port)
    assert (seen[0].method, seen[0].target, seen[0].get("host")) == (
        "CONNECT",
        "rpc.example:443",
        "rpc.example:443",
    )
    assert seen[0].get("proxy-authorization") is None


@pytest.mark.parametrize("scheme", list(Scheme))
async def test_each_scheme_opens_the_tunnel_and_the_next_one_begins_with_it(scheme: Scheme) -> None:
    gates: list[Gate] = []
    judge = authenticator(scheme)

    async def serve(exchange: Exchange) -> None:
        gates.append(Gate(judge, exchange, proxy=True))
        await gates[-1].pass_by()
        await greet(exchange)

    async with peer(serve) as port:
        await tunnel_through(port, ALICE, times=2)
    rounds = 1 if scheme is Scheme.BASIC else 2
    assert [len(gate.seen) for gate in gates] == [rounds + 1, rounds]
    assert {head.method for gate in gates for head in gate.seen} == {"CONNECT"}
    shown = gates[1].seen[0].get("proxy-authorization")
    assert shown is not None
    assert shown.startswith(f"{scheme} ")


async def test_a_proxy_that_closes_after_its_question_is_dialled_again() -> None:
    seen: list[RequestHead] = []

    async def serve(exchange: Exchange) -> None:
        seen.append(await exchange.head())
        if len(seen) == 1:
            exchange.say(asking([BASIC], proxy=True, close=True))
        else:
            await greet(exchange)

    async with peer(serve) as port:
        proxy = await tunnel_through(port, ALICE)
    assert [head.get("proxy-authorization") is not None for head in seen] == [False, True]
    assert proxy.learned.scheme is Scheme.BASIC


async def test_a_proxy_that_closes_after_every_question_is_given_up() -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.head()
        exchange.say(asking([BASIC], proxy=True, close=True))

    async with peer(serve) as port:
        with pytest.raises(AuthenticationFailed, match="refused the credentials, by Basic"):
            await tunnel_through(port, ALICE)


async def test_a_proxy_that_closes_after_offering_ever_other_schemes_is_given_up() -> None:
    offers = [["NTLM"], [BASIC]]

    async def serve(exchange: Exchange) -> None:
        await exchange.head()
        exchange.say(asking(offers.pop(), proxy=True, close=True))

    async with peer(serve) as port:
        proxy = HttpProxy(LOOPBACK, port, ALICE)
        with pytest.raises(AuthenticationFailed, match="does not take Basic, but NTLM"):
            await open_tunnel(proxy, "rpc.example", 443)


async def test_wrong_and_missing_credentials_are_told_as_the_http_proxys() -> None:
    async def serve(exchange: Exchange) -> None:
        await Gate(authenticator(Scheme.BASIC), exchange, proxy=True).pass_by()

    async with peer(serve) as port:
        named = f"the HTTP proxy {LOOPBACK}:{port}"
        with pytest.raises(AuthenticationFailed, match=f"{named}: .*refused"):
            await tunnel_through(port, Credentials(USER, "canary"))
        with pytest.raises(AuthenticationFailed, match=f"{named} wants credentials"):
            await tunnel_through(port)


async def test_a_refusal_keeps_its_status_and_names_the_http_proxy() -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.head()
        exchange.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    async with peer(serve) as port:
        with pytest.raises(HttpProxyRefused) as refused:
            await tunnel_through(port)
    assert refused.value.status == 403
    assert str(refused.value) == f"the HTTP proxy {LOOPBACK}:{port} answered 403 Forbidden"


@pytest.mark.parametrize("answer", ["", "SSH-2.0-OpenSSH_9\r\n"])
async def test_what_speaks_no_http_is_an_error_of_the_way(answer: str) -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.head()
        exchange.say(answer)

    async with peer(serve) as port:
        with pytest.raises((TransportError, DecodeError)):
            await tunnel_through(port)


def test_an_ipv6_proxy_is_named_in_brackets_and_no_password_is_shown() -> None:
    assert str(HttpProxy("2001:db8::1", 3128)) == "[2001:db8::1]:3128"
    assert "canary" not in repr(HttpProxy("h", 1, Credentials("a", "canary")))
