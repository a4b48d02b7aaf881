"""A Windows domain: Samba's domain controller with its winbind, in namespaces of its own.

It insists on its system folders and well-known ports, so it gets empty ones: everything it writes is on file
systems in memory that end with it. Whoever wants to ask it enters its namespaces: see `inside`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.processes import Program

DOMAIN, REALM = "LAB", "lab.test"
ALICE, BOB = "Passw0rd!Älice", "Passw0rd!Bob"
ADDRESS = "10.53.57.1"
START_WITHIN = 120.0

SCRIPT = f"""\
set -eu
ip link set lo up
ip addr add {ADDRESS}/32 dev lo
hostname dc1
for folder in /var/lib/samba /var/cache/samba /run/samba /var/log/samba /etc/samba; do
    mkdir -p $folder
    mount -t tmpfs tmpfs $folder
done
mkdir /var/lib/samba/private /var/lib/samba/sysvol /var/lib/samba/bind-dns
printf '127.0.0.1 localhost\\n{ADDRESS} dc1.{REALM} dc1\\n' > "$1/hosts"
mount --bind "$1/hosts" /etc/hosts
samba-tool domain provision --realm={REALM} --domain={DOMAIN} --server-role=dc --adminpass='Passw0rd!Adm' \\
    --dns-backend=NONE --host-name=dc1 --host-ip={ADDRESS} \\
    --option='interfaces=lo {ADDRESS}/32' --option='bind interfaces only=yes'
samba-tool user create alice '{ALICE}'
samba-tool user create bob '{BOB}'
exec samba -i --debug-stdout --option='server services=s3fs, rpc, ldap, cldap, kdc, winbindd'
"""


@dataclass(frozen=True)
class DomainController:
    """A running one."""

    pid: int

    def inside(self, *command: str) -> tuple[str, ...]:
        """A command that runs where the domain controller does."""
        return ("nsenter", f"--target={self.pid}", "--mount", "--net", "--uts", *command)

    def run(self, *command: str) -> int:
        """Run one to its end; its status."""
        return subprocess.run(self.inside(*command), capture_output=True, check=False).returncode

    def answers(self) -> bool:
        """Whether its winbind serves."""
        return self.run("wbinfo", "--ping") == 0 and self.run("wbinfo", "--check-secret") == 0


def _child(pid: int) -> int:
    """The first process within the namespaces, by its number outside of them; 0 while there is none."""
    children: Sequence[str] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else 0


@contextmanager
def domain_controller(folder: Path) -> Iterator[DomainController]:
    """One with two users, from the moment its winbind answers."""
    namespaces = ("--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    program = Program(["unshare", *namespaces, "sh", "-c", SCRIPT, "sh", folder], folder, name="samba")
    try:
        program.wait_for(lambda: _child(program.pid) > 0, what="namespaces")
        server = DomainController(_child(program.pid))
        program.wait_for(server.answers, what="winbind", within=START_WITHIN)
        yield server
    finally:
        program.stop()
