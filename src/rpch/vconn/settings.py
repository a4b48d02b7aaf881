"""What a party announces and how long it waits; the defaults suit every known peer.  MS-RPCH 3.2.1.1

Byte counts are bytes, times are seconds; the wire's milliseconds stay in the PDUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from rpch.errors import ConfigError
from rpch.vconn.silence import SilentClients

KIB = 1024
WINDOW_MINIMUM, WINDOW_MAXIMUM = 8 * KIB, 256 * KIB
LIFETIME_MINIMUM, LIFETIME_MAXIMUM = 128 * KIB, 1 << 31
TIMEOUT_MINIMUM, TIMEOUT_MAXIMUM = 120.0, 14_400.0
UNKNOWN_CLIENT = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Settings:
    """What every party needs."""

    receive_window: int = 64 * KIB
    channel_lifetime: int = 1 << 30
    connection_timeout: float = 120.0
    setup_timeout: float = 900.0
    strict: bool = False

    def __post_init__(self) -> None:
        _within("receive_window", self.receive_window, WINDOW_MINIMUM, WINDOW_MAXIMUM)
        _within("channel_lifetime", self.channel_lifetime, LIFETIME_MINIMUM, LIFETIME_MAXIMUM)
        _within("connection_timeout", self.connection_timeout, TIMEOUT_MINIMUM, TIMEOUT_MAXIMUM)
        if self.channel_lifetime < 2 * self.receive_window:
            raise ConfigError("channel_lifetime", f"must be at least {2 * self.receive_window}, two windows")


@dataclass(frozen=True, slots=True)
class ClientSettings(Settings):
    """What a client needs besides."""

    keepalive: float = 300.0
    association_group: bytes = bytes(16)

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if 0 < self.keepalive < 60:
            raise ConfigError("keepalive", "must be 0 (the proxy's default) or at least 60 seconds")


@dataclass(frozen=True, slots=True)
class ProxySettings(Settings):
    """What a proxy needs besides.

    `client` is the address the request came from, `bound_to` the user whose virtual connections alone it may
    join; nobody's may be joined by everybody who knows the cookie. `silent_clients` says what becomes of one
    that has never acknowledged and whose OUT window has been used up for `silence_timeout` seconds. `strict`
    lets none of them off. `http_1_0` is how the client asked.
    """

    client: IPv4Address | IPv6Address = UNKNOWN_CLIENT
    http_1_0: bool = False
    bound_to: str = ""
    silent_clients: SilentClients = SilentClients.DEDUCE
    silence_timeout: float = 2.0

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        _within("silence_timeout", self.silence_timeout, 0.0, TIMEOUT_MAXIMUM)

    @property
    def maybe_deaf(self) -> bool:
        """Whether the client may be one that takes no acknowledgement, and needs none."""
        return self.http_1_0 and not self.strict and self.silent_clients is not SilentClients.WAIT


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(name, f"{value:g} is outside {low:g} to {high:g}")


def usable_lifetime(announced: int) -> int:
    """How much a channel may carry; a peer that announces too little gets what is legal.

    Otherwise a channel would be replaced again and again before it has carried anything.
    """
    return min(max(announced, LIFETIME_MINIMUM), LIFETIME_MAXIMUM)


def seconds(milliseconds: int) -> float:
    """A peer's time-out, brought into the range in which our own timers make sense."""
    return min(max(milliseconds / 1000, 1.0), TIMEOUT_MAXIMUM)
