"""What goes wrong gets its error, a log line with the cause, and its memory and sockets back."""

import asyncio
import ssl
from collections.abc import Iterator, MutableMapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rpch.aio import leg
from rpch.aio.leg import BANNER
from rpch.client.rpc import CallLost
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import NDR20, Bind, ContextElement, Request
from rpch.errors import AuthenticationFailed, ProxyError, RemoteProtocolError, TransportError
from rpch.rts.commands import Destination, FlowControlAck, ForwardDestination, ReceiveWindowSize, Version
from rpch.rts.pdus import Ack, AckWithDestination, ConnB3
from rpch.server import inbox, runtime
from rpch.server.demo import AddRequest, AddResponse, Count, DelayRequest, Demo
from rpch.vconn.settings import Settings
from tests.e2e.system import A1, B1, PDUS, USER, System, certificate, request, system
from tests.raw_peer import raw_listener, until

Lines = list[MutableMapping[str, Any]]
CALL = Request(7, 0, 3, b"stub of a call").encode()
PING = PDUS["Ping"]


@pytest.fixture
def log() -> Iterator[Lines]:
    """What is logged during a test."""
    with capture_logs() as lines:
        yield lines


def causes(log: Lines, event: str) -> list[str]:
    """The causes that the lines of one kind name."""
    return [str(line.get("why") or line.get("detail")) for line in log if line["event"] == event]


def rules(log: Lines) -> list[str]:
    """The rules that refused something."""
    return [str(line["rule"]) for line in log if "rule" in line]


async def refused(here: System, head: bytes, *body: bytes) -> tuple[str, dict[str, str]]:
    """The head of the answer to a request that fails; then the proxy closes."""
    async with here.peer() as peer:
        peer.send(head, *body)
        answer = await peer.head()
        await peer.rest()
        return answer


# Who and where to


async def test_a_wrong_password(log: Lines) -> None:
    async with system() as here:
        with pytest.raises(AuthenticationFailed):
            async with here.connect(password="canary-of-a-password"):
                pass
        assert "WrongCredentials" in rules(log)
        assert "canary" not in str(log)
        status, fields = await refused(here, request("RPC_IN_DATA", 1 << 30, password="wrong"), B1)
        assert status == "HTTP/1.1 401 Unauthorized"
        assert fields["www-authenticate"].startswith("Basic ")


@pytest.mark.conformance(83, 85)
async def test_a_target_that_is_not_listed(log: Lines) -> None:
    async with system() as here:
        with pytest.raises(ProxyError) as caught:
            async with here.connect(here.binding(6005)):
                pass
        assert (caught.value.status, caught.value.rpc_status) == (503, 0x6BA)
        assert "ValidPorts" in rules(log)
        status, fields = await refused(here, request("RPC_OUT_DATA", 76, target="server:6005"), A1)
        assert status == "HTTP/1.0 503 RPC Error: 6ba"
        assert fields["x-rpch-rule"] == "ValidPorts"


@pytest.mark.conformance(83)
async def test_a_port_where_nobody_listens(log: Lines) -> None:
    async with raw_listener() as closed:
        pass
    async with system(routes={"closed:6001": closed.port}) as here:
        with pytest.raises(ProxyError) as caught:
            async with here.connect(here.binding(server="closed")):
                pass
        assert caught.value.rpc_status == 0x6BA
        assert any("refused" in cause.lower() for cause in causes(log, "target unreachable"))
        for method, length, first in (("RPC_IN_DATA", 1 << 20, B1), ("RPC_OUT_DATA", 76, A1)):
            status, _ = await refused(here, request(method, length, target="closed:6001"), first)
            assert status.startswith("HTTP/1.0 503 RPC Error: 6ba, EEInfo: ")


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail.example ESMTP\r\n", bytes(64)], ids=repr
)
async def test_a_target_that_is_no_ncacn_http_server(greeting: bytes, log: Lines) -> None:
    async with raw_listener(greeting) as other, system(routes={"other:22": other.port}) as here:
        with pytest.raises(TransportError):
            async with here.connect(here.binding(22, "other"), timeout=5.0):
                pass
        assert any("no ncacn_http server" in cause for cause in causes(log, "closed"))
        await here.emptied()


async def test_a_target_that_says_nothing(log: Lines) -> None:
    async with raw_listener() as silent, system(routes={"silent:1": silent.port}, setup_timeout=0.1) as here:
        with pytest.raises(TransportError):
            async with here.connect(here.binding(1, "silent"), timeout=5.0):
                pass
        assert any("the server did not answer" in cause for cause in causes(log, "closed"))


async def test_a_target_that_closes_at_once(log: Lines) -> None:
    async with raw_listener() as fickle, system(routes={"fickle:1": fickle.port}) as here:
        arrive = fickle.arrive

        def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrive(reader, writer)
            writer.close()

        fickle.arrive = close  # type: ignore[method-assign]
        with pytest.raises(TransportError):
            async with here.connect(here.binding(1, "fickle"), timeout=5.0):
                pass
        assert "the server closed the connection" in causes(log, "closed")


async def test_a_port_of_plain_tcp_is_no_ncacn_http(log: Lines) -> None:
    async with system(setup_timeout=0.2) as other, system(routes={"tcp:1": other.ports["tcp"]}) as here:
        with pytest.raises(RemoteProtocolError):  # a bind_nak where RTS PDUs are due
            async with here.connect(here.binding(1, "tcp"), timeout=5.0):
                pass
        assert causes(log, "closed")


@pytest.mark.slow
async def test_a_certificate_of_another_name(tmp_path: Path) -> None:
    async with system(**certificate(tmp_path, "elsewhere.example")) as here:
        with pytest.raises(TransportError, match=r"certificate of localhost:\d+ is not accepted"):
            async with here.connect():
                pass
        with pytest.raises(TransportError, match="is not accepted"):
            async with here.connect(tls=ssl.create_default_context()):  # an authority we do not know
                pass


async def test_tls_on_a_port_without_and_the_other_way_round(tmp_path: Path) -> None:
    async with system() as here:
        with pytest.raises(TransportError, match="TLS"):
            async with here.connect(tls=ssl.create_default_context()):
                pass
    async with system(**certificate(tmp_path)) as here:
        with pytest.raises(TransportError):
            async with here.connect(tls=False):
                pass


# PDUs that are none


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (PING[:8] + b"\xff\xff" + PING[10:], ""),  # says that more comes than does
        (CALL[:8] + b"\x0f\0" + CALL[10:], "frag_length 15"),  # shorter than a header
        (b"\x04" + CALL[1:], "rpc_vers 4"),
        (PING[:3] + b"\0" + PING[4:], "header of an RTS PDU, at byte 3"),
        (PING[:10] + b"\x08\0" + PING[12:], "header of an RTS PDU, at byte 10"),
        (PING[:18] + b"\x05\0" + PING[20:], ""),  # five commands that are not there
        (PING[:8] + b"\x18\0" + PING[10:18] + b"\x01\0" + b"\x63\0\0\0", ""),  # an unknown command
        (b"HTTP/1.1 200 OK\r\n\r\n", "rpc_vers"),
        (bytes(40), "rpc_vers 0"),
    ],
    ids=["long", "short", "version", "flags", "auth", "count", "command", "http", "zeros"],
)
@pytest.mark.conformance(25, 81)
async def test_a_pdu_that_is_none_ends_its_virtual_connection(broken: bytes, cause: str, log: Lines) -> None:
    async with system() as here, here.connect() as bystander:
        async with here.channels() as (out, into):
            into.send(broken)
            if broken[8:10] == b"\xff\xff":
                into.finish()
            await out.rest()
            await into.rest()
        await until(lambda: len(here.proxy.drivers) == 2)  # the bystander's
        found = causes(log, "closed")
        assert any(cause in why for why in found), found
        assert await bystander.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


@pytest.mark.parametrize("cut", [1, 15, 19, 103])
async def test_a_first_pdu_that_stays_a_torso_is_not_waited_for(cut: int, log: Lines) -> None:
    async with system(first_pdu_timeout=0.05) as here:
        status, _ = await refused(here, request("RPC_IN_DATA", 1 << 30), B1[:cut])
        assert status == "HTTP/1.0 503 RPC Error: 6c0"
        assert rules(log) == ["FirstPduTimeout"]


async def test_an_rpc_pdu_of_64_kib_passes_a_window_of_that_size_and_is_refused_by_the_server(
    log: Lines,
) -> None:
    async with system() as here, here.channels() as (out, into):
        into.send(Request(7, 0, 3, bytes(65_000)).encode())
        await out.rest()
        await into.rest()
        assert any("REQUEST" in why for why in causes(log, "connection ended"))


async def test_more_than_the_window_is_too_much(log: Lines) -> None:
    async with system(strict=True) as here, here.channels() as (out, into):
        (connection,) = here.server._offers[0].legs.connections.values()
        connection.driver.machine._inlet.size = 0  # type: ignore[attr-defined]  # nothing is acknowledged
        for _ in range(40):
            into.send(Request(7, 0, 3, bytes(5000)).encode())
        await out.rest()
        await into.rest()
        assert causes(log, "closed")


# PDUs at the wrong time or place


@pytest.mark.conformance(43, 81, 86)
@pytest.mark.parametrize(
    "name",
    ["CONN/A1", "CONN/B1", "CONN/A2", "CONN/B2", "CONN/B3", "CONN/C2", "Echo", "IN_R1/A2", "OUT_R2/B3"],
)
async def test_an_rts_pdu_in_the_wrong_state_ends_the_virtual_connection(name: str, log: Lines) -> None:
    async with system() as here, here.channels() as (out, into):
        into.send(PDUS[name])
        await out.rest()
        await into.rest()
        assert causes(log, "closed")


@pytest.mark.conformance(48)
async def test_an_rpc_pdu_in_an_out_body_closes_the_out_channel(log: Lines) -> None:
    async with system() as here, here.peer() as out, here.peer() as into:
        out.send(request("RPC_OUT_DATA", 76 + len(CALL)), A1)
        into.send(request("RPC_IN_DATA", 1 << 30), B1)
        await out.head()
        await out.pdu()
        await out.pdu()
        out.send(CALL)
        await out.rest()
        await into.rest()
        assert causes(log, "closed")


@pytest.mark.conformance(48)
async def test_an_rpc_pdu_of_the_server_on_its_in_leg_closes_the_in_channel(log: Lines) -> None:
    async with raw_listener(BANNER) as server, system(routes={"raw:1": server.port}) as here:
        async with here.peer() as into:
            into.send(request("RPC_IN_DATA", 1 << 30, target="raw:1"), B1)
            there = await server.peer()
            assert len(await there.pdu()) == 128  # CONN/B2
            there.send(CALL)
            assert await into.rest() == await there.rest() == b""
        assert any("RpcArrived" in why for why in causes(log, "closed"))


@pytest.mark.conformance(52, 53)
async def test_acknowledgements_that_promise_too_much_or_are_for_nobody(log: Lines) -> None:
    async with system(strict=True) as here:
        async with here.channels() as (out, into):
            cookie = A1[52:68]
            nobody = FlowControlAck(0, 65_536, bytes(16))
            to_out = Destination(ForwardDestination.OUT_PROXY)
            into.send(AckWithDestination(to_out, nobody), CALL)
            assert await out.pdu()  # a bind_nak: RPC did not begin with a bind; but the channel is there
            await out.rest()
        async with here.channels() as (out, into):
            into.send(AckWithDestination(to_out, FlowControlAck(0, 1 << 30, cookie)))
            await out.rest()
            await into.rest()
        assert any("window" in why.lower() for why in causes(log, "closed"))
        async with here.channels() as (out, into):
            into.send(Ack(FlowControlAck(0, 65_536, cookie)))  # without Destination it has no place on IN-H
            await out.rest()
            await into.rest()


@pytest.mark.conformance(44)
@pytest.mark.parametrize(
    ("method", "length", "first"), [("RPC_IN_DATA", 1 << 30, B1), ("RPC_OUT_DATA", 76, A1)]
)
async def test_one_channel_without_the_other(method: str, length: int, first: bytes, log: Lines) -> None:
    brief = Settings(setup_timeout=0.1)
    async with system(server_settings=brief) as here, here.peer() as peer:
        peer.send(request(method, length), first)
        await peer.rest()
        assert any("the other channel did not come" in why for why in causes(log, "connection ended"))


async def test_both_channels_with_the_name_of_somebody_elses(log: Lines) -> None:
    async with (
        system(user=[rf"{USER}:Passw0rd!", r"LAB\bob:Passw0rd!"]) as here,
        here.channels() as (out, into),
    ):
        status, _ = await refused(here, request("RPC_IN_DATA", 1 << 30, user=r"LAB\bob"), B1)
        assert status in ("HTTP/1.0 503 RPC Error: 5", "HTTP/1.0 503 RPC Error: 6c0")
        assert await out.silent()
        assert await into.silent()


# Who vanishes


@pytest.mark.conformance(82)
@pytest.mark.parametrize("which", ["IN", "OUT"])
@pytest.mark.parametrize("abruptly", [True, False], ids=["reset", "closed"])
async def test_a_client_that_vanishes(which: str, abruptly: bool) -> None:
    async with system() as here, here.channels() as (out, into):
        gone, other = (into, out) if which == "IN" else (out, into)
        if abruptly:
            gone.reset()
        else:
            gone.finish()
        await other.rest()


async def test_a_client_that_vanishes_during_a_call_ends_the_call_at_the_server() -> None:
    async with system() as here:
        async with here.connect() as client:
            call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
            await here.called()
        with pytest.raises(CallLost):
            await call
        await here.emptied()


@pytest.mark.conformance(82)
@pytest.mark.parametrize("place", ["IN-T", "OUT-T"])
async def test_a_back_end_that_vanishes_during_a_call(place: str, log: Lines) -> None:
    async with system() as here:
        async with here.connect() as client:
            call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
            await here.called()
            (connection,) = here.server._offers[0].legs.connections.values()
            for one, transport in list(connection.driver.legs.items()):
                if one.place.value == place and transport.transport is not None:
                    transport.transport.abort()
            with pytest.raises(CallLost) as caught:
                await call
            assert not caught.value.did_not_execute
            assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)  # over a new connection
        assert "the server closed the connection" in causes(log, "closed")


# What does not come


async def test_a_body_that_never_comes(log: Lines) -> None:
    async with system(first_pdu_timeout=0.05) as here:
        for method, length in (("RPC_IN_DATA", 1 << 31), ("RPC_OUT_DATA", 76)):
            status, _ = await refused(here, request(method, length))
            assert status == "HTTP/1.0 503 RPC Error: 6c0"
        assert rules(log) == ["FirstPduTimeout"] * 2


async def test_two_gigabytes_that_are_claimed_cost_nothing() -> None:
    async with system() as here:
        async with AsyncExitStack() as clients:
            for _ in range(50):
                peer = await clients.enter_async_context(here.peer())
                peer.send(request("RPC_IN_DATA", 1 << 31))
            await until(lambda: len(here.proxy.openings) == 50)
            assert not here.server._offers[0].legs.arrivals  # nobody behind us has heard of them
        await here.emptied()


async def test_three_gigabytes_are_more_than_a_channel_may_claim(log: Lines) -> None:
    async with system() as here:
        status, fields = await refused(here, request("RPC_IN_DATA", 3 << 30), B1)
        assert status == "HTTP/1.1 400 Bad Request"
        assert fields["x-rpch-rule"] == "ChannelLength"
        assert rules(log) == ["ChannelLength"]


@pytest.mark.slow
async def test_a_body_ends_with_its_content_length(log: Lines) -> None:
    async with system() as here, here.peer() as out, here.peer() as into:
        out.send(request("RPC_OUT_DATA", 76), A1)
        into.send(request("RPC_IN_DATA", 131_072), B1)
        await out.head()
        await out.pdu()
        await out.pdu()
        for _ in range(131_072 // len(PING)):
            into.send(PING)
        await out.rest()
        await into.rest()
        assert any("more bytes than Content-Length" in why for why in causes(log, "closed"))


@pytest.mark.slow
async def test_a_client_that_calls_and_takes_no_answers(monkeypatch: pytest.MonkeyPatch, log: Lines) -> None:
    monkeypatch.setattr(runtime, "BACKLOG_LIMIT", 1_000_000)
    monkeypatch.setattr(inbox, "HELD_LIMIT", 10_000)
    stub = Count(200_000).encode()
    async with system() as here, here.channels() as (out, into):
        (connection,) = here.server._offers[0].legs.connections.values()
        into.send(Bind(1, (ContextElement(0, interface_of(Demo).syntax, (NDR20,)),)))
        await out.pdu()
        into.send(*(Request(number, 0, 3, stub) for number in range(20)))
        await until(lambda: connection.waiting > 1_000_000)
        assert connection.waiting < 1_500_000  # the other calls wait for room
        assert await out.take(60_000)
        into.send(*(Request(number, 0, 3, stub) for number in range(600)))
        await out.rest()
        await into.rest()
        assert "a client that calls but takes no answers" in causes(log, "connection ended")


@pytest.mark.slow
async def test_a_server_that_reads_nothing_costs_no_more_than_a_few_megabytes(
    monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    monkeypatch.setattr(leg, "UNREAD_LIMIT", 200_000)
    async with raw_listener(BANNER) as server, system(routes={"deaf:1": server.port}) as here:
        async with here.peer() as out, here.peer() as into:
            out.send(request("RPC_OUT_DATA", 76, target="deaf:1"), A1)
            await (await server.peer(0)).pdu()
            into.send(request("RPC_IN_DATA", 1 << 30, target="deaf:1"), B1)
            there = await server.peer(1)
            await there.pdu()
            there.send(ConnB3(ReceiveWindowSize(65_536), Version(1)))
            there.reader._transport.pause_reading()  # type: ignore[attr-defined]
            to_out = Destination(ForwardDestination.OUT_PROXY)
            ack = AckWithDestination(to_out, FlowControlAck(0, 65_536, bytes(16))).encode()
            await until(lambda: any(line["event"] == "opened" for line in log))
            for _ in range(400):  # nothing but RTS PDUs, which no window stops
                if not into.writer.is_closing():
                    into.send(*[ack] * 1000)
                    await asyncio.sleep(0)
            await into.rest()
        assert "the peer does not read what it is sent" in causes(log, "closed")


async def test_nobody_is_connected_before_authentication_and_before_the_first_pdu() -> None:
    async with (
        raw_listener() as target,
        system(routes={"raw:1": target.port}) as here,
        here.peer() as stranger,
        here.peer() as wrong,
        here.peer() as silent,
        here.peer() as echo,
    ):
        stranger.send(request("RPC_IN_DATA", 1 << 30, target="raw:1", user=None), B1)
        wrong.send(request("RPC_OUT_DATA", 76, target="raw:1", password="wrong"), A1)
        silent.send(request("RPC_IN_DATA", 1 << 30, target="raw:1"), B1[:-1])
        echo.send(request("RPC_IN_DATA", 4, target="raw:1"), b"\xf8\xe8\x18\x08")
        assert (await stranger.head())[0].startswith("HTTP/1.1 401")
        assert (await wrong.head())[0].startswith("HTTP/1.1 401")
        assert (await echo.head())[0] == "HTTP/1.1 200 Success"
        await until(lambda: len(here.proxy.openings) == 1)
        await asyncio.sleep(0.05)
        assert not target.peers
        silent.send(B1[-1:])
        await target.peer()
        assert len(target.peers) == 1
