"""Kerberos at RPC level from our client: to Samba's server and to our own, with tickets of a real KDC."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rpch.client.connect import connect
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.remote_management import Nothing, RemoteManagement
from rpch.errors import AuthenticationFailed
from rpch.server.demo import Demo, Octets, WhoAmIRequest, WhoAmIResponse
from tests.interop.kdc import DOMAIN, PASSWORD, REALM, SERVER, USER, Kdc
from tests.interop.processes import run_once
from tests.interop.rpc_server import RpcServerProgram
from tests.interop.rpch_commands import RPCH
from tests.interop.samba_server import HOSTNAME, SambaServer, samba_serving
from tests.interop.test_rpc_security import MAXIMUM_ALLOWED, OpenRequest, Registry, authenticated

PRINCIPAL = f"{USER}@{REALM}"
BODY = b"canary " * 10_000  # many fragments
PACKAGES = pytest.mark.parametrize("auth_type", [AuthType.KERBEROS, AuthType.NEGOTIATE])
PROTECTED = [AuthLevel.PKT, AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY]


@pytest.fixture(scope="module")
def samba(kdc: Kdc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaServer]:
    """Samba's server with the key of its service."""
    with samba_serving(tmp_path_factory.mktemp("samba-with-tickets"), kdc) as server:
        yield server


@pytest.fixture(params=["password", "ticket"])
def who(request: pytest.FixtureRequest, kdc: Kdc, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Alice, who has signed in or has a password."""
    has_ticket = request.param == "ticket"
    for name, value in (kdc.tickets() if has_ticket else kdc.env).items():
        monkeypatch.setenv(name, value)
    return {"rpc_user": PRINCIPAL, "rpc_password": "" if has_ticket else PASSWORD}


def ours(server: RpcServerProgram) -> str:
    return f"ncacn_ip_tcp:{server.address}[{server.ports['demo']},target_hostname={SERVER}]"


def theirs(server: SambaServer) -> str:
    return f"ncacn_ip_tcp:{server.registry().replace(':', '[')},target_hostname={HOSTNAME}]"


@PACKAGES
@pytest.mark.parametrize("level", PROTECTED)
async def test_our_client_opens_samba_s_registry_with_a_ticket(
    samba: SambaServer, who: dict[str, Any], auth_type: AuthType, level: AuthLevel
) -> None:
    async with connect(theirs(samba), **who, auth_type=auth_type, auth_level=level) as client:
        for _ in range(3):
            answer = await client.call(Registry.open_local_machine, OpenRequest(None, MAXIMUM_ALLOWED))
            assert (answer.status, answer.handle.is_nil) == (0, False)


@PACKAGES
async def test_our_client_tells_samba_its_name_and_no_more(
    samba: SambaServer, who: dict[str, Any], auth_type: AuthType
) -> None:
    """At level CONNECT Samba lets its management be called, and its registry not."""
    async with connect(theirs(samba), **who, auth_type=auth_type, auth_level=AuthLevel.CONNECT) as client:
        answer = await client.call(RemoteManagement.is_server_listening, Nothing())
        assert (answer.status, bool(answer.listening)) == (0, True)


@PACKAGES
@pytest.mark.parametrize("level", [AuthLevel.CONNECT, AuthLevel.CALL, *PROTECTED])
async def test_our_server_knows_who_has_a_ticket(
    rpc_server_program: RpcServerProgram, who: dict[str, Any], auth_type: AuthType, level: AuthLevel
) -> None:
    server, before = rpc_server_program, len(authenticated(rpc_server_program))
    used = AuthLevel.PKT if level is AuthLevel.CALL else level
    async with connect(ours(server), **who, auth_type=auth_type, auth_level=level) as client:
        known = WhoAmIResponse(rf"{DOMAIN}\{USER}", used)
        assert await client.call(Demo.who_am_i, WhoAmIRequest()) == known
        assert (await client.call(Demo.echo, Octets(BODY))).data == BODY
    assert authenticated(server)[before:] == [(rf"{DOMAIN}\{USER}", used.name, "Kerberos")]


@pytest.fixture
def without_kdc(kdc: Kdc, tmp_path: Path) -> str:
    """Settings of the same realm, whose KDC nobody reaches."""
    settings = Path(kdc.env["KRB5_CONFIG"]).read_text("utf-8")
    alone = tmp_path / "krb5.conf"
    alone.write_text(re.sub(r"kdc = \S+", "kdc = 127.0.0.1:9", settings), "utf-8")
    return str(alone)


@PACKAGES
async def test_further_connections_of_a_client_need_no_kdc(
    rpc_server_program: RpcServerProgram,
    kdc: Kdc,
    without_kdc: str,
    monkeypatch: pytest.MonkeyPatch,
    auth_type: AuthType,
) -> None:
    """The tickets of the first are in memory; a client that begins anew has none."""
    for name, value in kdc.env.items():
        monkeypatch.setenv(name, value)
    who: dict[str, Any] = {"rpc_user": PRINCIPAL, "rpc_password": PASSWORD, "auth_type": auth_type}
    before = len(authenticated(rpc_server_program))
    async with connect(ours(rpc_server_program), **who) as client:
        await client.bind(Demo)
        monkeypatch.setenv("KRB5_CONFIG", without_kdc)
        (await client.connection_for(interface_of(Demo))).close()
        answer = await client.call(Demo.who_am_i, WhoAmIRequest())
        assert answer.user == rf"{DOMAIN}\{USER}"
    assert [how for *_, how in authenticated(rpc_server_program)[before:]] == ["Kerberos"] * 2
    if auth_type is AuthType.KERBEROS:
        with pytest.raises(AuthenticationFailed, match="no ticket for this user and password"):
            async with connect(ours(rpc_server_program), **who):
                pass


@PACKAGES
@pytest.mark.parametrize("level", PROTECTED)
async def test_with_a_ticket_one_more_user_calls_on_a_connection(
    samba: SambaServer,
    rpc_server_program: RpcServerProgram,
    who: dict[str, Any],
    auth_type: AuthType,
    level: AuthLevel,
) -> None:
    """By Kerberos beside nobody: to Samba, and to ours."""
    user, password = who["rpc_user"], who["rpc_password"]
    async with connect(theirs(samba)) as client:
        alice = client.as_user(user, password, auth_type=auth_type, auth_level=level)
        for _ in range(3):
            answer = await alice.call(Registry.open_local_machine, OpenRequest(None, MAXIMUM_ALLOWED))
            assert (answer.status, answer.handle.is_nil) == (0, False)
            listening = await client.call(RemoteManagement.is_server_listening, Nothing())
            assert bool(listening.listening)
    async with connect(ours(rpc_server_program)) as client:
        alice = client.as_user(user, password, auth_type=auth_type, auth_level=level)
        for caller, known in [(alice, rf"{DOMAIN}\{USER}"), (client, None)] * 3:
            assert (await caller.call(Demo.who_am_i, WhoAmIRequest())).user == known
        assert (await alice.call(Demo.echo, Octets(BODY))).data == BODY


async def test_who_has_signed_in_needs_no_name(
    rpc_server_program: RpcServerProgram, kdc: Kdc, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in kdc.tickets().items():
        monkeypatch.setenv(name, value)
    async with connect(ours(rpc_server_program).replace("]", ",krb5,sign]")) as client:
        answer = await client.call(Demo.who_am_i, WhoAmIRequest())
        assert answer == WhoAmIResponse(rf"{DOMAIN}\{USER}", AuthLevel.PKT_INTEGRITY)


@pytest.mark.parametrize(
    ("host", "password", "told"),
    [
        (SERVER, "wrong", "no ticket for this user and password"),
        (SERVER, "", f"there is no ticket for {PRINCIPAL}"),
        ("nobody.lab.example", PASSWORD, "Server .*not found"),
    ],
)
async def test_what_a_kdc_does_not_give_is_said_before_anything_is_sent(
    rpc_server_program: RpcServerProgram,
    kdc: Kdc,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    password: str,
    told: str,
) -> None:
    for name, value in kdc.env.items():
        monkeypatch.setenv(name, value)
    before = len(authenticated(rpc_server_program))
    binding = ours(rpc_server_program).replace(SERVER, host)
    who: dict[str, Any] = {"rpc_user": PRINCIPAL, "rpc_password": password, "auth_type": AuthType.KERBEROS}
    with pytest.raises(AuthenticationFailed, match=told):
        async with connect(binding, **who):
            pass
    assert authenticated(rpc_server_program)[before:] == []


def ping(server: RpcServerProgram, env: dict[str, str], *words: str) -> str:
    """What the command prints; it fails with that when it does not get through."""
    return run_once([RPCH, "ping", ours(server), "-u", "kerberos", *words], env=env)


def test_the_command_pings_with_the_ticket_of_whoever_has_signed_in(
    rpc_server_program: RpcServerProgram, kdc: Kdc
) -> None:
    told = ping(rpc_server_program, kdc.tickets(), "-a", "integrity")
    assert "as whoever has signed in by KERBEROS, PKT_INTEGRITY" in " ".join(told.split())


def test_the_command_says_that_there_is_no_ticket(rpc_server_program: RpcServerProgram, kdc: Kdc) -> None:
    with pytest.raises(AssertionError, match=r"there is\s+no ticket; get one with kinit"):
        ping(rpc_server_program, dict(kdc.env))


def test_the_command_says_that_the_extra_is_missing(
    rpc_server_program: RpcServerProgram, kdc: Kdc, tmp_path: Path
) -> None:
    for name in ("gssapi", "krb5"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not installed')\n", "utf-8")
    env = {**kdc.tickets(), "PYTHONPATH": str(tmp_path)}
    with pytest.raises(AssertionError, match=r"install rpch\[kerberos\]"):
        ping(rpc_server_program, env)
