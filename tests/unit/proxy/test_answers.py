"""A refused channel reads the RPC error and the rule, and knows where the answer ends."""

import pytest

from rpch.http.heads import read_response_head
from rpch.http.outcomes import Failed, read_outcome
from rpch.http.rpc_error import RpcError, connect_failed
from rpch.proxy.answers import refusal_of


@pytest.mark.conformance(14)
def test_an_error_without_more_information_has_an_empty_body() -> None:
    answer = refusal_of(RpcError(0x6BA), "ValidPorts")
    assert answer == (
        b"HTTP/1.0 503 RPC Error: 6ba\r\n"
        b"X-Rpch-Rule: ValidPorts\r\n"
        b"Content-Length: 0\r\n"
        b"Connection: close\r\n"
        b"\r\n"
    )


@pytest.mark.conformance(15)
def test_extended_information_is_in_the_body_whose_length_is_told() -> None:
    answer = refusal_of(
        connect_failed(0x6BA, process_id=42, timestamp=0x1DB_0000_0000_0000), "TargetUnreachable"
    )
    found = read_response_head(answer)
    assert found is not None
    head, size = found
    assert int(head.get("content-length") or 0) == len(answer) - size
    assert answer[size:].startswith(b"RPC EEInfo:")
    outcome = read_outcome(head)
    assert isinstance(outcome, Failed)
    error = outcome.with_body(answer[size:])
    assert error.rule == "TargetUnreachable"
    assert error.rpc_error is not None
    assert error.rpc_error.status == 0x6BA
