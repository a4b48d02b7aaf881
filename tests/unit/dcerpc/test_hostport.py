"""Hosts and ports in bindings."""

import pytest

from rpch.dcerpc.hostport import BindingError, HostPort, check_host, is_ipv6, is_mailbox, is_port
from rpch.dcerpc.statuses import Status


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("mail.example.com", "mail.example.com", None),
        ("mail.example.com:443", "mail.example.com", 443),
        ("192.0.2.1:8080", "192.0.2.1", 8080),
        ("[2001:db8::1]:443", "2001:db8::1", 443),
        ("[2001:db8::1]", "2001:db8::1", None),
    ],
)
def test_a_host_and_port_reads_and_prints_back(text: str, host: str, port: int | None) -> None:
    assert HostPort.parse(text) == HostPort(host, port)
    assert str(HostPort(host, port)) == text


def test_a_bare_ipv6_address_is_a_host_without_a_port() -> None:
    assert HostPort.parse("2001:db8::1") == HostPort("2001:db8::1")


@pytest.mark.parametrize(
    "text",
    ["", ":443", "host:", "host:0", "host:65536", "host:x", "[::1", "[::1]443", "[host]:1", "a b", "[::1]:"],
)
def test_what_is_no_host_and_port_says_so(text: str) -> None:
    with pytest.raises(BindingError) as caught:
        HostPort.parse(text)
    assert caught.value.code is Status.RPC_S_INVALID_NETWORK_OPTIONS


@pytest.mark.parametrize(
    "host", ["h", "my_host", "EX01", "bücher.example", "10.0.0.1", "::", "fe80::1%75", "host.", "x" * 1023]
)
def test_good_hosts(host: str) -> None:
    check_host(host, Status.RPC_S_INVALID_NET_ADDR)


@pytest.mark.parametrize(
    "host", ["", "256.1.1.1", "1.2.3", "12", "a/b", "a@b", "a b", "1:2", "a\0", "fe80::1::2", "x" * 1024]
)
def test_bad_hosts_carry_the_code_they_were_asked_for(host: str) -> None:
    with pytest.raises(BindingError, match="neither a name nor an address") as caught:
        check_host(host, Status.RPC_S_INVALID_NET_ADDR)
    assert caught.value.code == 0x6AB


def test_mailboxes_are_a_guid_at_a_domain() -> None:
    guid = "0123ABCD-0000-1111-2222-0123456789ab"
    assert is_mailbox(f"{guid}@lab.example")
    others = (guid, f"{guid}@", f"@{guid}", f"{guid}@a@b", f"{guid}@a/b", f"x{guid}@lab.example", "a@b")
    assert not any(map(is_mailbox, others))


def test_ports_are_1_to_65535_in_plain_digits() -> None:
    assert [text for text in ("0", "1", "65535", "65536", "+1", "１", "", "1 ") if is_port(text)] == [
        "1",
        "65535",
    ]


def test_ipv6_addresses_may_have_a_scope() -> None:
    assert is_ipv6("fe80::5357:5F00%75")
    assert not is_ipv6("fe80")
