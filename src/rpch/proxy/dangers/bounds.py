"""Bounds that bound nothing: limits that were switched off, or set where nobody is held by them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers.danger import Danger
from rpch.proxy.shown_settings import flattened

# The most that still does what the setting is for, and what happens above.
_MOST: Final[Mapping[str, tuple[float, str]]] = {
    "throttle.per-account-and-source": (50, "a network may guess as often as that at every account"),
    "throttle.per-source": (5_000, "a network may guess as often as that"),
    "throttle.per-account": (1_000, "as many passwords may be guessed for each account"),
    "throttle.per-minute": (100_000, "passwords may be guessed at that rate"),
    "throttle.trust-days": (366, "a network stays trusted long after its user has left it"),
    "throttle.window": (86_400, "who mistyped a password is kept out for that many seconds"),
    "heads.size": (65_536, "everybody may have so much memory before saying who it is"),
    "heads.authorization": (262_144, "everybody may have so much memory before saying who it is"),
    "heads.fields": (1_000, "reading one head may take long"),
    "heads.timeout": (60, "a connection costs nothing for so many seconds"),
    "heads.body": (131_072, "so much is read for everybody before saying who it is"),
    "first-pdu-timeout": (60, "half-open channels stay for so many seconds"),
    "setup-timeout": (900, "half-open channels stay for so many seconds"),
    "connect-timeout": (60, "clients wait for dead servers, and keep their channels meanwhile"),
    "rpc-limits.request": (64 << 20, "one request may take so much memory"),
    "rpc-limits.running-stubs": (256 << 20, "one connection may take so much memory"),
    "rpc-limits.calls": (10_000, "one connection may keep everybody else waiting"),
    "rpc-limits.empty-fragments": (65_536, "a request may keep coming for ever"),
    "rpc-limits.contexts": (4_096, "one connection may take much memory"),
    "rpc-limits.security-contexts": (4_096, "one connection may take much memory"),
}
_LEAST: Final[Mapping[str, tuple[float, str]]] = {
    "throttle.window": (60, "a guesser waits for so short a time only"),
    "throttle.per-account": (3, "whoever guesses keeps owners out of places that are new to them"),
}


def bound_dangers(settings: ProxyConfiguration, memory: int | None) -> Iterator[Danger]:
    """Bounds beyond reason; `memory` is that of this machine, in bytes."""
    values, defaults = flattened(settings), flattened(type(settings)())
    for name, (most, what) in _MOST.items():
        if values[name] > most:
            yield Danger(
                (name,), f"{values[name]:g} is too much: {what}", f"the default is {defaults[name]:g}"
            )
    for name, (least, what) in _LEAST.items():
        if values[name] < least:
            yield Danger(
                (name,), f"{values[name]:g} is too little: {what}", f"the default is {defaults[name]:g}"
            )
    for name, value in values.items():
        if name.startswith("limits.") and value == 0:
            yield Danger((name,), "0 is no limit, so one client can take everything", "give a number")
    windows = settings.limits.max_channels * settings.receive_window * settings.workers
    if memory is not None and windows > memory:
        yield Danger(
            ("limits.max-channels", "receive-window", "workers"),
            f"all windows together are {windows >> 20} MiB, and this machine has {memory >> 20}",
            "lower one of them",
        )


def physical_memory() -> int | None:
    """What this machine has, in bytes; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
