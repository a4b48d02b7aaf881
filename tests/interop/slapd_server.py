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
pidfile {folder}/slapd.pid
TLSCertificateFile {authority.certificate}
TLSCertificateKeyFile {authority.key}
allow bind_anon_cred bind_anon_dn
database mdb
directory {folder}/data
suffix "{BASE}"
rootdn "{ADMIN}"
rootpw {ADMIN_PASSWORD}
index uid,mail eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{ADMIN}" read by * none
"""

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


@dataclass(frozen=True)
class Slapd:
    """Where it listens, and who vouches for it."""

    port: int
    tls_port: int
    ca: Path
    program: Program


@contextmanager
def slapd_serving(folder: Path, authority: Authority) -> Iterator[Slapd]:
    """The server, from when it listens until the test is over."""
    (folder / "data").mkdir()
    configuration, people = folder / "slapd.conf", folder / "people.ldif"
    values = {"folder": folder, "authority": authority, "BASE": BASE}
    text = CONFIGURATION.format(**values, ADMIN=ADMIN, ADMIN_PASSWORD=ADMIN_PASSWORD)
    configuration.write_text(text)
    people.write_text(PEOPLE)
    run_once(["slapadd", "-f", configuration, "-l", people])
    plain, secure = free_port(), free_port()
    urls = f"ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{secure}"
    program = Program(["slapd", "-f", configuration, "-h", urls, "-d", "none"], folder, name="slapd")
    try:
        program.wait_for(lambda: is_listening("127.0.0.1", secure), what="listening")
        yield Slapd(plain, secure, authority.ca, program)
    finally:
        program.stop()
