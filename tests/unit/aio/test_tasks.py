"""A task that fails ends nobody but itself."""

import asyncio

from structlog.testing import capture_logs

from rpch.aio.tasks import spawn


async def fails() -> None:
    raise LookupError("our own mistake")


async def test_a_failure_is_told_and_the_others_go_on() -> None:
    done: list[str] = []

    async def goes_on() -> None:
        await asyncio.sleep(0)
        done.append("done")

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            spawn(tasks, fails())
            spawn(tasks, goes_on())
    assert done == ["done"]
    assert [(line["event"], line["log_level"]) for line in lines] == [("a task failed", "error")]


async def test_work_that_is_cancelled_before_it_begins_leaves_nothing() -> None:
    async with asyncio.TaskGroup() as tasks:
        task = spawn(tasks, fails())
        task.cancel()
    assert task.cancelled()


async def test_a_cancellation_reaches_the_work() -> None:
    seen: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with asyncio.TaskGroup() as tasks:
        task = spawn(tasks, waits())
        await asyncio.sleep(0)
        task.cancel()
    assert seen == ["cancelled"]
