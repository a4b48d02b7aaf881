"""The processes of a soak: the server, HAProxy, and two proxies that are drained and restarted in turn."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from rpch.dcerpc.protseq import ProtocolSequence
from rpch.server.runtime import RpcServer
from tests.interop.farm import Node
from tests.interop.processes import Program, free_port, is_listening
from tests.interop.reverse_proxies import filled_in
from tools.soak.load import Soak

LOOPBACK = "127.0.0.1"
WITH_TLS = "0.0.0.0:443 ssl crt /etc/haproxy/rpch.pem alpn http/1.1"


async def serve(port: int) -> None:
    """The server's process, until it is stopped."""
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        await server.listen(ProtocolSequence.NCACN_HTTP, LOOPBACK, port, [Soak()])
        await asyncio.Event().wait()


@contextmanager
def running(program: Program, port: int) -> Iterator[Program]:
    """A program from when it listens until the end."""
    try:
        program.wait_for(lambda: is_listening(LOOPBACK, port), what="listening port")
        yield program
    finally:
        program.stop()


@contextmanager
def server(folder: Path) -> Iterator[tuple[Program, int]]:
    """The server and its port."""
    port = free_port()
    with running(
        Program([sys.executable, "-m", "tools.soak", "--serve", str(port)], folder), port
    ) as program:
        yield program, port


@contextmanager
def haproxy(folder: Path, farm: list[Node]) -> Iterator[tuple[Program, int]]:
    """HAProxy as documented, but without TLS, and its port."""
    port = free_port()
    servers = "\n    ".join(f"server rpch{at} {LOOPBACK}:{node.port}" for at, node in enumerate(farm, 1))
    replacements = {WITH_TLS: f"{LOOPBACK}:{port}", "server rpch1 127.0.0.1:8080": servers}
    settings = folder / "haproxy.cfg"
    settings.write_text(filled_in("haproxy.cfg", replacements), "utf-8")
    with running(Program(["haproxy", "-db", "-f", settings], folder), port) as program:
        yield program, port


class Drains:
    """Drains and restarts, one proxy after the other, as long as the load lasts."""

    def __init__(self, farm: list[Node], every: float) -> None:
        self._farm, self._every = farm, every
        self.count = 0
        self._busy = False

    @property
    def unfinished(self) -> bool:
        """Whether the load must go on: what does not move cannot move away."""
        return self._busy or self.count < len(self._farm)

    async def run(self, over: Callable[[], bool]) -> None:
        """Until it is over, but each of them once."""
        for node in cycle(self._farm):
            await asyncio.sleep(self._every)
            if over() and not self.unfinished:
                return
            self._busy = True
            node.begin_to_drain()
            await asyncio.to_thread(node.drained)
            await asyncio.to_thread(node.start)
            self._busy = False
            self.count += 1


def recyclings(farm: list[Node]) -> Counter[str]:
    """The four ways to recycle, from what the proxies logged."""
    found: Counter[str] = Counter()
    for channel in ("IN", "OUT"):
        begun = sum(len(node.events("opened", channel)) for node in farm)
        found[f"{channel}_R1"] = begun - 1  # the first is no successor
        found[f"{channel}_R2"] = sum(len(node.events("recycled", channel)) for node in farm)
    return found


def connections(farm: list[Node]) -> int:
    """How many virtual connections there were."""
    return len({name for node in farm for name in node.events("opened")})
