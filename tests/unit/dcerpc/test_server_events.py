from __future__ import annotations

import pytest

from rpch.dcerpc.server_side import (
    CallReturned,
    Disconnect,
    PduReceived,
    SendPdu,
    StepSecurity,
)
from rpch.errors import RpchError
from rpch.testing.raw_rpc import ToyContext


@pytest.mark.parametrize(
    "value",
    [
        PduReceived(b"secret"),
        SendPdu(b"secret"),
        CallReturned(1, b"secret"),
        StepSecurity(ToyContext(1).mechanism, b"secret"),
    ],
)
def test_payloads_and_tokens_are_not_printed(value: object) -> None:
    assert "secret" not in repr(value)


def test_the_end_says_why() -> None:
    assert "RpchError" in repr(Disconnect(RpchError("because")))
