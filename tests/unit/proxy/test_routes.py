"""Where targets really are."""

from __future__ import annotations

import pytest

from rpch.errors import ConfigError
from rpch.proxy.routes import Address, RouteTable

GUID = "44e265dd-7daf-42cd-8560-3cdb6e7a2729"


def table() -> RouteTable:
    return RouteTable.parse(
        [
            "EX01:6001=127.0.0.1:9999",
            "localhost:3388=rdgw.corp.example:3388",
            "*:6001=[::1]:7001",
            "*@corp.example:6001=10.0.0.5:6001",
            f"{GUID}@corp.example:6002=10.0.0.6:6002",
        ]
    )


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("ex01", 6001, Address("127.0.0.1", 9999, routed=True)),
        ("LOCALHOST", 3388, Address("rdgw.corp.example", 3388, routed=True)),
        ("ex02", 6001, Address("::1", 7001, routed=True)),
        (f"{GUID.upper()}@corp.example", 6001, Address("10.0.0.5", 6001, routed=True)),
        (f"{GUID}@corp.example", 6002, Address("10.0.0.6", 6002, routed=True)),
        (f"{GUID}@corp.example", 6004, Address(f"{GUID}@corp.example", 6004)),
        ("alice@corp.example", 6001, Address("::1", 7001, routed=True)),
        ("EX02", 593, Address("ex02", 593)),
        ("[2001:DB8::1]", 593, Address("2001:db8::1", 593)),
    ],
)
def test_a_target_is_found_by_name_then_by_domain_then_by_port(
    host: str, port: int, expected: Address
) -> None:
    assert table().resolve(host, port) == expected


def test_without_routes_a_target_is_where_its_name_says() -> None:
    assert RouteTable().resolve("EX01", 6001) == Address("ex01", 6001)


def test_an_address_prints_as_it_is_written() -> None:
    assert str(Address("::1", 593)) == "[::1]:593"
    assert str(Address("rosco", 593)) == "rosco:593"


def test_routes_can_be_listed() -> None:
    assert len(table()) == 5
    assert repr(RouteTable.parse(["EX01:6001=[::1]:1"])) == "RouteTable(ex01:6001=[::1]:1)"


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("ex01:6001", "at character 10, in 'ex01:6001': there is no '='; write name:port=host:port"),
        ("ex01=10.0.0.1:1", "at character 5, in 'ex01=10.0.0.1:1': there is no port"),
        ("ex01:6001=10.0.0.1", "at character 19, in 'ex01:6001=10.0.0.1': there is no port"),
        ("ex01:6001=:1", "at character 11, in 'ex01:6001=:1': there is no host"),
        ("ex01:x=a:1", "at character 6, in 'ex01:x=a:1': 'x' is no port number"),
        ("ex01:1=a:99999", "at character 10, in 'ex01:1=a:99999': port 99999 does not exist"),
        ("ex*:1=a:1", "'*' may stand at the end"),
        ("*@:1=a:1", "at character 3, in '*@:1=a:1': there is no host"),
        ("a:1=*:1", "'*' may stand at the end"),
    ],
)
def test_a_wrong_route_is_explained_with_place_and_cure(option: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RouteTable.parse([option])
    assert problem in str(caught.value)
    assert caught.value.setting == "--route"


def test_two_routes_for_one_target_are_refused() -> None:
    with pytest.raises(ConfigError, match="keep one of the two"):
        RouteTable.parse(["ex01:1=a:1", "EX01:1=b:1"])
