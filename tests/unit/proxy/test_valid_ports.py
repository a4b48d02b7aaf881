"""The list of reachable targets."""

from __future__ import annotations

import pytest

from rpch.errors import ConfigError
from rpch.proxy.valid_ports import Entry, Match, ValidPorts

GUID = "44e265dd-7daf-42cd-8560-3cdb6e7a2729"
REGISTRY = "Rosco:593;Rosco:2000-8000;Data*:4000-8000"  # the example of the registry's documentation


def test_the_registrys_own_example_is_read_and_printed() -> None:
    ports = ValidPorts.parse(REGISTRY, wildcards=True)
    assert list(ports) == [
        Entry("rosco", 593, 593),
        Entry("rosco", 2000, 8000),
        Entry("data", 4000, 8000, Match.PREFIX),
    ]
    assert str(ports) == REGISTRY.lower()
    assert repr(ports) == f"ValidPorts({REGISTRY.lower()!r})"
    assert len(ports) == 3


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("rosco", 593, True),
        ("ROSCO", 593, True),
        ("rosco", 594, False),
        ("rosco", 2000, True),
        ("rosco", 8000, True),
        ("rosco", 1999, False),
        ("rosco", 8001, False),
        ("rosco.corp.example", 593, False),
        ("10.0.0.5", 593, False),
        ("ros", 593, False),
        ("", 593, False),
        ("Data7", 4000, True),
        ("data", 8000, True),
        ("dat", 4000, False),
        ("mydata", 4000, False),
        ("data7", 593, False),
    ],
)
@pytest.mark.conformance(91)
def test_names_are_compared_as_written_and_in_any_case(host: str, port: int, allowed: bool) -> None:
    ports = ValidPorts.parse(REGISTRY, wildcards=True)
    assert (ports.allows(host, port) is not None) is allowed


def test_the_entry_that_allows_is_named() -> None:
    entry = ValidPorts.parse(REGISTRY, wildcards=True).allows("Rosco", 2001)
    assert str(entry) == "rosco:2000-8000"


def test_an_empty_list_allows_nothing() -> None:
    assert ValidPorts().allows("rosco", 593) is None
    assert list(ValidPorts.parse("")) == list(ValidPorts.parse(" ; ;; ")) == []


def test_blanks_and_empty_entries_do_no_harm() -> None:
    assert str(ValidPorts.parse(" rosco:593 ;; ex01:6001-6004; ")) == "rosco:593;ex01:6001-6004"


def test_an_ipv6_address_is_one_address_however_it_is_spelt() -> None:
    ports = ValidPorts.parse("[2001:DB8::1]:593")
    assert ports.allows("2001:db8:0:0:0:0:0:1", 593)
    assert ports.allows("[2001:db8::1]", 593)
    assert ports.allows("2001:db8::2", 593) is None
    assert str(ports) == "[2001:db8::1]:593"


def test_any_mailbox_of_a_domain() -> None:
    ports = ValidPorts.parse("*@Corp.example:6001")
    assert ports.allows(f"{GUID.upper()}@corp.example", 6001)
    assert ports.allows("alice@corp.example", 6001) is None
    assert ports.allows("corp.example", 6001) is None
    assert ports.allows(f"{GUID}@corp.example", 593) is None
    assert str(ports) == "*@corp.example:6001"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rosco", "at character 6, in 'rosco': there is no port; write host:port or host:low-high"),
        ("a:1; rosco", "at character 11, in 'rosco': there is no port"),
        ("a:1;rosco:99999", "at character 11, in 'rosco:99999': port 99999 does not exist"),
        ("rosco:80-70", "the range ends before it begins; write 70-80"),
        ("rosco:80-", "at character 10, in 'rosco:80-': '' is no port number"),
        ("rosco:x", "'x' is no port number"),
        (":593", "at character 1, in ':593': there is no host"),
        ("ro sco:593", "at character 3, in 'ro sco:593': ' ': no host has it"),
        ("::1:593", "put an IPv6 address in brackets"),
        ("[fish]:593", "at character 2, in '[fish]:593': no IPv6 address"),
        ("[::1:593", "there is no port"),
        ("D*ta:593", "'*' may stand at the end of a name only"),
        ("*@:593", "at character 3, in '*@:593': there is no host"),
        ("a:1,b:2", "put an IPv6 address in brackets"),
    ],
)
def test_a_wrong_list_is_explained_with_place_and_cure(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ValidPorts.parse(text, wildcards=True)
    assert problem in str(caught.value)
    assert caught.value.setting == "ValidPorts"


@pytest.mark.conformance(91)
def test_wildcards_are_refused_unless_allowed() -> None:
    with pytest.raises(ConfigError, match=r"at character 5, .*wildcards are not allowed here; list each"):
        ValidPorts.parse("Data*:4000", setting="ValidPorts")


def test_dangerous_entries_are_warned_of() -> None:
    ports = ValidPorts.parse("Data*:4000;*:593;ex01:1-100;ex02:1-101", wildcards=True)
    assert ports.warnings == [
        "data*:4000 opens every host whose name begins with 'data'; list each host by its name",
        "*:593 opens every host; list each host by its name",
        "ex02:1-101 opens 101 ports; list the ports that are served",
    ]


def test_two_lists_together_hold_each_entry_once() -> None:
    both = ValidPorts.parse("a:1;b:2") | ValidPorts.parse("b:2;c:3")
    assert str(both) == "a:1;b:2;c:3"
    assert both.allows("c", 3)
