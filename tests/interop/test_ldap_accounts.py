"""Accounts of a real LDAP server: OpenLDAP's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rpch.auth.accounts import Identity, Standing
from rpch.directory.ldap_accounts import LdapAccounts
from rpch.directory.ldap_server import LdapServer
from rpch.errors import TransportError
from tests.interop.processes import run_once
from tests.interop.relays import Authority
from tests.interop.rpch_commands import serving
from tests.interop.slapd_server import ADMIN, ADMIN_PASSWORD, ALICE, BASE, Slapd, slapd_serving

WHO = Identity("Alice", "LAB")


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    with slapd_serving(tmp_path_factory.mktemp("slapd"), authority) as server:
        yield server


def server_of(slapd: Slapd, kind: str) -> LdapServer:
    """The server by its address: the library takes `localhost` for the full name of this machine."""
    secure, plain = f"ldaps://127.0.0.1:{slapd.tls_port}", f"ldap://127.0.0.1:{slapd.port}"
    ours = {"bind_dn": ADMIN, "bind_password": ADMIN_PASSWORD, "ca_file": slapd.ca}
    return {
        "ldaps": LdapServer(secure, **ours),  # type: ignore[arg-type]  # of several types
        "starttls": LdapServer(plain, start_tls=True, **ours),  # type: ignore[arg-type]  # of several types
        "loopback": LdapServer(plain, **ours),  # type: ignore[arg-type]  # of several types
    }[kind]


def accounts(server: LdapServer) -> LdapAccounts:
    return LdapAccounts(server, f"ou=people,{BASE}", domain="LAB", aliases=["lab.example"])


@pytest.mark.parametrize("kind", ["ldaps", "starttls", "loopback"])
async def test_a_password_is_proven_by_a_bind(slapd: Slapd, kind: str) -> None:
    people = accounts(server_of(slapd, kind))
    for name in ("alice", r"LAB\ALICE", "alice@lab.example", "a.adams@lab.example"):
        assert await people.verify_password(name, ALICE) == WHO
    for name, password in (("alice", "wrong"), ("nobody", ALICE), ("nopassword", "x"), ("*", ALICE)):
        assert await people.verify_password(name, password) is None


async def test_an_empty_password_proves_nothing_though_the_server_takes_it(slapd: Slapd) -> None:
    """This server lets a DN without a password be an anonymous bind, as many do.  RFC 4513 5.1.2"""
    server = server_of(slapd, "ldaps")
    assert not await server.proves(f"uid=Alice,ou=people,{BASE}", "")
    assert await accounts(server).verify_password("alice", "") is None


async def test_a_name_cannot_become_a_filter(slapd: Slapd) -> None:
    people = accounts(server_of(slapd, "ldaps"))
    for name in ("alice)(uid=*", "*)(objectClass=*", "a\\2a", "al*", "alice\0"):
        assert await people.verify_password(name, ALICE) is None


async def test_a_certificate_of_somebody_else_is_refused(slapd: Slapd, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    server = LdapServer(f"ldaps://127.0.0.1:{slapd.tls_port}", ca_file=stranger.ca)
    with pytest.raises(TransportError, match="cannot be reached"):
        await server.proves(f"uid=Alice,ou=people,{BASE}", ALICE)


async def test_our_own_wrong_password_is_not_the_users(slapd: Slapd) -> None:
    server = LdapServer(f"ldap://127.0.0.1:{slapd.port}", bind_dn=ADMIN, bind_password="wrong")
    with pytest.raises(TransportError, match="refuses cn=rpch"):
        await accounts(server).verify_password("alice", ALICE)


async def test_a_server_that_is_away_is_said() -> None:
    with pytest.raises(TransportError, match="cannot be reached"):
        await accounts(LdapServer("ldap://127.0.0.1:1")).verify_password("alice", ALICE)


def test_a_proxy_takes_basic_from_users_of_the_server(slapd: Slapd, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(ADMIN_PASSWORD)
    config = tmp_path / "proxy.toml"
    config.write_text(f"""\
no-tls = true
valid-ports = "localhost:593"
[ldap]
url = "ldaps://127.0.0.1:{slapd.tls_port}"
ca-file = "{slapd.ca}"
base = "ou=people,{BASE}"
bind-dn = "{ADMIN}"
bind-password-file = "{tmp_path / "password"}"
domain = "LAB"
""")
    with serving(tmp_path, "proxy", "--listen", "127.0.0.1:0", "--config", config) as proxy:
        url = f"http://{proxy.address}/rpc/rpcproxy.dll?localhost:593"
        echo = ("-X", "RPC_IN_DATA", "-H", "Content-Length: 0")
        curl = ["curl", "-sS", "-o", "-", "-w", "%{http_code}", *echo]
        assert run_once([*curl, "-u", f"alice:{ALICE}", url]).endswith("200")
        assert run_once([*curl, "-u", "alice:wrong", url]).endswith("401")
        assert ALICE not in str(proxy.log())


async def test_a_server_that_knows_nothing_of_disabling_says_who_is_there(slapd: Slapd) -> None:
    people = accounts(server_of(slapd, "ldaps"))
    assert await people.standing(WHO) is Standing.GOOD
    for nobody in (Identity("nobody", "LAB"), Identity("Alice", "OTHER"), Identity("al*", "LAB")):
        assert await people.standing(nobody) is Standing.UNKNOWN
