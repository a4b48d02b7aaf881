"""Several users on one connection: our client with servers that others wrote, and impacket with ours."""

import asyncio
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from impacket.uuid import uuidtup_to_bin

from rpch.client.calls import Calls
from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.client.rpc import CallLost
from rpch.dcerpc.client_contexts import CannotOpen
from rpch.dcerpc.interface import Call, interface, interface_of, operation
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.remote_management import Nothing, RemoteManagement
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, RpcFault
from rpch.ndr import Message, ULong
from rpch.server.demo import WhoAmIResponse
from tests.interop.impacket_client import over_tcp
from tests.interop.impacket_server import ECHO
from tests.interop.laboratory import DEMO, WHO_AM_I
from tests.interop.relays import ALICE, Authority, Proxied, reached_over_http
from tests.interop.rpc_server import DOMAIN, PASSWORD, USER, RpcServerProgram
from tests.interop.samba_server import SambaServer
from tests.interop.test_rpc_security import OpenRequest, Registry

CONNECT, PKT = AuthLevel.CONNECT, AuthLevel.PKT
SIGNS, SEALS = AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY
REGISTRY = interface_of(Registry)
TO_WRITE = 0x20006  # which Alice may, and nobody may not
PACKAGES = pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])


class Number(Message):
    """One number."""

    value: ULong


@interface(ECHO[0], version=(1, 0))
class Echo:
    """What impacket's server knows."""

    @operation(0)
    def add_one(self, call: Call, request: Number) -> Number:
        """Not served here."""
        raise NotImplementedError


@pytest.fixture(scope="module")
def behind_proxy(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, samba_server: SambaServer
) -> Iterator[Proxied]:
    """Samba's registry behind our proxy and our bridge."""
    folder = tmp_path_factory.mktemp("several-users")
    with reached_over_http(folder, authority, samba_server.registry()) as reached:
        yield reached


def known(server: SambaServer) -> tuple[str, str]:
    """Alice at Samba's server, and her password."""
    return rf"{server.domain}\{server.user}", server.password


def proven(server: SambaServer, level: AuthLevel, auth_type: AuthType = AuthType.NEGOTIATE) -> dict[str, Any]:
    """What `connect` is told to be Alice from the start."""
    user, password = known(server)
    return {"rpc_user": user, "rpc_password": password, "auth_level": level, "auth_type": auth_type}


def direct(server: SambaServer) -> str:
    return f"ncacn_ip_tcp:{server.registry().replace(':', '[')}]"


async def may_write(*callers: Calls) -> list[bool]:
    """For which of them the registry opens."""
    request = OpenRequest(None, TO_WRITE)
    answers = await asyncio.gather(*(one.call(Registry.open_local_machine, request) for one in callers))
    return [answer.status == 0 for answer in answers]


async def both_are_known(client: RpcClient, server: SambaServer, own: bool, **how: Any) -> None:
    """One after the other and all at once, over a connection that stays the same."""
    alice = client.as_user(*known(server), **how)
    for caller, may in [(client, own), (alice, True)] * 3:
        assert await may_write(caller) == [may]
    connection = await client.connection_for(REGISTRY)
    assert await may_write(*[alice, client] * 10) == [True, own] * 10
    assert await client.connection_for(REGISTRY) is connection


@PACKAGES
@pytest.mark.parametrize("level", [PKT, SIGNS, SEALS])
async def test_samba_tells_somebody_s_calls_from_nobody_s(
    samba_server: SambaServer, auth_type: AuthType, level: AuthLevel
) -> None:
    async with connect(direct(samba_server)) as client:
        await both_are_known(client, samba_server, False, auth_level=level, auth_type=auth_type)


@PACKAGES
@pytest.mark.parametrize("level", [PKT, SIGNS, SEALS])
@pytest.mark.parametrize("own", [SIGNS, SEALS])
async def test_samba_keeps_contexts_of_several_levels_apart(
    samba_server: SambaServer, auth_type: AuthType, level: AuthLevel, own: AuthLevel
) -> None:
    async with connect(direct(samba_server), **proven(samba_server, own, AuthType.NTLM)) as client:
        await both_are_known(client, samba_server, True, auth_level=level, auth_type=auth_type)


@PACKAGES
@pytest.mark.parametrize("own", [None, SIGNS])
async def test_samba_keeps_contexts_apart_behind_our_proxy_and_bridge(
    behind_proxy: Proxied, samba_server: SambaServer, auth_type: AuthType, own: AuthLevel | None
) -> None:
    door: dict[str, Any] = {"user": rf"{ALICE.domain}\{ALICE.user}", "password": ALICE.password}
    tls = ssl.create_default_context(cafile=behind_proxy.ca)
    first = {} if own is None else proven(samba_server, own)
    async with connect(behind_proxy.binding(), **door, **first, tls=tls) as client:
        known_from_the_start = own is not None
        await both_are_known(
            client, samba_server, known_from_the_start, auth_level=SEALS, auth_type=auth_type
        )


async def test_samba_refuses_requests_at_level_connect_that_say_whose_they_are(
    samba_server: SambaServer,
) -> None:
    """A client with several contexts must send such, a client with one need not.  MS-RPCE 3.3.1.5.4"""
    async with connect(direct(samba_server), **proven(samba_server, CONNECT, AuthType.NTLM)) as client:
        answer = await client.call(RemoteManagement.is_server_listening, Nothing())
        assert (answer.status, bool(answer.listening)) == (0, True)
        await client.as_user(*known(samba_server)).bind(Registry)
        with pytest.raises(RpcFault) as caught:
            await client.call(RemoteManagement.is_server_listening, Nothing())
        assert (caught.value.status, caught.value.did_not_execute) == (Status.PROTO_ERROR, True)


async def test_samba_ends_the_connection_over_a_wrong_password_and_the_next_call_opens_another(
    samba_server: SambaServer,
) -> None:
    async with connect(direct(samba_server), **proven(samba_server, SEALS)) as client:
        assert await may_write(client) == [True]
        connection = await client.connection_for(REGISTRY)
        with pytest.raises(AuthenticationFailed, match="refused the credentials"):
            await client.as_user(known(samba_server)[0], "wrong").bind(Registry)
        with pytest.raises(CallLost, match="when it refused a security context"):
            await connection.call(Registry.open_local_machine, OpenRequest(None, TO_WRITE))
        assert await may_write(client) == [True]


async def test_impacket_s_server_takes_one_security_context_and_is_asked_for_no_other(
    impacket_server: int,
) -> None:
    async with connect(f"ncacn_ip_tcp:127.0.0.1[{impacket_server}]") as client:
        assert await client.call(Echo.add_one, Number(41)) == Number(42)
        with pytest.raises(CannotOpen, match="one security context a connection"):
            await client.as_user(rf"{DOMAIN}\{USER}", PASSWORD).call(Echo.add_one, Number(41))
        assert await client.call(Echo.add_one, Number(1)) == Number(2)


@pytest.mark.parametrize("level", [SIGNS, SEALS])
def test_impacket_opens_further_contexts_on_a_connection_to_our_server(
    rpc_server_program: RpcServerProgram, level: AuthLevel
) -> None:
    """It gives each presentation context a security context of its own, by alter_context and auth3."""
    server = rpc_server_program
    with over_tcp(
        server.address, server.ports["demo"], user=USER, password=PASSWORD, domain=DOMAIN, level=level
    ) as first:
        first.bind(uuidtup_to_bin(DEMO))
        second = first.alter_ctx(uuidtup_to_bin(DEMO))
        for association in [first, second] * 3:
            association.call(WHO_AM_I, b"")
            answer = WhoAmIResponse.decode(association.recv())
            assert answer == WhoAmIResponse(rf"{DOMAIN}\{USER}", level)
