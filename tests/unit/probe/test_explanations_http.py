"""What an RPC proxy, or something before it, means by its answer."""

from dataclasses import replace

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.carriers import NotOpened
from rpch.errors import AuthenticationFailed, ProxyError, TransportError
from rpch.probe.explanations_http import answered, challenged, not_opened
from rpch.probe.situation import Situation

AT = Situation("proxy", "proxy:443", "server:6001", "proxy:443", tls=True, user=r"LAB\alice")
PLAIN = Situation("proxy", "proxy:80", "server:6001", "proxy:80")


@pytest.mark.parametrize(
    ("rule", "cause", "cure"),
    [
        ("ValidPorts", "ValidPorts does not permit server:6001", "'server:6001'"),
        ("UserTargets", r"not to LAB\alice", "this user"),
        ("TargetAddress", "permits no target", "--target-network"),
        ("TargetUnreachable", "cannot connect", "--route"),
        ("Draining", "about to stop", "Try again"),
        ("FirstPduTimeout", "first bytes never came", "proxy_request_buffering off"),
    ],
)
def test_our_own_proxy_says_its_rule(rule: str, cause: str, cure: str) -> None:
    error = ProxyError(503, "RPC Error: 6ba", rpc_status=0x6BA, rule=rule)
    found = answered("port", error, AT)
    assert cause in found.cause
    assert cure in found.cure
    assert not found.hopeless


@pytest.mark.parametrize(("rule", "cause"), [("RequireTls", "over TLS only"), ("Enabled", "switched off")])
def test_rules_that_refuse_everything_end_the_attempt(rule: str, cause: str) -> None:
    found = answered("schemes", ProxyError(403, "Forbidden", rule=rule), PLAIN)
    assert cause in found.cause
    assert found.hopeless


def test_a_rule_to_a_stranger_names_nobody() -> None:
    error = ProxyError(503, "RPC Error: 6ba", rpc_status=0x6BA, rule="UserTargets")
    assert "not to you" in answered("port", error, PLAIN).cause


@pytest.mark.parametrize(
    ("status", "causes", "words"),
    [
        (0x6BA, (), "not permitted, not known by that name there, or nothing listens"),
        (0x6BA, (0x6BA, 10_060, 10_061), "these codes of Windows: 10060, 10061"),
        (0x5, (), r"to LAB\alice (RPC error 5)"),
        (0x6BB, (), "no more connections"),
        (0x6C0, (), "RPC error 0x6c0"),
    ],
)
def test_other_proxies_say_a_number(status: int, causes: tuple[int, ...], words: str) -> None:
    error = ProxyError(503, f"RPC Error: {status:x}", rpc_status=status, rule="Unheard", causes=causes)
    found = answered("port", error, AT)
    assert words in found.cause
    assert found.cure


@pytest.mark.parametrize(
    ("status", "words", "hopeless"),
    [
        (400, "does not understand", True),
        (403, "forbids it", True),
        (404, "serves nothing", True),
        (405, "does not know the methods", True),
        (501, "does not know the methods", True),
        (411, "as long as", False),
        (413, "as long as", False),
        (502, "does not get through", True),
        (504, "does not get through", True),
        (503, "stopped or overloaded", True),
        (500, "answers 500 Whatever", False),
    ],
)
def test_a_status_alone_says_something_too(status: int, words: str, hopeless: bool) -> None:
    found = answered("schemes", ProxyError(status, "Whatever"), AT)
    assert words in found.cause
    assert found.hopeless is hopeless


def test_forbidden_in_the_clear_may_be_about_tls() -> None:
    error = ProxyError(403, "Forbidden")
    assert "--no-tls" in answered("schemes", error, PLAIN).cause
    assert "--no-tls" not in answered("schemes", error, AT).cause


@pytest.mark.parametrize(
    ("location", "words"), [("https://login/", "redirects to https://login/."), (None, "redirects. RPC")]
)
def test_a_redirection_is_not_followed(location: str | None, words: str) -> None:
    found = answered("schemes", ProxyError(302, "Found", location=location), AT)
    assert words in found.cause
    assert found.hopeless


def test_an_answer_that_is_no_answer_is_told_as_it_is() -> None:
    assert "answers nothing" in answered("schemes", TransportError("nothing"), AT).cause


@pytest.mark.parametrize(
    ("step", "at", "cause"),
    [
        ("echo_in", PLAIN, "nobody who does not say"),
        ("echo_in", AT, r"does not accept LAB\alice with this password"),
        ("echo_out", AT, r"does not accept LAB\alice with this password"),
        ("mapper", AT, "refuses the same for a channel"),
    ],
)
def test_refused_credentials_are_not_tried_again(step: str, at: Situation, cause: str) -> None:
    found = challenged(step, AuthenticationFailed("401"), at)
    assert cause in found.cause
    assert found.hopeless


@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
def test_a_relay_may_spoil_what_is_bound_to_the_connection(scheme: Scheme) -> None:
    found = challenged("echo_in", AuthenticationFailed("401"), replace(AT, scheme=scheme))
    assert f"which {scheme} needs" in found.cause
    assert "-H Basic" in found.cure
    basic = challenged("echo_in", AuthenticationFailed("401"), replace(AT, scheme=Scheme.BASIC))
    assert "relay" not in basic.cause


@pytest.mark.parametrize(
    ("state", "cause", "cure"),
    [
        ("WAIT_C2", "end of the request", "proxy_request_buffering off"),
        ("OUT_CHANNEL_WAIT", "holds back the response", "proxy_buffering off"),
        ("WAIT_A3W", "holds back the response", "proxy_buffering off"),
        ("CHANNELS_WAIT", "could not be made in time", "--timeout"),
    ],
)
def test_how_far_a_connection_came_says_what_holds_it_up(state: str, cause: str, cure: str) -> None:
    found = not_opened("mapper", NotOpened("late", seconds=1, state=state), AT)
    assert cause in found.cause
    assert cure in found.cure


def test_where_other_channels_pass_it_is_the_server() -> None:
    at = Situation("proxy", "proxy:443", "server:6001", "proxy:443", channels_pass=True)
    found = not_opened("port", NotOpened("late", seconds=1, state="WAIT_C2"), at)
    assert "whoever listens on server:6001" in found.cause
