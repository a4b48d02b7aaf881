"""MIT's key distribution centre for a realm of one user, from a folder of its own, on loopback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.processes import Program, free_port, is_listening, run_once

REALM, DOMAIN = "LAB.EXAMPLE", "LAB"
USER, PASSWORD = "alice", "Passw0rd!"
SERVER = "server.lab.example"
SBIN = Path("/usr/sbin")

CLIENT_SETTINGS = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {realm}
    .lab.example = {realm}
"""

# Observed: a server of Samba's that is in no domain takes no ticket with a PAC.
SETTINGS = """\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        supported_enctypes = aes256-cts:normal aes128-cts:normal
        disable_pac = true
    }}
"""


@dataclass(frozen=True)
class Kdc:
    """A running realm. `env` is what its clients and services need in their environment."""

    folder: Path
    env: Mapping[str, str]
    keytab: Path

    def tickets(self, user: str = USER, password: str = PASSWORD) -> dict[str, str]:
        """The environment of somebody who has signed in."""
        env = {**self.env, "KRB5CCNAME": f"FILE:{self.folder}/tickets-of-{user.replace('/', '-')}"}
        run_once(["kinit", user], stdin=f"{password}\n", env=env)
        return env

    def add(self, principal: str, password: str = "", *, keytab: Path | None = None) -> None:
        """One more principal; without a password its key is random, and goes into the keytab."""
        secret = f"-pw {password}" if password else "-randkey"
        self._admin(f"addprinc {secret} {principal}")
        if not password:
            self._admin(f"ktadd -k {keytab or self.keytab} {principal}")

    def _admin(self, query: str) -> None:
        run_once([SBIN / "kadmin.local", "-r", REALM, "-q", query], env=self.env)


@contextmanager
def kdc_serving(folder: Path) -> Iterator[Kdc]:
    """The realm, from when it answers until the test is over. `USER` is in it, and our two services are."""
    port = free_port()
    clients, settings = folder / "krb5.conf", folder / "kdc.conf"
    clients.write_text(CLIENT_SETTINGS.format(realm=REALM, port=port), "utf-8")
    settings.write_text(SETTINGS.format(realm=REALM, port=port, folder=folder), "utf-8")
    env = {
        "KRB5_CONFIG": str(clients),
        "KRB5_KDC_PROFILE": str(settings),
        "KRB5RCACHEDIR": str(folder),
        "KRB5CCNAME": f"FILE:{folder}/nobody",
    }
    run_once([SBIN / "kdb5_util", "create", "-s", "-r", REALM, "-P", "master"], env=env)
    kdc = Kdc(folder, env, folder / "services.keytab")
    kdc.add(USER, PASSWORD)
    for service in ("HTTP/localhost", f"host/{SERVER}"):
        kdc.add(service)
    program = Program([SBIN / "krb5kdc", "-n", "-r", REALM], folder, env=env)
    try:
        program.wait_for(lambda: is_listening("127.0.0.1", port), what="listening")
        yield kdc
    finally:
        program.stop()
