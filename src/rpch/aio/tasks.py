"""Tasks that stand on their own: one that fails must not end the others of its group."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger("rpch.aio")


def spawn(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run work in a group; a mistake of ours in it is told, and everybody else is served on."""
    task = tasks.create_task(_guarded(work))
    task.add_done_callback(lambda _: work.close())  # it may have been cancelled before it began
    return task


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # whatever it is, it is not the group's
        log.exception("a task failed")
