"""An alarm wakes once, at the last deadline that it was set to."""

from __future__ import annotations

import asyncio

from rpch.aio.alarm import Alarm
from tests.raw_peer import until


async def test_it_wakes_once_and_can_be_set_again() -> None:
    loop, woken = asyncio.get_running_loop(), list[float | None]()
    alarm = Alarm(lambda: woken.append(alarm.deadline))
    alarm.set(loop.time())
    await until(lambda: woken)
    alarm.set(loop.time())
    await until(lambda: len(woken) == 2)
    assert woken == [None, None]  # whoever is woken finds it unset


async def test_the_last_deadline_counts() -> None:
    loop, woken = asyncio.get_running_loop(), list[float]()
    alarm = Alarm(lambda: woken.append(loop.time()))
    earlier = loop.time() + 0.005
    alarm.set(earlier)
    alarm.set(earlier + 0.005)
    assert alarm.deadline == earlier + 0.005
    await until(lambda: woken)
    assert woken[0] > earlier


async def test_one_that_is_taken_back_wakes_nobody() -> None:
    loop, witness, woken = asyncio.get_running_loop(), asyncio.Event(), list[bool]()
    alarm = Alarm(lambda: woken.append(True))
    alarm.set(loop.time())
    alarm.set(None)
    loop.call_later(0.001, witness.set)
    await witness.wait()
    assert not woken
