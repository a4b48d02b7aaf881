"""Channels are counted by process, user and address, and every limit says its name."""

from __future__ import annotations

import pytest

from rpch.proxy.limits import Admission, Ledger, LimitRule, ProxyLimits
from rpch.proxy.policy import Denied

SMALL = ProxyLimits(
    max_channels=6,
    max_channels_per_user=4,
    max_channels_per_address=5,
    max_half_open=3,
    max_half_open_per_user=2,
)


def admitted(ledger: Ledger, user: str = "LAB\\alice", address: str = "192.0.2.1") -> Admission:
    admission = ledger.admit(user, address)
    assert isinstance(admission, Admission)
    return admission


def refused(ledger: Ledger, user: str = "LAB\\alice", address: str = "192.0.2.1") -> str:
    denied = ledger.admit(user, address)
    assert isinstance(denied, Denied)
    assert (denied.status, denied.rpc_error) == (503, 0x6BB)
    return denied.rule


def test_half_open_channels_of_one_user_are_limited_until_they_open() -> None:
    ledger = Ledger(SMALL)
    first, _ = admitted(ledger), admitted(ledger)
    assert refused(ledger) == LimitRule.HALF_OPEN_PER_USER
    first.opened()
    admitted(ledger)


def test_half_open_channels_of_everybody_are_limited() -> None:
    ledger = Ledger(SMALL)
    for name in ("a", "b", "c"):
        admitted(ledger, name)
    assert refused(ledger, "d") == LimitRule.HALF_OPEN


def test_channels_of_one_user_of_one_address_and_of_all_are_limited() -> None:
    ledger = Ledger(SMALL)
    for _ in range(4):
        admitted(ledger).opened()
    assert refused(ledger) == LimitRule.CHANNELS_PER_USER
    admitted(ledger, "b").opened()
    assert refused(ledger, "c") == LimitRule.CHANNELS_PER_ADDRESS
    admitted(ledger, "c", "192.0.2.2").opened()
    assert refused(ledger, "d", "192.0.2.3") == LimitRule.CHANNELS


def test_a_channel_that_closes_gives_back_everything_once() -> None:
    ledger = Ledger(SMALL)
    admission = admitted(ledger)
    admission.closed()
    admission.closed()
    admission.opened()
    assert (ledger.channels, ledger.half_open) == (0, 0)
    assert not ledger._by_user
    assert not ledger._by_address
    assert not ledger._half_open_by_user


@pytest.mark.parametrize("count", [1, 1000])
def test_zero_is_no_limit(count: int) -> None:
    unlimited = ProxyLimits(
        max_channels=0,
        max_channels_per_user=0,
        max_channels_per_address=0,
        max_half_open=0,
        max_half_open_per_user=0,
    )
    ledger = Ledger(unlimited)
    for _ in range(count):
        admitted(ledger)
    assert ledger.channels == count
