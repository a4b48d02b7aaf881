"""NTLM and Negotiate at RPC level between our ends and those of others, and what a bystander can read."""

import asyncio
import struct
from pathlib import Path
from typing import Annotated, Any

import pytest
from impacket.dcerpc.v5 import rpcrt, rrp
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin

from rpch.client.connect import connect
from rpch.dcerpc.interface import Call, interface, operation
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.errors import AuthenticationFailed, RpcFault
from rpch.ndr import ContextHandle, ErrorStatus, Message, ULong, WString, unique
from rpch.server.demo import Demo, Octets, WhoAmIRequest, WhoAmIResponse
from tests.interop.captures import capturing
from tests.interop.impacket_client import over_http, over_tcp
from tests.interop.laboratory import ADD, DEMO, SOURCE, WHO_AM_I, Laboratory
from tests.interop.processes import run_once
from tests.interop.rpc_server import DOMAIN, PASSWORD, USER, RpcServerProgram
from tests.interop.samba_client import SambaClient, http_binding
from tests.interop.samba_server import SambaServer

CONNECT, CALL, PACKET, SIGN, SEAL = 2, 3, 4, 5, 6
SAMBA_LEVELS = {"connect": CONNECT, "packet": PACKET, "sign": SIGN, "seal": SEAL}
NAMES = {CONNECT: "CONNECT", PACKET: "PKT", SIGN: "PKT_INTEGRITY", SEAL: "PKT_PRIVACY"}
ACCESS_DENIED, LOGON_FAILURE = 0xC0000022, 0xC000006D
ALICE = rf"{DOMAIN}\{USER}"
CONTENT = b"canary-that-nobody-reads-70b1"
MAXIMUM_ALLOWED = 0x02000000
OPEN_LOCAL_MACHINE, NOT_ENOUGH_MEMORY = 2, 8


class OpenRequest(Message):
    """Nobody's name, and what one wants to do."""

    name: Annotated[str | None, unique(WString)]
    access: ULong


class OpenResponse(Message):
    """A key of the registry."""

    handle: ContextHandle
    status: ErrorStatus


@interface("338cd001-2244-31f1-aaaa-900038001003", version=(1, 0))
class Registry:
    """One operation of the registry, which is served to authenticated callers only.  MS-RRP 3.1.5.3"""

    @operation(OPEN_LOCAL_MACHINE)
    def open_local_machine(self, call: Call, request: OpenRequest) -> OpenResponse:
        """Not served here."""
        raise NotImplementedError


def authenticated(server: RpcServerProgram) -> list[tuple[str, str, str]]:
    """Who has proven whom so far, and how, as the server's log tells."""
    lines = [line for line in server.log() if line["event"] == "authenticated"]
    return [(line["user"], line["protection"], line["scheme"]) for line in lines]


def who_am_i(association: Any) -> tuple[str | None, int]:
    """impacket asks the server who it is."""
    association.bind(uuidtup_to_bin(DEMO))
    association.call(WHO_AM_I, b"")
    answer = WhoAmIResponse.decode(association.recv())
    return answer.user, answer.level


# impacket


@pytest.mark.parametrize("level", [CONNECT, SIGN, SEAL])
def test_impacket_is_known_over_tcp(rpc_server_program: RpcServerProgram, level: int) -> None:
    server = rpc_server_program
    with over_tcp(
        server.address, server.ports["demo"], user=USER, password=PASSWORD, domain=DOMAIN, level=level
    ) as association:
        assert who_am_i(association) == (ALICE, level)
        for number in range(100):
            association.call(ADD, struct.pack("<ii", number, 1))
            assert association.recv() == struct.pack("<i", number + 1)
        association.call(SOURCE, struct.pack("<I", 100_000))  # many fragments
        assert association.recv()[8:] == (bytes(range(256)) * 391)[:100_000]


@pytest.mark.parametrize("level", [CONNECT, SIGN, SEAL])
def test_impacket_is_known_through_our_proxy(lab: Laboratory, level: int) -> None:
    domain, user, password = lab.account
    with over_http(
        lab.url, "localhost", 6001, user=user, password=password, domain=domain, level=level
    ) as association:
        assert who_am_i(association) == (rf"{domain}\{user}", level)
        association.call(SOURCE, struct.pack("<I", 100_000))
        assert association.recv()[8:] == (bytes(range(256)) * 391)[:100_000]


def test_impacket_sends_bare_requests_at_level_packet_which_are_refused(
    rpc_server_program: RpcServerProgram,
) -> None:
    """It knows the level's number and no more: there is no trailer, so nothing that could be verified."""
    server = rpc_server_program
    with (
        over_tcp(
            server.address, server.ports["demo"], user=USER, password=PASSWORD, domain=DOMAIN, level=PACKET
        ) as association,
        pytest.raises(DCERPCException, match="nca_s_proto_error"),
    ):
        who_am_i(association)


@pytest.mark.parametrize(("level", "status"), [(SIGN, 0), (PACKET, NOT_ENOUGH_MEMORY)])
def test_samba_takes_such_bare_requests_for_nobody_s(
    samba_server: SambaServer, level: int, status: int
) -> None:
    """Its registry opens for Alice; to nobody it answers what its database gives nobody."""
    host, _, port = samba_server.registry().rpartition(":")
    user, password, domain = samba_server.user, samba_server.password, samba_server.domain
    with over_tcp(host, int(port), user=user, password=password, domain=domain, level=level) as association:
        association.bind(rrp.MSRPC_UUID_RRP)
        association.call(OPEN_LOCAL_MACHINE, OpenRequest(None, MAXIMUM_ALLOWED).encode())
        assert OpenResponse.decode(association.recv()).status == status


def test_impacket_signs_at_level_packet_where_it_is_told_how(
    rpc_server_program: RpcServerProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own signatures, under the number that it signs nothing for by itself."""
    monkeypatch.setattr(rpcrt, "RPC_C_AUTHN_LEVEL_PKT_INTEGRITY", PACKET)
    server = rpc_server_program
    with over_tcp(
        server.address, server.ports["demo"], user=USER, password=PASSWORD, domain=DOMAIN, level=PACKET
    ) as association:
        assert who_am_i(association) == (ALICE, PACKET)
        association.call(SOURCE, struct.pack("<I", 100_000))
        assert association.recv()[8:] == (bytes(range(256)) * 391)[:100_000]


def test_level_call_is_no_level_of_connections(rpc_server_program: RpcServerProgram) -> None:
    """Clients take PKT instead, and servers refuse the number.  MS-RPCE 2.2.1.1.8"""
    server = rpc_server_program
    with (
        over_tcp(
            server.address, server.ports["demo"], user=USER, password=PASSWORD, domain=DOMAIN, level=CALL
        ) as association,
        pytest.raises(DCERPCException, match="Bind context rejected"),
    ):
        who_am_i(association)


@pytest.mark.parametrize("level", [CONNECT, SIGN, SEAL])
def test_impacket_with_a_wrong_password_is_refused(rpc_server_program: RpcServerProgram, level: int) -> None:
    server = rpc_server_program
    with (
        over_tcp(
            server.address, server.ports["demo"], user=USER, password="wrong", domain=DOMAIN, level=level
        ) as association,
        pytest.raises(DCERPCException, match="rpc_s_access_denied"),
    ):
        who_am_i(association)


# Samba's client


@pytest.mark.parametrize("mechanism", ["ntlm", "spnego"])
@pytest.mark.parametrize("flag", SAMBA_LEVELS)
def test_samba_s_client_is_known_over_tcp(
    tmp_path: Path, rpc_server_program: RpcServerProgram, mechanism: str, flag: str
) -> None:
    server, level = rpc_server_program, SAMBA_LEVELS[flag]
    before = len(authenticated(server))
    binding = f"ncacn_ip_tcp:{server.address}[{server.ports['demo']},{flag},{mechanism}]"
    asked: list[tuple[Any, ...]] = [("is_server_listening",), ("interfaces",)]
    asked += [("raw", DEMO[0], WHO_AM_I, "")] if mechanism == "spnego" else []
    listening, interfaces, *more = SambaClient(tmp_path, USER, PASSWORD).calls(binding, *asked)
    assert listening == {"value": True}
    assert [DEMO[0], 1] in interfaces["value"]
    assert authenticated(server)[before:] == [(ALICE, NAMES[level], "NTLM")]
    for answer in more:
        assert WhoAmIResponse.decode(bytes.fromhex(answer["value"])) == WhoAmIResponse(ALICE, level)


@pytest.mark.parametrize("mechanism", ["ntlm", "spnego"])
@pytest.mark.parametrize("flag", ["sign", "seal"])
def test_samba_s_client_asks_our_mapper_in_protected_calls(
    tmp_path: Path, rpc_server_program: RpcServerProgram, mechanism: str, flag: str
) -> None:
    binding = f"ncacn_ip_tcp:{rpc_server_program.address}[135,{flag},{mechanism}]"
    client = SambaClient(tmp_path, USER, PASSWORD)
    everything, in_pages = client.calls(binding, ("lookup", 100), ("lookup", 1))
    assert sorted(everything["value"]) == ["demo", "demo_http", "netlogon"]
    assert in_pages == everything


@pytest.mark.parametrize("mechanism", ["ntlm", "spnego"])
@pytest.mark.parametrize("flag", SAMBA_LEVELS)
def test_samba_s_client_is_known_through_our_proxy(
    tmp_path: Path, lab: Laboratory, mechanism: str, flag: str
) -> None:
    domain, user, password = lab.account
    client = SambaClient(tmp_path, user, password, domain, ca=lab.ca)
    options = f"{flag},{mechanism}"
    proxied: dict[str, Any] = {"proxy": lab.served.address, "tls": True, "options": options}
    [found] = client.calls(http_binding("localhost", 593, **proxied), ("lookup", 10))
    assert "rpch demo" in found["value"]
    binding = http_binding("localhost", 6001, **proxied)
    asked: list[tuple[Any, ...]] = [("is_server_listening",)]
    asked += [("raw", DEMO[0], WHO_AM_I, "")] if mechanism == "spnego" else []
    listening, *more = client.calls(binding, *asked)
    assert listening == {"value": True}
    for answer in more:
        known = WhoAmIResponse(rf"{domain}\{user}", SAMBA_LEVELS[flag])
        assert WhoAmIResponse.decode(bytes.fromhex(answer["value"])) == known


@pytest.mark.parametrize(("mechanism", "status"), [("ntlm", ACCESS_DENIED), ("spnego", LOGON_FAILURE)])
def test_samba_s_client_with_a_wrong_password_is_refused(
    tmp_path: Path, rpc_server_program: RpcServerProgram, mechanism: str, status: int
) -> None:
    server = rpc_server_program
    binding = f"ncacn_ip_tcp:{server.address}[{server.ports['demo']},sign,{mechanism}]"
    [answer] = SambaClient(tmp_path, USER, "wrong").calls(binding, ("is_server_listening",))
    assert answer["error"][0] == status


# Our client


@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
@pytest.mark.parametrize("level", [AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY])
async def test_our_client_opens_samba_s_registry(
    samba_server: SambaServer, auth_type: AuthType, level: AuthLevel
) -> None:
    who: dict[str, Any] = {"rpc_user": rf"{samba_server.domain}\{samba_server.user}", "auth_type": auth_type}
    binding = f"ncacn_ip_tcp:{samba_server.registry().replace(':', '[')}]"
    request = OpenRequest(None, MAXIMUM_ALLOWED)
    async with connect(binding, **who, rpc_password=samba_server.password, auth_level=level) as client:
        for _ in range(3):
            answer = await client.call(Registry.open_local_machine, request)
            assert answer.status == 0
            assert not answer.handle.is_nil
    async with connect(binding, **who, rpc_password="wrong", auth_level=level) as client:
        with pytest.raises((AuthenticationFailed, RpcFault)):
            await client.call(Registry.open_local_machine, request)


async def test_our_client_maps_samba_s_registry_as_nobody_and_opens_it_as_somebody(
    samba_server: SambaServer,
) -> None:
    user = rf"{samba_server.domain}\{samba_server.user}"
    where = f"ncacn_ip_tcp:{samba_server.address}"
    async with connect(where, rpc_user=user, rpc_password=samba_server.password) as client:
        answer = await client.call(Registry.open_local_machine, OpenRequest(None, MAXIMUM_ALLOWED))
        assert answer.status == 0


# A bystander


@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
def test_tshark_reads_a_sealed_call_with_the_password_and_nothing_without(
    tmp_path: Path, rpc_server_program: RpcServerProgram, auth_type: AuthType
) -> None:
    server = rpc_server_program
    port = server.ports["demo"]

    async def call() -> None:
        who: dict[str, Any] = {"rpc_user": ALICE, "rpc_password": PASSWORD, "auth_type": auth_type}
        async with connect(f"ncacn_ip_tcp:{server.address}[{port}]", **who) as client:
            assert (await client.call(Demo.echo, Octets(CONTENT))).data == CONTENT

    with capturing(tmp_path, port, host=server.address) as capture:
        asyncio.run(call())
    assert capture.flaws() == []
    assert CONTENT not in capture.path.read_bytes()
    fields = ["-T", "fields", "-e", "dcerpc.decrypted_stub_data", "-Y", "dcerpc.pkt_type in {0, 2}"]
    for password, found in (PASSWORD, 2), ("wrong", 0):
        told = ["-o", f"ntlmssp.nt_password:{password}"]
        lines = run_once(["tshark", "-r", capture.path, *told, *fields]).splitlines()
        assert len(lines) == 2
        assert sum(CONTENT.hex() in line for line in lines) == found


def test_the_lab_s_server_tells_our_client_who_it_is(lab: Laboratory) -> None:
    domain, user, password = lab.account
    host, _, port = lab.place("demo_tcp").rpartition(":")

    async def call() -> WhoAmIResponse:
        where = f"ncacn_ip_tcp:{host}[{port}]"
        async with connect(where, rpc_user=rf"{domain}\{user}", rpc_password=password) as client:
            return await client.call(Demo.who_am_i, WhoAmIRequest())

    assert asyncio.run(call()) == WhoAmIResponse(rf"{domain}\{user}", SEAL)
