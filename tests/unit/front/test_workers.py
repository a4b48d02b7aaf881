"""Several processes do the same work: they are replaced when they die or drain, and stopped together."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# What each worker does is up to its test; the supervisor runs in a process of its own, since it forks.
PROGRAM = """
import os, signal, sys, time
import structlog
from rpch.front import workers
from rpch.front.workers import Notice, run_workers

structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
workers.RESTART_PAUSE = 0.05

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def serve_until_stopped(tell, status=0):
    def stop(number, frame):
        say("stopped", os.getpid())
        sys.stdout.flush()
        raise SystemExit(status)
    signal.signal(signal.SIGTERM, stop)
    say("serves", os.getpid())
    tell(Notice.SERVES)
    while True:
        time.sleep(0.05)  # a signal that comes just before a sleep is heard of behind it

def work(tell):
{work}

run_workers(2, work, lambda: say("ready"), on_stop=lambda: say("no more"), {more})
say("over")
"""


@contextmanager
def supervised(work: str, more: str = "") -> Iterator[subprocess.Popen[str]]:
    """A supervisor of two workers that do this."""
    program = PROGRAM.format(work=textwrap.indent(textwrap.dedent(work), "    "), more=more)
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def heard(running: subprocess.Popen[str], count: int) -> list[str]:
    """So many of the next lines."""
    assert running.stdout is not None
    return [running.stdout.readline().strip() for _ in range(count)]


def pids(lines: list[str]) -> list[int]:
    """Who serves."""
    return [int(line.split()[1]) for line in lines if line.startswith("serves")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on_to_all_and_is_no_failure(number: signal.Signals) -> None:
    with supervised("serve_until_stopped(tell)") as running:
        lines = heard(running, 3)
        assert len(pids(lines)) == 2
        assert lines[2] == "ready"
        running.send_signal(number)
        rest = heard(running, 4)
        assert rest[0] == "no more"
        assert sorted(line.split()[0] for line in rest[1:3]) == ["stopped", "stopped"]
        assert rest[3] == "over"
        assert running.wait(5) == 0


def test_a_worker_that_dies_is_replaced() -> None:
    with supervised("serve_until_stopped(tell)") as running:
        first = pids(heard(running, 3))
        os.kill(first[0], signal.SIGKILL)
        (fresh,) = pids(heard(running, 1))
        assert fresh not in first
        running.terminate()
        assert running.wait(5) == 0


def test_a_worker_that_drains_is_replaced_while_it_still_lives() -> None:
    work = """
        import threading
        def drain(number, frame):
            tell(Notice.DRAINS)
        signal.signal(signal.SIGUSR1, drain)
        serve_until_stopped(tell)
    """
    with supervised(work) as running:
        first = pids(heard(running, 3))
        os.kill(first[0], signal.SIGUSR1)
        (fresh,) = pids(heard(running, 1))
        assert fresh not in first
        running.terminate()
        rest = heard(running, 5)
        assert sorted(line.split()[0] for line in rest) == ["no", "over", "stopped", "stopped", "stopped"]
        assert running.wait(5) == 0


def test_workers_that_fail_at_once_are_tried_again_with_a_pause_and_a_stop_still_ends_it() -> None:
    work = """
        say("tried")
        raise LookupError("nothing to serve")
    """
    with supervised(work) as running:
        assert heard(running, 6) == ["tried"] * 6
        running.terminate()
        assert running.wait(5) == 0


def test_a_stop_during_the_start_leaves_nobody_behind() -> None:
    work = """
        say("begins", os.getpid())
        while True:
            time.sleep(0.05)
    """
    with supervised(work) as running:
        (line,) = heard(running, 1)
        running.terminate()
        assert running.wait(5) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(int(line.split()[1]), 0)


def test_a_hangup_is_passed_on_where_workers_read_their_settings_again() -> None:
    work = """
        signal.signal(signal.SIGHUP, lambda number, frame: say("reads", os.getpid()))
        serve_until_stopped(tell)
    """
    with supervised(work, "reloads=True") as running:
        lines = heard(running, 3)
        assert lines[2] == "ready"
        running.send_signal(signal.SIGHUP)
        readers = heard(running, 2)
        assert {int(line.split()[1]) for line in readers} == set(pids(lines))
        assert {line.split()[0] for line in readers} == {"reads"}
        running.terminate()
        assert running.wait(5) == 0
