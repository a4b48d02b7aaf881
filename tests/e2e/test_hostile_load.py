"""5,000 half-open channels, each with a body of 1 GiB that never comes, in a process limited to 512 MiB.

The proxy takes as many as its limits allow and tells the others so; an honest client is served meanwhile.
So it is where an administrator has allowed all of them: silent ones, and such as have reached the server.
"""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import sys
from collections import Counter
from pathlib import Path

import pytest

from rpch.client.connect import connect
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.rts.commands import AssociationGroupId, ChannelLifetime, ClientKeepalive, Version
from rpch.rts.pdus import ConnB1
from rpch.server.demo import AddRequest, Demo
from rpch.server.runtime import RpcServer
from tests.e2e.raw_connections import cookie

RPCH = Path(sys.executable).with_name("rpch")
CHANNELS = 5_000
MEMORY = 512 * 1024 * 1024
FILES = 12_000
KEEPALIVE, GROUP = ClientKeepalive(300_000), AssociationGroupId(bytes(16))


def limited() -> None:
    """What the proxy's process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@pytest.fixture
def many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(reason=f"this test needs {FILES} open files, and {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))


async def half_open(port: int, user: str, *, begins: bool) -> str:
    """One IN channel that claims 1 GiB and sends nothing, or its first PDU; what the proxy says to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    proof = base64.b64encode(f"{user}:pw".encode()).decode()
    head = (
        "RPC_IN_DATA /rpc/rpcproxy.dll?localhost:6001 HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: 1073741824\r\nAuthorization: Basic {proof}\r\n\r\n"
    )
    first = ConnB1(Version(1), cookie(), cookie(), ChannelLifetime(1 << 30), KEEPALIVE, GROUP)
    writer.write(head.encode() + (first.encode() if begins else b""))
    OPEN.append(writer)
    try:
        said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    except TimeoutError:
        return "silent"
    except (asyncio.IncompleteReadError, ConnectionError):
        return "closed"
    rule = [line for line in said.decode().splitlines() if line.startswith("X-Rpch-Rule")]
    return rule[0].partition(": ")[2] if rule else said.decode().splitlines()[0]


OPEN: list[asyncio.StreamWriter] = []


COUNTED = ("half-open", "half-open-per-user", "channels-per-user", "channels-per-address")
RAISED = tuple(word for name in COUNTED for word in (f"--limits.max-{name}", "6000"))
ALLOWED = {
    "with the usual limits": ((), False, {"MaxHalfOpenPerUser": CHANNELS - 1_000}),
    "all of them silent": ((*RAISED, "--first-pdu-timeout", "100"), False, {}),
    "all of them begun": (RAISED, True, {}),
}


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("allowed", ALLOWED)
async def test_honest_clients_are_served_under_5000_half_open_channels(
    many_files: None, allowed: str
) -> None:
    options, begins, refused = ALLOWED[allowed]
    OPEN.clear()
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, "127.0.0.1", 0, [Demo()])
        program = await asyncio.create_subprocess_exec(
            RPCH, "proxy", "--listen", "127.0.0.1:0", "--no-tls", "--json",
            "--user", r"LAB\mallory:pw", "--user", r"LAB\alice:pw",
            "--valid-ports", "localhost:6001", "--route", f"localhost:6001=127.0.0.1:{port}", *options,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, preexec_fn=limited,
        )  # fmt: skip
        try:
            assert program.stdout is not None
            ready = json.loads(await asyncio.wait_for(program.stdout.readline(), 30))
            proxy = int(ready["listen"][0].rpartition(":")[2])
            await hold_against(proxy, refused, begins=begins)
            assert program.returncode is None, "the proxy did not survive"
        finally:
            for writer in OPEN:
                writer.close()
            program.terminate()
            assert await program.wait() == 0
            await server.close()


async def hold_against(proxy: int, refused: dict[str, int], *, begins: bool) -> None:
    """Attack, and be an honest client at the same time."""
    attack = [asyncio.create_task(half_open(proxy, r"LAB\mallory", begins=begins)) for _ in range(CHANNELS)]
    await asyncio.sleep(0)
    while len(OPEN) < CHANNELS:  # noqa: ASYNC110 - connections come up in the attack's tasks
        await asyncio.sleep(0.05)
    binding = f"ncacn_http:localhost[6001,RpcProxy=127.0.0.1:{proxy}]"
    async with connect(binding, user=r"LAB\alice", password="pw", tls=False) as client:
        for number in range(50):
            answer = await client.call(Demo.add, AddRequest(number, 1), timeout=10)
            assert answer.total == number + 1
    done, waiting = await asyncio.wait(attack, timeout=0.1)
    said = Counter(task.result() for task in done)
    if refused:
        for rule, most in refused.items():
            assert said[rule] >= most - len(waiting)
        assert set(said) <= {*refused, "FirstPduTimeout"}
    else:
        assert len(waiting) == CHANNELS, said
    for task in waiting:
        task.cancel()
    await asyncio.gather(*attack, return_exceptions=True)
