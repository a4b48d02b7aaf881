"""The soak itself."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rpch.client.connect import connect
from rpch.vconn.settings import ClientSettings
from tests.interop.farm import SHORTEST, Node, nodes
from tests.interop.relays import ALICE
from tools.soak.load import Ends
from tools.soak.memory import Memory, Record
from tools.soak.processes import LOOPBACK, Drains, connections, haproxy, recyclings, server

MEBIBYTE = 1 << 20
GRACE = 60.0  # seconds: connections move long before
DRAINED_UNTIL = 0.6  # of the way


@dataclass
class Outcome:
    """What came of it."""

    sent: int
    received: int
    equal: bool
    connections: int
    drains: int
    recyclings: Counter[str]
    stragglers: int
    memory: dict[str, Record]

    def faults(self, tolerance: int) -> list[str]:
        """What is not as it must be; `tolerance` is by how many bytes a process may grow."""
        found = []
        if not self.equal:
            found.append("the digests of the two ends differ")
        if self.connections != 1:
            found.append(f"{self.connections} virtual connections were needed, not one")
        if self.stragglers:
            found.append(f"{self.stragglers} drains ended what should have moved")
        if missing := [name for name, count in self.recyclings.items() if not count]:
            found.append(f"nothing was recycled by {', '.join(missing)}")
        for name, record in self.memory.items():
            if (growth := record.growth()) > tolerance:
                found.append(f"{name} grew by {growth / MEBIBYTE:.1f} MiB")
        return found


async def soak(
    folder: Path, size: int, *, drain_every: float, progress: Callable[[int, int], None] | None = None
) -> Outcome:
    """`size` bytes each way; after each `drain_every` seconds the next proxy is drained and restarted."""
    with (
        server(folder) as (behind, port),
        nodes(folder, f"{LOOPBACK}:{port}", 2, grace=GRACE) as farm,
        haproxy(folder, farm) as (relay, front),
    ):
        drains = Drains(farm, drain_every)
        ends = Ends(size, lambda: drains.unfinished)
        pids = {"client": os.getpid, "server": lambda: behind.pid, "HAProxy": lambda: relay.pid}
        memory = Memory({**pids, **_proxies(farm)}, lambda: ends.sent + ends.received)
        async with connect(
            f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{front}]",
            user=f"{ALICE.domain}\\{ALICE.user}",
            password=ALICE.password,
            tls=False,
            settings=ClientSettings(channel_lifetime=SHORTEST),
        ) as client:
            watching = asyncio.create_task(memory.watch(progress))
            async with asyncio.TaskGroup() as together:
                together.create_task(ends.run(client))
                # Not to the end: the last processes must live long enough to show whether they grow.
                together.create_task(drains.run(lambda: ends.sent > DRAINED_UNTIL * size))
            watching.cancel()
            equal = await ends.equal(client)
        stragglers = sum(node.count("ending what has not moved") for node in farm)
        return Outcome(
            ends.sent,
            ends.received,
            equal,
            connections(farm),
            drains.count,
            recyclings(farm),
            stragglers,
            memory.records,
        )


def _proxies(farm: list[Node]) -> dict[str, Callable[[], int | None]]:
    def pid_of(node: Node) -> Callable[[], int | None]:
        return lambda: node.pid

    return {f"proxy {number}": pid_of(node) for number, node in enumerate(farm, 1)}
