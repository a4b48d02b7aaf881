"""Hosts and ports as administrators write them."""

from __future__ import annotations

import pytest

from rpch.proxy.target_syntax import (
    SyntaxProblem,
    fold_host,
    is_mailbox_of,
    parse_host,
    parse_name,
    parse_port,
    print_host,
    split_port,
)

GUID = "44e265dd-7daf-42cd-8560-3cdb6e7a2729"
SYNTAX = "host:port"


@pytest.mark.parametrize(
    ("host", "folded"),
    [
        ("ROSCO", "rosco"),
        ("rosco.", "rosco."),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("a:b", "a:b"),
        ("ZOË", "ZOË"),
    ],
)
def test_hosts_are_compared_in_one_form(host: str, folded: str) -> None:
    assert fold_host(host) == folded


def test_only_a_guid_is_a_mailbox() -> None:
    assert is_mailbox_of("corp.example", f"{GUID}@corp.example")
    assert is_mailbox_of("corp.example", f"{{{GUID}}}@corp.example")
    assert not is_mailbox_of("corp.example", "anything@corp.example")
    assert not is_mailbox_of("corp.example", f"{GUID}@evil.example")
    assert not is_mailbox_of("corp.example", f"{GUID}@evil@corp.example")
    assert not is_mailbox_of("corp.example", "corp.example")


def test_an_ipv6_address_is_printed_in_brackets() -> None:
    assert print_host("2001:db8::1") == "[2001:db8::1]"
    assert print_host("rosco") == "rosco"


def test_the_last_colon_cuts() -> None:
    assert split_port("a:b:593", syntax=SYNTAX) == ("a:b", "593", 4)
    assert split_port("[::1]:593", syntax=SYNTAX) == ("[::1]", "593", 6)
    for text in ("rosco", "[::1]", "[::1:593", "::1]:593"):
        with pytest.raises(SyntaxProblem, match="there is no port"):
            split_port(text, syntax=SYNTAX)


def test_hosts_are_names_and_addresses() -> None:
    assert parse_host("Rosco-1_a.corp", at=0, syntax=SYNTAX) == "rosco-1_a.corp"
    assert parse_host("10.0.0.5", at=0, syntax=SYNTAX) == "10.0.0.5"
    assert parse_host("[::1]", at=0, syntax=SYNTAX) == "::1"
    assert parse_name("x" * 1023, at=0, syntax=SYNTAX) == "x" * 1023


@pytest.mark.parametrize(
    ("name", "at", "problem"),
    [
        ("", 5, "there is no host"),
        ("x" * 1024, 1028, "longer than 1023"),
        ("ro co", 7, "no host has it"),
        ("zoë", 7, "no host has it"),
        ("a*b", 6, r"'\*' may stand at the end"),
        ("2001:db8::1", 9, "in brackets"),
    ],
)
def test_a_wrong_name_is_explained(name: str, at: int, problem: str) -> None:
    with pytest.raises(SyntaxProblem, match=problem) as caught:
        parse_name(name, at=5, syntax=SYNTAX)
    assert caught.value.at == at


def test_a_wrong_ipv6_address_is_explained() -> None:
    with pytest.raises(SyntaxProblem, match="no IPv6 address") as caught:
        parse_host("[fish]", at=0, syntax=SYNTAX)
    assert caught.value.at == 1
    assert caught.value.explain("[fish]:1", at=10).startswith("at character 12, in '[fish]:1': no IPv6")


def test_ports_are_1_to_65535() -> None:
    assert parse_port("1", at=0, syntax=SYNTAX) == 1
    assert parse_port("065535", at=0, syntax=SYNTAX) == 65535
    for text, problem in [
        ("0", "does not exist"),
        ("65536", "does not exist"),
        ("", "no port number"),
        ("+5", "no port number"),
        ("٥", "no port number"),
        ("0000593", "no port number"),
    ]:
        with pytest.raises(SyntaxProblem, match=problem):
            parse_port(text, at=0, syntax=SYNTAX)
