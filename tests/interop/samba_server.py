"""Samba's RPC server: an endpoint mapper and a registry that are not ours, on ncacn_ip_tcp.

The mapper's port is always 135. So the server gets an address of loopback for itself, where the well-known
port is free, and all of its folders below one that the test owns. Which port a service has is the mapper's to
tell: it changes from start to start.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from impacket.dcerpc.v5 import epm, rrp

from tests.interop.impacket_client import over_tcp
from tests.interop.kdc import REALM, Kdc
from tests.interop.processes import Program, is_listening, private_address, run_once, wait_until_closed

DAEMON = "/usr/libexec/samba/samba-dcerpcd"
MAPPER_PORT = 135

SETTINGS = """\
[global]
    workgroup = LAB
    netbios name = BACKEND
    server role = standalone server
    interfaces = {address}/8
    bind interfaces only = yes
    disable netbios = yes
    rpc start on demand helpers = no
    rpc server dynamic port range = 49152-49252
    passdb backend = tdbsam
    username map = {folder}/users
    log level = 2
    log file = {folder}/log
    lock directory = {folder}/lock
    state directory = {folder}/state
    cache directory = {folder}/cache
    pid directory = {folder}/pid
    private dir = {folder}/private
    ncalrpc dir = {folder}/ncalrpc
"""

# What Samba needs to take tickets without being a member of a domain.
KERBEROS = """\
    realm = {realm}
    kerberos method = dedicated keytab
    dedicated keytab file = {keytab}
"""
HOSTNAME = "backend.lab.example"


@dataclass(frozen=True)
class SambaServer:
    """Where Samba's RPC server is, and who may call it."""

    address: str
    settings: Path
    domain: str = "LAB"
    user: str = "alice"
    password: str = "Passw0rd!"

    def registry(self) -> str:
        """The registry's `host:port`, as the mapper tells it."""
        with over_tcp(self.address, MAPPER_PORT) as mapper:
            found = epm.hept_map(self.address, rrp.MSRPC_UUID_RRP, protocol="ncacn_ip_tcp", dce=mapper)
        return f"{self.address}:{found.rpartition('[')[2].rstrip(']')}"

    @property
    def mapper(self) -> str:
        """The endpoint mapper's `host:port`."""
        return f"{self.address}:{MAPPER_PORT}"


def prepare(folder: Path, kdc: Kdc | None) -> SambaServer:
    """Folders, settings and the one account. Alice is mapped to root, the only user every machine has."""
    for name in ("lock", "state", "cache", "pid", "private", "ncalrpc"):
        (folder / name).mkdir()
    server = SambaServer(private_address(MAPPER_PORT), folder / "smb.conf")
    settings = SETTINGS.format(address=server.address, folder=folder)
    if kdc is not None:
        keytab = folder / "samba.keytab"
        kdc.add(f"host/{HOSTNAME}", keytab=keytab)
        settings += KERBEROS.format(realm=REALM, keytab=keytab)
    server.settings.write_text(settings, "utf-8")
    (folder / "users").write_text(f"root = {server.user} {server.domain}\\{server.user}\n", "utf-8")
    twice = f"{server.password}\n" * 2
    run_once(["smbpasswd", "-c", server.settings, "-a", "-s", "root"], stdin=twice)
    return server


@contextmanager
def samba_serving(folder: Path, kdc: Kdc | None = None) -> Iterator[SambaServer]:
    """Samba's RPC server, from the moment its mapper knows all its services. With a KDC it takes tickets."""
    server = prepare(folder, kdc)
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    daemon = [DAEMON, "--libexec-rpcds", "--foreground", "--no-process-group", "--debug-stdout"]
    told = [f"--configfile={server.settings}", f"--ready-signal-fd={write_end}"]
    program = Program([*daemon, *told], folder, pass_fds=(write_end,), env=kdc.env if kdc else None)
    os.close(write_end)
    try:
        assert wait_until_closed(read_end), f"Samba was not ready in time:\n{program.output()}"
        program.wait_for(lambda: is_listening(server.address, MAPPER_PORT), what="endpoint mapper")
        yield server
    finally:
        os.close(read_end)
        program.stop()
