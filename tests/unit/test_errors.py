"""Every exception says what happened, and keeps its facts as attributes."""

import pytest

from rpch.errors import (
    AccessDenied,
    AuthenticationFailed,
    BindRejected,
    ConfigError,
    DecodeError,
    LocalProtocolError,
    ProxyError,
    RemoteProtocolError,
    RpcFault,
    RpchError,
    TransportError,
    UnexpectedMessage,
    UnrecognisedPdu,
)

SENTENCES: list[tuple[RpchError, str]] = [
    (LocalProtocolError("a PDU of 70000 bytes"), "a PDU of 70000 bytes"),
    (DecodeError("need 4 bytes, have 2", at=18), "need 4 bytes, have 2, at byte 18"),
    (UnrecognisedPdu("flags 0x0020 with Empty"), "no known PDU: flags 0x0020 with Empty"),
    (UnexpectedMessage("CONN/C2", state="WAIT_A3W"), "CONN/C2 is not expected in state WAIT_A3W"),
    (
        RpcFault(0x1C010002),
        "the server answered with fault 0x1c010002 (the call may have run)",
    ),
    (
        RpcFault(5, did_not_execute=True),
        "the server answered with fault 0x00000005 (the call was not executed)",
    ),
    (BindRejected("local limit exceeded", code=2), "the server refused the bind: local limit exceeded (2)"),
    (AuthenticationFailed("the password is wrong"), "the password is wrong"),
    (AccessDenied("valid_ports", "ex01:6005"), "refused by valid_ports: ex01:6005"),
    (TransportError("connection reset"), "connection reset"),
    (ProxyError(503, "RPC Error: 6ba", rpc_status=0x6BA), "the proxy answered 503 RPC Error: 6ba"),
    (ConfigError("listen", "443 is no address"), "listen: 443 is no address"),
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES, ids=lambda value: type(value).__name__)
def test_an_error_is_one_sentence(error: RpchError, sentence: str) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize("kind", [DecodeError, UnrecognisedPdu, UnexpectedMessage])
def test_the_peers_mistakes_share_one_root(kind: type[RpchError]) -> None:
    assert issubclass(kind, RemoteProtocolError)
    assert not issubclass(kind, LocalProtocolError)


@pytest.mark.parametrize("error", [error for error, _ in SENTENCES], ids=lambda error: type(error).__name__)
def test_everything_shares_the_root_of_the_package(error: RpchError) -> None:
    assert isinstance(error, RpchError)


def test_facts_are_attributes() -> None:
    assert DecodeError("short", at=7).at == 7
    assert DecodeError("short", at=7).reason == "short"
    assert UnrecognisedPdu("flags 1").what == "flags 1"
    fault = RpcFault(5, did_not_execute=True)
    assert (fault.status, fault.did_not_execute) == (5, True)
    unexpected = UnexpectedMessage("Ping", state="START")
    assert (unexpected.message, unexpected.state) == ("Ping", "START")
    rejected = BindRejected("no such syntax", code=2)
    assert (rejected.reason, rejected.code) == ("no such syntax", 2)
    assert AuthenticationFailed("no").reason == "no"
    denied = AccessDenied("valid_ports", "ex01:6005")
    assert (denied.rule, denied.detail) == ("valid_ports", "ex01:6005")
    wrong = ConfigError("listen", "no port")
    assert (wrong.setting, wrong.problem) == ("listen", "no port")


def test_a_refusal_by_a_proxy_is_a_failure_of_the_way_there() -> None:
    error = ProxyError(401, "Unauthorized")
    assert isinstance(error, TransportError)
    assert (error.status, error.phrase, error.rpc_status) == (401, "Unauthorized", None)
    assert error.reason == str(error)
    assert (error.rule, error.causes, error.location) == (None, (), None)


def test_a_refusal_by_a_proxy_keeps_what_the_proxy_said() -> None:
    error = ProxyError(503, "RPC Error: 6ba", rpc_status=0x6BA, rule="ValidPorts", causes=(0x6BA, 10_061))
    assert (error.rule, error.causes) == ("ValidPorts", (0x6BA, 10_061))
    assert ProxyError(302, "Found", location="https://elsewhere/").location == "https://elsewhere/"
