"""Whether to go through an HTTP proxy: ask both ways and see who answers.  MS-RPCH 3.2.2.4.1.1

A client that knows an HTTP proxy, but not whether it is needed, sends an echo request each way. The
direct way wins if it answers at all soon: within 200 ms of the proxy. Any response counts, even 401.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

DIRECT_GRACE: Final = 0.2
"""How long after the proxy's answer the direct one may still come.  MS-RPCH 3.2.2.6.3"""


class State(Enum):
    """What is still awaited. Wait and Wait Direct are the specification's; the others know of a failure."""

    WAIT = auto()
    WAIT_DIRECT = auto()
    ONLY_DIRECT = auto()
    ONLY_PROXY = auto()
    DONE = auto()


@dataclass(frozen=True)
class DirectAnswered:
    """The echo request without a proxy was answered."""


@dataclass(frozen=True)
class ProxyAnswered:
    """The echo request through the HTTP proxy was answered by the RPC proxy."""


@dataclass(frozen=True)
class DirectFailed:
    """There is no direct way: refused, unresolved, unreachable."""


@dataclass(frozen=True)
class ProxyFailed:
    """There is no way through the HTTP proxy."""


@dataclass(frozen=True)
class Tick:
    """The deadline has come."""


Event = DirectAnswered | ProxyAnswered | DirectFailed | ProxyFailed | Tick


@dataclass(frozen=True)
class UseDirect:
    """Connect to the RPC proxy itself."""


@dataclass(frozen=True)
class UseProxy:
    """Connect through the HTTP proxy."""


@dataclass(frozen=True)
class Unreachable:
    """Neither way leads to the RPC proxy."""


Action = UseDirect | UseProxy | Unreachable

_DIRECT: Final = (State.DONE, UseDirect())
_PROXY: Final = (State.DONE, UseProxy())
_NEITHER: Final = (State.DONE, Unreachable())

# Where each event leads, and what is decided by it. What is not here changes nothing.
TRANSITIONS: Final[Mapping[State, Mapping[type[Event], tuple[State, Action | None]]]] = {
    State.WAIT: {
        DirectAnswered: _DIRECT,
        ProxyAnswered: (State.WAIT_DIRECT, None),
        DirectFailed: (State.ONLY_PROXY, None),
        ProxyFailed: (State.ONLY_DIRECT, None),
        Tick: _NEITHER,
    },
    State.WAIT_DIRECT: {DirectAnswered: _DIRECT, DirectFailed: _PROXY, Tick: _PROXY},
    State.ONLY_DIRECT: {DirectAnswered: _DIRECT, DirectFailed: _NEITHER, Tick: _NEITHER},
    State.ONLY_PROXY: {ProxyAnswered: _PROXY, ProxyFailed: _NEITHER, Tick: _NEITHER},
    State.DONE: {},
}


class ProxyUse:
    """Decides between the two ways. Feed it events; once it decides, it answers one action."""

    def __init__(self, *, now: float, timeout: float) -> None:
        self.state = State.WAIT
        self.deadline: float | None = now + timeout

    def handle(self, event: Event, now: float) -> list[Action]:
        """What `event` decides, if it decides anything."""
        if isinstance(event, Tick) and (self.deadline is None or now < self.deadline):
            return []
        state, action = TRANSITIONS[self.state].get(type(event), (self.state, None))
        if state is State.WAIT_DIRECT and self.state is not state and self.deadline is not None:
            self.deadline = min(self.deadline, now + DIRECT_GRACE)
        self.state = state
        if state is State.DONE:
            self.deadline = None
        return [action] if action is not None else []
