"""Requests to the RPC proxy, understood; the quirks of real clients by their names."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.http.channels import ChannelKind, ChannelRequest, RpcMethod, is_rpc_method, read_channel_request
from rpch.http.heads import read_request_head
from rpch.http.pragmas import Pragmas
from rpch.http.refusals import HttpRefused
from rpch.http.targets import RpcTarget

EX01 = RpcTarget("ex01", 6001)
PATH = "/rpc/rpcproxy.dll?ex01:6001"


def ask(method: str, target: str = PATH, *fields: str, version: str = "1.1") -> ChannelRequest:
    lines = [f"{method} {target} HTTP/{version}", "Host: h", *fields, "", ""]
    found = read_request_head("\r\n".join(lines).encode())
    assert found is not None
    return read_channel_request(found[0])


def with_length(method: str, length: int, target: str = PATH) -> ChannelRequest:
    return ask(method, target, f"Content-Length: {length}")


@pytest.mark.parametrize(
    ("method", "length", "kind"),
    [
        ("RPC_IN_DATA", 1_073_741_824, ChannelKind.IN),
        ("RPC_IN_DATA", 131_072, ChannelKind.IN),
        ("RPC_IN_DATA", 2_147_483_648, ChannelKind.IN),
        ("RPC_OUT_DATA", 76, ChannelKind.OUT),
        ("RPC_OUT_DATA", 120, ChannelKind.OUT),
    ],
)
def test_the_method_decides_the_role(method: str, length: int, kind: ChannelKind) -> None:
    request = with_length(method, length)
    assert (request.kind, request.method, request.content_length) == (kind, RpcMethod(method), length)
    assert (request.target, request.problem) == (EX01, None)


@pytest.mark.parametrize("method", ["RPC_IN_DATA", "RPC_OUT_DATA"])
@pytest.mark.parametrize("length", [0, 4, 16])
def test_a_length_of_at_most_sixteen_is_an_echo(method: str, length: int) -> None:
    request = with_length(method, length)
    assert (request.kind, request.method) == (ChannelKind.ECHO, RpcMethod(method))


def test_an_echo_is_never_asked_where_to() -> None:
    request = with_length("RPC_IN_DATA", 4, "/rpc/rpcproxy.dll?nonsense")
    assert (request.target, request.problem) == (None, None)


def test_without_a_length_there_is_no_body_and_so_it_is_an_echo() -> None:
    assert ask("RPC_IN_DATA").kind is ChannelKind.ECHO


@pytest.mark.parametrize(
    ("method", "length"),
    [
        ("RPC_IN_DATA", 17),
        ("RPC_IN_DATA", 131_071),
        ("RPC_IN_DATA", 2_147_483_649),
        ("RPC_OUT_DATA", 17),
        ("RPC_OUT_DATA", 75),
        ("RPC_OUT_DATA", 1_025),
        ("RPC_OUT_DATA", 1_073_741_824),
        ("RPC_CONNECT", 1),
    ],
)
def test_other_lengths_are_refused_after_authentication(method: str, length: int) -> None:
    request = with_length(method, length)
    assert request.target is None
    assert request.problem is not None
    assert (request.problem.rule, request.problem.status) == ("ChannelLength", 400)


def test_a_server_that_makes_no_sense_is_refused_after_authentication() -> None:
    request = with_length("RPC_OUT_DATA", 76, "/rpc/rpcproxy.dll?ex01:0")
    assert request.problem is not None
    assert request.problem.rule == "ServerPort"


def test_impacket_sends_its_ntlm_type_1_without_a_query_and_waits_for_continue() -> None:
    request = ask(
        "RPC_IN_DATA",
        "/rpc/rpcproxy.dll",
        "Content-Length: 0",
        "Expect: 100-continue",
        "Authorization: NTLM TlRM",
    )
    assert request.kind is ChannelKind.ECHO
    assert request.problem is None
    assert request.authorization == "NTLM TlRM"
    assert request.expect_continue
    assert not request.wants_continue
    assert request.reusable_after_401()


def test_impacket_waits_for_continue_on_both_channels() -> None:
    for method, length in (("RPC_IN_DATA", 1_073_741_824), ("RPC_OUT_DATA", 76)):
        assert ask(method, PATH, f"Content-Length: {length}", "Expect: 100-continue").wants_continue
    assert not ask("RPC_OUT_DATA", PATH, "Content-Length: 76").wants_continue


def test_http_1_0_knows_no_continue() -> None:
    request = ask("RPC_OUT_DATA", PATH, "Content-Length: 76", "Expect: 100-continue", version="1.0")
    assert not request.wants_continue


def test_samba_speaks_http_1_0_with_keep_alive() -> None:
    request = ask("RPC_OUT_DATA", PATH, "Connection: keep-alive", "Content-Length: 0", version="1.0")
    assert request.keep_alive
    assert request.version == "1.0"
    assert request.reusable_after_401()


def test_freerdp_asks_for_localhost_3388_with_its_own_pragmas() -> None:
    request = ask(
        "RPC_OUT_DATA",
        "/rpc/rpcproxy.dll?localhost:3388",
        "Accept: application/rpc",
        "Content-Length: 76",
        "Pragma: ResourceTypeUuid=44e265dd-7daf-42cd-8560-3cdb6e7a2729",
        "RDG-Connection-Id: {4f0e8f8c-0000-4000-8000-000000000000}",
    )
    assert request.target == RpcTarget("localhost", 3388)
    assert request.pragmas == Pragmas(None, UUID("44e265dd-7daf-42cd-8560-3cdb6e7a2729"))


def test_ruler_sends_an_absolute_target_and_a_mailbox_as_server() -> None:
    guid = "0cb1c6f2-63e9-4b6c-9d0c-0b0ad4b2d1a4"
    request = with_length("RPC_OUT_DATA", 76, f"https://h/rpc/rpcproxy.dll?{guid}@corp.example:6001")
    assert request.target is not None
    assert request.target.mailbox == UUID(guid)


def test_wine_ends_ntlm_on_an_echo_and_then_sends_the_channel_without_credentials() -> None:
    last_leg = ask("RPC_IN_DATA", PATH, "Content-Length: 0", "Authorization: NTLM TlRM")
    channel = with_length("RPC_IN_DATA", 1_073_741_824)
    assert (last_leg.kind, last_leg.keep_alive) == (ChannelKind.ECHO, True)
    assert (channel.kind, channel.authorization) == (ChannelKind.IN, None)


def test_outlook_with_a_client_certificate_asks_on_the_other_path() -> None:
    request = with_length("RPC_OUT_DATA", 76, "/RpcWithCert/RpcProxy.dll?ex01:6001")
    assert request.with_certificate
    assert not with_length("RPC_OUT_DATA", 76).with_certificate


def test_min_conn_timeout_is_read_on_both_channels() -> None:
    request = ask(
        "RPC_OUT_DATA", PATH, "Content-Length: 76", "Pragma: No-cache", "Pragma: MinConnTimeout=900"
    )
    assert request.pragmas.min_connection_timeout == 900


def test_a_v1_request() -> None:
    request = ask("RPC_CONNECT", "ex01:6001", "Pragma: No-cache", "User-Agent: RPC")
    assert request.kind is ChannelKind.CONNECT
    assert request.target == EX01
    assert not request.with_certificate
    missing = ask("RPC_CONNECT", "/")
    assert missing.problem is not None
    assert missing.problem.rule == "NoServer"


@pytest.mark.parametrize(
    ("method", "rule", "status"),
    [
        ("GET", "Method", 405),
        ("POST", "Method", 405),
        ("RPC_ECHO", "UnknownMethod", 501),
        ("rpc_in_data", "UnknownMethod", 501),
    ],
)
def test_other_methods_are_refused_at_once(method: str, rule: str, status: int) -> None:
    with pytest.raises(HttpRefused) as caught:
        ask(method)
    assert (caught.value.rule, caught.value.status) == (rule, status)
    assert not is_rpc_method(method)


@pytest.mark.parametrize("method", RpcMethod)
def test_the_proxys_methods_are_known(method: str) -> None:
    assert is_rpc_method(method)


@pytest.mark.parametrize("method", ["RPC_IN_DATA", "RPC_OUT_DATA"])
def test_other_paths_are_refused_at_once(method: str) -> None:
    with pytest.raises(HttpRefused) as caught:
        with_length(method, 76, "/owa/")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("fields", "reusable"),
    [
        (["Content-Length: 0"], True),
        (["Content-Length: 4"], True),
        (["Content-Length: 16384"], True),
        (["Content-Length: 16385"], False),
        (["Content-Length: 1073741824"], False),
        (["Content-Length: 0", "Connection: close"], False),
        (["Content-Length: 76", "Expect: 100-continue"], False),
        (["Content-Length: 0", "Expect: 100-continue"], True),
    ],
)
def test_when_a_connection_survives_401(fields: list[str], reusable: bool) -> None:
    assert ask("RPC_OUT_DATA", PATH, *fields).reusable_after_401() is reusable


@pytest.mark.parametrize(
    ("authorization", "scheme"),
    [("NTLM TlRM", "NTLM"), ("Basic  c2VjcmV0", "Basic"), ("c2VjcmV0", None), ("", None), (None, None)],
)
def test_a_log_may_name_the_scheme_and_not_the_token(authorization: str | None, scheme: str | None) -> None:
    fields = [] if authorization is None else [f"Authorization: {authorization}"]
    request = ask("RPC_IN_DATA", PATH, *fields)
    assert request.scheme == scheme
    assert "c2VjcmV0" not in repr(request)
