"""A configuration file is followed at SIGHUP, and when it changes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from rpch.front.following import follow


class Recorder:
    """Stands for a reloader: counts what it is asked to do."""

    def __init__(self) -> None:
        self.modified = False
        self.reloads = 0
        self.happened = asyncio.Event()

    def changed(self) -> bool:
        changed, self.modified = self.modified, False
        return changed

    def reload(self) -> None:
        self.reloads += 1
        self.happened.set()


async def reloads_after(act: Callable[[Recorder], None]) -> int:
    recorder = Recorder()
    following = asyncio.create_task(follow(recorder, every=0.005))
    await asyncio.sleep(0)
    act(recorder)
    await asyncio.wait_for(recorder.happened.wait(), 5)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    return recorder.reloads


async def test_a_hangup_reloads() -> None:
    assert await reloads_after(lambda recorder: os.kill(os.getpid(), signal.SIGHUP)) == 1


async def test_a_changed_file_reloads_once() -> None:
    def change(recorder: Recorder) -> None:
        recorder.modified = True

    assert await reloads_after(change) == 1


async def test_the_signal_is_given_back() -> None:
    await reloads_after(lambda recorder: os.kill(os.getpid(), signal.SIGHUP))
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
