"""Clients with certificates, over real TLS: whose they are, and which devices may come at all."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from rpch.auth.accounts import Identity
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.errors import ConfigError
from rpch.front.user_rules import user_rule
from rpch.proxy.accounts import ThrottleSettings, WinbindSettings
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from rpch.proxy.reload import Reloader
from rpch.proxy.service import RpcProxy
from tests.raw_peer import RawPeer
from tests.revocation_lists import DAY, Issuer, key_pem

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


def configured(authority: Authority, **settings: Any) -> ProxyConfiguration:
    """A proxy that trusts the clients' authority."""
    given: dict[str, Any] = {
        "tls_cert": authority.server,
        "tls_client_ca": authority.client_ca,
        "user": [] if "database" in settings else [r"LAB\alice:pw"],
        "auth": ["Basic"],
        "certificate_users": {"alice@lab.example": r"LAB\alice"},
    }
    return ProxyConfiguration(**given | settings)


@asynccontextmanager
async def proxy_with(
    authority: Authority, adjust: Callable[[RpcProxy], None] = lambda proxy: None, **settings: Any
) -> AsyncIterator[int]:
    """The port of such a proxy."""
    configuration = configured(authority, **settings)
    async with asyncio.TaskGroup() as tasks:
        proxy = configuration.proxy(tasks, configuration.accounts())
        adjust(proxy)
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


class Client:
    """A client that keeps its connection."""

    def __init__(self, peer: RawPeer) -> None:
        self._peer = peer

    async def echo(self, path: str, fields: str = "") -> tuple[str, str | None]:
        """As the function of that name."""
        head = f"RPC_IN_DATA {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n{fields}\r\n"
        self._peer.send(head.encode())
        first, answered = await self._peer.head()
        await self._peer.take(int(answered.get("content-length", "0")))
        return first.split(" ")[1], answered.get("x-rpch-rule")


@asynccontextmanager
async def client(port: int, tls: ssl.SSLContext) -> AsyncIterator[Client]:
    """One connection."""
    peer = RawPeer(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost"))
    try:
        yield Client(peer)
    finally:
        await peer.close()


async def test_a_disabled_account_ends_its_certificate_on_the_next_request(
    authority: Authority, tmp_path: Path
) -> None:
    database = str(tmp_path / "rpch.sqlite3")
    with closing(Directory.open(database, cost=HashingCost(passes=1, memory=8, lanes=1))) as directory:
        directory.store.add(Identity("alice", "LAB"), "pw")
        settings: dict[str, Any] = {"client_certificate": "optional", "database": database}
        with capture_logs() as lines:
            async with proxy_with(authority, with_user_rule, **settings) as port:
                alice = authority.context(authority.alice)
                async with client(port, alice) as certified, client(port, authority.context(None)) as usual:
                    assert await certified.echo(CERTIFIED) == ("200", None)
                    assert await usual.echo(USUAL, BASIC) == ("200", None)
                    directory.store.set_enabled(r"LAB\alice", enabled=False)
                    assert await certified.echo(CERTIFIED) == ("403", "AccountDisabled")
                    assert await usual.echo(USUAL, BASIC) == ("403", "AccountDisabled")
                directory.store.set_enabled(r"LAB\alice", enabled=True)
                assert await echo(port, alice, CERTIFIED) == ("200", None)
                directory.store.remove(r"LAB\alice")
                assert await echo(port, alice, CERTIFIED) == ("403", "NoSuchAccount")
    refused = [line for line in lines if line.get("rule") == "AccountDisabled"]
    assert [line["user"] for line in refused] == [r"LAB\alice"] * 2


def with_user_rule(proxy: RpcProxy) -> None:
    """Ask the database about each user, as the commands do."""
    proxy.user_rule = user_rule(proxy)


async def test_a_locked_account_is_locked_for_its_certificate_too(authority: Authority) -> None:
    wrong = "Authorization: Basic TEFCXGFsaWNlOndyb25n\r\n"  # LAB\alice:wrong
    settings: dict[str, Any] = {
        "client_certificate": "optional",
        "throttle": ThrottleSettings(per_account_and_source=1),
    }
    async with proxy_with(authority, **settings) as port:
        alice = authority.context(authority.alice)
        assert await echo(port, alice, CERTIFIED) == ("200", None)
        assert (await echo(port, alice, USUAL, wrong))[0] == "401"
        assert await echo(port, alice, CERTIFIED) == ("403", "Throttle")


async def test_a_revoked_certificate_is_refused_as_soon_as_the_list_says_so(
    authority: Authority, tmp_path: Path
) -> None:
    issuer = Issuer("clients", start=dt.datetime.now(dt.UTC) - DAY)
    key = ec.generate_private_key(ec.SECP256R1())
    shown, ca, crl = issuer.issue("alice@lab.example", key=key), tmp_path / "ca.pem", tmp_path / "list.crl"
    ca.write_bytes(issuer.pem)
    (tmp_path / "alice.pem").write_bytes(shown.public_bytes(Encoding.PEM) + key_pem(key))
    crl.write_bytes(issuer.revoke().public_bytes(Encoding.DER))
    alice = authority.context(None)
    alice.load_cert_chain(tmp_path / "alice.pem")
    settings: dict[str, Any] = {"client_certificate": "optional", "tls_client_ca": ca, "client_crl": [crl]}
    same = configured(authority, **settings)
    reloaders: list[Reloader] = []

    def follow(proxy: RpcProxy) -> None:
        reloaders.append(Reloader(proxy, same, None, tmp_path / "proxy.toml", lambda: same))

    async with proxy_with(authority, follow, **settings) as port, client(port, alice) as certified:
        (reloader,) = reloaders
        assert await certified.echo(CERTIFIED) == ("200", None)
        assert not reloader.changed()
        crl.write_bytes(issuer.revoke(shown).public_bytes(Encoding.PEM))
        assert reloader.changed()
        reloader.reload()
        assert await certified.echo(CERTIFIED) == ("403", "CertificateRevoked")
        assert await echo(port, alice, USUAL, BASIC) == ("403", "CertificateRevoked")
        assert await echo(port, authority.context(None), USUAL, BASIC) == ("200", None)
        crl.write_bytes(b"nonsense")
        assert reloader.changed()
        reloader.reload()  # is refused, and the old list stays
        assert await echo(port, alice, CERTIFIED) == ("403", "CertificateRevoked")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"client_crl": [Path("a.crl")], "tls_client_ca": None}, "client-crl: name the authorities"),
        ({"client_certificate": "optional", "winbind": WinbindSettings(domain="LAB"), "user": []}, "winbind"),
    ],
)
def test_settings_that_cannot_hold_are_refused(
    authority: Authority, settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        configured(authority, **settings).options()
