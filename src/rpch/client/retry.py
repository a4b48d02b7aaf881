"""Trying a call again whose connection was lost.

Only what surely did not run is repeated, or what the caller calls idempotent: a call that may have run could
run twice otherwise. Between attempts there is a pause that grows, and that no two clients have alike: all
those that a dead proxy left behind would come back at the same moment.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from rpch.client.connections import CertificateRefused
from rpch.client.rpc import CallLost
from rpch.dcerpc.statuses import Status
from rpch.errors import ConfigError, ProxyError, RpcFault, RpchError, TransportError

# What a proxy answers that may be different in a moment.
_PASSING: Final = frozenset({502, 503, 504})
_BUSY: Final = frozenset({Status.SERVER_TOO_BUSY, Status.RPC_S_SERVER_TOO_BUSY})


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a call is tried in all, and how long to wait in between, in seconds."""

    attempts: int = 5
    first_delay: float = 0.5
    longest_delay: float = 15.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigError("retry", f"{self.attempts} attempts; at least one is needed")
        if not 0 <= self.first_delay <= self.longest_delay:
            raise ConfigError("retry", "the first delay must be positive and no longer than the longest")

    def delay(self, failures: int) -> float:
        """How long to wait after so many failures: half to all of twice the last."""
        longest = min(self.first_delay * float(1 << min(failures - 1, 30)), self.longest_delay)
        return longest * (1.0 + secrets.SystemRandom().random()) / 2.0


def may_repeat(error: RpchError, *, idempotent: bool) -> bool:
    """Whether a call that ended so can be made again without running twice, and may work then."""
    match error:
        case CallLost(did_not_execute=unrun):
            return unrun or idempotent
        case RpcFault(status=status, did_not_execute=unrun):
            return unrun and status in _BUSY
        case CertificateRefused():
            return False
        case ProxyError(status=status):
            return status in _PASSING
        case TransportError():
            return True  # there was no connection, so nothing was sent
        case _:
            return False
