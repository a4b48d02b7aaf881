"""From a string binding and what the caller says to a client."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.access import ProxyAccess
from rpch.client.client import RpcClient
from rpch.client.connect import access_for, connect
from rpch.client.credentials import Credentials
from rpch.client.policy import ConnectionPolicy, Network, Order
from rpch.client.retry import Retry
from rpch.client.tunnels import HttpProxy
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import AccessDenied, AuthenticationFailed, ConfigError, TransportError
from rpch.http.pragmas import Pragmas
from rpch.server.demo import AddRequest, Demo
from tests.unit.client.scripted import (
    ALICE,
    LOOPBACK,
    PASSWORD,
    USER,
    Exchange,
    authority,
    certificate,
    client_tls,
    peer,
    server_tls,
)
from tests.unit.client.served import HTTP, TCP, served

KNOWN: dict[str, Any] = {"user": USER, "password": PASSWORD, "tls": False}
HTTP_BINDING = "ncacn_http:server[6001,RpcProxy=rpc.example]"


async def total(client: RpcClient) -> int:
    return (await client.call(Demo.add, AddRequest(2, 3))).total


async def access_of(binding: str, **options: Any) -> ProxyAccess:
    """The way that `connect` would take, without taking it: with no endpoint nothing is dialled."""
    async with connect(binding, **options) as client:
        access = client._ways[0].access
    assert access is not None
    return access


# Where


async def test_a_binding_with_a_port_is_reached_at_once_and_one_without_when_it_is_needed() -> None:
    async with served() as running:
        async with connect(running.binding(), **KNOWN) as client:
            assert running.proxy.drivers
            assert await total(client) == 5
        async with connect(str(running.binding("")), **KNOWN) as client:
            assert await total(client) == 5
        async with connect(running.direct()) as client:
            assert await total(client) == 5


async def test_what_cannot_be_reached_is_told_as_itself() -> None:
    async with served() as running:
        with pytest.raises(TransportError, match="6ba"):
            async with connect(running.binding("6009"), **KNOWN):
                pass
        with pytest.raises(AuthenticationFailed):
            async with connect(running.binding(), **{**KNOWN, "password": "wrong"}):
                pass
        with pytest.raises(ZeroDivisionError):
            async with connect(running.binding(), **KNOWN):
                raise ZeroDivisionError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ncacn_http:server[6001]", "server", 443),
        ("ncacn_http:server[6001,RpcProxy=rpc.example]", "rpc.example", 443),
        ("ncacn_http:server[6001,RpcProxy=rpc.example:8443]", "rpc.example", 8443),
    ],
)
def test_the_rpc_proxy_is_the_one_that_is_named_or_else_the_server(text: str, host: str, port: int) -> None:
    access = access_for(StringBinding.parse(text))
    assert access is not None
    assert (access.host, access.port) == (host, port)
    assert access.tls is not None


def test_without_tls_port_80_is_the_usual_one_and_tcp_needs_no_access() -> None:
    plain = access_for(StringBinding.parse(HTTP_BINDING), tls=False, credentials=ALICE, timeout=7.0)
    assert plain == ProxyAccess("rpc.example", 80, credentials=ALICE, timeout=7.0)
    assert access_for(StringBinding.parse("ncacn_ip_tcp:server[135]")) is None


@pytest.mark.parametrize("text", ["ncacn_http:", "ncacn_ip_tcp:[135]"])
async def test_a_binding_without_a_server_is_a_wrong_setting(text: str) -> None:
    with pytest.raises(ConfigError, match="names no server"):
        async with connect(text):
            pass


# As whom, and to whom


@pytest.mark.parametrize(
    ("scheme", "expected"), [("auto", None), ("basic", Scheme.BASIC), ("NTLM", Scheme.NTLM)]
)
async def test_credentials_are_sent_by_the_scheme_that_is_named(scheme: str, expected: Scheme | None) -> None:
    access = await access_of("ncacn_http:server", user="alice", password="x", scheme=scheme)
    assert access.credentials == Credentials("alice", "x", expected)
    assert (await access_of("ncacn_http:server")).credentials is None


@pytest.mark.conformance(93)
async def test_a_proxy_must_have_the_principal_that_is_wanted() -> None:
    async with served(tls=server_tls()) as running:
        binding = f"ncacn_http:server[6001,RpcProxy=localhost:{running.proxy_port}]"
        known = {**KNOWN, "tls": client_tls(), "scheme": "Basic"}
        async with connect(binding, principal="msstd:localhost", **known) as client:
            assert await total(client) == 5
        with pytest.raises(AccessDenied, match=r"msstd:mail\.example is wanted"):
            async with connect(binding, principal="msstd:mail.example", **known):
                pass


@pytest.mark.conformance(20)
async def test_whoever_has_a_certificate_uses_its_path() -> None:
    own = ssl.create_default_context()
    assert (await access_of("ncacn_http:server", tls=own, client_certificate=True)).client_certificate
    assert not (await access_of("ncacn_http:server", tls=own)).client_certificate


@pytest.mark.conformance(20)
async def test_a_certificate_of_ours_is_shown_in_tls(tmp_path: Path) -> None:
    tls = server_tls()
    tls.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(tls)
    ours = certificate("alice.lab.example")
    chain, key = tmp_path / "alice.pem", tmp_path / "alice.key"
    chain.write_bytes(ours.cert_chain_pems[0].bytes())
    key.write_bytes(ours.private_key_pem.bytes())
    async with served(tls=tls) as running:
        binding = f"ncacn_http:server[6001,RpcProxy=localhost:{running.proxy_port}]"
        known = {**KNOWN, "scheme": "Basic"}
        async with connect(
            binding, **known | {"tls": client_tls()}, client_certificate=(chain, key)
        ) as client:
            assert await total(client) == 5
        with pytest.raises(TransportError):
            async with connect(binding, **known | {"tls": client_tls()}):
                pass


@pytest.mark.conformance(9)
async def test_directives_reach_the_requests() -> None:
    asked = Pragmas(min_connection_timeout=240)
    assert (await access_of("ncacn_http:server", pragmas=asked)).pragmas == asked


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"scheme": "digest", "user": "alice"}, "scheme"),
        ({"principal": "mail"}, "principal"),
        ({"principal": "msstd:mail", "tls": False}, "principal"),
        ({"client_certificate": "nowhere.pem"}, "client_certificate"),
        ({"http_proxy": "proxy:port"}, "string binding"),
        ({"policy": ConnectionPolicy(), "alternative": HTTP_BINDING}, "alternative"),
    ],
)
async def test_what_makes_no_sense_is_a_wrong_setting(options: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        async with connect("ncacn_http:server", **options):
            pass
    assert wrong.value.setting == setting


# Through an HTTP proxy


async def test_an_http_proxy_may_be_optional_or_forced_and_has_its_own_credentials() -> None:
    named = "ncacn_http:server[,HttpProxy=proxy.example:3128]"
    forced = "ncacn_http:server[,HttpProxy=proxy.example,HttpConnectionOption=UseHttpProxy]"
    access = await access_of(named, http_proxy_credentials=ALICE)
    assert (access.http_proxy, access.http_proxy_optional) == (HttpProxy("proxy.example", 3128, ALICE), True)
    access = await access_of(forced, user="bob", password="x")
    assert (access.http_proxy, access.http_proxy_optional) == (HttpProxy("proxy.example", 80), False)
    access = await access_of(forced, http_proxy="other.example:8080")
    assert (access.http_proxy, access.http_proxy_optional) == (HttpProxy("other.example", 8080), False)
    assert (await access_of("ncacn_http:server")).http_proxy is None


async def test_the_environment_counts_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("no_proxy", "exempt.example")
    assert (await access_of("ncacn_http:server")).http_proxy is None
    access = await access_of("ncacn_http:server", http_proxy="environment")
    assert (access.http_proxy, access.http_proxy_optional) == (HttpProxy("proxy.example", 3128), False)
    exempt = await access_of("ncacn_http:server[,RpcProxy=exempt.example]", http_proxy="environment")
    assert exempt.http_proxy is None


async def test_forcing_a_proxy_that_nobody_names_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="UseHttpProxy needs HttpProxy"):
        await access_of("ncacn_http:server[,HttpConnectionOption=UseHttpProxy]")


# Which way


async def ways_of(*bindings: str, **options: Any) -> list[ProtocolSequence]:
    """The ways that would be tried, in their order; none of them is."""
    first, *others = bindings
    if others:
        options["alternative"] = others[0]
    found: list[ProtocolSequence] = []

    async def not_opened(client: RpcClient) -> None:
        found.extend(way.binding.transport for way in client._ways)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RpcClient, "open", not_opened)
        async with connect(first, **options):
            pass
    return found


async def test_the_policy_orders_the_ways_for_the_network() -> None:
    tcp = "ncacn_ip_tcp:server[1025]"
    assert await ways_of(HTTP_BINDING) == [HTTP]
    assert await ways_of(HTTP_BINDING, tcp) == [TCP, HTTP]
    assert await ways_of(tcp, HTTP_BINDING) == [TCP, HTTP]
    assert await ways_of(tcp, HTTP_BINDING, network=Network.SLOW) == [HTTP, TCP]
    assert await ways_of(HTTP_BINDING, tcp, policy=ConnectionPolicy(fast=Order.HTTP_FIRST)) == [HTTP, TCP]
    assert await ways_of(HTTP_BINDING, policy=ConnectionPolicy(fast=Order.TCP_ONLY)) == [TCP]


async def test_without_an_alternative_tcp_goes_to_the_same_server_by_its_mapper() -> None:
    both = ConnectionPolicy(fast=Order.TCP_FIRST)
    found: list[str] = []

    async def not_opened(client: RpcClient) -> None:
        found.extend(str(way.binding) for way in client._ways)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RpcClient, "open", not_opened)
        async with connect(HTTP_BINDING, policy=both):
            pass
    assert found == ["ncacn_ip_tcp:server", HTTP_BINDING]


async def test_from_tcp_nobody_can_tell_the_way_over_http() -> None:
    with pytest.raises(ConfigError, match="nobody can tell the RPC proxy"):
        await ways_of("ncacn_ip_tcp:server[1025]", policy=ConnectionPolicy())


async def test_two_ways_are_tried_and_the_path_tells_of_both() -> None:
    async with served() as running:
        async with connect(running.binding(), alternative=running.direct(), **KNOWN) as client:
            assert await total(client) == 5
            assert client.path.protseq is TCP
            assert "not tried" in client.path.not_taken[0].reason
        async with peer(Exchange.ended) as closed:
            pass
        gone = f"ncacn_ip_tcp:{LOOPBACK}[{closed}]"
        async with connect(running.binding(), alternative=gone, **KNOWN) as client:
            assert await total(client) == 5
            assert client.path.protseq is HTTP
            assert "cannot be reached" in str(client.path)


# Again


async def test_lost_calls_are_made_again_where_that_was_asked_for() -> None:
    again = Retry(attempts=3, first_delay=0.0)
    async with served() as running, connect(running.binding(), retry=again, **KNOWN) as client:
        assert await total(client) == 5
        running.proxy.end_all(None)
        assert (await client.call(Demo.add, AddRequest(2, 3), idempotent=True)).total == 5
        assert running.demo.additions == 2
