"""Connections to a proxy, and what is known about who is at their other end."""

import asyncio
import ssl
from typing import Any, cast

import pytest

from rpch.auth.channel_binding import ChannelBinding
from rpch.client.connections import (
    CertificateRefused,
    binding_of,
    chain_of,
    leads_to_loopback,
    open_connection,
    start_tls,
)
from rpch.errors import TransportError
from tests.unit.client.scripted import (
    LOOPBACK,
    Exchange,
    authority,
    certificate,
    client_tls,
    echoing,
    peer,
    server_tls,
)


class Known:
    """A transport of which only some facts are known."""

    def __init__(self, **facts: Any) -> None:
        self._facts = facts

    def get_extra_info(self, name: str) -> Any:
        return self._facts.get(name)


class Session:
    """A TLS session with this certificate, and nothing more to tell."""

    def __init__(self, certificate: bytes | None) -> None:
        self._certificate = certificate

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        assert binary_form
        return self._certificate


class Newer(Session):
    """The same in Python 3.13, which knows the chain."""

    def get_verified_chain(self) -> list[bytes]:
        return [b"leaf", b"authority"]


def known(**facts: Any) -> asyncio.Transport:
    return cast(asyncio.Transport, Known(**facts))


def leaf() -> bytes:
    pem = certificate("localhost", LOOPBACK).cert_chain_pems[0].bytes().decode()
    return ssl.PEM_cert_to_DER_cert(pem)


async def test_a_port_where_nobody_listens_cannot_be_reached() -> None:
    async with peer(echoing) as port:
        pass
    with pytest.raises(TransportError, match=f"{LOOPBACK}:{port} cannot be reached"):
        await open_connection(LOOPBACK, port, None)


async def test_a_name_that_can_be_none_cannot_be_reached() -> None:
    with pytest.raises(TransportError, match="cannot be reached"):
        await open_connection("x" * 64 + ".example", 80, None)


async def test_a_connection_that_is_lost_during_tls_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*anything: object, **more: object) -> None:
        return None

    monkeypatch.setattr(asyncio.get_running_loop(), "start_tls", nothing)
    with pytest.raises(TransportError, match="localhost:443 was lost during TLS"):
        await start_tls(known(), client_tls(), "localhost", 443)


async def test_a_plain_connection_has_no_certificate_and_leads_to_this_machine() -> None:
    async with peer(echoing) as port:
        transport, _ = await open_connection(LOOPBACK, port, None)
        assert (binding_of(transport), chain_of(transport)) == (None, [])
        assert leads_to_loopback(transport)
        transport.close()


async def test_a_tls_connection_is_bound_to_the_certificate_and_knows_its_chain() -> None:
    async with peer(echoing, server_tls()) as port:
        transport, _ = await open_connection("localhost", port, client_tls())
        assert binding_of(transport) == ChannelBinding.of_certificate(leaf())
        root = ssl.PEM_cert_to_DER_cert(authority().cert_pem.bytes().decode())
        assert chain_of(transport) == [leaf(), root]
        transport.abort()


async def test_an_untrusted_certificate_and_another_name_are_told_as_such() -> None:
    async with peer(echoing, server_tls()) as port:
        with pytest.raises(CertificateRefused, match=r"localhost.*not accepted"):
            await open_connection("localhost", port, ssl.create_default_context())
    async with peer(echoing, server_tls("elsewhere.example")) as port:
        with pytest.raises(CertificateRefused, match="mismatch"):
            await open_connection("localhost", port, client_tls())


async def test_a_port_without_tls_is_told_as_such() -> None:
    async def plain(exchange: Exchange) -> None:
        exchange.say("HTTP/1.1 400 Bad Request\r\n\r\n")
        await exchange.ended()

    async with peer(plain) as port:
        with pytest.raises(TransportError, match=f"TLS with localhost:{port} failed"):
            await open_connection("localhost", port, client_tls())


async def test_tls_can_begin_on_a_connection_that_is_there() -> None:
    async with peer(echoing, server_tls()) as port:
        transport, _ = await open_connection(LOOPBACK, port, None)
        secured, reader = await start_tls(transport, client_tls(), "localhost", port)
        assert binding_of(secured) == ChannelBinding.of_certificate(leaf())
        secured.write(b"RPC_IN_DATA /rpc/rpcproxy.dll?s:1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.response()).status == 200
        secured.abort()


async def test_tls_that_begins_late_fails_as_openly() -> None:
    async def hang_up(exchange: Exchange) -> None:
        await exchange.reader.read(1)

    async with peer(echoing, server_tls("elsewhere.example")) as port:
        transport, _ = await open_connection(LOOPBACK, port, None)
        with pytest.raises(CertificateRefused, match="localhost"):
            await start_tls(transport, client_tls(), "localhost", port)
    async with peer(hang_up) as port:
        transport, _ = await open_connection(LOOPBACK, port, None)
        with pytest.raises(TransportError, match="through the HTTP proxy failed"):
            await start_tls(transport, client_tls(), "localhost", port)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("::1234", False),
        ("192.0.2.1", False),
    ],
)
def test_only_loopback_is_this_machine(address: str, *, here: bool) -> None:
    assert leads_to_loopback(known(peername=(address, 80))) is here


def test_an_end_without_an_address_is_not_this_machine() -> None:
    assert not leads_to_loopback(known(peername="/run/some.socket"))


def test_a_chain_that_nobody_tells_is_the_certificate_alone() -> None:
    assert chain_of(known(ssl_object=Session(b"leaf"))) == [b"leaf"]
    assert chain_of(known(ssl_object=Session(None))) == []


def test_a_chain_is_taken_where_newer_pythons_have_it() -> None:
    assert chain_of(known(ssl_object=Newer(b"leaf"))) == [b"leaf", b"authority"]


def test_a_certificate_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(CertificateRefused, match="cannot be read"):
        binding_of(known(ssl_object=Session(b"nonsense")))
