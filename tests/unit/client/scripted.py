"""Peers of a client that follow a script: each connection is served by a few lines of a test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import cache

import trustme

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.channel_binding import PLAIN, Channel
from rpch.auth.extended_protection import ExtendedProtection, ProtectionMode
from rpch.auth.http_authenticator import HttpAuthenticator, HttpAuthSession
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.outcomes import Authenticated
from rpch.auth.schemes import CHALLENGE_HEADER, Scheme
from rpch.client.credentials import Credentials
from rpch.http.answers import echo_answer
from rpch.http.channels import ECHO_MAX_LENGTH
from rpch.http.heads import RequestHead, encode_response_head, read_request_head

LOOPBACK = "127.0.0.1"
USER, PASSWORD = r"LAB\alice", "Passw0rd!"
ALICE = Credentials(USER, PASSWORD)
SOON = 5.0  # seconds for what must come
OPEN = "HTTP/1.1 200 Connection established\r\n\r\n"


class Exchange:
    """One connection, as the peer has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._buffer = b""

    async def head(self) -> RequestHead:
        """The next request's head."""
        while (found := read_request_head(self._buffer)) is None:
            self._buffer += await self._more()
        head, size = found
        self._buffer = self._buffer[size:]
        return head

    async def request(self) -> RequestHead:
        """The next request whose body is short, and passed over."""
        head = await self.head()
        await self.body(head.content_length)
        return head

    async def body(self, size: int) -> bytes:
        """So many bytes behind a head."""
        while len(self._buffer) < size:
            self._buffer += await self._more()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return body

    async def ended(self) -> None:
        """Returns when the client has closed."""
        while await self.reader.read(4096):
            pass

    def say(self, *answer: bytes | str) -> None:
        """Send this."""
        self.writer.write(b"".join(part.encode() if isinstance(part, str) else part for part in answer))

    async def pass_on(self, port: int) -> None:
        """Be a tunnel to a port from here on."""
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(self._buffer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, self.writer))
                both.create_task(_pump(self.reader, writer))
        finally:
            writer.close()

    async def _more(self) -> bytes:
        data = await self.reader.read(4096)
        if not data:
            raise ConnectionResetError("the client has closed")
        return data


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            sink.write(data)
    sink.close()


Serve = Callable[[Exchange], Awaitable[None]]


@asynccontextmanager
async def peer(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a peer. What it still does at the end is cancelled; what it got wrong fails the test."""
    tasks: set[asyncio.Task[None]] = set()
    mistakes: list[BaseException] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(Exchange(reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        except BaseException as mistake:  # it is raised where the test sees it
            mistakes.append(mistake)
        finally:
            tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, LOOPBACK, 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if mistakes:
        raise mistakes[0]


@cache
def authority() -> trustme.CA:
    """The authority that all tests trust."""
    return trustme.CA()


@cache
def certificate(*names: str) -> trustme.LeafCert:
    """A certificate for these names; the first is its common name."""
    return authority().issue_cert(*names, common_name=names[0])


def server_tls(*names: str) -> ssl.SSLContext:
    """TLS of a peer with these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate(*(names or ("localhost", LOOPBACK))).configure_cert(context)
    return context


def client_tls() -> ssl.SSLContext:
    """TLS of a client that trusts the authority."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def authenticator(
    *schemes: Scheme, protection: ProtectionMode = ProtectionMode.NONE, password: str = PASSWORD
) -> HttpAuthenticator:
    """What judges Alice, on plain connections too."""
    return HttpAuthenticator(
        MemoryAccounts({Identity("alice", "LAB"): password}),
        schemes=schemes or tuple(Scheme),
        without_tls=schemes or tuple(Scheme),
        ntlm=NtlmSettings.standalone("localhost", domain="LAB"),
        protection=ExtendedProtection(protection, hosts=("localhost", LOOPBACK), allow_dotless_names=True),
    )


class Gate:
    """Asks for credentials on one connection, as the RPC proxy or as an HTTP proxy."""

    def __init__(
        self, judge: HttpAuthenticator, exchange: Exchange, *, proxy: bool = False, channel: Channel = PLAIN
    ) -> None:
        self._session: HttpAuthSession = judge.session(channel=channel)
        self._exchange, self._proxy = exchange, proxy
        self.seen: list[RequestHead] = []

    async def pass_by(self) -> RequestHead:
        """Asks until somebody is let in; the request with which that was."""
        field = "proxy-authorization" if self._proxy else "authorization"
        while True:
            head = await self._exchange.head()
            self.seen.append(head)
            outcome = await self._session.step(head.get(field), secure=True)
            if isinstance(outcome, Authenticated):
                return head
            offers = [value for name, value in outcome.headers if name == CHALLENGE_HEADER]
            if head.content_length > ECHO_MAX_LENGTH:
                self._exchange.say(asking(offers, proxy=self._proxy, close=True))
                raise ConnectionResetError("a body that nobody reads ends the connection")
            await self._exchange.body(head.content_length)
            self._exchange.say(asking(offers, proxy=self._proxy))


def asking(offers: Iterable[str], *, proxy: bool = False, close: bool = False, body: str = "no") -> bytes:
    """401 or 407 with these offers."""
    name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
    fields = [(name, offer) for offer in offers]
    if close:
        fields.append(("Connection", "close"))
    fields.append(("Content-Length", str(len(body))))
    return encode_response_head(407 if proxy else 401, "Asked", fields) + body.encode()


async def echoing(exchange: Exchange) -> None:
    """An RPC proxy that lets everybody in and answers echoes."""
    while True:
        await exchange.request()
        exchange.say(echo_answer())
