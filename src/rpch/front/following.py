"""Following what changes while a proxy serves: its file, the switches of its database, and its users.

A file is read again at SIGHUP, and when it has changed.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from rpch.front.switched_settings import go_by_database
from rpch.front.user_rules import watch_users
from rpch.proxy.reload import Reloader
from rpch.proxy.service import RpcProxy

LOOK_EVERY: Final = 2.0  # seconds


class Follower(Protocol):
    """Whoever can read its settings again."""

    def changed(self) -> bool:
        """Whether there is something new since this was last asked."""

    def reload(self) -> None:
        """Go by what is written there now."""


@asynccontextmanager
async def following(proxy: RpcProxy, reloader: Reloader) -> AsyncIterator[None]:
    """Let a proxy go by what changes meanwhile."""
    go_by_database(proxy, reloader)
    tasks = [proxy.spawn(watch_users(proxy))]
    if reloader.file is not None:
        tasks.append(proxy.spawn(follow(reloader)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def follow(reloader: Follower, *, every: float = LOOK_EVERY) -> None:
    """Reload when told to, or when the files have changed; for ever."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, told.set)
    try:
        while True:
            try:
                await asyncio.wait_for(told.wait(), every)
            except TimeoutError:
                if not reloader.changed():
                    continue
            told.clear()
            reloader.changed()
            reloader.reload()
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
