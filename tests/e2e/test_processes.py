"""Real proxy processes: what SIGTERM and SIGKILL do to them, to their workers and to what passes them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.client.rpc import CallLost
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ProxyError, TransportError
from rpch.server.demo import AddRequest, DelayRequest, Demo
from rpch.server.runtime import RpcServer
from rpch.vconn.settings import ClientSettings
from tests.e2e.farm import LOOPBACK, PASSWORD, SHORTEST, TARGET, USER, traffic
from tests.interop.processes import is_listening
from tests.interop.rpch_commands import Served, serving
from tests.raw_peer import until

pytestmark = pytest.mark.slow


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The port of a server with the demo interface, in this process."""
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        yield await server.listen(ProtocolSequence.NCACN_HTTP, LOOPBACK, 0, [Demo()])
        await server.close()


@contextmanager
def proxying(folder: Path, port: int, *more: str) -> Iterator[Served]:
    """`rpch proxy` before that server."""
    listening = ("--listen", f"{LOOPBACK}:0", "--no-tls", "--user", f"{USER}:{PASSWORD}")
    targets = ("--valid-ports", TARGET, "--route", f"{TARGET}={LOOPBACK}:{port}")
    with serving(folder, "proxy", *listening, *targets, "--channel-lifetime", str(SHORTEST), *more) as found:
        yield found


def calling(proxy: Served, lifetime: int = SHORTEST) -> AbstractAsyncContextManager[RpcClient]:
    """Our client through that proxy."""
    return connect(
        f"ncacn_http:server[6001,RpcProxy={proxy.address}]",
        user=USER,
        password=PASSWORD,
        tls=False,
        settings=ClientSettings(channel_lifetime=lifetime),
    )


def workers_of(proxy: Served) -> set[int]:
    """The processes behind one port."""
    children = Path(f"/proc/{proxy.program.pid}/task/{proxy.program.pid}/children")
    return set(map(int, children.read_text().split()))


async def said(proxy: Served, event: str, times: int = 1) -> None:
    """Returns when so many lines of its log have this event."""
    await until(lambda: sum(line["event"] == event for line in proxy.log()) >= times)


async def test_sigterm_closes_the_port_lets_calls_end_and_ends_the_process(tmp_path: Path) -> None:
    async with served() as port:
        with proxying(tmp_path, port, "--grace", "30") as proxy:
            async with calling(proxy) as client:
                call = asyncio.create_task(client.call(Demo.delay, DelayRequest(300)))
                assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
                os.kill(proxy.program.pid, signal.SIGTERM)
                await said(proxy, "draining")
                assert not is_listening(LOOPBACK, proxy.port)
                assert (await call).milliseconds == 300
                assert proxy.program.status is None
            await until(lambda: proxy.program.status is not None)
            assert proxy.program.status == 0


async def test_sigterm_ends_what_stays_when_the_grace_is_over(tmp_path: Path) -> None:
    async with served() as port:
        with proxying(tmp_path, port, "--grace", "0.2") as proxy:
            async with calling(proxy) as client:
                call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
                assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
                os.kill(proxy.program.pid, signal.SIGTERM)
                with pytest.raises(CallLost) as lost:
                    await call
                assert isinstance(lost.value.why, ProxyError)
                assert lost.value.why.rpc_status == 0x6BA
            await until(lambda: proxy.program.status is not None)
            assert proxy.program.status == 0


async def test_a_worker_is_drained_alone_and_replaced_at_once(tmp_path: Path) -> None:
    async with served() as port:
        with proxying(tmp_path, port, "--grace", "30", "--workers", "2") as proxy:
            before = workers_of(proxy)
            async with calling(proxy) as client:
                working = asyncio.create_task(traffic(client, 10))
                for worker in before:
                    os.kill(worker, signal.SIGTERM)
                await said(proxy, "a worker has drained", 2)
                await working
                await traffic(client)
            after = workers_of(proxy)
            assert len(after) == 2
            assert not after & before


async def test_a_killed_worker_takes_only_its_connections_along_and_is_replaced(tmp_path: Path) -> None:
    async with served() as port:
        with proxying(tmp_path, port, "--workers", "2") as proxy:
            before = workers_of(proxy)
            async with calling(proxy, 1 << 30) as client:
                call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
                assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
                for worker in before:
                    os.kill(worker, signal.SIGKILL)
                with pytest.raises(CallLost):
                    await asyncio.wait_for(call, 1)
            await _connected(proxy)
            assert len(workers_of(proxy) - before) >= 1


async def test_a_stop_reaches_every_worker_and_closes_the_port(tmp_path: Path) -> None:
    async with served() as port:
        with proxying(tmp_path, port, "--grace", "30", "--workers", "2") as proxy:
            async with calling(proxy) as client:
                assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
                os.kill(proxy.program.pid, signal.SIGTERM)
                await said(proxy, "draining")
                await until(lambda: not is_listening(LOOPBACK, proxy.port))
                assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
            await until(lambda: proxy.program.status is not None)
            assert proxy.program.status == 0


async def _connected(proxy: Served) -> None:
    """Returns when calls pass again: a new worker serves."""
    async with asyncio.timeout(10):
        while True:
            try:
                async with calling(proxy) as client:
                    assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
                    return
            except TransportError:
                await asyncio.sleep(0.02)
