"""The web application is for those who have shown who they are; what is open is said by name."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.config import Config
from uvicorn.server import ServerState

from rpch.front.door import Door
from rpch.front.web_connections import WebAuthentication
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.limits import HeadSettings
from tests.memory_transport import MemoryTransport
from tests.ntlm_over_http import token_of
from tests.unit.auth.ntlm.crafted_client import CraftedClient

RIGHT, WRONG = "TEFCXGFsaWNlOnNlY3JldA==", "TEFCXGFsaWNlOndyb25n"  # LAB\alice:secret, LAB\alice:wrong


async def who(request: Request) -> Response:
    """Who asks, as the application is told."""
    return PlainTextResponse(f"{request.state.identity} {len(await request.body())}")


async def health(request: Request) -> Response:
    return PlainTextResponse("ok")


@asynccontextmanager
async def visit(
    *, no_tls: bool = True, peer: str = "127.0.0.1", heads: HeadSettings | None = None
) -> AsyncIterator[MemoryTransport]:
    """A client at a door whose relay is this machine, or with TLS."""
    settings = ProxyConfiguration(
        no_tls=no_tls,
        user=[r"LAB\alice:secret"],
        auth=["Basic", "NTLM"],
        extended_protection="allow",
        heads=heads or HeadSettings(),
    )
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        web = Starlette(
            routes=[Route("/who", who, methods=["GET", "POST"]), Route("/healthz", health)],
            middleware=[Middleware(WebAuthentication, proxy=proxy)],
        )
        config = Config(web, ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        transport = MemoryTransport(peer=(peer, 50_000), tls=not no_tls)
        door = Door(proxy, config, ServerState(), {})
        transport.protocol = door
        door.connection_made(transport)
        yield transport
        door.connection_lost(None)


async def ask(transport: MemoryTransport, path: str, fields: str = "", body: bytes = b"") -> str:
    """The answer to one request."""
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
    protocol = transport.get_protocol()
    assert isinstance(protocol, asyncio.Protocol)
    protocol.data_received(head.encode() + body)
    answer = b""
    for _ in range(40):
        await asyncio.sleep(0)
        answer += transport.take()
    return answer.decode("latin-1")


async def test_nobody_in_particular_is_asked_to_authenticate() -> None:
    async with visit() as transport:
        answer = await ask(transport, "/who")
        assert answer.startswith("HTTP/1.1 401")
        assert 'www-authenticate: basic realm="rpch"' in answer.lower()
        assert "x-rpch-rule: authentication" in answer.lower()


async def test_what_is_open_asks_nobody() -> None:
    async with visit() as transport:
        assert (await ask(transport, "/healthz")).endswith("ok")


async def test_basic_is_proven_by_each_request() -> None:
    async with visit() as transport:
        right = f"Authorization: Basic {RIGHT}\r\n"
        assert (await ask(transport, "/who", right, b"abc")).endswith("LAB\\alice 3")
        assert (await ask(transport, "/who")).startswith("HTTP/1.1 401")


async def test_a_wrong_password_is_refused_and_the_third_closes() -> None:
    async with visit() as transport:
        wrong = f"Authorization: Basic {WRONG}\r\n"
        answers = [await ask(transport, "/who", wrong) for _ in range(3)]
    assert all(answer.startswith("HTTP/1.1 401") for answer in answers)
    assert ["connection: close" in answer.lower() for answer in answers] == [False, False, True]


async def test_ntlm_proves_the_connection_and_reads_bodies_away_meanwhile() -> None:
    client = CraftedClient()

    def line(token: bytes) -> str:
        return f"Authorization: NTLM {base64.b64encode(token).decode()}\r\n"

    async with visit(no_tls=False, peer="192.0.2.7") as transport:
        asked = await ask(transport, "/who", line(client.negotiate()), b"body")
        offer = next(one for one in asked.split("\r\n") if one.lower().startswith("www-authenticate: ntlm "))
        token = token_of(offer.partition(": ")[2])
        answer = await ask(transport, "/who", line(client.authenticate(token)), b"body")
        assert answer.endswith("LAB\\alice 4")
        assert "persistent-auth: true" in answer.lower()
        assert (await ask(transport, "/who")).endswith("LAB\\alice 0")


async def test_without_tls_and_from_no_relay_nobody_is_asked_for_a_password() -> None:
    async with visit(peer="192.0.2.7") as transport:
        answer = await ask(transport, "/who")
    assert answer.startswith("HTTP/1.1 403")
    assert "x-rpch-rule: requiretls" in answer.lower()


async def test_a_head_beyond_the_set_limit_is_refused_by_its_name() -> None:
    async with visit(heads=HeadSettings(size=200, fields=3)) as transport:
        answer = await ask(transport, "/healthz", "X: y\r\n" * 4)
    assert "X-Rpch-Rule: HeadFields" in answer
    async with visit(heads=HeadSettings(size=200)) as transport:
        answer = await ask(transport, "/healthz", f"X: {'y' * 300}\r\n")
    assert "X-Rpch-Rule: HeadSize" in answer
