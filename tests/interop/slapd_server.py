"""OpenLDAP's server with two people in it, from a folder of its own, on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.processes import Program, free_port, is_listening, run_once
from tests.interop.relays import Authority

BASE = "dc=lab,dc=example"
ADMIN, ADMIN_PASSWORD = f"cn=rpch,{BASE}", "Admin-Passw0rd"
ALICE = "secret-of-alice"

CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
moduleload ppolicy
pidfile {folder}/slapd.pid
TLSCertificateFile {authority.certificate}
TLSCertificateKeyFile {authority.key}
allow bind_anon_cred bind_anon_dn
database mdb
maxsize 268435456
directory {folder}/data
suffix "{BASE}"
rootdn "{ADMIN}"
rootpw {ADMIN_PASSWORD}
index uid,mail,objectClass,entryCSN,entryUUID eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{ADMIN}" read by * none
"""
STATE_KEPT = "overlay syncprov\n"
ACCOUNTS_LOCKED = "overlay ppolicy\n"

PEOPLE = f"""\
dn: {BASE}
objectClass: domain
dc: lab

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: uid=Alice,ou=people,{BASE}
objectClass: inetOrgPerson
uid: Alice
cn: Alice Adams
sn: Adams
mail: a.adams@lab.example
userPassword: {ALICE}

dn: uid=nopassword,ou=people,{BASE}
objectClass: inetOrgPerson
uid: nopassword
cn: No Password
sn: Password
"""


@dataclass
class Slapd:
    """The server: where it listens, and who vouches for it. It can be away for a while."""

    folder: Path
    ca: Path
    port: int
    tls_port: int
    program: Program | None = None

    def start(self) -> None:
        """Begin to listen."""
        urls = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        command: list[str | Path] = ["slapd", "-f", self.folder / "slapd.conf", "-h", urls, "-d", "none"]
        self.program = Program(command, self.folder, name="slapd")
        self.program.wait_for(lambda: is_listening("127.0.0.1", self.tls_port), what="listening")

    def stop(self) -> None:
        """Go away."""
        if self.program is not None:
            self.program.stop()
        self.program = None

    def change(self, changes: str) -> None:
        """Have the administrator change something; as LDIF with change types."""
        url = f"ldap://127.0.0.1:{self.port}"
        who = ["-x", "-H", url, "-D", ADMIN, "-w", ADMIN_PASSWORD]
        run_once(["ldapmodify", *who], stdin=changes)


@contextmanager
def slapd_serving(
    folder: Path, authority: Authority, *, people: str = "", keeps_state: bool = False, locks: bool = False
) -> Iterator[Slapd]:
    """The server with two people and `people`, from when it listens until the test is over.

    A server that keeps state says with one number whether anything has changed. One that
    `locks` refuses accounts that have a `pwdAccountLockedTime`.
    """
    (folder / "data").mkdir()
    configuration, file = folder / "slapd.conf", folder / "people.ldif"
    values = {"folder": folder, "authority": authority, "BASE": BASE}
    text = CONFIGURATION.format(**values, ADMIN=ADMIN, ADMIN_PASSWORD=ADMIN_PASSWORD)
    configuration.write_text(text + STATE_KEPT * keeps_state + ACCOUNTS_LOCKED * locks)
    file.write_text(f"{PEOPLE}\n{people}", encoding="utf-8")
    run_once(["slapadd", "-q", "-f", configuration, "-l", file])
    server = Slapd(folder, authority.ca, free_port(), free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()
