"""One request, one answer, of a bounded size; whatever fails is a `TransportError`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rpch.errors import TransportError
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT
from rpch.exchange.autodiscover.web_client import Credentials, WebClient, WebRequestFor

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


def test_credentials_show_no_password() -> None:
    assert Credentials("jane", "pw").basic == "Basic amFuZTpwdw=="
    assert "pw" not in repr(Credentials("jane", "pw"))
