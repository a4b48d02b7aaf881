"""The way to an RPC proxy: whom to dial, what to say, and who may hear a password."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.access import ProxyAccess
from rpch.client.connections import CertificateRefused, NoAnswer
from rpch.client.credentials import Credentials
from rpch.client.principals import Principal
from rpch.client.tunnels import HttpProxy
from rpch.errors import AccessDenied, AuthenticationFailed
from rpch.http.authenticate import read_challenges
from rpch.http.channels import RpcMethod
from rpch.http.pragmas import Pragmas
from rpch.http.targets import RpcTarget
from tests.unit.client.scripted import (
    ALICE,
    LOOPBACK,
    OPEN,
    Exchange,
    client_tls,
    echoing,
    peer,
    server_tls,
)

TARGET = RpcTarget("server", 6001)
QUESTION = ProxyAccess("rpc.example", 80).heads(TARGET).echo(RpcMethod.IN)
BASIC = read_challenges(['Basic realm="x"'])


class Faraway:
    """A transport to another machine."""

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        return ("192.0.2.1", 80) if name == "peername" else None


@pytest.mark.parametrize(
    ("host", "port", "tls", "expected"),
    [
        ("rpc.example", 443, True, "rpc.example"),
        ("rpc.example", 80, False, "rpc.example"),
        ("rpc.example", 80, True, "rpc.example:80"),
        ("2001:db8::1", 8443, True, "[2001:db8::1]:8443"),
    ],
)
@pytest.mark.conformance(2)
def test_the_host_field_has_the_port_unless_it_is_the_usual_one(
    host: str, port: int, *, tls: bool, expected: str
) -> None:
    assert ProxyAccess(host, port, client_tls() if tls else None).host_field == expected


def test_an_access_is_named_by_host_and_port_and_shows_no_password() -> None:
    access = ProxyAccess("2001:db8::1", 443, credentials=Credentials("a", "canary"))
    assert str(access) == "[2001:db8::1]:443"
    assert "canary" not in repr(access)


@pytest.mark.conformance(20)
@pytest.mark.parametrize(
    ("certificate", "path"), [(False, b"/rpc/rpcproxy.dll"), (True, b"/rpcwithcert/rpcproxy.dll")]
)
def test_the_path_is_that_of_certificates_for_whoever_has_one(*, certificate: bool, path: bytes) -> None:
    heads = ProxyAccess("h", 443, client_tls(), client_certificate=certificate).heads(TARGET)
    assert heads.out_channel().startswith(b"RPC_OUT_DATA " + path + b"?server:6001 HTTP/1.1\r\n")


@pytest.mark.conformance(9)
def test_directives_are_sent_only_where_they_were_given() -> None:
    plain = ProxyAccess("h", 80).heads(TARGET).in_channel()
    asking = ProxyAccess("h", 80, pragmas=Pragmas(min_connection_timeout=120)).heads(TARGET).in_channel()
    assert plain.count(b"Pragma:") == 1
    assert b"\r\nPragma: MinConnTimeout=120\r\n" in asking


def test_targets_are_absolute_where_an_http_proxy_reads_them() -> None:
    proxy = HttpProxy("proxy.example", 3128)
    plain = ProxyAccess("rpc.example", 80, http_proxy=proxy)
    secure = ProxyAccess("rpc.example", 443, client_tls(), http_proxy=proxy)
    absolute = b"RPC_OUT_DATA http://rpc.example/rpc/rpcproxy.dll?server:6001 "
    assert plain.heads(TARGET).out_channel().startswith(absolute)
    assert secure.heads(TARGET).out_channel().startswith(b"RPC_OUT_DATA /rpc/")
    assert plain.relay_prover() is not None
    assert secure.relay_prover() is None
    assert ProxyAccess("rpc.example", 80).relay_prover() is None


async def test_a_direct_connection_leads_to_the_rpc_proxy() -> None:
    async with peer(echoing) as port:
        transport, reader = await ProxyAccess(LOOPBACK, port).dial()
        transport.write(QUESTION)
        assert (await reader.response()).status == 200
        transport.abort()


async def test_without_tls_the_http_proxy_itself_is_dialled() -> None:
    async with peer(echoing) as port:
        access = ProxyAccess("nowhere.invalid", 80, http_proxy=HttpProxy(LOOPBACK, port))
        transport, reader = await access.dial()
        transport.write(QUESTION)
        assert (await reader.response()).status == 200
        transport.abort()


async def test_tls_and_version_1_go_through_a_tunnel() -> None:
    seen: list[str] = []

    async with peer(echoing, server_tls()) as secure, peer(echoing) as plain:

        async def tunnel(exchange: Exchange) -> None:
            head = await exchange.head()
            seen.append(f"{head.method} {head.target}")
            exchange.say(OPEN)
            await exchange.pass_on(int(head.target.rpartition(":")[2]))

        async with peer(tunnel) as port:
            proxy = HttpProxy(LOOPBACK, port)
            principal = Principal.parse("msstd:localhost")
            first = ProxyAccess("localhost", secure, client_tls(), http_proxy=proxy, principal=principal)
            second = ProxyAccess("localhost", plain, http_proxy=proxy)
            for access in (first, second):
                transport, reader = await access.dial(tunnelled=True)
                transport.write(QUESTION)
                assert (await reader.response()).status == 200
                transport.abort()
    assert seen == [f"CONNECT localhost:{secure}", f"CONNECT localhost:{plain}"]


@pytest.mark.conformance(93)
async def test_a_proxy_with_another_principal_is_left_before_anything_is_said() -> None:
    heard, gone = bytearray(), asyncio.Event()

    async def listen(exchange: Exchange) -> None:
        try:
            heard.extend(await exchange.reader.read())
        finally:
            gone.set()

    async with peer(listen, server_tls()) as port:
        principal = Principal.parse("msstd:mail.example")
        with pytest.raises(AccessDenied, match="msstd:localhost"):
            await ProxyAccess("localhost", port, client_tls(), principal=principal).dial()
        await gone.wait()
    assert not heard


async def test_a_tunnel_whose_far_end_is_somebody_else_is_left() -> None:
    async with peer(echoing, server_tls("elsewhere.example")) as secure:

        async def tunnel(exchange: Exchange) -> None:
            await exchange.head()
            exchange.say(OPEN)
            await exchange.pass_on(secure)

        async with peer(tunnel) as port:
            access = ProxyAccess("localhost", 443, client_tls(), http_proxy=HttpProxy(LOOPBACK, port))
            with pytest.raises(CertificateRefused):
                await access.dial()


async def test_whoever_says_nothing_is_waited_for_only_so_long() -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.ended()

    async with peer(silent) as port:
        access = ProxyAccess(
            "rpc.example", 443, client_tls(), timeout=0.05, http_proxy=HttpProxy(LOOPBACK, port)
        )
        with pytest.raises(NoAnswer, match=r"rpc.example:443 did not answer in 0.05 seconds") as late:
            await access.dial()
    assert late.value.seconds == 0.05


async def test_a_password_leaves_in_the_clear_to_this_machine_and_to_no_other() -> None:
    far = cast(asyncio.Transport, Faraway())
    with pytest.raises(AuthenticationFailed, match="only Basic"):
        ProxyAccess("h", 80, credentials=ALICE).prover(far).learn(BASIC)
    async with peer(echoing) as port:
        near, _ = await ProxyAccess(LOOPBACK, port).dial()
        assert ProxyAccess(LOOPBACK, port, credentials=ALICE).prover(near).learn(BASIC) is Scheme.BASIC
        beyond = ProxyAccess("h", 80, credentials=ALICE, http_proxy=HttpProxy(LOOPBACK, port))
        with pytest.raises(AuthenticationFailed, match="only Basic"):
            beyond.prover(near).learn(BASIC)
        near.abort()
