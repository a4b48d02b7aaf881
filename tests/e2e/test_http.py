"""What the HTTP side of the proxy must take, as clients and relays really write it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from rpch.aio.leg import BANNER
from rpch.dcerpc.pdus import Request
from rpch.http.answers import ECHO_PDU, echo_answer
from rpch.proxy.limits import HeadSettings
from rpch.rts.commands import ConnectionTimeout, Destination, FlowControlAck, ForwardDestination, Version
from rpch.rts.commands import ReceiveWindowSize as Window
from rpch.rts.pdus import AckWithDestination, ConnB3, ConnC1, ConnC2
from rpch.server.demo import AddRequest, AddResponse, Count, Demo, Octets
from tests.e2e.system import A1, B1, PDUS, System, request, system
from tests.raw_peer import RawPeer, raw_listener, until

CALL = Request(7, 0, 3, b"stub of a call").encode()
BIG_ENDIAN = Request(8, 0, 3, b"stub of a call").encode(little_endian=False)
UNKNOWN = CALL[:2] + b"\x63" + CALL[3:]  # a PTYPE that nobody knows
PING = PDUS["Ping"]
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
SUCCESS = "HTTP/1.1 200 Success"


async def echoed(peer: RawPeer) -> None:
    """An echo has been answered."""
    first, fields = await peer.head()
    assert first == SUCCESS
    assert (fields["content-length"], fields["content-type"]) == ("20", "application/rpc")
    assert await peer.take(20) == ECHO_PDU


async def healthy(peer: RawPeer) -> None:
    """The web application has answered."""
    first, fields = await peer.head()
    assert first == "HTTP/1.1 200 OK"
    assert b'"ok"' in await peer.take(int(fields["content-length"]))


async def opened(out: RawPeer) -> None:
    """An OUT channel stands, as far as the proxy alone can tell."""
    assert (await out.head())[0] == SUCCESS
    assert await out.pdu() == PDUS["CONN/A3"]


# Echo, authentication, and then a channel


@pytest.mark.conformance(17, 18)
async def test_an_echo_and_then_a_channel_on_one_connection() -> None:
    async with system() as here, here.peer() as out, here.peer() as into:
        for peer, method in ((out, "RPC_OUT_DATA"), (into, "RPC_IN_DATA")):
            for length in (0, 4, 16):
                peer.send(request(method, length), bytes(length))
                await echoed(peer)
        out.send(request("RPC_OUT_DATA", 76), A1)
        into.send(request("RPC_IN_DATA", 1 << 30), B1)
        await opened(out)
        assert (await out.rts()).is_a(ConnC2)


@pytest.mark.conformance(17)
async def test_seventeen_bytes_are_no_echo() -> None:
    async with system() as here, here.peer() as peer:
        peer.send(request("RPC_IN_DATA", 17))
        first, fields = await peer.head()
        assert first == "HTTP/1.1 400 Bad Request"
        assert fields["x-rpch-rule"] == "ChannelLength"


@pytest.mark.conformance(22)
async def test_a_first_try_without_credentials_keeps_the_connection() -> None:
    async with system() as here, here.peer() as out, here.peer() as into:
        for peer, method in ((out, "RPC_OUT_DATA"), (into, "RPC_IN_DATA")):
            peer.send(request(method, 4, user=None), b"\xf8\xe8\x18\x08")
            first, fields = await peer.head()
            assert first == "HTTP/1.1 401 Unauthorized"
            await peer.take(int(fields["content-length"]))
        out.send(request("RPC_OUT_DATA", 76), A1)
        into.send(request("RPC_IN_DATA", 1 << 30), B1)
        await opened(out)
        assert (await out.rts()).is_a(ConnC2)


async def test_a_client_that_waits_for_continue_on_both_channels() -> None:
    """Observed: impacket sends no PDU before it has read `100 Continue`, also on IN."""
    async with system() as here, here.peer() as out, here.peer() as into:
        for peer, method, length, first in (
            (into, "RPC_IN_DATA", 1 << 30, B1),
            (out, "RPC_OUT_DATA", 76, A1),
        ):
            peer.send(request(method, length, "Expect: 100-continue"))
            assert await peer.take(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            peer.send(first)
        await opened(out)
        assert (await out.rts()).is_a(ConnC2)


async def test_http_1_0_with_keep_alive() -> None:
    """Observed: Samba."""
    async with system() as here, here.peer() as out, here.peer() as into:
        kept = "Connection: keep-alive"
        for peer, method in ((into, "RPC_IN_DATA"), (out, "RPC_OUT_DATA")):
            peer.send(request(method, 0, kept, version="1.0"))
            await echoed(peer)
        into.send(request("RPC_IN_DATA", 1 << 30, kept, version="1.0"), B1)
        out.send(request("RPC_OUT_DATA", 76, kept, version="1.0"), A1)
        await opened(out)
        assert (await out.rts()).is_a(ConnC2)


@pytest.mark.conformance(20)
@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/rpc/rpcproxy.dll",
        "/RPC/RpcProxy.dll",
        "/rpcwithcert/rpcproxy.dll",
        "http://LOCALHOST/rpc/rpcproxy.dll",
    ],
)
async def test_a_target_may_be_absolute_and_its_path_in_any_case(url: str) -> None:
    async with system() as here, here.peer() as out:
        out.send(request("RPC_OUT_DATA", 76, url=url), A1)
        await opened(out)


@pytest.mark.conformance(7)
async def test_fields_that_mean_nothing_here_are_passed_over() -> None:
    async with system() as here, here.peer() as out:
        odd = ("Accept: text/html", "User-Agent: Outlook", "Connection: close", "X-Anything: é")
        out.send(request("RPC_OUT_DATA", 76, *odd, "Cookie: OutlookSession=1"), A1)
        await opened(out)


async def test_one_byte_more_than_the_body_is_ignored_on_out() -> None:
    """Observed: ruler writes 77 bytes for its Content-Length of 76."""
    async with system() as here, here.peer() as out, here.peer() as into:
        out.send(request("RPC_OUT_DATA", 76), A1 + b"\x01")
        into.send(request("RPC_IN_DATA", 1 << 30), B1)
        await opened(out)
        assert (await out.rts()).is_a(ConnC2)


async def test_heads_and_pdus_may_come_in_any_pieces() -> None:
    async with system() as here, here.peer() as out, here.peer() as into:
        whole_out, whole_in = request("RPC_OUT_DATA", 76) + A1, request("RPC_IN_DATA", 1 << 30) + B1
        for at in range(max(len(whole_out), len(whole_in))):
            out.send(whole_out[at : at + 1])
            into.send(whole_in[at : at + 1])
            if at % 16 == 0:
                await asyncio.sleep(0)
        await opened(out)
        assert (await out.rts()).is_a(ConnC2)


# One port for everything


async def test_web_and_rpc_requests_take_turns_on_one_connection() -> None:
    async with system() as here, here.peer() as peer:
        for _ in range(3):
            peer.send(HEALTH)
            await healthy(peer)
            peer.send(request("RPC_IN_DATA", 4), b"\xf8\xe8\x18\x08")
            await echoed(peer)
        peer.send(request("RPC_OUT_DATA", 76), A1)
        await opened(peer)


async def test_requests_of_both_kinds_in_one_write_are_answered_in_order() -> None:
    async with system() as here, here.peer() as peer:
        echo = request("RPC_OUT_DATA", 4) + b"abcd"
        peer.send(HEALTH, echo, echo, HEALTH, echo, request("RPC_OUT_DATA", 76), A1)
        await healthy(peer)
        await echoed(peer)
        await echoed(peer)
        await healthy(peer)
        await echoed(peer)
        await opened(peer)


@pytest.mark.slow
async def test_many_echoes_in_one_write_are_answered_also_when_nobody_reads_at_first() -> None:
    async with system() as here, here.peer() as peer:
        count = 5000  # about a megabyte of requests
        peer.send(request("RPC_IN_DATA", 0) * count)
        await asyncio.sleep(0.1)
        answer = (await peer.take(len(echo_answer()))) * count
        assert await peer.take(len(answer) - len(echo_answer())) == answer[len(echo_answer()) :]


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        (
            "POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "LengthAndCoding",
        ),
        ("POST / HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: xchunked\r\n\r\n", "UnknownCoding"),
        ("POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", "RepeatedLength"),
        ("GET / HTTP/1.1\r\nHost: p\r\nContent-Length : 4\r\n\r\n", "Grammar"),
        ("GET / HTTP/1.1\nHost: p\n\n", "LineEnd"),
        ("GET / HTTP/1.1\r\nHost: p\r\nX: y\r\n Content-Length: 4\r\n\r\n", "FoldedField"),
        (
            "RPC_IN_DATA /rpc/rpcproxy.dll?a:1 HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n",
            "CodingOnChannel",
        ),
    ],
)
async def test_what_two_readers_may_read_differently_is_read_by_nobody(head: str, rule: str) -> None:
    async with system() as here, here.peer() as peer:
        with capture_logs() as lines:
            peer.send(head.encode(), request("RPC_IN_DATA", 0))
            first, fields = await peer.head()
            rest = await peer.rest()
        assert first.split()[1] in ("400", "411", "501")
        assert fields["x-rpch-rule"] == rule
        assert len(rest) == int(fields["content-length"])  # what is behind it is nobody's request
        assert [line["rule"] for line in lines if "rule" in line] == [rule]


async def test_a_body_that_the_web_application_does_not_read_hides_no_request() -> None:
    async with system() as here, here.peer() as peer:
        hidden = request("RPC_IN_DATA", 0)
        peer.send(b"POST /healthz HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % len(hidden))
        assert (await peer.head())[0] == "HTTP/1.1 405 Method Not Allowed"
        peer.send(hidden)
        assert b"HTTP/" not in await peer.rest()


# Time and size


async def test_a_head_that_does_not_come_whole() -> None:
    async with system(heads=HeadSettings(timeout=0.05)) as here:
        for start in (
            b"R",
            b"RPC_IN_DATA /rpc",
            request("RPC_IN_DATA", 4)[:-1],
            HEALTH[:-1],
            b"\x16\x03\x01",
        ):
            async with here.peer() as peer:
                peer.send(start)
                assert (await peer.head())[0] == "HTTP/1.1 408 Request Timeout"
        async with here.peer() as peer:
            assert await peer.rest() == b""  # who says nothing is answered nothing


async def test_a_head_that_does_not_end() -> None:
    async with system() as here:
        for start in (request("RPC_IN_DATA", 4)[:-2], HEALTH[:-2]):
            async with here.peer() as peer:
                peer.send(start, *(b"X-%d: %s\r\n" % (n, b"y" * 900) for n in range(50)))
                assert (await peer.head())[0] == "HTTP/1.1 431 Request Header Fields Too Large"


@pytest.mark.slow
@pytest.mark.conformance(84)
async def test_an_error_on_in_can_be_read_by_a_client_that_is_still_writing() -> None:
    async with system() as here:
        for target, first in (("nowhere:6001", B1), ("server:6001", A1)):
            async with here.peer() as peer:
                peer.send(request("RPC_IN_DATA", 1 << 30, target=target), first)
                for _ in range(8):
                    peer.send(bytes(20_000))
                    await asyncio.sleep(0.002)
                first_line, _ = await peer.head()
                assert first_line.startswith("HTTP/1.0 503 RPC Error: 6")
                peer.finish()
                await peer.rest()


# Chunks


async def test_a_listener_that_answers_in_chunks_puts_one_pdu_in_each() -> None:
    async with system(chunked=True) as here, here.peer() as out, here.peer() as into:
        out.send(request("RPC_OUT_DATA", 76), A1)
        into.send(request("RPC_IN_DATA", 1 << 30), B1)
        first, fields = await out.head()
        assert first == SUCCESS
        assert fields["transfer-encoding"] == "chunked"
        for name, size in (("CONN/A3", 28), ("CONN/C2", 44)):
            assert await out.line() == f"{size:x}"
            assert (await out.take(size))[:4] == PDUS[name][:4]
            assert await out.line() == ""


@pytest.mark.slow
async def test_our_client_reads_chunks_and_http_1_0_gets_none() -> None:
    async with system(chunked=True) as here:
        async with here.connect() as client:
            assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
            assert (await client.call(Demo.source, Count(500_000))).count == 500_000
            assert await client.call(Demo.sink, Octets(bytes(500_000))) == Count(500_000)
        async with here.peer() as out:
            out.send(request("RPC_OUT_DATA", 76, "Connection: keep-alive", version="1.0"), A1)
            _, fields = await out.head()
            assert fields["content-length"] == str(1 << 30)


# Behind the proxy


@asynccontextmanager
async def between(banner: bytes = BANNER) -> AsyncIterator[tuple[RawPeer, RawPeer, RawPeer, RawPeer]]:
    """A raw client and a raw server with our proxy between them: out and in, and the server's out and in."""
    async with (
        raw_listener(banner) as server,
        system(routes={"raw:1": server.port}) as here,
        here.peer() as out,
        here.peer() as into,
    ):
        out.send(request("RPC_OUT_DATA", 76, target="raw:1"), A1)
        server_out = await server.peer(0)
        assert len(await server_out.pdu()) == 84  # CONN/A2
        into.send(request("RPC_IN_DATA", 1 << 30, target="raw:1"), B1)
        server_in = await server.peer(1)
        assert len(await server_in.pdu()) == 128  # CONN/B2
        await opened(out)
        yield out, into, server_out, server_in


C1 = ConnC1(Version(1), Window(65_536), ConnectionTimeout(120_000)).encode()
B3 = ConnB3(Window(65_536), Version(1)).encode()


@pytest.mark.conformance(45)
@pytest.mark.parametrize("banner", [b"", BANNER], ids=["without", "with"])
async def test_a_server_may_greet_or_not(banner: bytes) -> None:
    async with between(banner) as (out, into, server_out, server_in):
        server_out.send(C1)
        server_in.send(B3)
        assert await out.pdu() == C1
        into.send(CALL)
        assert await server_in.pdu() == CALL


@pytest.mark.conformance(45)
async def test_a_greeting_may_be_split_and_glued() -> None:
    async with between(b"") as (out, _, server_out, server_in):
        for part in (BANNER[:1], BANNER[1:13], BANNER[13:] + C1[:10], C1[10:]):
            server_out.send(part)
            await asyncio.sleep(0.01)
        assert await out.pdu() == C1
        server_in.send(BANNER + B3)


@pytest.mark.conformance(41, 42)
async def test_what_the_client_sends_early_waits_for_b3_and_c2_is_c1() -> None:
    async with between() as (out, into, server_out, server_in):
        into.send(CALL, PING, UNKNOWN)
        assert await server_in.silent()
        server_out.send(C1)
        assert await out.pdu() == C1
        assert await server_in.silent()
        server_in.send(B3)
        assert await server_in.take(len(CALL + UNKNOWN)) == CALL + UNKNOWN
        assert await server_in.silent()  # the ping was for the proxy


@pytest.mark.conformance(47, 80)
async def test_rpc_pdus_pass_unchanged_whatever_they_are() -> None:
    async with between() as (out, into, server_out, server_in):
        server_out.send(C1)
        server_in.send(B3)
        await out.pdu()
        run = CALL + BIG_ENDIAN + UNKNOWN + CALL
        into.send(run, PING, run)
        assert await server_in.take(2 * len(run)) == run + run
        server_out.send(run)
        assert await out.take(len(run)) == run


@pytest.mark.conformance(49, 56)
async def test_rts_pdus_pass_where_rpc_pdus_must_wait() -> None:
    async with between() as (out, into, server_out, server_in):
        server_out.send(C1)
        server_in.send(B3)
        await out.pdu()
        bulk = Request(7, 0, 3, bytes(5000)).encode()
        into.send(*[bulk] * 20)  # the server acknowledges nothing
        passed = 65_536 // len(bulk) * len(bulk)
        assert await server_in.take(passed) == bulk * (passed // len(bulk))
        for_client = FlowControlAck(0, 65_536, bytes(16))
        ack = AckWithDestination(Destination(ForwardDestination.CLIENT), for_client).encode()
        server_out.send(*[ack] * 300)
        assert await out.take(300 * len(ack)) == ack * 300
        into.send(*[PING] * 1000)
        assert await into.silent()  # nobody minds


async def test_the_proxy_knows_who_is_behind_a_trusted_relay() -> None:
    async with system(trusted_relay=["127.0.0.1"]) as here, here.peer() as out, here.peer() as into:
        through = ("X-Forwarded-For: 192.0.2.77", "X-Forwarded-Proto: https")
        out.send(request("RPC_OUT_DATA", 76, *through), A1)
        into.send(request("RPC_IN_DATA", 1 << 30, *through), B1)
        await opened(out)
        await out.pdu()
        (served,) = served_by(here)
        assert served == "192.0.2.77"


def served_by(here: System) -> list[str]:
    """The clients that the server believes to have."""
    return [one.client for one in here.server._offers[0].legs.connections.values()]


async def test_a_relay_says_that_its_client_came_without_tls() -> None:
    async with system() as here, here.peer() as peer:
        peer.send(request("RPC_IN_DATA", 0, "X-Forwarded-Proto: http"))
        first, fields = await peer.head()
        assert first == "HTTP/1.1 403 Forbidden"
        assert fields["x-rpch-rule"] == "RequireTls"


async def test_an_answer_that_nobody_waits_for_any_more_hurts_nobody() -> None:
    async with system() as here:
        async with here.peer() as peer:
            peer.send(request("RPC_IN_DATA", 0))
            peer.reset()
        await until(lambda: not here.proxy.openings)
        async with here.connect() as client:
            assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
