"""The commands as an administrator starts them, and our client through them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rpch.client.connect import connect
from rpch.server.demo import AddRequest, AddResponse, Demo, Octets
from rpch.server.runtime import RpcServer
from rpch.vconn.settings import ClientSettings, Settings
from tests.e2e.system import HTTP, LOOPBACK, PASSWORD, TCP, USER, certificate, trusting
from tests.rpch_process import RpchProcess, rpch_process

pytestmark = pytest.mark.slow
MEGABYTE = bytes(range(256)) * 4096
SHORTEST = 131_072


@asynccontextmanager
async def a_server() -> AsyncIterator[tuple[int, int]]:
    """The demo's ports: ncacn_http with the shortest lifetimes, and ncacn_ip_tcp."""
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, settings=Settings(channel_lifetime=SHORTEST))
        demo = Demo()
        try:
            yield (
                await server.listen(HTTP, LOOPBACK, 0, [demo]),
                await server.listen(TCP, LOOPBACK, 0, [demo]),
            )
        finally:
            await server.close()


def proxy_to(port: int, *more: str) -> tuple[str, ...]:
    """`rpch proxy` in front of that port."""
    rules = ("--user", f"{USER}:{PASSWORD}", "--valid-ports", "server:6001", "--route")
    return ("proxy", "--listen", f"{LOOPBACK}:0", *rules, f"server:6001={LOOPBACK}:{port}", *more)


async def used(proxy: RpchProcess, host: str = LOOPBACK, tls: ssl.SSLContext | bool = False) -> None:
    """Calls and two megabytes each way, with channels that are replaced all the while."""
    binding = f"ncacn_http:server[6001,RpcProxy={host}:{proxy.port}]"
    brief = ClientSettings(channel_lifetime=SHORTEST)
    async with connect(
        binding, user=USER, password=PASSWORD, scheme="Basic", tls=tls, settings=brief, timeout=10.0
    ) as client:

        async def small() -> None:
            for number in range(50):
                assert await client.call(Demo.add, AddRequest(number, 1)) == AddResponse(number + 1)

        async def bulk() -> None:
            for _ in range(2):
                assert (await client.call(Demo.echo, Octets(MEGABYTE))).data == MEGABYTE

        await asyncio.gather(small(), bulk())


async def stopped(proxy: RpchProcess) -> None:
    """It ends in order, and has had nothing to complain about."""
    assert await asyncio.to_thread(proxy.stop) == 0
    assert [line for line in proxy.log if line["level"] in ("error", "critical")] == []


@pytest.mark.conformance(60, 62, 74)
async def test_a_proxy(tmp_path: Path) -> None:
    async with a_server() as (port, _):
        command = proxy_to(port, "--no-tls", "--channel-lifetime", str(SHORTEST))
        with rpch_process(*command, log=tmp_path / "log") as proxy:
            await used(proxy)
            await stopped(proxy)


@pytest.mark.conformance(61, 63, 95)
async def test_two_workers_among_which_every_channel_lands_anywhere(tmp_path: Path) -> None:
    async with a_server() as (port, _):
        command = proxy_to(port, "--no-tls", "--workers", "2", "--channel-lifetime", str(SHORTEST))
        with rpch_process(*command, log=tmp_path / "log") as proxy:
            await used(proxy)
            await stopped(proxy)


async def test_a_proxy_with_tls(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    async with a_server() as (port, _):
        tls = ("--tls-cert", str(files["tls_cert"]), "--tls-key", str(files["tls_key"]))
        command = proxy_to(port, *tls, "--public-name", "localhost", "--channel-lifetime", str(SHORTEST))
        with rpch_process(*command, log=tmp_path / "log") as proxy:
            await used(proxy, "localhost", trusting())
            await stopped(proxy)


async def test_a_proxy_and_a_bridge(tmp_path: Path) -> None:
    async with a_server() as (_, tcp):
        command = ("bridge", "--listen", f"{LOOPBACK}:0", "--to", f"{LOOPBACK}:{tcp}")
        with (
            rpch_process(*command, log=tmp_path / "bridge.log") as bridge,
            rpch_process(*proxy_to(bridge.port, "--no-tls"), log=tmp_path / "proxy.log") as proxy,
        ):
            await used(proxy)
            await stopped(proxy)
            await stopped(bridge)


async def test_everything_with_one_command(tmp_path: Path) -> None:
    command = ("up", "--listen", f"{LOOPBACK}:0", "--data", str(tmp_path / "data"))
    with rpch_process(*command, log=tmp_path / "log") as up:
        alice = up.ready["users"][0]
        trust = ssl.create_default_context(cafile=up.ready["ca"])
        binding = f"ncacn_http:localhost[RpcProxy=localhost:{up.port}]"  # the mapper knows the port
        who = {"user": alice["name"], "password": alice["password"], "scheme": "Basic"}
        async with connect(binding, **who, tls=trust) as client:
            assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
        await stopped(up)
