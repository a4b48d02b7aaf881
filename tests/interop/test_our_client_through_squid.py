"""Our client goes through squid: by tunnel and absolute form, with Basic and NTLM to squid and behind it."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rpch.client.blocking import BlockingClient, connect_blocking
from rpch.client.credentials import Credentials
from rpch.client.tunnels import HttpProxyRefused
from rpch.client.ways import HttpVersion
from rpch.errors import AuthenticationFailed
from rpch.server.demo import AddRequest, Count, Demo, Octets
from rpch.vconn.settings import LIFETIME_MINIMUM, ClientSettings
from tests.interop.laboratory import Laboratory
from tests.interop.relays import ALICE, Authority
from tests.interop.rpch_commands import Served, serving
from tests.interop.squid import CAROL, NOBODY, Squid, squid, squid_with_basic, squid_with_ntlm

TARGET = "server:6001"
USER = f"{ALICE.domain}\\{ALICE.user}"
ACCOUNT = ["--user", f"{USER}:{ALICE.password}"]
BULK = bytes(range(256)) * 4096
SHORT = ClientSettings(channel_lifetime=LIFETIME_MINIMUM, receive_window=32 * 1024)
WAYS: dict[str, Callable[[], AbstractContextManager[Squid]]] = {
    "open": squid,
    "basic": squid_with_basic,
    "ntlm": squid_with_ntlm,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("squid")


@pytest.fixture(scope="module", params=list(WAYS))
def relay(request: pytest.FixtureRequest) -> Iterator[Squid]:
    """squid that lets everybody pass, wants Basic, or wants NTLM."""
    with WAYS[request.param]() as running:
        yield running


@pytest.fixture(scope="module")
def tls_proxy(folder: Path, authority: Authority, lab: Laboratory) -> Iterator[Served]:
    """Our proxy with TLS and extended protection, and channels as short as they may be."""
    certificate = ("--tls-cert", authority.certificate, "--tls-key", authority.key)
    with started(
        folder, lab.place("demo"), *certificate, *ACCOUNT, "--extended-protection", "require"
    ) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def plain_proxy(folder: Path, lab: Laboratory) -> Iterator[Served]:
    """Our proxy without TLS, as behind a relay."""
    with started(folder, lab.place("demo"), "--no-tls", *ACCOUNT) as proxy:
        yield proxy


def started(folder: Path, place: str, *options: str | Path) -> AbstractContextManager[Served]:
    """`rpch proxy` in front of a demo interface at this place."""
    route = ["--valid-ports", TARGET, "--route", f"{TARGET}={place}"]
    lifetime = ["--channel-lifetime", str(LIFETIME_MINIMUM), "--receive-window", str(32 * 1024)]
    return serving(folder, "proxy", "--listen", "127.0.0.1:0", *route, *lifetime, *options)


def through(relay: Squid, proxy: Served, host: str = "localhost", *, forced: bool = True) -> str:
    """The target behind both."""
    option = ",HttpConnectionOption=UseHttpProxy" if forced else ""
    return f"ncacn_http:server[6001,RpcProxy={host}:{proxy.port},HttpProxy={relay.address}{option}]"


def connected(binding: str, **options: Any) -> AbstractContextManager[BlockingClient]:
    """As Alice to the RPC proxy, and as Carol to squid."""
    known = {"user": USER, "password": ALICE.password, "http_proxy_credentials": CAROL}
    return connect_blocking(binding, **{**known, "settings": SHORT, **options})


def calls_pass(client: BlockingClient) -> None:
    """A small call, and a megabyte in each direction, which takes a dozen channels each."""
    assert client.call(Demo.add, AddRequest(2, 3)).total == 5
    assert client.call(Demo.sink, Octets(BULK)).count == len(BULK)
    assert client.call(Demo.source, Count(len(BULK))).data == BULK


@pytest.mark.conformance(22, 23)
@pytest.mark.parametrize("scheme", ["Basic", "NTLM", "Negotiate"])
def test_each_scheme_passes_a_tunnel_bound_to_the_certificate_for_every_channel(
    scheme: str, relay: Squid, tls_proxy: Served, authority: Authority
) -> None:
    tls = ssl.create_default_context(cafile=authority.ca)
    before = len(relay.requests())
    with connected(through(relay, tls_proxy), tls=tls, scheme=scheme) as client:
        calls_pass(client)
        assert str(relay.address) in str(client.path)
    tunnels = [one for one in relay.requests()[before:] if one[0] == "TCP_TUNNEL/200"]
    assert len(tunnels) > 10
    assert {method for _, method, _ in tunnels} == {"CONNECT"}


@pytest.mark.conformance(23)
def test_calls_pass_in_absolute_form(relay: Squid, plain_proxy: Served) -> None:
    with connected(through(relay, plain_proxy), tls=False, scheme="Basic") as client:
        calls_pass(client)
    served = {method for _, method, _ in relay.requests()}
    assert {"RPC_IN_DATA", "RPC_OUT_DATA"} <= served


def test_squid_knows_who_came(tls_proxy: Served, authority: Authority) -> None:
    tls = ssl.create_default_context(cafile=authority.ca)
    with squid_with_ntlm() as relay:
        with connected(through(relay, tls_proxy), tls=tls) as client:
            assert client.call(Demo.add, AddRequest(2, 3)).total == 5
        assert {user for result, _, user in relay.requests() if result == "TCP_TUNNEL/200"} == {CAROL.user}


@pytest.mark.parametrize("kind", ["basic", "ntlm"])
def test_a_wrong_password_for_squid_is_told_as_squids(
    kind: str, tls_proxy: Served, authority: Authority
) -> None:
    tls = ssl.create_default_context(cafile=authority.ca)
    wrong = Credentials(CAROL.user, "wrong")
    with WAYS[kind]() as relay:
        binding = through(relay, tls_proxy)
        with (
            pytest.raises(AuthenticationFailed, match="the HTTP proxy"),
            connected(binding, tls=tls, http_proxy_credentials=wrong),
        ):
            pass
        with (
            pytest.raises(AuthenticationFailed, match="wants credentials"),
            connected(binding, tls=tls, http_proxy_credentials=None),
        ):
            pass


def test_what_squid_forbids_is_told_as_squids(tls_proxy: Served, authority: Authority) -> None:
    tls = ssl.create_default_context(cafile=authority.ca)
    with (
        squid(NOBODY) as relay,
        pytest.raises(HttpProxyRefused, match="answered 403"),
        connected(through(relay, tls_proxy), tls=tls),
    ):
        pass


@pytest.mark.conformance(87)
def test_squid_is_left_aside_where_the_direct_way_works(plain_proxy: Served) -> None:
    with squid() as relay:
        binding = through(relay, plain_proxy, forced=False)
        with connected(binding, tls=False, scheme="Basic") as client:
            assert client.call(Demo.add, AddRequest(2, 3)).total == 5
            assert "is not needed" in str(client.path)


@pytest.mark.conformance(87)
def test_squid_is_taken_where_only_squid_knows_the_way(plain_proxy: Served) -> None:
    with squid_that_knows("rpcproxy.test") as relay:
        binding = through(relay, plain_proxy, "rpcproxy.test", forced=False)
        with connected(binding, tls=False, scheme="Basic") as client:
            assert client.call(Demo.add, AddRequest(2, 3)).total == 5
            assert "is needed: directly, rpcproxy.test" in str(client.path)


def squid_that_knows(name: str) -> AbstractContextManager[Squid]:
    """squid for which a name means this machine."""
    return squid("http_access allow localhost\nhosts_file {folder}/hosts", hosts=f"127.0.0.1 {name}\n")


def test_version_1_passes_a_tunnel(folder: Path, lab: Laboratory) -> None:
    back_end = lab.place("demo_tcp")
    with (
        serving(folder, "bridge", "--listen", "127.0.0.1:0", "--to", back_end, "--v1") as bridge,
        started(folder, bridge.address, "--no-tls", "--allow-anonymous", "--v1") as proxy,
        squid() as relay,
        connect_blocking(through(relay, proxy), tls=False, version=HttpVersion.V1) as client,
    ):
        assert client.call(Demo.add, AddRequest(2, 3)).total == 5
        assert client.call(Demo.sink, Octets(BULK)).count == len(BULK)
