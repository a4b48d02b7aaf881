"""A mirror that is kept up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from rpch.directory.mirror.ldap_tree import Tree
from rpch.directory.mirror.synchroniser import Round
from rpch.directory.mirror.watching import FIRST_PAUSE, LONGEST_PAUSE, Watcher
from rpch.errors import TransportError
from tests.unit.directory.mirror.fake_tree import FakeTree


class Stop(threading.Event):
    """Waits for nothing; notes for how long it should have, and ends after so many waits."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._after = after

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) >= self._after:
            self.set()
        return self.is_set()


class Rounds:
    """Stands for a synchroniser: what its rounds come to, one after the other."""

    def __init__(self, *come_to: Round | Exception) -> None:
        self._come_to = iter(come_to)

    def round(self, tree: Tree) -> Round:
        done = next(self._come_to)
        if isinstance(done, Exception):
            raise done
        return done


def watch(
    *come_to: Round | Exception, waits: int
) -> tuple[list[dict[str, object]], list[float], list[Round]]:
    opened, told, stop = [0], list[Round](), Stop(waits)

    @contextmanager
    def open_tree() -> Iterator[Tree]:
        opened[0] += 1
        yield FakeTree()

    watcher = Watcher("there", Rounds(*come_to), open_tree, interval=7, tell=told.append)  # type: ignore[arg-type]
    with capture_logs() as lines:
        watcher.run(stop)
    return [dict(line) for line in lines], stop.waits, told


def test_the_first_round_is_told_and_then_those_that_did_something() -> None:
    lines, waits, told = watch(Round(), Round(), Round(added=2), waits=3)
    assert waits == [7, 7, 7]
    assert told == [Round(), Round(added=2)]
    assert [line["event"] for line in lines] == ["mirrored", "mirrored"]
    assert (lines[1]["added"], lines[1]["source"]) == (2, "there")


def test_a_server_that_is_lost_is_asked_again_with_longer_and_longer_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    away = TransportError("gone")
    lines, waits, _ = watch(*[away] * 8, Round(), away, waits=10)
    assert waits[:8] == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE]
    assert waits[8:] == [7, FIRST_PAUSE]
    loud = [line["event"] for line in lines if line["log_level"] != "debug"]
    assert loud == ["mirror lost", "mirror is back", "mirrored", "mirror lost"]
    assert lines[0]["problem"] == "gone"


def test_what_is_wrong_there_is_said_once() -> None:
    faults = {"cn=a": ["no name"]}
    rounds = (Round(added=1, faults=faults), Round(), Round(faults=faults))
    lines, _, _ = watch(*rounds, Round(held_back=40), Round(), Round(held_back=40), waits=6)
    wrong = [line for line in lines if line["log_level"] in ("warning", "error")]
    assert [line.get("problem", line.get("entries")) for line in wrong] == ["cn=a: no name", 40]
    assert "--remove-many" in str(wrong[1]["cure"])
