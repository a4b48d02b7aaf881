"""Several processes on one listening socket.

The socket is opened once and inherited, so that the system spreads connections over the processes. Each
worker holds one end of a pipe as long as it lives, and says on it when it serves and when it drains. So the
supervisor knows at once of one that drains or dies, and starts another in its place. A stop is passed on to
all of them, and waited for.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import FrameType
from typing import Final, NoReturn

import structlog

log = structlog.get_logger("rpch.front")

RESTART_PAUSE: Final = 1.0  # seconds between two starts, when processes die at once
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Notice(Enum):
    """What a worker tells its supervisor."""

    SERVES = b"s"
    DRAINS = b"d"


Tell = Callable[[Notice], None]


@dataclass
class _Worker:
    """One process, as its supervisor knows it."""

    pid: int
    pipe: int
    serves: bool = False
    drains: bool = False


def run_workers(
    count: int,
    work: Callable[[Tell], None],
    ready: Callable[[], None],
    *,
    on_stop: Callable[[], None] = lambda: None,
    reloads: bool = False,
) -> None:
    """Run `work` in `count` processes until SIGTERM or SIGINT; `ready` when all of them serve.

    `reloads` says that workers read their settings again at SIGHUP, which is then passed on to them.

    `on_stop` gives up what this process holds for its workers: as long as it holds the socket, the system
    takes connections that nobody will serve.
    """
    _Supervisor(count, work, on_stop, reloads=reloads).run(ready)


class _Supervisor:
    def __init__(
        self, count: int, work: Callable[[Tell], None], on_stop: Callable[[], None], *, reloads: bool
    ) -> None:
        self._count, self._work, self._on_stop = count, work, on_stop
        self._reloads = reloads
        self._workers: dict[int, _Worker] = {}  # by pipe
        self._stopping = False
        self._start_at = 0.0  # not earlier
        # A signal that comes just before `select` begins to wait would not be heard of: it writes here too.
        self._heard_signal, self._signalled = os.pipe()

    def run(self, ready: Callable[[], None]) -> None:
        for end in (self._heard_signal, self._signalled):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        if self._reloads:
            signal.signal(signal.SIGHUP, self._pass_on)
        told = False
        while self._workers or not self._stopping:
            self._fill_up()
            self._listen()
            if not told and self._serving() == self._count:
                told = True
                ready()

    def _serving(self) -> int:
        return sum(worker.serves and not worker.drains for worker in self._workers.values())

    def _missing(self) -> int:
        return self._count - sum(not worker.drains for worker in self._workers.values())

    def _fill_up(self) -> None:
        """Start as many as are missing, unless one has just died."""
        while not self._stopping and self._missing() > 0 and time.monotonic() >= self._start_at:
            self._start()

    def _start(self) -> None:
        """Fork a worker. Signals wait meanwhile: in the child they must not find this process's handlers."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        if self._stopping:  # since the caller looked
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            return
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            for not_ours in (*self._workers, ours, self._heard_signal, self._signalled):
                os.close(not_ours)
            self._run_worker(theirs)
        os.close(theirs)
        self._workers[ours] = _Worker(child, ours)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _run_worker(self, pipe: int) -> NoReturn:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        if self._reloads:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it listens for it itself
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        status = 1
        try:
            self._work(lambda notice: _tell(pipe, notice))
            status = 0
        except Exception:  # whatever it is, this process must end here and not go on as a second parent
            log.exception("a worker failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _listen(self) -> None:
        """Wait for a worker to say something, to end, or for the time to start another."""
        pause = None if self._stopping or self._missing() <= 0 else self._start_at - time.monotonic()
        waited_for = [self._heard_signal, *self._workers]
        heard, _, _ = select.select(waited_for, [], [], None if pause is None else max(pause, 0.0))
        for pipe in heard:
            said = os.read(pipe, 16)
            if pipe == self._heard_signal:
                continue  # its handler has run by now
            worker = self._workers[pipe]
            worker.serves |= Notice.SERVES.value in said
            worker.drains |= Notice.DRAINS.value in said
            if not said:
                self._ended(worker)

    def _ended(self, worker: _Worker) -> None:
        os.close(worker.pipe)
        del self._workers[worker.pipe]
        _, status = os.waitpid(worker.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            return
        if worker.drains and code == 0:
            log.info("a worker has drained", pid=worker.pid)
            return
        log.error("a worker ended", pid=worker.pid, status=code)
        self._start_at = time.monotonic() + RESTART_PAUSE

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        for worker in self._workers.values():
            os.kill(worker.pid, number)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        self._on_stop()
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGTERM)


def _tell(pipe: int, notice: Notice) -> None:
    """A supervisor that is gone needs no notice."""
    try:
        os.write(pipe, notice.value)
    except BrokenPipeError:
        log.warning("the supervisor of this worker is gone")
