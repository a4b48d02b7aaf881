"""A mirror kept up, round after round, whatever becomes of the server.

While the server is away the last known book stays in place. It is asked again after a second, then after
longer and longer pauses of up to a minute, each a little shortened by chance so that the processes of a farm
do not ask in step.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import structlog

from rpch.directory.mirror.ldap_tree import Tree
from rpch.directory.mirror.synchroniser import Round, Synchroniser
from rpch.errors import TransportError

log = structlog.get_logger("rpch.directory")

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
MOST_TOLD: Final = 1000


class Watcher:
    """Keeps one mirror up until it is told to stop."""

    def __init__(
        self,
        source: str,
        synchroniser: Synchroniser,
        open_tree: Callable[[], AbstractContextManager[Tree]],
        *,
        interval: float,
        tell: Callable[[Round], None] = lambda done: None,
    ) -> None:
        """`tell` hears of each round that did something, and of the first."""
        self._source, self._synchroniser, self._open_tree = source, synchroniser, open_tree
        self._interval, self._tell = interval, tell
        self._told: tuple[list[str], int] = ([], 0)
        self._is_away, self._pause, self._rounds = False, FIRST_PAUSE, 0

    def run(self, stop: threading.Event) -> None:
        """Round after round."""
        while not stop.is_set():
            try:
                with self._open_tree() as tree:
                    while not stop.is_set():
                        self._round(tree)
                        stop.wait(self._interval)
            except TransportError as error:
                stop.wait(self._lost(error))

    def _round(self, tree: Tree) -> None:
        started = time.monotonic()
        done = self._synchroniser.round(tree)
        if self._is_away:
            log.info("mirror is back", source=self._source)
        self._is_away, self._pause = False, FIRST_PAUSE
        self._warn(done)
        if done.did_something or not self._rounds:
            seconds = round(time.monotonic() - started, 3)
            counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
            log.info("mirrored", source=self._source, **counts, linked=done.linked, seconds=seconds)
            self._tell(done)
        self._rounds += 1

    def _warn(self, done: Round) -> None:
        """Say what is wrong there once, not in each round."""
        known, held_back = self._told
        new = [problem for problem in done.problems if problem not in known]
        for problem in new:
            log.warning("mirrored in part", source=self._source, problem=problem)
        if done.held_back and done.held_back != held_back:
            cure = "if they are meant to go: rpch directory sync --remove-many"
            log.error("mirror holds removals back", source=self._source, entries=done.held_back, cure=cure)
        self._told = ([*new, *known][:MOST_TOLD], 0 if done.removed else done.held_back or held_back)

    def _lost(self, error: TransportError) -> float:
        """How long to wait before the next try."""
        pause = self._pause * random.uniform(0.75, 1.0)  # noqa: S311 - spreads work, guards nothing
        if self._is_away:
            log.debug("mirror is still away", source=self._source, problem=str(error), retry_in=pause)
        else:
            log.error("mirror lost", source=self._source, problem=str(error), retry_in=round(pause, 1))
        self._is_away, self._pause = True, min(self._pause * 2, LONGEST_PAUSE)
        return pause
