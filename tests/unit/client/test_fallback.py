"""Version 1, and when it is tried."""

from __future__ import annotations

from typing import cast

import pytest

from rpch.client.access import ProxyAccess
from rpch.client.carriers import HttpCarrier
from rpch.client.connections import NoAnswer
from rpch.client.fallback import FallbackCarrier, MixedCarrier
from rpch.client.tunnels import HttpProxy
from rpch.dcerpc.pdus import Orphaned
from rpch.errors import AuthenticationFailed, ProxyError, RpchError, TransportError
from rpch.http.heads import RequestHead
from rpch.http.targets import RpcTarget
from tests.unit.client.scripted import LOOPBACK, OPEN, Exchange, asking, peer

TARGET = RpcTarget("server", 6001)
PDU = Orphaned(7).encode()


class Above:
    """The RPC layer above, which keeps what comes."""

    def __init__(self) -> None:
        self.pdus: list[bytes] = []
        self.ends: list[RpchError | None] = []

    def receive(self, pdu: bytes) -> None:
        self.pdus.append(pdu)

    def transport_closed(self, why: RpchError | None) -> None:
        self.ends.append(why)


async def test_one_request_becomes_a_connection_and_the_first_pdu_may_come_with_the_answer() -> None:
    seen: list[RequestHead] = []
    sent: list[bytes] = []

    async def serve(exchange: Exchange) -> None:
        seen.append(await exchange.head())
        exchange.say("HTTP/1.1 299 Fine\r\n\r\n", PDU)
        sent.append(await exchange.body(len(PDU)))

    above = Above()
    async with peer(serve) as port:
        carrier = MixedCarrier(ProxyAccess(LOOPBACK, port), TARGET)
        assert carrier.gone
        await carrier.open(above)
        assert above.pdus == [PDU]
        carrier.send(PDU)
        await carrier._gone.wait()
        await carrier.closed()
    assert (seen[0].method, seen[0].get("user-agent")) == ("RPC_CONNECT", "RPC")
    assert seen[0].get("content-length") is None
    assert sent == [PDU]
    assert above.ends == [None]


async def test_through_an_http_proxy_it_takes_a_tunnel() -> None:
    async def serve(exchange: Exchange) -> None:
        head = await exchange.head()
        assert (head.method, head.target) == ("CONNECT", "rpc.example:80")
        exchange.say(OPEN)
        inner = await exchange.head()
        assert (inner.method, inner.target[0]) == ("RPC_CONNECT", "/")
        exchange.say("HTTP/1.1 200 OK\r\n\r\n")
        await exchange.ended()

    async with peer(serve) as port:
        access = ProxyAccess("rpc.example", 80, http_proxy=HttpProxy(LOOPBACK, port))
        carrier = MixedCarrier(access, TARGET)
        await carrier.open(Above())
        carrier.close()
        await carrier.closed()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n", ProxyError, "6ba"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ProxyError, "404"),
        (asking(['Basic realm="x"']), TransportError, "does not take RPC_CONNECT"),
        (b"", TransportError, "closed the connection"),
    ],
)
async def test_any_other_answer_is_a_refusal(answer: bytes, error: type[RpchError], words: str) -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.head()
        exchange.say(answer)

    async with peer(serve) as port:
        carrier = MixedCarrier(ProxyAccess(LOOPBACK, port), TARGET)
        with pytest.raises(error, match=words):
            await carrier.open(Above())


async def test_a_server_whose_banner_never_comes_is_not_waited_for() -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.ended()

    async with peer(serve) as port:
        carrier = MixedCarrier(ProxyAccess(LOOPBACK, port, timeout=0.05), TARGET)
        with pytest.raises(NoAnswer, match=r"did not answer RPC_CONNECT in 0\.05"):
            await carrier.open(Above())


class Carrying:
    """A carrier that fails to open, or opens."""

    def __init__(self, error: RpchError | None = None) -> None:
        self._error = error
        self.opened, self.sent = 0, list[bytes]()
        self.gone = True

    async def open(self, receiver: object) -> None:
        self.opened += 1
        if self._error is not None:
            raise self._error
        self.gone = False

    def send(self, pdus: bytes) -> None:
        self.sent.append(pdus)

    def close(self) -> None:
        self.gone = True

    async def closed(self) -> None:
        assert self.gone


def falling(second: Carrying, first: Carrying | None) -> FallbackCarrier:
    return FallbackCarrier(cast(HttpCarrier, second), cast(MixedCarrier, first))


@pytest.mark.conformance(90)
async def test_version_2_is_taken_where_it_works() -> None:
    second, first = Carrying(), Carrying()
    carrier = falling(second, first)
    await carrier.open(Above())
    carrier.send(PDU)
    assert (second.sent, first.opened, carrier.second_failed) == ([PDU], 0, None)
    assert not carrier.gone
    carrier.close()
    await carrier.closed()
    assert carrier.gone


@pytest.mark.conformance(90)
async def test_version_1_is_taken_where_version_2_fails() -> None:
    refused = ProxyError(501, "Not Implemented")
    second, first = Carrying(refused), Carrying()
    carrier = falling(second, first)
    await carrier.open(Above())
    carrier.send(PDU)
    assert (first.sent, carrier.second_failed) == ([PDU], refused)
    carrier.close()
    assert carrier.gone


@pytest.mark.conformance(90)
async def test_version_1_is_not_tried_where_it_must_not_be() -> None:
    carrier = falling(Carrying(TransportError("refused")), None)
    with pytest.raises(TransportError, match="refused"):
        await carrier.open(Above())
    assert carrier.gone


@pytest.mark.conformance(90)
async def test_version_1_is_no_answer_to_refused_credentials() -> None:
    first = Carrying()
    with pytest.raises(AuthenticationFailed):
        await falling(Carrying(AuthenticationFailed("wrong")), first).open(Above())
    assert first.opened == 0


@pytest.mark.conformance(90)
async def test_when_both_versions_fail_the_last_error_is_told() -> None:
    carrier = falling(Carrying(TransportError("second")), Carrying(TransportError("first")))
    with pytest.raises(TransportError, match="first"):
        await carrier.open(Above())
