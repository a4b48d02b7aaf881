"""Finding a mailbox among real servers with real TLS, where DNS is ours: also among those who mean harm."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import trustme

from rpch.exchange.autodiscover.client import MOST_REDIRECTIONS, AutodiscoverClient, Step
from rpch.exchange.autodiscover.pox_answer import Expr, User, redirect_url_document, settings_document
from rpch.exchange.autodiscover.web_client import Credentials, WebClient

pytestmark = pytest.mark.slow

PATH = "/autodiscover/autodiscover.xml"
DOMAIN, OTHER = "contoso.test", "hoster.test"
ROOT, HOST = (DOMAIN, 443), (f"autodiscover.{DOMAIN}", 443)
PLAIN, SRV = (f"autodiscover.{DOMAIN}", 80), f"_autodiscover._tcp.{DOMAIN}"
ELSEWHERE = (OTHER, 443)
PASSWORD = "canary-1138"
SHOWN = b"Authorization: Basic " + b64encode(f"jane:{PASSWORD}".encode())
FOUND = settings_document(
    User("Jane", "/o=Org/cn=jane", f"jane@{DOMAIN}", UUID(int=1)), [Expr("m", tls=True, method="Basic")]
)


def answer(status: str, body: bytes = b"", *fields: str) -> bytes:
    """An answer of HTTP, whole."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + body


NOT_HERE = answer("404 Not Found")
ASKS = answer("401 Unauthorized", b"", 'WWW-Authenticate: Basic realm="x"')


def found(host: str) -> bytes:
    """A redirection."""
    return answer("302 Found", b"", f"Location: https://{host}{PATH}")


@dataclass
class World:
    """Servers by name and port. DNS leads to them, and to nobody else."""

    ca: trustme.CA
    ports: dict[tuple[str, int], int] = field(default_factory=dict)
    heard: dict[tuple[str, int], list[bytes]] = field(default_factory=dict)
    srv: dict[str, list[str]] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ()

    async def serve(
        self,
        stack: AsyncExitStack,
        place: tuple[str, int],
        say: Callable[[bytes], AsyncIterator[bytes]],
        *,
        certified: str = "",
        ca: trustme.CA | None = None,
    ) -> None:
        """A server there, that says this to each head; with a certificate of its own, unless it is plain."""
        heard = self.heard.setdefault(place, [])

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    heard.append(head + await reader.readexactly(int(length or 0)))
                    async for part in say(head):
                        writer.write(part)
                        await writer.drain()
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

        context = None
        if place[1] == 443:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            (ca or self.ca).issue_cert(certified or place[0]).configure_cert(context)
        server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
        await stack.enter_async_context(server)
        self.ports[place] = server.sockets[0].getsockname()[1]

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        if (host, port) not in self.ports:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return socket.create_connection(("127.0.0.1", self.ports[host, port]), timeout)

    async def look_up(self, name: str) -> list[str]:
        return self.srv.get(name, [])

    async def allow(self, host: str) -> bool:
        self.questions.append(host)
        return host in self.allowed

    async def steps(self, within: float = 5.0) -> list[Step]:
        """What a client that trusts our authority tries, and what comes of it."""
        trust = ssl.create_default_context()
        self.ca.configure_trust(trust)
        client = AutodiscoverClient(
            WebClient(trust, timeout=within, connect=self.connect),
            credentials=Credentials("jane", PASSWORD),
            allow=self.allow,
            srv=self.look_up,
        )
        return [step async for step in client.discover(f"jane@{DOMAIN}")]

    def shown_to(self) -> list[tuple[str, int]]:
        """Who has seen the password."""
        return [place for place, heads in self.heard.items() if any(SHOWN in head for head in heads)]


def says(what: bytes) -> Callable[[bytes], AsyncIterator[bytes]]:
    """Always the same."""

    async def say(head: bytes) -> AsyncIterator[bytes]:
        yield what

    return say


async def keeps(head: bytes) -> AsyncIterator[bytes]:
    """The mailbox's settings, for whoever shows the password."""
    yield answer("200 OK", FOUND) if SHOWN in head else ASKS


@asynccontextmanager
async def world() -> AsyncIterator[tuple[World, AsyncExitStack]]:
    async with AsyncExitStack() as stack:
        yield World(trustme.CA()), stack


@pytest.mark.parametrize("place", [ROOT, HOST], ids=["root", "host"])
async def test_the_first_who_knows_ends_the_search(place: tuple[str, int]) -> None:
    async with world() as (here, stack):
        if place is HOST:
            await here.serve(stack, ROOT, says(NOT_HERE))
        await here.serve(stack, place, keeps)
        steps = await here.steps()
    assert steps[-1].settings is not None
    assert here.shown_to() == [place]
    if place is HOST:
        assert [step.outcome for step in steps] == ["answered 404", "settings"]


@pytest.mark.parametrize("way", ["plain", "srv", "root"])
async def test_a_hoster_is_asked_once_it_is_allowed(way: str) -> None:
    async with world() as (here, stack):
        await here.serve(stack, ELSEWHERE, keeps)
        if way == "plain":
            await here.serve(stack, PLAIN, says(found(OTHER)))
        elif way == "root":
            await here.serve(
                stack, ROOT, says(answer("200 OK", redirect_url_document(f"https://{OTHER}{PATH}")))
            )
        else:
            here.srv[SRV] = [OTHER]
        assert (await here.steps())[-1].settings is None
        assert here.heard[ELSEWHERE] == []
        here.allowed = (OTHER,)
        assert (await here.steps())[-1].settings is not None
    assert set(here.questions) == {OTHER}
    assert here.shown_to() == [ELSEWHERE]


@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_a_certificate_that_does_not_fit_gets_nothing(wrong: str) -> None:
    async with world() as (here, stack):
        if wrong == "name":
            await here.serve(stack, HOST, keeps, certified="www.contoso.test")
        else:
            await here.serve(stack, HOST, keeps, ca=trustme.CA())
        steps = await here.steps()
    assert steps[1].outcome.startswith(f"the certificate of autodiscover.{DOMAIN} is not trusted: ")
    assert here.heard[HOST] == []
    assert steps[-1].settings is None


async def test_a_downgrade_is_refused_before_anything_is_sent() -> None:
    async with world() as (here, stack):
        down = answer("301 Moved", b"", f"Location: http://autodiscover.{DOMAIN}{PATH}")
        await here.serve(stack, ROOT, says(down))
        await here.serve(stack, PLAIN, says(answer("200 OK", FOUND)))
        steps = await here.steps()
    assert "only https is trusted with credentials" in steps[1].outcome
    assert steps[-1].settings is None
    assert all(head.startswith(b"GET ") and b"uthorization" not in head for head in here.heard[PLAIN])


async def test_a_loop_ends() -> None:
    async with world() as (here, stack):
        await here.serve(stack, ROOT, says(found(f"autodiscover.{DOMAIN}")))
        await here.serve(stack, HOST, says(found(DOMAIN)))
        steps = await here.steps()
    assert f"more than {MOST_REDIRECTIONS} redirections" in [step.outcome for step in steps]
    assert sum(map(len, here.heard.values())) <= MOST_REDIRECTIONS + 2


BOMB = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Autodiscover>&b;</Autodiscover>'


async def drips(head: bytes) -> AsyncIterator[bytes]:
    """An answer that never ends, a byte at a time."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
    while True:
        yield b" "
        await asyncio.sleep(0.01)


async def floods(head: bytes) -> AsyncIterator[bytes]:
    """A gibibyte, as far as anybody takes it."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
    for _ in range(1 << 14):
        yield b"<" * 65_536


@pytest.mark.parametrize(
    ("say", "outcome"),
    [
        (says(answer("200 OK", BOMB)), "no XML that is read here: DTDForbidden"),
        (says(answer("200 OK", b"<a>" * 20_000)), "no XML that is read here: ParseError"),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), f"{DOMAIN} does not answer: SSH-2.0-OpenSSH"),
        (floods, "a document of more than 65536 bytes"),
        (drips, f"{DOMAIN} does not answer within 0.5 seconds"),
    ],
    ids=["bomb", "deep", "nonsense", "flood", "drip"],
)
async def test_a_hostile_server_is_told_of_and_left(
    say: Callable[[bytes], AsyncIterator[bytes]], outcome: str
) -> None:
    async with world() as (here, stack):
        await here.serve(stack, ROOT, say)
        await here.serve(stack, HOST, keeps)
        steps = await here.steps(within=0.5 if say is drips else 5.0)
    assert steps[0].outcome.startswith(outcome)
    assert steps[-1].settings is not None
    assert here.shown_to() == [HOST]
