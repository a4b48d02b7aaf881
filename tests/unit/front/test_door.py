"""One port for channels and for web pages: who takes a request is decided anew at each boundary."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs
from uvicorn.config import Config
from uvicorn.server import ServerState

from rpch.front.door import Door, door_for
from rpch.http.answers import echo_answer
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.limits import HeadSettings
from rpch.proxy.service import RpcProxy
from rpch.testing.rts_samples import SAMPLES
from tests.memory_transport import MemoryTransport
from tests.raw_peer import until

A1 = next(sample for sample in SAMPLES if sample.NAME == "CONN/A1").encode()
TOKEN = base64.b64encode(rb"LAB\alice:pw").decode("ascii")
ECHO_ANSWER = echo_answer()
GET = b"GET /page HTTP/1.1\r\nHost: p\r\n\r\n"


def rpc(length: int = 0, *, target: str = "localhost:6001", method: str = "RPC_IN_DATA") -> bytes:
    """A request to the proxy, with credentials."""
    head = f"{method} /rpc/rpcproxy.dll?{target} HTTP/1.1\r\nHost: p\r\nContent-Length: {length}\r\n"
    return f"{head}Authorization: Basic {TOKEN}\r\n\r\n".encode()


async def page(request: Request) -> Response:
    return PlainTextResponse("page")


async def sink(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def refuses(request: Request) -> Response:
    return PlainTextResponse("no", status_code=403)  # without a look at the body


@dataclass
class Visit:
    """A client at the door."""

    door: Door
    transport: MemoryTransport
    state: ServerState
    proxy: RpcProxy

    def send(self, data: bytes) -> None:
        """To whoever has the connection now."""
        protocol = self.transport.get_protocol()
        assert isinstance(protocol, asyncio.Protocol)
        protocol.data_received(data)

    async def answers(self) -> list[str]:
        """The status lines and texts of what is answered, when everybody has done what can be done."""
        await settled()
        found = re.findall(rb"HTTP/1\.[01] \d+ [^\r,]*|(?<=\r\n\r\n)(?:page|5 bytes)", self.transport.take())
        return [one.decode("ascii") for one in found]

    def lose(self) -> None:
        """The client goes."""
        protocol = self.transport.get_protocol()
        assert isinstance(protocol, asyncio.Protocol)
        protocol.connection_lost(None)


async def settled() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@asynccontextmanager
async def visit(refresh: Callable[[], Awaitable[None]] | None = None, **more: Any) -> AsyncIterator[Visit]:
    """A door with a small web application and a proxy behind it."""
    given: dict[str, Any] = {
        "no_tls": True,
        "user": [r"LAB\alice:pw"],
        "valid_ports": "localhost:6001",
        **more,
    }
    settings = ProxyConfiguration(**given)
    methods: list[str] = ["GET", "POST"]
    pages: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/page": page,
        "/sink": sink,
        "/no": refuses,
    }
    app = Starlette(routes=[Route(path, what, methods=methods) for path, what in pages.items()])
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        proxy.refresh = refresh
        config = Config(app, ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        state = ServerState()
        door, transport = door_for(proxy)(config, state, {}), MemoryTransport(peer=("127.0.0.1", 50_000))
        transport.protocol = door
        door.connection_made(transport)
        yield Visit(door, transport, state, proxy)
        proxy.end_all(None)


QUICK = HeadSettings(timeout=0.01)  # does not wait long for what does not come


OK, SUCCESS = "HTTP/1.1 200 OK", "HTTP/1.1 200 Success"


@pytest.mark.conformance(1)
async def test_web_and_rpc_requests_alternate_on_one_connection() -> None:
    async with visit() as here:
        for _ in range(3):
            here.send(GET)
            assert await here.answers() == [OK, "page"]
            here.send(rpc())
            assert await here.answers() == [SUCCESS]
        here.lose()
        assert not here.state.connections


async def test_requests_in_one_read_each_find_their_own() -> None:
    async with visit() as here:
        here.send(GET + rpc(4) + b"\xf8\xe8\x18\x08" + GET + rpc() + rpc() + GET)
        expected = [OK, "page", SUCCESS, OK, "page", SUCCESS, SUCCESS, OK, "page"]
        assert await here.answers() == expected
        here.lose()


async def test_a_request_behind_one_whose_password_takes_a_while_to_verify_is_found() -> None:
    async with visit() as here:
        echo = rpc(4) + b"abcd"
        here.send(echo + echo + GET + echo)
        assert await here.answers() == [SUCCESS, SUCCESS, OK, "page", SUCCESS]
        here.lose()


async def test_requests_may_come_byte_by_byte() -> None:
    async with visit() as here:
        for byte in GET + rpc(2) + b"ab" + GET:
            here.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await here.answers() == [OK, "page", SUCCESS, OK, "page"]
        here.lose()


async def test_thousands_of_echoes_in_one_read_do_not_pile_up() -> None:
    async with visit(allow_anonymous=True) as here:
        here.send(rpc() * 1500)
        assert len(await here.answers()) == 1500
        here.lose()


async def test_a_channel_keeps_the_connection_for_good() -> None:
    async with visit() as here:
        here.send(GET)
        await here.answers()
        here.send(rpc(76, method="RPC_OUT_DATA"))
        await here.answers()
        assert here.transport.get_protocol() is not here.door
        assert len(here.state.connections) == 1  # uvicorn waits for it at a stop
        here.send(GET)  # this is its first PDU, and a bad one
        assert await here.answers() == ["HTTP/1.0 503 RPC Error: 6c0"]
        here.lose()
        assert not here.state.connections


async def test_a_post_gives_back_the_connection_behind_its_body() -> None:
    async with visit() as here:
        post = b"POST /sink HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\n12"
        here.send(post)
        assert await here.answers() == []
        here.send(b"345" + rpc())
        assert await here.answers() == [OK, "5 bytes", SUCCESS]
        here.lose()


async def test_an_unread_body_is_not_taken_for_the_next_request() -> None:
    async with visit() as here:
        hidden = rpc()
        here.send(b"POST /no HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % len(hidden))
        assert await here.answers() == ["HTTP/1.1 403 Forbidden"]
        here.send(hidden)
        assert await here.answers() == []
        assert here.transport.is_ended()
        here.lose()


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        (
            b"GET / HTTP/1.1\r\nHost: p\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "LengthAndCoding",
        ),
        (b"GET / HTTP/1.1\nHost: p\n\n", "LineEnd"),
        (b"GET / HTTP/1.1\r\nHost: p\r\nX: a\r\n b\r\n\r\n", "FoldedField"),
        (b"GET / HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "RepeatedLength"),
        (b"GET / HTTP/1.1\r\nHost: p\r\nContent-Length: +1\r\n\r\n", "BadLength"),
        (b"POST / HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "UnknownCoding"),
        (b"GET / HTTP/1.1\r\n\r\n", "Host"),
        (b"\r\nGET / HTTP/1.1\r\nHost: p\r\n\r\n", "EmptyLine"),
        (b"GET / HTTP/3.0\r\nHost: p\r\n\r\n", "HttpVersion"),
        (b"GET /\0 HTTP/1.1\r\nHost: p\r\n\r\n", "ControlByte"),
        (b"X" * 40 + b"\r\n\r\n", "Grammar"),
    ],
)
async def test_heads_that_two_readers_may_read_differently_go_to_nobody(head: bytes, rule: str) -> None:
    async with visit() as here:
        with capture_logs() as lines:
            here.send(head + rpc())
        answers = await here.answers()
        assert len(answers) == 1
        assert answers[0].split()[1] in ("400", "501", "505")
        assert [line["rule"] for line in lines] == [rule]
        assert here.transport.is_ended()
        here.send(rpc())
        assert await here.answers() == []
        here.lose()


async def test_a_head_without_end_is_refused() -> None:
    async with visit() as here:
        here.send(b"GET / HTTP/1.1\r\nHost: p\r\n")
        for number in range(200):
            here.send(b"X-%d: y\r\n" % number)
        assert await here.answers() == ["HTTP/1.1 431 Request Header Fields Too Large"]
        here.lose()


@pytest.mark.parametrize("start", [b"GE", b"GET /page HTTP/1.1\r\nHo", b"RPC_IN_DATA /rpc", rpc()[:-2]])
async def test_a_head_that_stops_half_way_is_not_waited_for(start: bytes) -> None:
    async with visit(heads=QUICK) as here:
        with capture_logs() as lines:
            here.send(start)
            await until(lambda: lines)
        assert await here.answers() == ["HTTP/1.1 408 Request Timeout"]
        assert [line["rule"] for line in lines] == ["HeadTimeout"]
        here.lose()


async def test_a_connection_without_a_request_is_closed() -> None:
    async with visit(heads=QUICK) as here:
        here.send(GET)
        assert await here.answers() == [OK, "page"]
        await until(here.transport.is_closing)
        here.lose()


async def test_a_page_that_closes_ends_the_connection() -> None:
    async with visit() as here:
        here.send(b"GET /page HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
        assert await here.answers() == [OK, "page"]
        assert here.transport.is_closing()
        here.lose()
        assert not here.state.connections


@pytest.mark.parametrize("begun", [b"", b"GE", rpc()[:-2], GET])
async def test_a_stop_ends_what_is_no_channel(begun: bytes) -> None:
    async with visit() as here:
        here.send(begun)
        if begun == GET:
            await settled()
        here.door.shutdown()
        assert here.transport.is_closing() or here.transport.is_ended()
        here.lose()
        assert not here.state.connections


async def test_a_stop_lets_a_page_be_finished() -> None:
    async with visit() as here:
        here.send(GET)
        here.door.shutdown()
        assert await here.answers() == [OK, "page"]
        assert here.transport.is_closing()
        here.lose()


async def test_a_stop_leaves_channels_to_the_proxy() -> None:
    async with visit() as here:
        here.send(rpc(76, method="RPC_OUT_DATA"))
        await settled()
        here.door.shutdown()
        assert not here.transport.is_closing()
        here.lose()


async def test_who_does_not_read_its_answers_is_not_listened_to_whoever_answers() -> None:
    async with visit(allow_anonymous=True) as here:
        here.send(rpc())
        await here.answers()
        here.door.pause_writing()
        assert not here.transport.is_reading()
        here.send(rpc() * 2)
        assert await here.answers() == []
        protocol = here.transport.get_protocol()
        assert isinstance(protocol, asyncio.Protocol)
        protocol.resume_writing()
        assert await here.answers() == [SUCCESS, SUCCESS]
        here.lose()


async def test_the_first_request_waits_for_the_rules_that_hold_and_later_ones_do_not() -> None:
    looks, gate = [], asyncio.Event()

    async def refresh() -> None:
        looks.append(1)
        await gate.wait()

    async with visit(refresh=refresh) as client:
        client.send(GET[:9])
        client.send(GET[9:])
        assert await client.answers() == []
        assert not client.transport.is_reading()
        gate.set()
        assert await client.answers() == ["HTTP/1.1 200 OK", "page"]
        assert client.transport.is_reading()
        client.send(GET)
        assert await client.answers() == ["HTTP/1.1 200 OK", "page"]
    assert looks == [1]


async def test_a_client_that_goes_meanwhile_is_forgotten() -> None:
    gate = asyncio.Event()

    async def refresh() -> None:
        await gate.wait()

    async with visit(refresh=refresh) as client:
        client.send(GET)
        await settled()
        client.lose()
        gate.set()
        assert await client.answers() == []


async def test_looking_for_rules_takes_no_longer_than_a_head_may() -> None:
    gate = asyncio.Event()

    async def refresh() -> None:
        await gate.wait()

    async with visit(refresh=refresh, heads=QUICK) as client:
        client.send(GET)
        await asyncio.sleep(0.05)
        assert (await client.answers())[0].startswith("HTTP/1.1 408")
        gate.set()
        assert await client.answers() == []
