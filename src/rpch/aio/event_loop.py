"""The event loop: uvloop where there is one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop  # not to be had on Windows

    return uvloop.run(main)
