"""What a party may announce, and what it makes of what others announce."""

from __future__ import annotations

import pytest

from rpch.errors import ConfigError
from rpch.vconn.settings import (
    KIB,
    LIFETIME_MAXIMUM,
    LIFETIME_MINIMUM,
    ClientSettings,
    ProxySettings,
    Settings,
    seconds,
    usable_lifetime,
)


@pytest.mark.conformance(34, 35, 36)
def test_the_defaults_suit_every_known_peer() -> None:
    settings = Settings()
    assert settings.receive_window == 65_536
    assert settings.channel_lifetime == 1 << 30
    assert settings.connection_timeout == 120.0
    assert settings.setup_timeout == 900.0


@pytest.mark.conformance(35)
@pytest.mark.parametrize("size", [8 * KIB - 1, 256 * KIB + 1])
def test_windows_outside_their_range_are_refused(size: int) -> None:
    with pytest.raises(ConfigError, match="receive_window"):
        Settings(receive_window=size)


@pytest.mark.conformance(36)
@pytest.mark.parametrize("size", [LIFETIME_MINIMUM - 1, LIFETIME_MAXIMUM + 1])
def test_lifetimes_outside_their_range_are_refused(size: int) -> None:
    with pytest.raises(ConfigError, match="channel_lifetime"):
        Settings(channel_lifetime=size)


@pytest.mark.conformance(34)
@pytest.mark.parametrize("timeout", [119.0, 14_401.0])
def test_timeouts_outside_their_range_are_refused(timeout: float) -> None:
    with pytest.raises(ConfigError, match="connection_timeout"):
        Settings(connection_timeout=timeout)


@pytest.mark.parametrize("kind", [Settings, ClientSettings, ProxySettings])
def test_a_lifetime_that_two_windows_would_fill_is_refused(kind: type[Settings]) -> None:
    with pytest.raises(ConfigError, match="at least 524288"):
        kind(receive_window=256 * KIB, channel_lifetime=LIFETIME_MINIMUM)
    kind(receive_window=64 * KIB, channel_lifetime=LIFETIME_MINIMUM)


@pytest.mark.conformance(33)
def test_a_client_asks_for_a_keepalive_of_a_minute_or_for_the_default() -> None:
    assert ClientSettings(keepalive=0.0).keepalive == 0.0
    assert ClientSettings(keepalive=60.0).keepalive == 60.0
    with pytest.raises(ConfigError, match="keepalive"):
        ClientSettings(keepalive=59.0)


@pytest.mark.parametrize("seconds", [-1.0, 14_401.0])
def test_a_silent_client_is_waited_for_neither_backwards_nor_for_ever(seconds: float) -> None:
    with pytest.raises(ConfigError, match="silence_timeout"):
        ProxySettings(silence_timeout=seconds)


def test_of_a_peers_lifetime_we_use_what_is_legal() -> None:
    assert usable_lifetime(0) == LIFETIME_MINIMUM
    assert usable_lifetime(1 << 30) == 1 << 30
    assert usable_lifetime(0xFFFFFFFF) == LIFETIME_MAXIMUM


@pytest.mark.parametrize(
    ("milliseconds", "timeout"), [(0, 1.0), (500, 1.0), (120_000, 120.0), (900_000_000, 14_400.0)]
)
def test_a_peers_timeout_is_brought_into_range(milliseconds: int, timeout: float) -> None:
    assert seconds(milliseconds) == timeout
