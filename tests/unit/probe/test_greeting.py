"""What a port speaks is seen from its first words."""

import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from rpch.client.access import ProxyAccess
from rpch.client.principals import Principal
from rpch.http.targets import RpcTarget
from rpch.probe.greeting import (
    certificate_of,
    first_words,
    is_http,
    is_rpc,
    presented_certificate,
    speaks_tls,
)
from tests.e2e.ping_laboratory import LOOPBACK, answering, hang_up, mute, serving, tls_alert, tls_of

TARGET = RpcTarget("server", 593)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\n\r\n"


def at(port: int, timeout: float = 2.0) -> ProxyAccess:
    return ProxyAccess(LOOPBACK, port, timeout=timeout)


@pytest.fixture
async def secure() -> AsyncIterator[int]:
    async with serving(answering(NOT_FOUND), tls_of(trustme.CA(), "proxy.lab.example")) as port:
        yield port


async def test_the_first_words_are_what_comes_for_an_echo_request() -> None:
    async with serving(answering(NOT_FOUND)) as port:
        assert await first_words(at(port), TARGET) == NOT_FOUND


async def test_many_words_are_cut() -> None:
    async with serving(answering(b"x" * 1000)) as port:
        assert await first_words(at(port), TARGET) == b"x" * 64


async def test_who_says_nothing_has_no_first_words() -> None:
    async with serving(hang_up) as port:
        assert await first_words(at(port), TARGET) == b""
    async with serving(mute) as port:
        assert await first_words(at(port, 0.05), TARGET) == b""
    assert await first_words(at(1), TARGET) == b""


def test_words_tell_protocols_apart() -> None:
    assert is_http(NOT_FOUND)
    assert not is_http(b"ncacn_http/1.0")
    assert is_rpc(b"ncacn_http/1.0\x05\x00")
    assert not is_rpc(b"ncacn_")


async def test_tls_is_noticed_whatever_its_certificate(secure: int) -> None:
    assert await speaks_tls(at(secure))


async def test_a_refusal_by_tls_is_tls_too() -> None:
    async with serving(tls_alert) as port:
        assert await speaks_tls(at(port))


async def test_who_speaks_something_else_does_not_speak_tls() -> None:
    async with serving(hang_up) as port:
        assert not await speaks_tls(at(port))
    async with serving(mute) as port:
        assert not await speaks_tls(at(port, 0.05))
    assert not await speaks_tls(at(1))


async def test_a_certificate_is_shown_though_nobody_trusts_it(secure: int) -> None:
    access = ProxyAccess(LOOPBACK, secure, principal=Principal.parse("msstd:another"))
    found = await presented_certificate(access)
    assert found is not None
    assert found.names == ("proxy.lab.example",)


async def test_without_tls_there_is_no_certificate() -> None:
    async with serving(hang_up) as port:
        assert await presented_certificate(at(port)) is None
        transport, _ = await at(port).dial()
        assert certificate_of(transport) is None
        transport.abort()


async def test_a_certificate_that_cannot_be_read_is_none(
    secure: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl.SSLObject, "getpeercert", lambda self, binary_form=False: b"\x30\x00")
    assert await presented_certificate(at(secure)) is None
