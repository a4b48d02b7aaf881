"""A target knows where its parts are, and refuses what cannot be tried."""

import ssl

import pytest

from rpch.client.credentials import Credentials
from rpch.client.principals import Principal
from rpch.client.tunnels import HttpProxy
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ConfigError
from rpch.http.targets import RpcTarget
from rpch.probe.target import PingTarget, ping_target
from rpch.server.demo import Demo

ALICE, RELAY = Credentials("alice", "secret"), Credentials("relay", "other")
DEMO = interface_of(Demo).syntax
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def over_http(inside: str = "6001,RpcProxy=proxy:8443") -> StringBinding:
    return StringBinding.parse(f"ncacn_http:server[{inside}]")


def test_a_proxy_is_dialled_before_the_server() -> None:
    target = ping_target(over_http(), credentials=ALICE, tls=TLS)
    assert target.access is not None
    assert target.access.credentials is ALICE
    assert target.hop == ("proxy", 8443)
    assert (target.port, target.mapper_port, target.first_port) == (6001, 593, 6001)
    assert target.rpc_target(6001) == RpcTarget("server", 6001)
    assert target.protseq is ProtocolSequence.NCACN_HTTP
    assert not target.wants_mapper


def test_without_a_port_the_mapper_is_the_target() -> None:
    target = ping_target(over_http("RpcProxy=proxy"), tls=TLS)
    assert (target.port, target.wants_mapper) == (593, True)
    assert ping_target(over_http("593,RpcProxy=proxy"), tls=TLS).wants_mapper


def test_an_interface_without_a_port_is_for_the_mapper_to_find() -> None:
    target = ping_target(over_http("RpcProxy=proxy"), interface=DEMO)
    assert (target.port, target.first_port, target.wants_mapper) == (None, 593, False)
    assert ping_target(over_http(), interface=DEMO).port == 6001


def test_over_tcp_the_server_itself_is_dialled() -> None:
    target = ping_target(StringBinding.parse("ncacn_ip_tcp:server"))
    assert target.access is None
    assert target.hop == ("server", 135)
    assert ping_target(StringBinding.parse("ncacn_ip_tcp:server[1024]")).hop == ("server", 1024)


def test_an_http_proxy_is_dialled_before_everything() -> None:
    inside = "RpcProxy=proxy,HttpProxy=squid:3128,HttpConnectionOption=UseHttpProxy"
    target = ping_target(over_http(inside), relay_credentials=RELAY, tls=TLS)
    assert target.hop == ("squid", 3128)
    assert target.access is not None
    assert target.access.http_proxy == HttpProxy("squid", 3128, RELAY)


@pytest.mark.parametrize(
    ("environment", "hop"),
    [({"https_proxy": "http://squid:3128"}, ("squid", 3128)), ({}, ("proxy", 443))],
)
def test_the_environment_may_name_the_http_proxy(environment: dict[str, str], hop: tuple[str, int]) -> None:
    target = ping_target(over_http("RpcProxy=proxy"), environment=environment, tls=TLS)
    assert target.hop == hop


def test_a_target_needs_a_server() -> None:
    with pytest.raises(ConfigError, match="names no server"):
        ping_target(StringBinding.parse("ncacn_http:[593]"))


def test_an_echo_needs_a_proxy() -> None:
    with pytest.raises(ConfigError, match="-E"):
        PingTarget(StringBinding.parse("ncacn_ip_tcp:server"), None, echo_only=True)


def test_a_principal_needs_a_certificate() -> None:
    with pytest.raises(ConfigError, match="-B"):
        ping_target(over_http(), principal=Principal.parse("msstd:proxy"))
    target = ping_target(over_http(), principal=Principal.parse("msstd:proxy"), tls=TLS)
    assert target.access is not None
    assert target.access.principal == Principal.parse("msstd:proxy")
