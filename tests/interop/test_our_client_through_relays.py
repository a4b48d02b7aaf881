"""Our client reaches our server through HAProxy and nginx, through several workers, and through a farm."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rpch.client.blocking import BlockingClient, connect_blocking
from rpch.server.demo import AddRequest, Count, Demo, Octets
from tests.interop.captures import capturing
from tests.interop.laboratory import Laboratory
from tests.interop.relays import ALICE, Authority, proxied
from tests.interop.reverse_proxies import haproxy, nginx
from tests.interop.rpch_commands import Served

TARGET = "server:6001"
BULK = bytes(range(256)) * 8192


def calls_pass(client: BlockingClient) -> None:
    """Small calls, and two megabytes in each direction, in one virtual connection."""
    for number in range(100):
        assert client.call(Demo.add, AddRequest(number, 1)).total == number + 1
    assert client.call(Demo.sink, Octets(BULK)).count == len(BULK)
    assert client.call(Demo.source, Count(len(BULK))).data == BULK


def calls_pass_through(port: int, authority: Authority, *, connections: int = 1) -> None:
    """The same through whatever takes TLS on this port, as Alice."""
    tls = ssl.create_default_context(cafile=authority.ca)
    user = f"{ALICE.domain}\\{ALICE.user}"
    binding = f"ncacn_http:server[6001,RpcProxy=localhost:{port}]"
    for _ in range(connections):
        with connect_blocking(binding, user=user, password=ALICE.password, tls=tls) as client:
            calls_pass(client)


@pytest.fixture
def farm(tmp_path: Path, authority: Authority, lab: Laboratory) -> Iterator[list[Served]]:
    """Two proxies that know nothing of each other, for a relay that ends TLS in front of them."""
    routes = {TARGET: lab.place("demo")}
    with ExitStack() as started:
        yield [started.enter_context(proxied(tmp_path, authority, routes, tls=False)) for _ in range(2)]


@pytest.mark.parametrize("relay", [haproxy, nginx])
def test_calls_pass_a_relay_that_ends_tls(
    relay: type, tmp_path: Path, authority: Authority, farm: list[Served]
) -> None:
    with relay(tmp_path, authority.leaf, [farm[0].port]) as port:
        calls_pass_through(port, authority)
    assert farm[0].channels() == {"IN", "OUT"}


def test_calls_pass_two_proxies_with_in_on_one_and_out_on_the_other(
    tmp_path: Path, authority: Authority, farm: list[Served]
) -> None:
    with haproxy(tmp_path, authority.leaf, [proxy.port for proxy in farm]) as port:
        calls_pass_through(port, authority)
    assert sorted(farm[0].channels() | farm[1].channels()) == ["IN", "OUT"]
    assert not farm[0].channels() & farm[1].channels()


def test_calls_pass_two_workers_on_one_port(tmp_path: Path, authority: Authority, lab: Laboratory) -> None:
    with proxied(tmp_path, authority, {TARGET: lab.place("demo")}, workers=2) as proxy:
        calls_pass_through(proxy.port, authority, connections=6)


def test_tshark_knows_every_packet_on_both_tcp_legs(
    tmp_path: Path, authority: Authority, lab: Laboratory
) -> None:
    place = lab.place("demo")
    (tmp_path / "capture").mkdir()
    with (
        proxied(tmp_path, authority, {TARGET: place}) as proxy,
        capturing(tmp_path / "capture", int(place.rpartition(":")[2])) as capture,
    ):
        calls_pass_through(proxy.port, authority)
    packets = capture.packets()
    assert capture.flaws() == []
    assert len({packet.stream for packet in packets}) == 2
    shown = " ".join(packet.info for packet in packets)
    for name in ("CONN/A2", "CONN/B2", "CONN/C1", "CONN/B3", "Bind:", "Bind_ack:", "Request:", "Response:"):
        assert name in shown
