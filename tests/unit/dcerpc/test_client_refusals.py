"""Refusals in plain words, with the code a Windows caller would see."""

from uuid import UUID

import pytest

from rpch.dcerpc.client_refusals import bind_faulted, bind_refused, context_refused
from rpch.dcerpc.pdus import BindNak, ContextResult, Fault, SyntaxId

INTERFACE = SyntaxId(UUID("1544f5e0-613c-11d1-93df-00c04fd7bd09"), 1)


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        (0, 0x6BF, "no reason"),
        (1, 0x6BB, "busy for the moment"),
        (2, 0x6BB, "limit of its own"),
        (4, 0x6C0, "did not like the bind"),
        (8, 0x6D3, "does not know this kind of authentication"),
        (9, 0x721, "security package failed"),
        (77, 0x6C0, "a reason nobody knows, bind_nak reason 77"),
    ],
)
def test_every_reason_of_a_bind_nak(reason: int, code: int, words: str) -> None:
    error = bind_refused(BindNak(1, reason))
    assert error.code == code
    assert words in str(error)


@pytest.mark.parametrize(
    ("result", "reason", "code", "words"),
    [
        (2, 0, 0x6BF, "no reason"),
        (2, 1, 0x6B5, "not offered at this endpoint"),
        (2, 2, 0x6C2, "does not speak NDR"),
        (2, 3, 0x6BB, "too many contexts"),
        (2, 99, 0x6BF, "result 2 reason 99"),
        (1, 3, 5, "does not let us use"),
        (3, 0, 5, "result 3"),
    ],
)
def test_every_rejection_of_a_context(result: int, reason: int, code: int, words: str) -> None:
    error = context_refused(INTERFACE, ContextResult(result, reason))
    assert error.code == code
    assert words in str(error)
    assert str(INTERFACE) in str(error)


def test_a_fault_in_place_of_a_bind_ack() -> None:
    error = bind_faulted(Fault(1, 0x1C01000B))
    assert error.code == 0x6C0
    assert "PROTO_ERROR" in str(error)
