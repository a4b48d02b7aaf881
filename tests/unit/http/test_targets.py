"""Request targets: paths, and the servers named in queries."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.errors import LocalProtocolError
from rpch.http.refusals import HttpRefused
from rpch.http.targets import (
    ProxyPath,
    RpcTarget,
    read_connect_target,
    read_proxy_path,
    read_server,
    split_target,
)

GUID = "0cb1c6f2-63e9-4b6c-9d0c-0b0ad4b2d1a4"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/rpc/rpcproxy.dll?ex01:6001", ProxyPath.STANDARD, "ex01:6001"),
        ("/rpcwithcert/rpcproxy.dll?ex01:6001", ProxyPath.WITH_CERTIFICATE, "ex01:6001"),
        ("/RPC/RpcProxy.DLL?EX01:6001", ProxyPath.STANDARD, "EX01:6001"),  # IIS compares without case
        ("/rpc/rpcproxy.dll", ProxyPath.STANDARD, None),  # impacket asks so before it knows the name
        ("/rpc/rpcproxy.dll?", ProxyPath.STANDARD, ""),
        ("/rpc/%72pcproxy%2edll?ex01%3A6001", ProxyPath.STANDARD, "ex01%3A6001"),
        # Ruler and HTTP proxies send the absolute form.
        ("https://mail.example/rpc/rpcproxy.dll?ex01:6001", ProxyPath.STANDARD, "ex01:6001"),
        ("HTTP://mail.example:8080/rpc/rpcproxy.dll?ex01:6001", ProxyPath.STANDARD, "ex01:6001"),
        ("/rpc/rpcproxy.dll?a?b:1", ProxyPath.STANDARD, "a?b:1"),
    ],
)
def test_the_proxys_paths(target: str, path: ProxyPath, query: str | None) -> None:
    assert read_proxy_path(target) == (path, query)


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("/", "Path"),
        ("/rpc/rpcproxy.dll/", "Path"),
        ("/rpc//rpcproxy.dll", "Path"),
        ("//rpc/rpcproxy.dll", "Path"),
        ("/rpc/./rpcproxy.dll", "Path"),
        ("/x/../rpc/rpcproxy.dll", "Path"),
        ("/rpc%2frpcproxy.dll", "Path"),
        ("/rpc%5Crpcproxy.dll", "Path"),
        ("/rpc/%2572pcproxy.dll", "Path"),  # decoded once, not until it fits
        ("/rpc/rpcproxy.dll;x", "Path"),
        ("/rpc/rpcproxy.dll%00", "Path"),
        ("/rpc/rpcproxy.dll%3Fex01:6001", "Path"),
        ("https://mail.example", "Path"),
        ("/rpc/%7", "TargetForm"),
        ("/rpc/%zz", "TargetForm"),
        ("*", "TargetForm"),
        ("mail.example:443", "TargetForm"),
        ("ftp://mail.example/rpc/rpcproxy.dll", "TargetForm"),
        ("https:///rpc/rpcproxy.dll?ex01:6001", "TargetForm"),
        ("https://user@mail.example/rpc/rpcproxy.dll?ex01:6001", "TargetForm"),
        ("/rpc/rpcproxy.dll?ex01:6001#top", "TargetForm"),
    ],
)
def test_other_paths_are_refused(target: str, rule: str) -> None:
    with pytest.raises(HttpRefused) as caught:
        read_proxy_path(target)
    assert caught.value.rule == rule
    assert caught.value.status == (404 if rule == "Path" else 400)


def test_an_absolute_target_without_a_path_has_the_root() -> None:
    assert split_target("http://mail.example?ex01:6001") == ("/", "ex01:6001")


@pytest.mark.parametrize(
    ("query", "host", "port"),
    [
        ("ex01.corp.example:6001", "ex01.corp.example", 6001),
        ("EX01:593", "EX01", 593),  # NetBIOS name, kept as written
        ("192.0.2.7:6004", "192.0.2.7", 6004),
        ("2001:db8::1:593", "2001:db8::1", 593),
        ("::1:593", "::1", 593),
        ("[2001:db8::1]:593", "2001:db8::1", 593),
        ("[::ffff:192.0.2.7]:593", "::ffff:192.0.2.7", 593),
        ("localhost:3388", "localhost", 3388),  # FreeRDP's only target
        (
            f"{GUID}@corp.example:6001",
            f"{GUID}@corp.example",
            6001,
        ),  # Outlook and Ruler against Exchange 2013
        ("ex01%2Ecorp.example%3A6001", "ex01.corp.example", 6001),
        ("%5B::1%5D:593", "::1", 593),
        ("ex01:1", "ex01", 1),
        ("ex01:65535", "ex01", 65535),
        ("ex01:006001", "ex01", 6001),
        ("a" * 1023 + ":1", "a" * 1023, 1),
        ("under_score-$(x)'{~}!&:1", "under_score-$(x)'{~}!&", 1),
    ],
)
@pytest.mark.conformance(21)
def test_a_query_names_a_server_and_a_port(query: str, host: str, port: int) -> None:
    assert read_server(query) == RpcTarget(host, port)


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        (None, "NoServer"),
        ("", "NoServer"),
        ("ex01", "NoServer"),
        (":6001", "NoServer"),
        ("ex01:", "ServerPort"),
        ("ex01:0", "ServerPort"),
        ("ex01:65536", "ServerPort"),
        ("ex01:0006001", "ServerPort"),  # 1*6DIGIT
        ("ex01:-1", "ServerPort"),
        ("ex01:+1", "ServerPort"),
        ("ex01:6001 ", "ServerPort"),
        ("ex01:6001&x=y", "ServerPort"),
        ("ex01:http", "ServerPort"),
        ("ex01:６００１", "ServerPort"),
        ("a" * 1024 + ":1", "ServerName"),
        ("ex01:6001:593", "ServerName"),
        ("[ex01]:593", "ServerName"),
        ("[::1:593", "ServerName"),
        ("[]:593", "ServerName"),
        ("[fe80::1%25eth0]:593", "ServerName"),
        ("fe80::1%251:593", "ServerName"),
        ("ex01%00:593", "ServerName"),
        ("ex01%0d%0a:593", "ServerName"),
        ("ex%2501:593", "ServerName"),  # decoded once: a percent sign is left
        ("ex01+x:593", "ServerName"),
        ("ex01%20x:593", "ServerName"),
        ("a/b:593", "ServerName"),
        ("a?b:593", "ServerName"),
        ("*:593", "ServerName"),
        ("a;b:593", "ServerName"),
        ("%E4:593", "ServerName"),
        ("ex01%:593", "TargetForm"),
        ("ex01%4:593", "TargetForm"),
    ],
)
@pytest.mark.conformance(21)
def test_queries_that_name_no_server(query: str | None, rule: str) -> None:
    with pytest.raises(HttpRefused) as caught:
        read_server(query)
    assert (caught.value.rule, caught.value.status) == (rule, 400)


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("ex01:6001", "ex01:6001"),
        ("/ex01:6001", "ex01:6001"),
        ("/?ex01:6001", "ex01:6001"),
        ("/rpc/rpcproxy.dll?ex01:6001", "ex01:6001"),
        ("/RPC/rpcproxy.dll?ex01:6001", "ex01:6001"),
        ("http://proxy.example/rpc/rpcproxy.dll?ex01:6001", "ex01:6001"),
        ("http://proxy.example/?ex01:6001", "ex01:6001"),
        ("http://proxy.example?ex01:6001", "ex01:6001"),
        ("http://proxy.example/ex01:6001", "ex01:6001"),
        ("/ex%2501:6001", "ex%2501:6001"),  # decoded later, once
        ("/", None),
        ("http://proxy.example", None),
        ("/rpc/rpcproxy.dll", None),
    ],
)
def test_every_form_of_a_v1_target(target: str, named: str | None) -> None:
    assert read_connect_target(target) == named


@pytest.mark.parametrize("target", ["/other?ex01:6001", "http://u@p/?ex01:6001", "/?ex01:1#x"])
def test_v1_targets_elsewhere_are_refused(target: str) -> None:
    with pytest.raises(HttpRefused):
        read_connect_target(target)


@pytest.mark.parametrize(
    ("target", "text", "query"),
    [
        (RpcTarget("ex01", 6001), "ex01:6001", "ex01:6001"),
        (RpcTarget("2001:db8::1", 593), "[2001:db8::1]:593", "2001:db8::1:593"),
    ],
)
def test_a_target_writes_itself(target: RpcTarget, text: str, query: str) -> None:
    assert (str(target), target.query) == (text, query)
    assert read_server(text) == read_server(query) == target


@pytest.mark.parametrize(
    ("host", "mailbox"),
    [(f"{GUID}@corp.example", UUID(GUID)), ("ex01", None), ("user@corp.example", None), (GUID, None)],
)
def test_a_mailbox_may_stand_for_a_server(host: str, mailbox: UUID | None) -> None:
    assert RpcTarget(host, 6001).mailbox == mailbox


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("", 1),
        ("ex01", 0),
        ("ex01", 65536),
        ("a" * 1024, 1),
        ("a b", 1),
        ("a\r\nb", 1),
        ("[::1]", 1),
        ("a:b", 1),
    ],
)
def test_no_target_is_made_that_could_not_be_asked_for(host: str, port: int) -> None:
    with pytest.raises(LocalProtocolError):
        RpcTarget(host, port)
