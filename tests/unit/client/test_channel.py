"""One HTTP channel of a client: its request on the wire, and what its answers mean."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

import rpch.client.channel as module
from rpch.auth.schemes import Scheme
from rpch.client.access import ProxyAccess
from rpch.client.channel import ClientLeg, ask_echo, echo, open_channel
from rpch.client.connections import NoAnswer
from rpch.client.credentials import Credentials
from rpch.client.error_bodies import ERROR_BODY_LIMIT
from rpch.client.heads import HeadReader
from rpch.client.tunnels import HttpProxy
from rpch.errors import (
    AuthenticationFailed,
    DecodeError,
    LocalProtocolError,
    ProxyError,
    RemoteProtocolError,
    RpchError,
    TransportError,
)
from rpch.http.answers import CONTINUE, ECHO_PDU, Framing, echo_answer, success_head
from rpch.http.channels import RpcMethod
from rpch.http.chunks import encode_chunk
from rpch.http.heads import RequestHead
from rpch.http.outcomes import Accepted, Challenged
from rpch.http.requests import Proof
from rpch.http.rpc_error import RpcError
from rpch.http.targets import RpcTarget
from rpch.rts.pdus import Ping
from rpch.vconn.events import ChannelAccepted, ChannelRefused, Event, Leg, LegClosed, Place, RtsArrived
from tests.unit.client.scripted import (
    ALICE,
    LOOPBACK,
    SOON,
    USER,
    Exchange,
    Gate,
    asking,
    authenticator,
    echoing,
    peer,
)

TARGET = RpcTarget("server", 6001)
PING = Ping().encode()
SUCCESS = success_head(1 << 30)
FIELDS = {
    "accept": "application/rpc",
    "cache-control": "no-cache",
    "connection": "Keep-Alive",
    "pragma": "No-cache",
    "user-agent": "MSRPC",
}


def fed(place: Place, *pieces: bytes, ends: bool | str = False) -> list[Event]:
    """What a leg tells its machine when it reads these pieces, and perhaps the end behind them."""
    events: list[Event] = []
    leg = ClientLeg(Leg(place))
    leg.feed = events.append
    for piece in pieces:
        leg.data_received(piece)
    if ends in (True, "eof_received"):
        leg.eof_received()
    if ends:
        leg.connection_lost(None)
    return events


def refusal(events: list[Event]) -> RpchError:
    """The only event, which must be a refusal."""
    (event,) = [one for one in events if not isinstance(one, LegClosed)]
    assert isinstance(event, ChannelRefused)
    return event.why


# The request


async def asked(place: Place, length: int, access: ProxyAccess | None = None) -> tuple[RequestHead, bytes]:
    """The head of a channel's request as the proxy reads it, and what is written behind it."""
    seen: list[tuple[RequestHead, bytes]] = []
    arrived = asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        head = await exchange.head()
        seen.append((head, await exchange.body(len(PING))))
        arrived.set()
        await exchange.ended()

    async with peer(serve) as port:
        leg = ClientLeg(Leg(place))
        leg.feed = lambda event: None
        await open_channel(replace(access or ProxyAccess(LOOPBACK, 1), port=port), TARGET, leg, length)
        leg.write(PING)
        async with asyncio.timeout(SOON):
            await arrived.wait()
        assert leg.transport is not None
        leg.transport.abort()
    return seen[0]


@pytest.mark.conformance(2, 3, 4)
@pytest.mark.parametrize(
    ("place", "length", "method"),
    [
        (Place.IN_H, 131_072, "RPC_IN_DATA"),
        (Place.IN_H, 2_147_483_648, "RPC_IN_DATA"),
        (Place.OUT_H, 76, "RPC_OUT_DATA"),
        (Place.OUT_H, 120, "RPC_OUT_DATA"),
    ],
)
async def test_the_request_of_a_channel_is_that_of_the_specification(
    place: Place, length: int, method: str
) -> None:
    head, body = await asked(place, length)
    assert (head.method, head.target, head.version) == (method, "/rpc/rpcproxy.dll?server:6001", "1.1")
    fields = dict(head.headers)
    assert fields.pop("content-length") == str(length)
    assert fields.pop("host").startswith(f"{LOOPBACK}:")
    assert fields == FIELDS
    assert body == PING


@pytest.mark.conformance(3)
@pytest.mark.parametrize("length", [131_071, 2_147_483_649])
async def test_a_lifetime_that_is_not_allowed_is_not_asked_for(length: int) -> None:
    async with peer(echoing) as port:
        with pytest.raises(LocalProtocolError):
            await open_channel(ProxyAccess(LOOPBACK, port), TARGET, ClientLeg(Leg(Place.IN_H)), length)


@pytest.mark.conformance(22)
async def test_the_request_comes_behind_the_rounds_on_the_same_connection() -> None:
    gates: list[Gate] = []

    async def serve(exchange: Exchange) -> None:
        gates.append(Gate(authenticator(), exchange))
        await gates[-1].pass_by()
        exchange.say(SUCCESS)
        await exchange.ended()

    async with peer(serve) as port:
        access = ProxyAccess(LOOPBACK, port, credentials=Credentials(USER, ALICE.password, Scheme.NTLM))
        leg = ClientLeg(Leg(Place.OUT_H))
        accepted: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        leg.feed = accepted.set_result
        await open_channel(access, TARGET, leg, 76)
        async with asyncio.timeout(SOON):
            assert isinstance(await accepted, ChannelAccepted)
        assert leg.transport is not None
        leg.feed = lambda event: None
        leg.transport.abort()
    assert [head.content_length for head in gates[0].seen] == [0, 76]


async def test_a_leg_that_nobody_wants_any_more_asks_for_nothing() -> None:
    heard = bytearray()

    async def serve(exchange: Exchange) -> None:
        heard.extend(await exchange.reader.read())

    async with peer(serve) as port:
        leg = ClientLeg(Leg(Place.IN_H))
        leg.close()
        assert leg.ended
        await open_channel(ProxyAccess(LOOPBACK, port), TARGET, leg, 131_072)
        assert leg.transport is None
    assert not heard


# The answer


@pytest.mark.conformance(16)
@pytest.mark.parametrize("cut", [1, 20, len(SUCCESS) - 1, len(SUCCESS), len(SUCCESS) + 3])
def test_an_out_channel_is_accepted_by_200_and_carries_pdus_from_there(cut: int) -> None:
    data = SUCCESS + PING
    events = fed(Place.OUT_H, data[:cut], data[cut:])
    assert [type(event) for event in events] == [ChannelAccepted, RtsArrived]


@pytest.mark.conformance(16)
def test_interim_answers_and_odd_heads_do_not_matter() -> None:
    odd = b"HTTP/1.0 200 \xc3\x9cberall\r\nContent-Type: text/html\r\n\r\n"
    events = fed(Place.OUT_H, CONTINUE + odd + PING)
    assert [type(event) for event in events] == [ChannelAccepted, RtsArrived]


def test_a_chunked_out_channel_is_read_too() -> None:
    head = success_head(1 << 30, framing=Framing.CHUNKED)
    events = fed(Place.OUT_H, head, encode_chunk(PING)[:5], encode_chunk(PING)[5:])
    assert [type(event) for event in events] == [ChannelAccepted, RtsArrived]


@pytest.mark.conformance(5)
def test_a_strict_client_takes_no_transfer_coding() -> None:
    leg, events = ClientLeg(Leg(Place.OUT_H), strict=True), list[Event]()
    leg.feed = events.append
    leg.data_received(success_head(1 << 30, framing=Framing.CHUNKED))
    assert "transfer coding" in str(refusal(events))


@pytest.mark.conformance(13)
def test_an_in_channel_expects_no_answer() -> None:
    assert "200 Success" in str(refusal(fed(Place.IN_H, SUCCESS)))


@pytest.mark.conformance(84, 85)
@pytest.mark.parametrize("place", [Place.IN_H, Place.OUT_H])
async def test_the_code_of_an_rpc_error_reaches_the_caller(place: Place) -> None:
    whole = RpcError(0x6BA).encode()
    for cut in (len(whole), 30):
        error = refusal(fed(place, whole[:cut], whole[cut:], ends=True))
        assert isinstance(error, ProxyError)
        assert error.rpc_status == 0x6BA
    cut_short = whole.replace(b"\r\n\r\n", b"\r\nContent-Length: 99\r\n\r\n")
    for end in ("eof_received", "connection_lost"):
        error = refusal(fed(place, cut_short, ends=end))
        assert isinstance(error, ProxyError)
        assert error.rpc_status == 0x6BA


@pytest.mark.conformance(85)
async def test_an_error_in_the_middle_of_the_stream_is_found() -> None:
    events = fed(Place.OUT_H, SUCCESS + PING, b"HTTP/1.0 503 RPC Error: 5\r\n\r\n", ends=True)
    error = refusal(events[2:])
    assert isinstance(error, ProxyError)
    assert error.rpc_status == 5


async def test_an_error_is_told_as_soon_as_its_body_is_whole_or_too_long() -> None:
    exact = b"HTTP/1.1 503 RPC Error: 6ba\r\nContent-Length: 4\r\n\r\n"
    assert fed(Place.OUT_H, exact, b"ab") == []
    assert isinstance(refusal(fed(Place.OUT_H, exact, b"ab", b"cd")), ProxyError)
    endless = b"HTTP/1.1 503 RPC Error: 6ba\r\n\r\n"
    assert isinstance(refusal(fed(Place.OUT_H, endless, bytes(ERROR_BODY_LIMIT), b"more")), ProxyError)
    huge = b"HTTP/1.1 503 RPC Error: 6ba\r\nContent-Length: 1073741824\r\n\r\n"
    assert isinstance(refusal(fed(Place.OUT_H, huge, bytes(ERROR_BODY_LIMIT))), ProxyError)
    chunked = b"HTTP/1.1 503 RPC Error: 6ba\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert isinstance(refusal(fed(Place.OUT_H, chunked, b"2\r\nab\r\n0\r\n\r\n")), ProxyError)


@pytest.mark.parametrize("length", [b"", b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_an_error_whose_body_does_not_end_is_told_after_a_moment(
    length: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ERROR_BODY_WITHIN", 0.02)
    leg, events, told = ClientLeg(Leg(Place.OUT_H)), list[Event](), asyncio.Event()

    def hear(event: Event) -> None:
        events.append(event)
        told.set()

    leg.feed = hear
    leg.data_received(b"HTTP/1.1 503 RPC Error: 6ba\r\n" + length + b"\r\n")
    assert not events
    async with asyncio.timeout(1):
        await told.wait()
    error = refusal(events)
    assert isinstance(error, ProxyError)
    assert error.rpc_status == 0x6BA
    leg.connection_lost(None)
    assert isinstance(refusal(events), ProxyError)  # and no second one


@pytest.mark.parametrize("proxy", [True, False])
def test_a_refusal_of_credentials_says_whose_and_what_is_offered(*, proxy: bool) -> None:
    error = refusal(fed(Place.IN_H, asking(["NTLM", 'Basic realm="x"'], proxy=proxy)))
    assert isinstance(error, AuthenticationFailed)
    who = "the HTTP proxy on the way" if proxy else "the proxy"
    assert str(error) == f"{who} does not accept these credentials (it offers NTLM, Basic)"


def test_nonsense_is_an_error_of_the_peer() -> None:
    assert isinstance(refusal(fed(Place.OUT_H, b"SSH-2.0-OpenSSH_9")), DecodeError)
    chunked = success_head(1 << 30, framing=Framing.CHUNKED)
    assert isinstance(refusal(fed(Place.OUT_H, chunked, b"zz\r\n")[1:]), DecodeError)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n", "6ba"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "closed"),
        (b"", "closed"),
    ],
)
async def test_what_a_proxy_says_before_it_is_asked_is_told(
    words: bytes, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = HeadReader()
    reader.data_received(words)
    reader.connection_lost(None)

    async def lost(*anything: object) -> tuple[object, HeadReader, Proof]:
        return object(), reader, Proof()

    monkeypatch.setattr("rpch.client.channel.prepare", lost)
    with pytest.raises(TransportError, match=error):
        await open_channel(ProxyAccess(LOOPBACK, 1), TARGET, ClientLeg(Leg(Place.IN_H)), 131_072)


# Echoes


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("method", [RpcMethod.IN, RpcMethod.OUT])
async def test_an_echo_comes_back_to_whoever_may_come_in(scheme: Scheme, method: RpcMethod) -> None:
    async def serve(exchange: Exchange) -> None:
        gate = Gate(authenticator(), exchange)
        while True:
            head = await gate.pass_by()
            assert head.method == method
            await exchange.body(head.content_length)
            exchange.say(echo_answer())

    async with peer(serve) as port:
        access = ProxyAccess(LOOPBACK, port, credentials=Credentials(USER, ALICE.password, scheme))
        assert await echo(access, TARGET, method) == ECHO_PDU


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (asking(['Basic realm="x"']), AuthenticationFailed),
        (b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n", ProxyError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", RemoteProtocolError),
    ],
)
async def test_an_echo_that_fails_says_why(answer: bytes, error: type[RpchError]) -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.request()
        exchange.say(answer)
        await exchange.ended()

    async with peer(serve) as port:
        with pytest.raises(error):
            await echo(ProxyAccess(LOOPBACK, port), TARGET, RpcMethod.IN)


async def test_an_echo_that_never_comes_is_not_waited_for() -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.ended()

    async with peer(silent) as port:
        access = ProxyAccess(LOOPBACK, port, timeout=0.05)
        with pytest.raises(NoAnswer):
            await echo(access, TARGET, RpcMethod.IN)
        with pytest.raises(NoAnswer):
            await ask_echo(access, TARGET, RpcMethod.IN)


async def test_an_echo_can_be_asked_for_by_nobody_in_particular() -> None:
    async def serve(exchange: Exchange) -> None:
        head = await exchange.request()
        assert head.content_length == 4
        exchange.say(echo_answer() if head.get("authorization") else asking(["NTLM"]))
        await exchange.ended()

    async with peer(serve) as port:
        access = ProxyAccess(LOOPBACK, port, credentials=ALICE)
        outcome, body = await ask_echo(access, TARGET, RpcMethod.OUT)
        assert isinstance(outcome, Challenged)
        assert body == b""
        outcome, body = await ask_echo(access, TARGET, RpcMethod.OUT, Proof("Basic eA=="))
        assert isinstance(outcome, Accepted)
        assert body == ECHO_PDU


@pytest.mark.parametrize("close", [False, True])
async def test_an_http_proxy_on_the_way_of_an_echo_gets_its_own_credentials(*, close: bool) -> None:
    seen: list[RequestHead] = []

    async def relay(exchange: Exchange) -> None:
        while True:
            seen.append(await exchange.request())
            if seen[-1].get("proxy-authorization") is None:
                exchange.say(asking(['Basic realm="p"'], proxy=True, close=close))
                if close:
                    return
            else:
                exchange.say(echo_answer())

    async with peer(relay) as port:
        access = ProxyAccess("rpc.example", 80, http_proxy=HttpProxy(LOOPBACK, port, ALICE))
        outcome, _ = await ask_echo(access, TARGET, RpcMethod.IN)
    assert isinstance(outcome, Accepted)
    assert [head.get("authorization") for head in seen] == [None, None]
    assert seen[1].target.startswith("http://rpc.example/rpc/rpcproxy.dll?")
