"""How much one proxy process takes on, and from whom.

A channel lives for hours, so what counts is how many there are: in all, of one user, from one address.
Half-open ones (authenticated, but without their virtual connection) are counted apart, since they cost
the client nothing and us a socket each.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from rpch.http.heads import HeadLimits
from rpch.proxy.policy import Denied

SERVER_TOO_BUSY: Final = 0x6BB


class LimitRule(StrEnum):
    """The limits, by the names that logs, metrics and answers show."""

    CHANNELS = "MaxChannels"
    CHANNELS_PER_USER = "MaxChannelsPerUser"
    CHANNELS_PER_ADDRESS = "MaxChannelsPerAddress"
    HALF_OPEN = "MaxHalfOpen"
    HALF_OPEN_PER_USER = "MaxHalfOpenPerUser"


def counted(words: str, *, least: int = 1, most: int | None = None) -> msgspec.Meta:
    """What a bound is for, and the bounds of the bound."""
    return msgspec.Meta(description=words, ge=least, le=most)


class ProxyLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Counts of channels of one process; a virtual connection has two. 0 is no limit."""

    max_channels: Annotated[int, counted("Channels in all; 0: no limit.", least=0)] = 20_000
    max_channels_per_user: Annotated[int, counted("Channels of one user.", least=0)] = 2_000
    max_channels_per_address: Annotated[int, counted("Channels from one address.", least=0)] = 4_000
    max_half_open: Annotated[int, counted("Channels without their other half.", least=0)] = 4_000
    max_half_open_per_user: Annotated[int, counted("The same, of one user.", least=0)] = 1_000


class HeadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Bounds of what a client sends before anything is known about it. Sizes in bytes, times in seconds."""

    size: Annotated[int, counted("A request's head, but its Authorization.", least=1024, most=1 << 20)] = (
        16_384
    )
    authorization: Annotated[int, counted("The Authorization line.", least=1024, most=1 << 20)] = 98_304
    fields: Annotated[int, counted("Fields of a head.", least=10, most=10_000)] = 100
    timeout: Annotated[
        float, msgspec.Meta(description="Seconds for a head, or a short body, to come.", gt=0, le=300)
    ] = 10.0
    body: Annotated[
        int, counted("A body that is read away between rounds of a proof.", least=0, most=1 << 20)
    ] = 16_384

    def limits(self) -> HeadLimits:
        """The limits, as whoever reads heads takes them."""
        return HeadLimits(self.size, self.authorization, self.fields)


@dataclass(slots=True)
class Admission:
    """One channel that was let in."""

    ledger: Ledger
    user: str
    address: str
    half_open: bool = True
    over: bool = False

    def opened(self) -> None:
        """Its virtual connection stands."""
        if self.half_open:
            self.half_open = False
            self.ledger.half_open_changed(self.user, -1)

    def closed(self) -> None:
        """Its connection is gone."""
        if not self.over:
            self.over = True
            self.opened()
            self.ledger.left(self.user, self.address)


class Ledger:
    """Counts the channels of one process."""

    def __init__(self, limits: ProxyLimits) -> None:
        self.limits = limits
        self.channels = self.half_open = 0
        self._by_user: Counter[str] = Counter()
        self._by_address: Counter[str] = Counter()
        self._half_open_by_user: Counter[str] = Counter()

    def admit(self, user: str, address: str) -> Admission | Denied:
        """Let one more channel in, unless a limit says no."""
        limits = self.limits
        for rule, limit, count in (
            (LimitRule.CHANNELS, limits.max_channels, self.channels),
            (LimitRule.CHANNELS_PER_USER, limits.max_channels_per_user, self._by_user[user]),
            (LimitRule.CHANNELS_PER_ADDRESS, limits.max_channels_per_address, self._by_address[address]),
            (LimitRule.HALF_OPEN, limits.max_half_open, self.half_open),
            (LimitRule.HALF_OPEN_PER_USER, limits.max_half_open_per_user, self._half_open_by_user[user]),
        ):
            if limit and count >= limit:
                return Denied(rule, 503, f"there are {count} already", rpc_error=SERVER_TOO_BUSY)
        self.channels += 1
        self._by_user[user] += 1
        self._by_address[address] += 1
        self.half_open_changed(user, 1)
        return Admission(self, user, address)

    def half_open_changed(self, user: str, by: int) -> None:
        """A channel began or ceased to be half open."""
        self.half_open += by
        _change(self._half_open_by_user, user, by)

    def left(self, user: str, address: str) -> None:
        """A channel is gone."""
        self.channels -= 1
        _change(self._by_user, user, -1)
        _change(self._by_address, address, -1)


def _change(counter: Counter[str], key: str, by: int) -> None:
    """Count, and forget keys that are back at nothing: a counter must not grow with every visitor."""
    counter[key] += by
    if not counter[key]:
        del counter[key]
