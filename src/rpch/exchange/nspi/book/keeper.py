"""Keeping the book in memory: read once, then brought up to date when the directory has changed.

Whoever asks gets a book that is at most a second old. To bring it up to date takes as long as the change is
large, and meanwhile others work with the book that there is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from rpch.directory.book_reader import BinaryPart, BookChanges, BookReader
from rpch.directory.database import Database
from rpch.exchange.nspi.book.book import Book, Changed, book_of
from rpch.exchange.nspi.book.linkage import Linkage
from rpch.exchange.nspi.book.objects import mid_of, object_of
from rpch.exchange.server_names import ServerNames

log = structlog.get_logger("rpch.nspi")

FRESH_FOR: Final = 1.0  # seconds


class BookKeeper:
    """The book of one directory. Its methods may be called from any thread, and may wait for the database."""

    def __init__(
        self,
        database: Database,
        names: ServerNames,
        *,
        fresh_for: float = FRESH_FOR,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reader, self.names = BookReader(database), names
        self._fresh_for, self._clock = fresh_for, clock
        self._lock = threading.Lock()
        self._book: Book | None = None
        self._looked = 0.0

    def current(self) -> Book:
        """The book as it is now, or was a moment ago."""
        book = self._book
        if book is not None and self._clock() - self._looked < self._fresh_for:
            return book
        if not self._lock.acquire(blocking=book is None):
            return book or self.current()  # somebody else is at it
        try:
            return self._look()
        finally:
            self._lock.release()

    def expire(self) -> None:
        """Something was changed: who asks next shall see it."""
        self._looked = -self._fresh_for

    def binaries(self, ids: Sequence[int], names: Sequence[str]) -> Mapping[tuple[int, str], list[bytes]]:
        """Binary attributes of several entries."""
        return self.reader.binaries(ids, names)

    def entries_by_binary(
        self, name: str, part: BinaryPart, holds: Callable[[Any, Any], bool], wanted: bytes | int
    ) -> set[int]:
        """Entries of which a binary attribute stands in a relation to a value."""
        return self.reader.entries_by_binary(name, part, holds, wanted)

    def _look(self) -> Book:
        book = self._book
        self._looked = self._clock()
        if book is None:
            book = self._book = self._whole()
        elif self.reader.revision() != book.revision:
            with self.reader.since(book.revision) as changes:
                book = self._book = _changed(book, changes)
        return book

    def _whole(self) -> Book:
        started = time.monotonic()
        directory = self.reader.guid()
        with self.reader.since(0) as everything:
            book = book_of(
                directory,
                self.names,
                map(object_of, everything.entries()),
                revision=everything.revision,
                linkage=Linkage.of(everything.links()),
                binaries=_by_mid(everything),
            )
        log.debug(
            "address book read", objects=len(book.objects), seconds=round(time.monotonic() - started, 3)
        )
        return book


def _changed(book: Book, changes: BookChanges) -> Book:
    objects = [object_of(entry) for entry in changes.entries()]
    mids = [thing.mid for thing in objects]
    removed = [mid_of(entry_id) for entry_id in changes.removed()]
    linkage = book.linkage.replaced([*mids, *removed], changes.links())
    return book.changed(Changed(changes.revision, objects, removed, linkage, _by_mid(changes)))


def _by_mid(changes: BookChanges) -> dict[int, frozenset[str]]:
    """Which binary attributes there are, by object."""
    return {mid_of(entry_id): frozenset(names) for entry_id, names in changes.binary_names().items()}
