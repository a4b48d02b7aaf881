"""The heads a client sends, byte for byte."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.errors import LocalProtocolError
from rpch.http.channels import ChannelKind, RpcMethod, read_channel_request
from rpch.http.heads import read_request_head
from rpch.http.pragmas import Pragmas
from rpch.http.requests import ChannelHeads, Proof, tunnel_head
from rpch.http.targets import RpcTarget

HEADS = ChannelHeads("rpcproxy.example.com", RpcTarget("server", 6001))


def test_the_in_channel_of_the_specification() -> None:
    assert HEADS.in_channel() == (
        b"RPC_IN_DATA /rpc/rpcproxy.dll?server:6001 HTTP/1.1\r\n"
        b"Accept: application/rpc\r\n"
        b"Cache-Control: no-cache\r\n"
        b"Connection: Keep-Alive\r\n"
        b"Content-Length: 1073741824\r\n"
        b"Host: rpcproxy.example.com\r\n"
        b"Pragma: No-cache\r\n"
        b"User-Agent: MSRPC\r\n"
        b"\r\n"
    )


def test_the_out_channel_of_the_specification() -> None:
    head = b"RPC_OUT_DATA /rpc/rpcproxy.dll?server:6001 HTTP/1.1\r\n"
    assert HEADS.out_channel().startswith(head)
    assert b"Content-Length: 76\r\n" in HEADS.out_channel()
    assert b"Content-Length: 120\r\n" in HEADS.out_channel(replacement=True)
    assert HEADS.out_channel().replace(b"OUT", b"IN").replace(b"76", b"1073741824") == HEADS.in_channel()


def test_everything_that_may_be_added() -> None:
    heads = ChannelHeads(
        "rpcproxy.example.com:8080",
        RpcTarget("2001:db8::1", 593),
        client_certificate=True,
        through_proxy=True,
        pragmas=Pragmas(900, UUID("44e265dd-7daf-42cd-8560-3cdb6e7a2729"), UUID(int=1)),
    )
    assert heads.in_channel(131_072, Proof("Basic dTpw", "Basic cDpx")) == (
        b"RPC_IN_DATA http://rpcproxy.example.com:8080/rpcwithcert/rpcproxy.dll?2001:db8::1:593 HTTP/1.1\r\n"
        b"Accept: application/rpc\r\n"
        b"Cache-Control: no-cache\r\n"
        b"Connection: Keep-Alive\r\n"
        b"Content-Length: 131072\r\n"
        b"Host: rpcproxy.example.com:8080\r\n"
        b"Pragma: No-cache\r\n"
        b"User-Agent: MSRPC\r\n"
        b"Pragma: MinConnTimeout=900\r\n"
        b"Pragma: ResourceTypeUuid=44e265dd-7daf-42cd-8560-3cdb6e7a2729\r\n"
        b"Pragma: SessionId=00000000-0000-0000-0000-000000000001\r\n"
        b"Authorization: Basic dTpw\r\n"
        b"Proxy-Authorization: Basic cDpx\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize("lifetime", [131_072, 2_147_483_648])
def test_the_lifetimes_of_the_specification_are_sent(lifetime: int) -> None:
    assert f"Content-Length: {lifetime}\r\n".encode() in HEADS.in_channel(lifetime)


@pytest.mark.parametrize("lifetime", [131_071, 2_147_483_649])
def test_other_lifetimes_are_not(lifetime: int) -> None:
    with pytest.raises(LocalProtocolError):
        HEADS.in_channel(lifetime)


def test_an_echo_request_has_the_body_of_windows() -> None:
    request = HEADS.echo(RpcMethod.IN)
    assert request.endswith(b"\r\n\r\n" + bytes.fromhex("f8 e8 18 08"))
    assert b"Content-Length: 4\r\n" in request
    assert b"Content-Length: 0\r\n" in HEADS.echo(RpcMethod.OUT, b"")
    assert b"Content-Length: 16\r\n" in HEADS.echo(RpcMethod.OUT, bytes(16), Proof("NTLM TlRM"))


def test_an_echo_of_seventeen_bytes_would_be_a_channel() -> None:
    with pytest.raises(LocalProtocolError):
        HEADS.echo(RpcMethod.IN, bytes(17))


@pytest.mark.parametrize("method", [RpcMethod.IN, RpcMethod.OUT])
def test_an_authentication_leg_has_no_body(method: RpcMethod) -> None:
    request = HEADS.authentication_leg(method, Proof("NTLM TlRM"))
    assert b"Content-Length: 0\r\n" in request
    assert request.endswith(b"Authorization: NTLM TlRM\r\n\r\n")


def test_the_v1_request() -> None:
    assert HEADS.connect() == (
        b"RPC_CONNECT /rpc/rpcproxy.dll?server:6001 HTTP/1.1\r\n"
        b"Pragma: No-cache\r\n"
        b"User-Agent: RPC\r\n"
        b"Host: rpcproxy.example.com\r\n"
        b"\r\n"
    )


def test_a_v1_method_opens_no_v2_channel() -> None:
    with pytest.raises(LocalProtocolError):
        HEADS.authentication_leg(RpcMethod.CONNECT)


def test_a_tunnel_through_an_http_proxy() -> None:
    assert tunnel_head("rpcproxy.example.com", 443) == (
        b"CONNECT rpcproxy.example.com:443 HTTP/1.1\r\n"
        b"Host: rpcproxy.example.com:443\r\n"
        b"User-Agent: MSRPC\r\n"
        b"Pragma: No-cache\r\n"
        b"\r\n"
    )
    assert tunnel_head("2001:db8::1", 80, proxy_authorization="Basic cDpx") == (
        b"CONNECT [2001:db8::1]:80 HTTP/1.1\r\n"
        b"Host: [2001:db8::1]:80\r\n"
        b"User-Agent: MSRPC\r\n"
        b"Pragma: No-cache\r\n"
        b"Proxy-Authorization: Basic cDpx\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize("host", ["a\r\nX: y", "a b"])
def test_a_host_cannot_smuggle(host: str) -> None:
    with pytest.raises(LocalProtocolError):
        tunnel_head(host, 443)


def test_proof_is_not_shown() -> None:
    assert "dTpw" not in repr(Proof("Basic dTpw"))
    assert repr(Proof()) == "Proof()"


@pytest.mark.parametrize(
    ("request_bytes", "kind"),
    [
        (HEADS.in_channel(), ChannelKind.IN),
        (HEADS.out_channel(), ChannelKind.OUT),
        (HEADS.out_channel(replacement=True), ChannelKind.OUT),
        (HEADS.echo(RpcMethod.IN), ChannelKind.ECHO),
        (HEADS.authentication_leg(RpcMethod.OUT), ChannelKind.ECHO),
        (HEADS.connect(), ChannelKind.CONNECT),
        (ChannelHeads("h", RpcTarget("server", 6001), through_proxy=True).in_channel(), ChannelKind.IN),
    ],
)
def test_our_proxy_understands_our_client(request_bytes: bytes, kind: ChannelKind) -> None:
    found = read_request_head(request_bytes)
    assert found is not None
    request = read_channel_request(found[0])
    assert request.kind is kind
    assert request.problem is None
    assert request.target == (None if kind is ChannelKind.ECHO else RpcTarget("server", 6001))
