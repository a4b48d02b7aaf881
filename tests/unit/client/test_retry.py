"""Which calls may be made again, and when."""

from __future__ import annotations

import pytest

from rpch.client.connections import CertificateRefused
from rpch.client.retry import Retry, may_repeat
from rpch.client.rpc import CallLost
from rpch.dcerpc.statuses import Status
from rpch.errors import (
    AccessDenied,
    AuthenticationFailed,
    BindRejected,
    ConfigError,
    ProxyError,
    RemoteProtocolError,
    RpcFault,
    RpchError,
    TransportError,
)

GONE = TransportError("gone")


@pytest.mark.parametrize(
    ("error", "again", "again_if_idempotent"),
    [
        (CallLost(GONE, did_not_execute=True), True, True),
        (CallLost(GONE, did_not_execute=False), False, True),
        (GONE, True, True),
        (ProxyError(503, "RPC Error: 6ba"), True, True),
        (ProxyError(502, "Bad Gateway"), True, True),
        (ProxyError(404, "Not Found"), False, False),
        (CertificateRefused("self signed"), False, False),
        (RpcFault(Status.SERVER_TOO_BUSY, did_not_execute=True), True, True),
        (RpcFault(Status.RPC_S_SERVER_TOO_BUSY, did_not_execute=True), True, True),
        (RpcFault(Status.SERVER_TOO_BUSY), False, False),
        (RpcFault(5, did_not_execute=True), False, False),
        (AuthenticationFailed("wrong"), False, False),
        (AccessDenied("Principal", "other"), False, False),
        (BindRejected("no", code=2), False, False),
        (RemoteProtocolError("nonsense"), False, False),
    ],
)
def test_only_what_cannot_run_twice_is_made_again(
    error: RpchError, *, again: bool, again_if_idempotent: bool
) -> None:
    assert may_repeat(error, idempotent=False) is again
    assert may_repeat(error, idempotent=True) is again_if_idempotent


def test_pauses_grow_to_their_limit_and_differ() -> None:
    retry = Retry(first_delay=1.0, longest_delay=5.0)
    for failures, longest in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (1000, 5.0)):
        pauses = {retry.delay(failures) for _ in range(20)}
        assert len(pauses) > 1
        assert all(longest / 2 <= pause <= longest for pause in pauses)


def test_no_pause_at_all_can_be_asked_for() -> None:
    assert Retry(first_delay=0.0).delay(3) == 0.0


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"first_delay": -1.0}, {"first_delay": 9.0, "longest_delay": 1.0}]
)
def test_nonsense_is_a_wrong_setting(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="retry"):
        Retry(**wrong)
