"""Getting a connection on which the request that matters will be let in."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest

from rpch.auth.channel_binding import Channel, ChannelBinding
from rpch.auth.extended_protection import ProtectionMode
from rpch.auth.schemes import Scheme
from rpch.client.access import ProxyAccess
from rpch.client.authentication import prepare
from rpch.client.connections import NoAnswer
from rpch.client.credentials import Credentials
from rpch.client.tunnels import HttpProxy
from rpch.errors import AuthenticationFailed, ProxyError, TransportError
from rpch.http.answers import ECHO_PDU, RPC_CONTENT, echo_answer
from rpch.http.channels import RpcMethod
from rpch.http.heads import RequestHead, encode_response_head
from rpch.http.targets import RpcTarget
from tests.unit.client.scripted import (
    LOOPBACK,
    PASSWORD,
    USER,
    Exchange,
    Gate,
    asking,
    authenticator,
    certificate,
    client_tls,
    peer,
    server_tls,
)

TARGET = RpcTarget("server", 6001)
BASIC = 'Basic realm="rpch"'
CLOSED_ECHO = encode_response_head(200, "Success", [RPC_CONTENT, ("Connection", "close")]) + ECHO_PDU


def by(scheme: Scheme | None, password: str = PASSWORD) -> Credentials:
    return Credentials(USER, password, scheme)


async def come_in(access: ProxyAccess, method: RpcMethod = RpcMethod.IN) -> None:
    """Prepare a connection, and send the request that matters on it."""
    heads = access.heads(TARGET)
    transport, reader, proof = await prepare(access, heads, method)
    transport.write(
        heads.in_channel(proof=proof) if method is RpcMethod.IN else heads.out_channel(proof=proof)
    )
    head = await reader.response()
    transport.abort()
    if head.status == 401:
        raise AuthenticationFailed("refused at last")
    assert head.phrase == "Arrived"


def binding() -> ChannelBinding:
    pem = certificate("localhost", LOOPBACK).cert_chain_pems[0].bytes().decode()
    found = ChannelBinding.of_certificate(ssl.PEM_cert_to_DER_cert(pem))
    assert found is not None
    return found


class RpcProxy:
    """Lets authenticated requests in; says `Arrived` to the one that has a body to come."""

    def __init__(self, *schemes: Scheme, protection: ProtectionMode = ProtectionMode.NONE) -> None:
        self._judge = authenticator(*schemes, protection=protection)
        tls = protection is ProtectionMode.REQUIRE
        self._channel = Channel(tls=tls, bindings=(binding(),) if tls else ())
        self.connections: list[list[RequestHead]] = []

    async def serve(self, exchange: Exchange) -> None:
        gate = Gate(self._judge, exchange, channel=self._channel)
        self.connections.append(gate.seen)
        while (await gate.pass_by()).content_length == 0:
            exchange.say(echo_answer())
        exchange.say("HTTP/1.1 204 Arrived\r\n\r\n")
        await exchange.ended()

    def told(self) -> list[list[tuple[str, int]]]:
        """On each connection, what each request said: its scheme and its length."""
        return [
            [((head.get("authorization") or "-").partition(" ")[0], head.content_length) for head in heads]
            for heads in self.connections
        ]


@pytest.mark.conformance(22, 23)
@pytest.mark.parametrize(
    ("scheme", "rounds"),
    [
        (Scheme.BASIC, [("Basic", 1 << 30)]),
        (Scheme.NTLM, [("NTLM", 0), ("NTLM", 1 << 30)]),
        (Scheme.NEGOTIATE, [("Negotiate", 0), ("Negotiate", 0), ("-", 1 << 30)]),
    ],
)
async def test_every_channel_is_authenticated_on_its_own_connection_bound_to_the_certificate(
    scheme: Scheme, rounds: list[tuple[str, int]]
) -> None:
    proxy = RpcProxy(protection=ProtectionMode.REQUIRE)
    async with peer(proxy.serve, server_tls()) as port:
        access = ProxyAccess("localhost", port, client_tls(), by(scheme))
        for _ in range(2):
            await come_in(access)
    assert proxy.told() == [rounds, rounds]


@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
async def test_what_we_prove_in_between_is_worth_nothing_elsewhere(scheme: Scheme) -> None:
    """A proxy that required extended protection sees that we meant somebody with another certificate."""
    proxy = RpcProxy(protection=ProtectionMode.REQUIRE)
    async with peer(proxy.serve, server_tls("localhost", "in-between.example")) as port:
        access = ProxyAccess("localhost", port, client_tls(), by(scheme))
        with pytest.raises(AuthenticationFailed, match="refused"):
            await come_in(access)


async def test_the_first_connection_asks_and_the_others_know() -> None:
    proxy = RpcProxy(Scheme.NTLM, Scheme.BASIC)
    async with peer(proxy.serve) as port:
        access = ProxyAccess(LOOPBACK, port, credentials=by(None))
        await come_in(access, RpcMethod.OUT)
        await come_in(access, RpcMethod.OUT)
    assert proxy.told() == [[("-", 0), ("NTLM", 0), ("NTLM", 76)], [("NTLM", 0), ("NTLM", 76)]]


async def test_a_proxy_that_lets_everybody_in_learns_nobodys_name() -> None:
    proxy = RpcProxy()

    async def open_to_all(exchange: Exchange) -> None:
        proxy.connections.append(seen := [])
        while True:
            seen.append(await exchange.head())
            if seen[-1].content_length:
                exchange.say("HTTP/1.1 204 Arrived\r\n\r\n")
            else:
                exchange.say(echo_answer())

    async with peer(open_to_all) as port:
        for credentials in (None, by(None)):
            access = ProxyAccess(LOOPBACK, port, credentials=credentials)
            await come_in(access)
            await come_in(access)
    ask, come = ("-", 0), ("-", 1 << 30)
    assert proxy.told() == [[come], [come], [ask, come], [come]]


@pytest.mark.parametrize("answer", [asking([BASIC], close=True), CLOSED_ECHO])
async def test_a_proxy_that_closes_after_the_question_is_dialled_again(answer: bytes) -> None:
    seen: list[RequestHead] = []

    async def serve(exchange: Exchange) -> None:
        seen.append(await exchange.head())
        exchange.say(answer if len(seen) == 1 else "HTTP/1.1 204 Arrived\r\n\r\n")
        if len(seen) > 1:
            await exchange.ended()

    async with peer(serve) as port:
        await come_in(ProxyAccess(LOOPBACK, port, credentials=by(None)))
    assert len(seen) == 2


async def test_a_proxy_that_closes_what_was_just_authenticated_is_told_as_that() -> None:
    async def serve(exchange: Exchange) -> None:
        await Gate(authenticator(), exchange).pass_by()
        exchange.say(CLOSED_ECHO)

    async with peer(serve) as port:
        with pytest.raises(TransportError, match="closed the connection that was just authenticated"):
            await come_in(ProxyAccess(LOOPBACK, port, credentials=by(Scheme.NEGOTIATE)))


@pytest.mark.parametrize("scheme", [Scheme.NEGOTIATE, None])
async def test_a_refusal_ends_it(scheme: Scheme | None) -> None:
    proxy = RpcProxy()
    async with peer(proxy.serve) as port:
        with pytest.raises(AuthenticationFailed, match=f"the RPC proxy {LOOPBACK}:{port}: .* refused"):
            await come_in(ProxyAccess(LOOPBACK, port, credentials=by(scheme, "wrong")))


@pytest.mark.conformance(85)
async def test_an_error_to_a_round_reaches_the_caller_with_its_code() -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.head()
        exchange.say("HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")

    async with peer(serve) as port:
        with pytest.raises(ProxyError) as failed:
            await come_in(ProxyAccess(LOOPBACK, port, credentials=by(None)))
    assert failed.value.rpc_status == 0x6BA


async def test_a_407_from_a_proxy_that_nobody_named_is_told_as_that() -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.head()
        exchange.say(asking([BASIC], proxy=True))

    async with peer(serve) as port:
        with pytest.raises(AuthenticationFailed, match="an HTTP proxy that nobody named"):
            await come_in(ProxyAccess(LOOPBACK, port, credentials=by(None)))


async def test_a_proxy_that_hangs_up_or_says_nothing_is_an_error_of_the_way() -> None:
    async def hang_up(exchange: Exchange) -> None:
        await exchange.head()

    async def silent(exchange: Exchange) -> None:
        await exchange.ended()

    async with peer(hang_up) as port:
        access = ProxyAccess(LOOPBACK, port, credentials=by(None), timeout=0.05)
        with pytest.raises(TransportError, match="closed the connection"):
            await come_in(access)
    async with peer(silent) as port:
        with pytest.raises(NoAnswer, match=r"did not finish authentication in 0\.05 seconds"):
            await come_in(replace(access, port=port))


class Relay:
    """An HTTP proxy that wants credentials of its own, with an RPC proxy behind it, on one connection."""

    def __init__(self, scheme: Scheme, behind: Scheme, *, close_first: bool = False) -> None:
        self._judge, self._behind = authenticator(scheme, password="proxys"), authenticator(behind)
        self._close_next = close_first
        self.connections: list[list[str]] = []

    async def serve(self, exchange: Exchange) -> None:
        relay, server = self._judge.session(), self._behind.session()
        self.connections.append(said := [])
        while True:
            head = await exchange.request()
            said.append(_schemes(head))
            outcome = await relay.step(head.get("proxy-authorization"), secure=True)
            if offers := [value for name, value in outcome.headers if name == "WWW-Authenticate"]:
                exchange.say(asking(offers, proxy=True, close=self._close_next))
                if self._close_next:
                    self._close_next = False
                    return
                continue
            outcome = await server.step(head.get("authorization"), secure=True)
            if offers := [value for name, value in outcome.headers if name == "WWW-Authenticate"]:
                exchange.say(asking(offers))
            else:
                exchange.say(echo_answer())


def _schemes(head: RequestHead) -> str:
    names = [(head.get(name) or "-").partition(" ")[0] for name in ("proxy-authorization", "authorization")]
    return " ".join(names)


@pytest.mark.parametrize(
    ("scheme", "behind", "said"),
    [
        (Scheme.BASIC, Scheme.BASIC, ["- Basic", "Basic Basic"]),
        (Scheme.NTLM, Scheme.BASIC, ["- Basic", "NTLM Basic", "NTLM Basic"]),
        (Scheme.BASIC, Scheme.NTLM, ["- NTLM", "Basic NTLM", "Basic NTLM"]),
        (Scheme.NTLM, Scheme.NTLM, ["- NTLM", "NTLM NTLM", "NTLM NTLM", "- NTLM"]),
    ],
)
async def test_an_http_proxy_that_relays_is_satisfied_before_the_rpc_proxy(
    scheme: Scheme, behind: Scheme, said: list[str]
) -> None:
    relay = Relay(scheme, behind)
    async with peer(relay.serve) as port:
        proxy = HttpProxy(LOOPBACK, port, Credentials(USER, "proxys"))
        access = ProxyAccess("rpc.example", 80, credentials=by(behind), http_proxy=proxy)
        transport, reader, proof = await prepare(access, access.heads(TARGET), RpcMethod.IN)
        transport.write(access.heads(TARGET).echo(RpcMethod.IN, proof=proof))
        assert (await reader.response()).status == 200
        transport.abort()
    assert relay.connections == [said]
