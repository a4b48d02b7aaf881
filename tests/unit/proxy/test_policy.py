"""What the proxy permits."""

from __future__ import annotations

import dataclasses

import pytest

from rpch.auth.accounts import Identity
from rpch.errors import ConfigError
from rpch.http.channels import ChannelRequest, read_channel_request
from rpch.http.heads import RequestHead
from rpch.proxy.policy import Allowed, Arrival, Denied, Policy, Rule, folded, parse_networks
from rpch.proxy.routes import Address, RouteTable
from rpch.proxy.valid_ports import Entry, ValidPorts

ALICE, BOB = Identity("alice", "LAB"), Identity("bob", "LAB")


def asked(target: str = "ex01:6001", *, method: str = "RPC_IN_DATA", length: int = 131_072) -> ChannelRequest:
    head = RequestHead(
        method,
        f"/rpc/rpcproxy.dll?{target}" if target else "/rpc/rpcproxy.dll",
        "1.1",
        (("host", "proxy.example"), ("content-length", str(length))),
    )
    return read_channel_request(head)


ECHO = asked("", length=4)
NOWHERE = asked("")
V1 = asked("", method="RPC_CONNECT", length=0)
POLICY = Policy(
    valid_ports=ValidPorts.parse("ex01:6001-6004;10.0.0.9:593;127.0.0.1:593"),
    routes=RouteTable.parse(["ex01:6002=127.0.0.1:7002"]),
)


def rule_of(decision: Allowed | Denied | None) -> str | None:
    return decision.rule if isinstance(decision, Denied) else None


def test_an_authenticated_request_to_a_listed_target_over_tls_is_allowed() -> None:
    decision = POLICY.decide(asked(), ALICE, secure=True)
    assert decision == Allowed(Address("ex01", 6001), Entry("ex01", 6001, 6004))


def test_a_route_says_where_an_allowed_target_is() -> None:
    decision = POLICY.decide(asked("ex01:6002"), ALICE, secure=True)
    assert isinstance(decision, Allowed)
    assert decision.address == Address("127.0.0.1", 7002, routed=True)


def test_a_route_alone_allows_nothing() -> None:
    policy = Policy(routes=RouteTable.parse(["ex01:6001=127.0.0.1:7001"]))
    assert rule_of(policy.decide(asked(), ALICE, secure=True)) is Rule.VALID_PORTS


def test_an_echo_needs_authentication_and_no_target() -> None:
    assert POLICY.decide(ECHO, ALICE, secure=True) == Allowed()
    assert rule_of(POLICY.decide(ECHO, None, secure=True)) is Rule.AUTHENTICATION
    assert Policy().decide(asked("unlisted:1", length=16), ALICE, secure=True) == Allowed()


@pytest.mark.parametrize(
    ("policy", "request_", "identity", "secure", "expected"),
    [
        # Each line breaks every rule from one on; the first of them answers.
        (Policy(enabled=False), V1, None, False, (Rule.ENABLED, 404, None)),
        (Policy(), V1, None, False, (Rule.V1, 501, None)),
        (Policy(), NOWHERE, None, False, (Rule.REQUIRE_TLS, 403, None)),
        (Policy(), NOWHERE, None, True, (Rule.AUTHENTICATION, 401, None)),
        (Policy(), NOWHERE, ALICE, True, ("NoServer", 400, None)),
        (Policy(), asked("ex01:99999"), ALICE, True, ("ServerPort", 400, None)),
        (Policy(), asked(), ALICE, True, (Rule.VALID_PORTS, 503, 0x6BA)),
        (
            dataclasses.replace(POLICY, user_targets={folded(ALICE): ValidPorts.parse("ex01:6004")}),
            asked(),
            ALICE,
            True,
            (Rule.USER_TARGETS, 503, 0x6BA),
        ),
    ],
)
@pytest.mark.conformance(92)
def test_rules_are_asked_in_their_order(
    policy: Policy,
    request_: ChannelRequest,
    identity: Identity | None,
    secure: bool,
    expected: tuple[str, int, int | None],
) -> None:
    denied = policy.decide(request_, identity, secure=secure)
    assert isinstance(denied, Denied)
    assert (denied.rule, denied.status, denied.rpc_error) == expected


def test_what_needs_no_credentials_is_refused_before_them() -> None:
    assert rule_of(POLICY.before_authentication(asked(), secure=False)) is Rule.REQUIRE_TLS
    assert POLICY.before_authentication(asked("unlisted:1"), secure=True) is None


@pytest.mark.conformance(92)
def test_opening_the_proxy_takes_two_switches() -> None:
    anonymous = dataclasses.replace(POLICY, allow_anonymous=True)
    plain = dataclasses.replace(POLICY, require_tls=False)
    both = dataclasses.replace(POLICY, allow_anonymous=True, require_tls=False)
    assert rule_of(anonymous.decide(asked(), None, secure=False)) is Rule.REQUIRE_TLS
    assert rule_of(plain.decide(asked(), None, secure=False)) is Rule.AUTHENTICATION
    assert isinstance(both.decide(asked(), None, secure=False), Allowed)


def test_a_user_with_targets_of_their_own_reaches_no_others() -> None:
    policy = dataclasses.replace(POLICY, user_targets={folded(ALICE): ValidPorts.parse("ex01:6004;ex09:1")})
    assert isinstance(policy.decide(asked("ex01:6004"), ALICE, secure=True), Allowed)
    assert isinstance(policy.decide(asked("ex01:6001"), BOB, secure=True), Allowed)
    assert rule_of(policy.decide(asked("ex09:1"), ALICE, secure=True)) is Rule.VALID_PORTS


def test_unlisted_and_forbidden_look_alike_to_the_client() -> None:
    unlisted = POLICY.decide(asked("ex02:6001"), ALICE, secure=True)
    allowed = POLICY.decide(asked(), ALICE, secure=True)
    assert isinstance(allowed, Allowed)
    elsewhere = POLICY.check_address(allowed, "169.254.169.254")
    assert isinstance(unlisted, Denied)
    assert isinstance(elsewhere, Denied)
    assert (unlisted.status, unlisted.rpc_error) == (elsewhere.status, elsewhere.rpc_error)
    assert str(unlisted) == "refused by ValidPorts: ex02:6001 is not in ValidPorts"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.0.0.5", True),
        ("2001:4860::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("100.100.100.200", False),
        ("0.0.0.0", False),  # noqa: S104 -- refused here
        ("224.0.0.1", False),
    ],
)
def test_a_name_must_not_lead_to_the_proxys_own_neighbourhood(address: str, allowed: bool) -> None:
    decision = POLICY.decide(asked(), ALICE, secure=True)
    assert isinstance(decision, Allowed)
    expected = None if allowed else Rule.ADDRESS
    assert rule_of(POLICY.check_address(decision, address)) is expected


def test_an_address_that_an_administrator_wrote_down_is_taken() -> None:
    routed = POLICY.decide(asked("ex01:6002"), ALICE, secure=True)
    listed = POLICY.decide(asked("127.0.0.1:593"), ALICE, secure=True)
    assert isinstance(routed, Allowed)
    assert isinstance(listed, Allowed)
    assert POLICY.check_address(routed, "127.0.0.1") is None
    assert POLICY.check_address(listed, "127.0.0.1") is None


def test_a_wildcard_lists_no_address() -> None:
    policy = Policy(valid_ports=ValidPorts.parse("1*:593", wildcards=True))
    decision = policy.decide(asked("127.0.0.1:593"), ALICE, secure=True)
    assert isinstance(decision, Allowed)
    assert rule_of(policy.check_address(decision, "127.0.0.1")) is Rule.ADDRESS


def test_named_networks_hold_all_targets() -> None:
    networks = parse_networks(["10.0.0.0/24", "127.0.0.0/8"], setting="target_networks")
    policy = dataclasses.replace(POLICY, target_networks=networks)
    decision = policy.decide(asked(), ALICE, secure=True)
    assert isinstance(decision, Allowed)
    assert policy.check_address(decision, "10.0.0.5") is None
    assert policy.check_address(decision, "127.0.0.1") is None
    assert rule_of(policy.check_address(decision, "10.0.1.5")) is Rule.ADDRESS


RELAYED = dataclasses.replace(
    POLICY,
    trusted_relays=parse_networks(["10.1.0.0/24", "::1"], setting="trusted_relays"),
    plain_from_relays=True,
)


@pytest.mark.parametrize(
    ("peer", "tls", "proto", "chain", "expected"),
    [
        ("192.0.2.7", False, "https", "1.2.3.4", Arrival("192.0.2.7", secure=False)),
        ("192.0.2.7", True, "http", None, Arrival("192.0.2.7", secure=True)),
        ("10.1.0.2", False, "https", "192.0.2.7", Arrival("192.0.2.7", secure=True, relayed=True)),
        ("10.1.0.2", False, "HTTPS, https", None, Arrival("10.1.0.2", secure=True, relayed=True)),
        ("10.1.0.2", True, "https,http", None, Arrival("10.1.0.2", secure=False, relayed=True)),
        ("10.1.0.2", False, None, None, Arrival("10.1.0.2", secure=True, relayed=True)),
        ("10.1.0.2", False, "http", None, Arrival("10.1.0.2", secure=False, relayed=True)),
        ("10.1.0.2", True, None, None, Arrival("10.1.0.2", secure=True, relayed=True)),
        ("::ffff:10.1.0.2", False, "https", None, Arrival("::ffff:10.1.0.2", secure=True, relayed=True)),
        ("10.1.0.2", True, None, "6.6.6.6, 192.0.2.7, 10.1.0.3",
         Arrival("192.0.2.7", secure=True, relayed=True)),
        ("10.1.0.2", True, None, "6.6.6.6, nonsense, 10.1.0.3",
         Arrival("10.1.0.3", secure=True, relayed=True)),
        ("::1", True, None, "2001:db8::7", Arrival("2001:db8::7", secure=True, relayed=True)),
        ("", False, "https", None, Arrival("", secure=False)),
    ],
)  # fmt: skip
def test_only_a_trusted_relay_is_believed(
    peer: str, tls: bool, proto: str | None, chain: str | None, expected: Arrival
) -> None:
    assert RELAYED.arrival(peer, tls=tls, forwarded_proto=proto, forwarded_for=chain) == expected


@pytest.mark.parametrize("proto", [None, "https"])
def test_plain_http_from_a_relay_is_believed_only_where_offloading_is_on(proto: str | None) -> None:
    strict = dataclasses.replace(RELAYED, plain_from_relays=False)
    assert strict.arrival("10.1.0.2", tls=False, forwarded_proto=proto).secure is False
    assert strict.arrival("10.1.0.2", tls=True, forwarded_proto=proto).secure is True


@pytest.mark.parametrize(
    ("inside", "outside", "served"),
    [
        (False, False, []),
        (True, False, ["10.9.0.1", "::ffff:10.9.0.1"]),
        (False, True, ["192.0.2.7", ""]),
        (True, True, ["10.9.0.1", "::ffff:10.9.0.1", "192.0.2.7", ""]),
    ],
)
def test_tls_may_be_left_out_by_clients_of_either_side(
    inside: bool, outside: bool, served: list[str]
) -> None:
    networks = parse_networks(["10.9.0.0/16"], setting="internal-network")
    policy = dataclasses.replace(
        POLICY, plain_inside=inside, plain_outside=outside, internal_networks=networks
    )
    clients = ("10.9.0.1", "::ffff:10.9.0.1", "192.0.2.7", "")
    let_in = [
        client
        for client in clients
        if isinstance(policy.decide(asked(), ALICE, secure=False, client=client), Allowed)
    ]
    assert let_in == served
    assert bool(policy.warnings) is (inside or outside)
    plain = [policy.before_web(Arrival(client, secure=False)) for client in clients]
    assert [denied.rule for denied in plain if denied] == [Rule.REQUIRE_TLS] * 4


def test_dangerous_switches_are_warned_of() -> None:
    assert POLICY.warnings == []
    opened = Policy(allow_anonymous=True, require_tls=False, v1=True)
    assert [warning.split(" ")[0] for warning in opened.warnings] == [
        "allow_anonymous", "require_tls", "v1", "ValidPorts"
    ]  # fmt: skip
    assert len(Policy(valid_ports=ValidPorts.parse("a:1-500")).warnings) == 1


def test_a_wrong_network_is_explained() -> None:
    with pytest.raises(ConfigError, match=r"trusted_relays: .*has host bits set; write 10"):
        parse_networks(["10.0.0.1/8"], setting="trusted_relays")
