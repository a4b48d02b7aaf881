"""Clients with certificates, over real TLS: whose they are, and which devices may come at all."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from tests.raw_peer import RawPeer

BASIC = "Authorization: Basic TEFCXGFsaWNlOnB3\r\n"  # LAB\alice:pw
CERTIFIED, USUAL = "/rpcwithcert/rpcproxy.dll", "/rpc/rpcproxy.dll"


class Authority:
    """A server's certificate, and clients' of an authority of their own."""

    def __init__(self, folder: Path) -> None:
        self.servers, self.clients, self.strangers = trustme.CA(), trustme.CA(), trustme.CA()
        self.server, self.client_ca = folder / "server.pem", folder / "clients.pem"
        self.servers.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(self.server)
        self.clients.cert_pem.write_to_path(self.client_ca)
        self.alice = self.clients.issue_cert(common_name="alice@lab.example")
        self.stranger = self.strangers.issue_cert(common_name="alice@lab.example")

    def context(self, leaf: trustme.LeafCert | None) -> ssl.SSLContext:
        """A client with this certificate, or with none."""
        context = ssl.create_default_context()
        self.servers.configure_trust(context)
        if leaf is not None:
            leaf.configure_cert(context)
        return context

    @property
    def fingerprint(self) -> str:
        """The one of Alice's device."""
        der = ssl.PEM_cert_to_DER_cert(self.alice.cert_chain_pems[0].bytes().decode())
        return hashlib.sha256(der).hexdigest()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def proxy_with(authority: Authority, **settings: Any) -> AsyncIterator[int]:
    """The port of a proxy that trusts the clients' authority."""
    configuration = ProxyConfiguration(
        tls_cert=authority.server,
        tls_client_ca=authority.client_ca,
        user=[r"LAB\alice:pw"],
        auth=["Basic"],
        certificate_users={"alice@lab.example": r"LAB\alice"},
        **settings,
    )
    async with asyncio.TaskGroup() as tasks:
        proxy = configuration.proxy(tasks, configuration.accounts())
        listener = await asyncio.get_running_loop().create_server(
            lambda: ProxyConnection(proxy), "127.0.0.1", 0, ssl=configuration.tls()
        )
        try:
            yield int(listener.sockets[0].getsockname()[1])
        finally:
            listener.close()


async def echo(port: int, tls: ssl.SSLContext, path: str, fields: str = "") -> tuple[str, str | None]:
    """The status of an echo, and the rule that refused it."""
    streams = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost")
    peer = RawPeer(*streams)
    try:
        peer.send(f"RPC_IN_DATA {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n{fields}\r\n".encode())
        first, answered = await peer.head()
        return first.split(" ")[1], answered.get("x-rpch-rule")
    finally:
        await peer.close()


async def test_a_certificate_takes_the_place_of_a_password(authority: Authority) -> None:
    with capture_logs() as lines:
        async with proxy_with(authority, client_certificate="optional") as port:
            alice, nobody = authority.context(authority.alice), authority.context(None)
            assert await echo(port, alice, CERTIFIED) == ("200", None)
            assert await echo(port, nobody, CERTIFIED, BASIC) == ("403", "ClientCertificate")
            assert await echo(port, alice, USUAL) == ("401", "Authentication")
            assert await echo(port, nobody, USUAL, BASIC) == ("200", None)
    proven = [line for line in lines if line["event"] == "authenticated"]
    assert [(line["user"], line["scheme"]) for line in proven[:1]] == [(r"LAB\alice", "Certificate")]


async def test_a_certificate_may_be_required_beside_a_password(authority: Authority) -> None:
    async with proxy_with(authority, client_certificate="required") as port:
        assert await echo(port, authority.context(None), USUAL, BASIC) == ("403", "ClientCertificate")
        assert await echo(port, authority.context(authority.alice), USUAL, BASIC) == ("200", None)


@pytest.mark.parametrize("listed", [True, False])
async def test_only_certain_devices_are_served(authority: Authority, listed: bool) -> None:
    device = authority.fingerprint if listed else "ab" * 32
    async with proxy_with(authority, client_certificate="optional", device=[device]) as port:
        found = await echo(port, authority.context(authority.alice), USUAL, BASIC)
        assert found == (("200", None) if listed else ("403", "Device"))
        assert await echo(port, authority.context(None), USUAL, BASIC) == ("403", "Device")


async def test_a_certificate_of_another_authority_ends_the_handshake(authority: Authority) -> None:
    async with proxy_with(authority, client_certificate="optional") as port:
        with pytest.raises(
            (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError, ValueError, IndexError)
        ):
            await echo(port, authority.context(authority.stranger), CERTIFIED)


async def test_what_a_relay_shows_is_not_its_clients(authority: Authority) -> None:
    relay = ["127.0.0.1"]
    async with proxy_with(authority, client_certificate="optional", trusted_relay=relay) as port:
        found = await echo(port, authority.context(authority.alice), CERTIFIED)
    assert found == ("403", "ClientCertificate")
