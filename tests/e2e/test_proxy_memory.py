"""What a proxy could tell if it were taken: its whole memory is searched for what it has carried.

At privacy level there is nothing, neither there nor in its full trace nor in its log. What is only signed is
found in its memory and trace, so the search is a real one.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from rpch.auth.accounts import MemoryAccounts
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.client.connect import connect
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.server.demo import Demo, Octets
from rpch.server.runtime import RpcServer
from rpch.server.security import RpcAuthenticator
from tests.e2e.farm import LOOPBACK
from tests.rpch_process import rpch_process

DOOR, CALLER = r"LAB\door:pw", r"LAB\alice"
PASSWORD = "canary-of-the-callers-password-83d1"
CONTENT = b"canary-of-what-is-said-and-answered-2f6b"
READABLE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r")
LARGEST = 256 * 1024 * 1024  # of one region; reserved address space may be larger, and is empty


def memory_of(pid: int) -> bytes:
    """All that a process can read of its own memory."""
    found = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in maps:
            region = READABLE.match(line)
            if region is None or "[v" in line:  # the kernel's own pages
                continue
            start, end = (int(text, 16) for text in region.groups())
            try:
                memory.seek(start)
                found.append(memory.read(min(end - start, LARGEST)))
            except OSError:
                continue
    return b"".join(found)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="memory is read as Linux shows it")
@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
@pytest.mark.parametrize(("level", "seen"), [(AuthLevel.PKT_PRIVACY, False), (AuthLevel.PKT_INTEGRITY, True)])
async def test_nothing_that_is_sealed_is_in_a_proxys_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth_type: AuthType, level: AuthLevel, seen: bool
) -> None:
    log, trace = tmp_path / "log", tmp_path / "trace"
    monkeypatch.setenv("RPCH_TRACE", str(trace))
    monkeypatch.setenv("RPCH_TRACE_FULL", "1")
    accounts = MemoryAccounts.from_options([f"{CALLER}:{PASSWORD}"])
    security = RpcAuthenticator(accounts, ntlm=NtlmSettings.standalone("server.lab.test", domain="LAB"))
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, security=security)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, LOOPBACK, 0, [Demo()])
        target = ("--valid-ports", "server:6001", "--route", f"server:6001={LOOPBACK}:{port}")
        command = ("proxy", "--listen", "127.0.0.1:0", "--no-tls", "--user", DOOR, *target, "--verbose")
        with rpch_process(*command, log=log) as proxy:
            memory = await asyncio.to_thread(memory_of, proxy.pid)
            assert CONTENT not in memory
            assert b"server:6001" in memory  # it was read at all
            memory = await carried(proxy.port, proxy.pid, auth_type, level)
            assert proxy.stop() == 0
        await server.close()
    assert (CONTENT in memory) == seen
    assert (CONTENT.hex() in trace.read_text("utf-8")) == seen
    assert CONTENT not in log.read_bytes()
    for secret in (PASSWORD.encode(), PASSWORD.encode("utf-16-le")):
        assert secret not in memory


async def carried(port: int, pid: int, auth_type: AuthType, level: AuthLevel) -> bytes:
    """The proxy's memory after some calls, while their connection is open."""
    user, _, password = DOOR.rpartition(":")
    caller: dict[str, Any] = {"rpc_user": CALLER, "rpc_password": PASSWORD, "auth_type": auth_type}
    binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{port}]"
    async with connect(
        binding, user=user, password=password, tls=False, **caller, auth_level=level
    ) as client:
        for _ in range(20):
            assert (await client.call(Demo.echo, Octets(CONTENT))).data == CONTENT
        return await asyncio.to_thread(memory_of, pid)
