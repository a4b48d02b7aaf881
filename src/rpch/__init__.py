"""Remote procedure calls over HTTP."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rpch.client.blocking import connect_blocking
    from rpch.client.connect import connect

__all__ = ["connect", "connect_blocking"]

_HOMES = {"connect": "rpch.client.connect", "connect_blocking": "rpch.client.blocking"}


def __getattr__(name: str) -> Any:
    """The client, imported when it is asked for: a proxy has no use for it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rpch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
