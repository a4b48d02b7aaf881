"""Why an RPC server says no, though the way to it is good."""

import pytest

from rpch.dcerpc.statuses import Status
from rpch.errors import BindRejected, RpcFault, TransportError
from rpch.probe.explanations_rpc import (
    bind_rejected,
    caller_refused,
    fault,
    not_listening,
    not_registered,
)
from rpch.probe.findings import CallerRefused, NotListening, NotRegistered
from rpch.probe.situation import Situation

STRANGER = Situation("proxy", "proxy:443", "server:6001", "proxy:443")
BOB = Situation("proxy", "proxy:443", "server:6001", "proxy:443", caller=r"LAB\bob")


@pytest.mark.parametrize(
    ("code", "cause", "cure"),
    [
        (Status.RPC_S_UNKNOWN_IF, "server:6001 is an RPC server, but does not offer", "-f UUID"),
        (Status.RPC_S_SERVER_TOO_BUSY, "no more connections", "Try again"),
        (Status.ACCESS_DENIED, "refuses strangers", "-I user"),
        (Status.RPC_S_PROTOCOL_ERROR, "refuses the bind", "log"),
    ],
)
def test_a_bind_is_refused_for_a_reason(code: Status, cause: str, cure: str) -> None:
    found = bind_rejected("bind", BindRejected("no", code=code), STRANGER)
    assert cause in found.cause
    assert cure in found.cure


def test_a_fault_has_a_name() -> None:
    found = fault("call", RpcFault(Status.OP_RNG_ERROR), STRANGER)
    assert "the fault OP_RNG_ERROR" in found.cause
    assert "refuses strangers" in fault("call", RpcFault(Status.ACCESS_DENIED), STRANGER).cause


@pytest.mark.parametrize(
    "status", [Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR, Status.RPC_S_UNKNOWN_AUTHN_SERVICE]
)
def test_a_caller_who_said_his_name_is_told_what_may_be_wrong(status: Status) -> None:
    for found in (
        fault("call", RpcFault(status), BOB),
        bind_rejected("bind", BindRejected("no", code=status), BOB),
    ):
        assert r"does not accept LAB\bob" in found.cause
        assert "-u NTLM" in found.cure


def test_a_mapper_that_tells_strangers_nothing_can_be_done_without() -> None:
    found = fault("mapper", RpcFault(Status.ACCESS_DENIED), BOB)
    assert "mapper" in found.cause
    assert "port into the binding" in found.cure


def test_findings_are_put_into_words() -> None:
    assert "no such interface: x/v1.0" in not_registered("mapper", NotRegistered("x/v1.0"), STRANGER).cause
    assert "takes no calls" in not_listening("call", NotListening("False"), STRANGER).cause
    refused = caller_refused("bind", CallerRefused("too weak"), BOB)
    assert r"LAB\bob could not agree on who is who: too weak" in refused.cause


def test_what_is_no_refusal_is_told_as_it_is() -> None:
    assert "refuses the bind: gone" in bind_rejected("bind", TransportError("gone"), STRANGER).cause
    assert "fault" in fault("call", TransportError("gone"), STRANGER).cause
