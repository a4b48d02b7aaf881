"""One request, one answer, of a bounded size; whatever fails is a `TransportError`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.mechanism import Continue, Done
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.schemes import Scheme
from rpch.errors import AuthenticationFailed, TransportError
from rpch.exchange.autodiscover import web_client
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT
from rpch.exchange.autodiscover.web_client import Credentials, Proof, WebClient, WebRequestFor
from tests.unit.auth.ntlm.crafted_client import CraftedClient

CLIENT = WebClient(ssl.create_default_context(), timeout=5)


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that says this to everybody, where it is, and what it heard."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


async def test_redirections_are_answers_and_not_followed() -> None:
    sent = b"HTTP/1.1 302 Found\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n"
    async with serving(sent) as (url, heard):
        answer = await CLIENT(WebRequestFor(f"{url}/a?b=c"))
    assert (answer.status, answer.location) == (302, "https://x/")
    assert len(heard) == 1
    assert heard[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")


async def test_offers_are_kept_apart_and_bodies_are_bounded() -> None:
    sent = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=x\r\n\r\n"
    async with serving(sent + b"x" * (SIZE_LIMIT * 2)) as (url, heard):
        answer = await CLIENT(WebRequestFor(url, b"<x/>", (("Content-Type", "text/xml"),)))
    assert answer.offers == ("NTLM", "Basic realm=x")
    assert len(answer.body) == SIZE_LIMIT + 1
    assert heard[0].startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.parametrize("sent", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000])
async def test_what_is_no_answer_is_an_error(sent: bytes) -> None:
    async with serving(sent) as (url, _):
        with pytest.raises(TransportError, match="does not answer"):
            await CLIENT(WebRequestFor(url))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://127.0.0.1:x/", "http://127.0.0.1:1/a b\r\nX: y", "https://127.0.0.1:1/"],
)
async def test_whoever_cannot_be_asked_is_an_error(url: str) -> None:
    with pytest.raises(TransportError):
        await CLIENT(WebRequestFor(url))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
async def test_why_nobody_answers_is_said_without_numbers(error: OSError, said: str) -> None:
    def connect(host: str, port: int, timeout: float) -> socket.socket:
        raise error

    client = WebClient(ssl.create_default_context(), connect=connect)
    with pytest.raises(TransportError) as failed:
        await client(WebRequestFor("https://mail.example/"))
    assert str(failed.value) == f"mail.example does not answer: {said}"


def test_credentials_show_no_password() -> None:
    assert "pw" not in repr(Proof(Scheme.BASIC, Credentials("jane", "pw")))


JANE = Credentials(r"LAB\jane", "pw")
NO = b"HTTP/1.1 401 No\r\nWWW-Authenticate: %b\r\nContent-Length: %d\r\n\r\n%b"


def no(offer: bytes, body: bytes = b"") -> bytes:
    return NO % (offer, len(body), body)


@asynccontextmanager
async def conversing(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that says these one after the other on one connection."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


async def test_basic_is_shown_at_once_and_a_no_is_final() -> None:
    async with conversing(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as (url, heard):
        answer = await CLIENT(WebRequestFor(url, proof=Proof(Scheme.BASIC, JANE)))
    assert answer.body == b"ok"
    assert b"Authorization: Basic TEFCXGphbmU6cHc=\r\n" in heard[0]
    async with conversing(no(b"Basic realm=x")) as (url, _):
        with pytest.raises(AuthenticationFailed, match="refused the credentials, by Basic"):
            await CLIENT(WebRequestFor(url, proof=Proof(Scheme.BASIC, JANE)))


async def test_ntlm_goes_round_on_one_connection() -> None:
    ntlm = NtlmSettings.standalone("mail.example.com", domain="LAB")
    acceptor = NtlmAcceptor(ntlm, MemoryAccounts({Identity("jane", "LAB"): "pw"}), server_challenge=bytes(8))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            token = base64.b64decode(head.partition(b"Authorization: NTLM ")[2].partition(b"\r\n")[0])
            match await acceptor.step(token, time.time()):
                case Continue(token=answer):
                    writer.write(no(b"NTLM " + base64.b64encode(answer), b"body"))
                case Done(established=established):
                    name = str(established.identity).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))
                    writer.close()
                    return
                case failed:
                    raise AssertionError(failed)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        answer = await CLIENT(WebRequestFor(url, proof=Proof(Scheme.NTLM, JANE)))
    assert answer.body == b"LAB\\jane"


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([no(b"NTLM")], "refused the credentials, by NTLM"),
        ([no(b"NTLM !")], "no base64"),
        ([no(b"NTLM AAAA")], "NTLM failed"),
        ([no(b"Basic realm=x")], "refused the credentials, by NTLM"),
    ],
)
async def test_servers_that_cannot_be_content_are_left(answers: list[bytes], problem: str) -> None:
    async with conversing(*answers) as (url, _):
        with pytest.raises(AuthenticationFailed, match=problem):
            await CLIENT(WebRequestFor(url, proof=Proof(Scheme.NTLM, JANE)))


def challenge() -> bytes:
    """A second token of NTLM, as any server may send it."""
    ntlm = NtlmSettings.standalone("mail.example.com", domain="LAB")
    acceptor = NtlmAcceptor(ntlm, MemoryAccounts({}), server_challenge=bytes(8))
    step = asyncio.run(acceptor.step(CraftedClient().negotiate(), time.time()))
    assert isinstance(step, Continue)
    return b"NTLM " + base64.b64encode(step.token)


OFFER = challenge()


async def test_a_server_that_closes_between_rounds_cannot_be_proven_to() -> None:
    closing = no(OFFER).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with conversing(closing) as (url, _):
        with pytest.raises(AuthenticationFailed, match="closed the connection that was to be proven"):
            await CLIENT(WebRequestFor(url, proof=Proof(Scheme.NTLM, JANE)))


async def test_a_server_that_is_never_content_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_client, "MOST_ROUNDS", 1)
    async with conversing(no(OFFER), no(OFFER)) as (url, heard):
        with pytest.raises(AuthenticationFailed, match="was not content after 1 rounds"):
            await CLIENT(WebRequestFor(url, proof=Proof(Scheme.NTLM, JANE)))
    assert len(heard) == 1


async def test_a_certificate_of_nobody_we_trust_is_told() -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(served)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("nobody gets so far")

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=served) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransportError, match="the certificate of localhost is not trusted: "):
            await CLIENT(WebRequestFor(f"https://localhost:{port}/"))


@pytest.mark.parametrize("slowly", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
async def test_an_answer_that_drips_has_one_deadline(slowly: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(slowly)
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        left.set()

    left = asyncio.Event()

    client = WebClient(ssl.create_default_context(), timeout=0.1)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(TransportError, match=r"does not answer within 0\.1 seconds"):
            await client(WebRequestFor(url))
        await asyncio.wait_for(left.wait(), 5)  # it notices that nobody is there any more


async def test_a_server_that_nobody_reaches_in_time_is_left() -> None:
    gate = threading.Event()

    def connect(host: str, port: int, timeout: float) -> socket.socket:
        gate.wait(5)
        return socket.socket()

    client = WebClient(ssl.create_default_context(), timeout=0.01, connect=connect)
    with pytest.raises(TransportError, match="does not answer within"):
        await client(WebRequestFor("http://mail.example.com/"))
    gate.set()
