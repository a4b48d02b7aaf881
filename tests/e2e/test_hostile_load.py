"""5,000 half-open channels, each with a body of 1 GiB that never comes, in a process limited to 512 MiB.

The proxy takes as many as its limits allow and tells the others so; an honest client is served meanwhile.
So it is where an administrator has allowed all of them: silent ones, and such as have reached the server.

Over TLS it is the memory that counts, and not the addresses: each connection of uvloop's reserves 256 KiB of
them, and touches the first page.
"""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import ssl
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
from tests.e2e.system import certificate, trusting

RPCH = Path(sys.executable).with_name("rpch")
CHANNELS = 5_000
MEMORY = 512 * 1024 * 1024
FILES = 12_000
KEEPALIVE, GROUP = ClientKeepalive(300_000), AssociationGroupId(bytes(16))


def limited() -> None:
    """What the proxy's process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    may_open_many()


def may_open_many() -> None:
    """The same for files alone."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


def most_memory(process: int) -> int:
    """The most bytes of memory that a process has had at a time."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.fixture
def many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(reason=f"this test needs {FILES} open files, and {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))


async def half_open(port: int, turn: asyncio.Semaphore, tls: ssl.SSLContext | None, *, begins: bool) -> str:
    """One IN channel that claims 1 GiB and sends nothing, or its first PDU; what the proxy says to it."""
    async with turn:
        reader, writer = await asyncio.open_connection("localhost" if tls else "127.0.0.1", port, ssl=tls)
    proof = base64.b64encode(rb"LAB\mallory:pw").decode()
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
AT_ONCE = 200


COUNTED = ("half-open", "half-open-per-user", "channels-per-user", "channels-per-address")
RAISED = tuple(word for name in COUNTED for word in (f"--limits.max-{name}", "6000"))
ALLOWED = {
    "with the usual limits": ((), False, {"MaxHalfOpenPerUser": CHANNELS - 1_000}),
    "all of them silent": ((*RAISED, "--first-pdu-timeout", "100"), False, {}),
    "all of them begun": (RAISED, True, {}),
    "all of them over TLS": ((*RAISED, "--first-pdu-timeout", "100"), False, {}),
}


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("allowed", ALLOWED)
async def test_honest_clients_are_served_under_5000_half_open_channels(
    many_files: None, tmp_path: Path, allowed: str
) -> None:
    options, begins, refused = ALLOWED[allowed]
    tls = trusting() if "TLS" in allowed else None
    files = certificate(tmp_path) if tls else {}
    way = ("--tls-cert", files["tls_cert"], "--tls-key", files["tls_key"]) if tls else ("--no-tls",)
    OPEN.clear()
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, "127.0.0.1", 0, [Demo()])
        program = await asyncio.create_subprocess_exec(
            RPCH, "proxy", "--listen", "127.0.0.1:0", *way, "--json",
            "--user", r"LAB\mallory:pw", "--user", r"LAB\alice:pw",
            "--valid-ports", "localhost:6001", "--route", f"localhost:6001=127.0.0.1:{port}", *options,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=may_open_many if tls else limited,
        )  # fmt: skip
        try:
            assert program.stdout is not None
            ready = json.loads(await asyncio.wait_for(program.stdout.readline(), 30))
            proxy = int(ready["listen"][0].rpartition(":")[2])
            await hold_against(proxy, refused, tls, begins=begins)
            assert program.returncode is None, "the proxy did not survive"
            assert most_memory(program.pid) < MEMORY
        finally:
            for writer in OPEN:
                writer.close()
            program.terminate()
            assert await program.wait() == 0
            await server.close()


async def hold_against(
    proxy: int, refused: dict[str, int], tls: ssl.SSLContext | None, *, begins: bool
) -> None:
    """Attack, and be an honest client at the same time."""
    turn = asyncio.Semaphore(AT_ONCE)
    attack = [asyncio.create_task(half_open(proxy, turn, tls, begins=begins)) for _ in range(CHANNELS)]
    await asyncio.sleep(0)
    while len(OPEN) < CHANNELS:  # noqa: ASYNC110 - connections come up in the attack's tasks
        await asyncio.sleep(0.05)
    host = "localhost" if tls else "127.0.0.1"
    binding = f"ncacn_http:localhost[6001,RpcProxy={host}:{proxy}]"
    async with connect(binding, user=r"LAB\alice", password="pw", tls=tls or False, scheme="Basic") as client:
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
