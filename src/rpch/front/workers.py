"""Several processes on one listening socket.

The socket is opened once and inherited, so that the system spreads connections over the processes. A
process that dies is replaced; a stop is passed on to all of them, and waited for.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

import structlog

log = structlog.get_logger("rpch.front")

RESTART_PAUSE: Final = 1.0  # seconds between two starts, when processes die at once
START_TIMEOUT: Final = 30.0


def run_workers(count: int, work: Callable[[Callable[[], None]], None], ready: Callable[[], None]) -> None:
    """Run `work` in `count` processes until SIGTERM or SIGINT; `ready` when all of them serve."""
    _Supervisor(count, work).run(ready)


class _Supervisor:
    def __init__(self, count: int, work: Callable[[Callable[[], None]], None]) -> None:
        self._count, self._work = count, work
        self._children: set[int] = set()
        self._stopping = False

    def run(self, ready: Callable[[], None]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        started = [self._start() for _ in range(self._count)]
        if all(self._wait_ready(pipe) for pipe in started) and not self._stopping:
            ready()
        while self._children:
            self._reap()

    def _start(self) -> int:
        """Fork a worker; the pipe's end tells when it is ready."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            self._run_worker(theirs)
        os.close(theirs)
        self._children.add(child)
        return ours

    def _run_worker(self, pipe: int) -> NoReturn:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        status = 1
        try:
            self._work(lambda: os.close(pipe) if os.write(pipe, b"r") else None)
            status = 0
        except Exception:  # whatever it is, this process must end here and not go on as a second parent
            log.exception("a worker failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _wait_ready(self, pipe: int) -> bool:
        with os.fdopen(pipe, "rb") as reader:
            found, _, _ = select.select([reader], [], [], START_TIMEOUT)
            return bool(found) and reader.read(1) == b"r"

    def _reap(self) -> None:
        try:
            child, status = os.wait()
        except InterruptedError:
            return
        except ChildProcessError:
            self._children.clear()
            return
        self._children.discard(child)
        if self._stopping:
            return
        log.error("a worker ended", pid=child, status=os.waitstatus_to_exitcode(status))
        time.sleep(RESTART_PAUSE)
        if not self._stopping:
            self._wait_ready(self._start())

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for child in self._children:
            os.kill(child, signal.SIGTERM)
