"""Our own RPC server as other makers' tests want it: on well-known ports, with what they call.

    python -m tests.interop.rpc_server '{"address": "127.1.2.3", "users": {"LAB\\\\alice": "…"}}'

The mapper and the management interface are on port 135, one operation of netlogon and the demo interface on
ports that the mapper tells, over TCP; the demo interface also over HTTP. One line of JSON says what is where.
"""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpch.aio.event_loop import run
from rpch.auth.accounts import MemoryAccounts
from rpch.auth.kerberos import KerberosSettings
from rpch.auth.keytab import Keytab
from rpch.auth.ntlm.settings import MicPolicy, NtlmSettings
from rpch.cli.logs import configure_logs
from rpch.dcerpc.endpoint import Limits
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.front.serving import stop_on_signals
from rpch.server.demo import Demo
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.server.runtime import RpcServer
from rpch.server.security import RpcAuthenticator
from rpch.testing.netlogon import Netlogon
from tests.interop.kdc import REALM, Kdc
from tests.interop.processes import Program, private_address
from tests.interop.rpch_commands import json_lines

MAPPER_PORT = 135
TCP, HTTP = ProtocolSequence.NCACN_IP_TCP, ProtocolSequence.NCACN_HTTP
USER, PASSWORD, DOMAIN = "alice", "Passw0rd!", "LAB"


@dataclass(frozen=True)
class RpcServerProgram:
    """A running server, as its ready line describes it."""

    program: Program
    address: str
    ports: dict[str, int]

    def log(self) -> list[dict[str, Any]]:
        """Every line of its log so far."""
        return list(json_lines(self.program.stderr))


@contextmanager
def rpc_server(
    folder: Path, *, mic: MicPolicy = MicPolicy.BY_PROTECTION, kdc: Kdc | None = None
) -> Iterator[RpcServerProgram]:
    """Our server on a private address of loopback, from its ready line until SIGTERM."""
    address = private_address(MAPPER_PORT)
    order = {"address": address, "users": [f"{DOMAIN}\\{USER}:{PASSWORD}"], "mic": mic}
    order["keytab"] = str(kdc.keytab) if kdc else ""
    command = [sys.executable, "-m", __name__, json.dumps(order)]
    program = Program(command, folder, name="rpc-server", env=kdc.env if kdc else None)
    ready: list[dict[str, Any]] = []

    def said_ready() -> bool:
        ready.extend(json_lines(program.stdout))
        return bool(ready)

    try:
        program.wait_for(said_ready, what="ready line")
        yield RpcServerProgram(program, address, ready[0]["ports"])
    except BaseException:
        program.stop()
        raise
    assert program.stop() == 0, "SIGTERM did not end our server cleanly"


async def serve(order: dict[str, Any]) -> None:
    """Listen, say so, and go on until a signal comes."""
    address, stop = order["address"], stop_on_signals()
    settings = NtlmSettings.standalone("server.lab.example", domain=DOMAIN)
    settings = dataclasses.replace(settings, mic=MicPolicy(order["mic"]))
    keytab = Path(order["keytab"]) if order["keytab"] else None
    kerberos = KerberosSettings(Keytab(keytab), {REALM: DOMAIN}) if keytab else None
    accounts = MemoryAccounts.from_options(order["users"])
    security = RpcAuthenticator(accounts, ntlm=settings, kerberos=kerberos)
    registrations, demo, netlogon = Registrations(), Demo(), Netlogon()
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, security=security, limits=Limits(legacy_bind=True))
        ports = {
            "mapper": await server.listen(TCP, address, MAPPER_PORT, [Mapper(registrations)]),
            "netlogon": await server.listen(TCP, address, 0, [netlogon]),
            "demo": await server.listen(TCP, address, 0, [demo]),
            "demo_http": await server.listen(HTTP, address, 0, [demo]),
        }
        for offered, protseq, name in (
            (netlogon, TCP, "netlogon"),
            (demo, TCP, "demo"),
            (demo, HTTP, "demo_http"),
        ):
            syntax = interface_of(offered).syntax
            registrations.insert(Registration(syntax, protseq, ports[name], name))
        print(json.dumps({"ports": ports}), flush=True)
        await stop.wait()
        await server.close()


if __name__ == "__main__":
    configure_logs(json=True)
    run(serve(json.loads(sys.argv[1])))
