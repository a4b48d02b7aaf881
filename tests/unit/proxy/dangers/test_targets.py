"""Dangerous ways out: what a proxy would connect to that no server of RPC is."""

from __future__ import annotations

from typing import Any

import pytest

from rpch.proxy.dangers.targets import target_dangers
from tests.unit.proxy.safe_settings import safe


def pairs(**changes: Any) -> set[tuple[str, ...]]:
    return {danger.settings for danger in target_dangers(safe(**changes))}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"valid_ports": "localhost:593;[::1]:6001;*@corp.example:6001;ex01:6001-6100"},
        {"target_network": ["10.0.0.0/8", "2001:db8::/32"]},
        {"route": ["ex01.corp.example:6001=127.0.0.1:9999"]},
        {"user_targets": {"a": "ex01.corp.example:6001"}, "groups": {"g": ["b"]}},
    ],
)
def test_what_is_usual_is_not_dangerous(changes: dict[str, Any]) -> None:
    assert pairs(**changes) == set()


WILD = {"wildcards": True, "valid_ports": "data*:593"}


@pytest.mark.parametrize(
    ("changes", "pair"),
    [
        ({"valid_ports": ""}, ("valid-ports",)),
        ({"valid_ports": "ex01:1000-1100"}, ("valid-ports",)),
        ({"valid_ports": "ex01:1-65535"}, ("valid-ports",)),
        ({"valid_ports": "ex01:22"}, ("valid-ports",)),
        ({"valid_ports": "ex01:440-450"}, ("valid-ports",)),
        ({"valid_ports": "169.254.169.254:593"}, ("valid-ports",)),
        ({"valid_ports": "[fd00:ec2::254]:593"}, ("valid-ports",)),
        ({"valid_ports": "0.0.0.0:593"}, ("valid-ports",)),
        (WILD, ("wildcards", "valid-ports")),
        (WILD, ("valid-ports",)),
        ({**WILD, "user_targets": {"a": "d*:593"}}, ("user-targets",)),
        ({"user_targets": {"a": "ex01.corp.example:6001-6004;other:593"}}, ("user-targets", "valid-ports")),
        ({"group_targets": {"g": "ex01.corp.example:1000-2000"}}, ("group-targets",)),
        ({"target_network": ["127.0.0.0/8"]}, ("target-network",)),
        ({"target_network": ["0.0.0.0/0"]}, ("target-network",)),
        ({"target_network": ["::/0"]}, ("target-network",)),
        ({"target_network": ["169.254.169.254/32"]}, ("target-network",)),
        ({"target_network": ["fd00::/8"]}, ("target-network",)),
        ({"route": ["*:6001=169.254.169.254:80"]}, ("route",)),
    ],
)
def test_each_danger_is_found(changes: dict[str, Any], pair: tuple[str, ...]) -> None:
    assert pair in pairs(**changes)


def test_what_listens_there_is_named() -> None:
    (danger,) = target_dangers(safe(valid_ports="ex01:443-445"))
    assert danger.what == "ex01:443-445 is where HTTPS and SMB listens, not RPC"


def test_everything_includes_this_machine_and_metadata() -> None:
    (danger,) = target_dangers(safe(target_network=["0.0.0.0/0"]))
    assert "this machine" in danger.what
    assert "metadata" in danger.what
