"""What every end-to-end test runs under: the event loop of our programs, and no mistake that it noticed."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

PATIENCE = 45.0  # seconds for a test: less than pytest gives, whose alarm uvloop does not survive

Loops = dict[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Loops:
    """The loop that `rpch.aio.event_loop` runs our programs on."""
    if sys.platform == "win32":
        return {"asyncio": asyncio.new_event_loop}
    import uvloop

    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
async def nothing_unhandled() -> AsyncIterator[None]:
    """No exception may reach the event loop: from no callback, and from no task that nobody asks."""
    found: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: found.append(context))
    limit = loop.call_later(PATIENCE, end_everything)
    yield
    limit.cancel()
    await asyncio.sleep(0)
    gc.collect(1)  # what is young and never asked for its exception says so now
    assert not found, found


def end_everything() -> None:
    """A test takes too long: show where everybody waits, and end it."""
    for task in asyncio.all_tasks():
        task.print_stack()
        task.cancel()
