"""Who asks Autodiscover, as whoever authenticates clients says it. Knows nothing of directories."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from rpch.auth.accounts import Identity
from rpch.auth.schemes import Scheme


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, from where, by a way in that offers these schemes, and what must stand on the answer."""

    identity: Identity
    client: str
    headers: tuple[tuple[str, str], ...] = ()
    offered: frozenset[Scheme] = frozenset(Scheme)


Authenticate = Callable[[Request], Awaitable[Asking | Response]]
"""Who sends a request, or the answer to send instead."""
