"""Whom a name may mean: ambiguous name resolution.  MS-OXNSPI 3.1.4.7, 3.1.4.1.17

Somebody is meant by a name that begins as one of theirs does: display name, first and last name, alias, mail
addresses, office, and how the names are spoken; or by the beginnings of first and last name together, in
either order, with a comma behind the first of them or without. With `=` in front it must be the whole name.
Where one object bears exactly this name, alias or address it is the one that is meant, whoever else has names
that begin so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from enum import IntEnum
from typing import Final

from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.names import FIRST_NAME, LAST_NAME, addresses_of
from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.collation.keys import fold
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.wire.structures import Status

LONGEST: Final = 1024  # characters of a name; longer ones mean nobody
MOST_VISITS: Final = 1_000_000
MOST_PAIRS: Final = 10_000  # so common a beginning says nothing about who is meant
_EXACT: Final = "="


class Resolution(IntEnum):
    """What a name came to, in place of an id.  MS-OXNSPI 2.2.1.9"""

    UNRESOLVED = 0
    AMBIGUOUS = 1
    RESOLVED = 2


class Resolver:
    """Resolves the names of one request in one container. Together they may cost so much and no more."""

    def __init__(self, book: Book, container: int) -> None:
        self._book, self._holds = book, book.containers[container].holds
        self._visits = MOST_VISITS

    def resolve(self, name: str | None) -> tuple[Resolution, int]:
        """What one name means, and who it is when that is clear."""
        text = (name or "").strip()
        if not text or len(text) > LONGEST:
            return Resolution.UNRESOLVED, 0
        if (mid := _by_dn(self._book, text)) is not None:
            return Resolution.RESOLVED, mid
        folded = fold(_without_type(text.removeprefix(_EXACT)))
        found = self._two_of(_bearers(self._book, folded))
        if not found and not text.startswith(_EXACT):
            found = self._two_of(_meant(self._book, folded))
        if not found:
            return Resolution.UNRESOLVED, 0
        return (Resolution.RESOLVED, found[0]) if len(found) == 1 else (Resolution.AMBIGUOUS, 0)

    def _two_of(self, mids: Iterable[int]) -> list[int]:
        """The first two different ones that are in the container; more make no difference."""
        found: dict[int, None] = {}
        for mid in mids:
            self._visits -= 1
            if self._visits < 0:
                raise Refused(Status.OUT_OF_RESOURCES, "names that too many others begin with")
            if self._holds(self._book.objects[mid]):
                found[mid] = None
            if len(found) == 2:
                break
        return list(found)


def ambiguous(book: Book, name: str) -> AbstractSet[int]:
    """Everybody whom a name may mean, as a condition on PR_ANR asks.  MS-OXNSPI 3.1.4.1.10"""
    text = name.strip()
    if not text or len(text) > LONGEST:
        return frozenset()
    if (mid := _by_dn(book, text)) is not None:
        return frozenset({mid})
    folded = fold(_without_type(text.removeprefix(_EXACT)))
    return set(book.index.exactly(folded)) if text.startswith(_EXACT) else set(_meant(book, folded))


def _by_dn(book: Book, text: str) -> int | None:
    """The recipient of a DN, hidden or not; with or without `=` and `EX:` in front."""
    dn = text.removeprefix(_EXACT)
    if dn[:3].casefold() == "ex:":
        dn = dn[3:]
    mid = book.by_dn(dn) if dn.startswith("/") else None
    return mid if mid is not None and mid in book.objects else None


def _without_type(text: str) -> str:
    """An address without `SMTP:` in front."""
    kind, _, rest = text.partition(":")
    return rest if kind.casefold() == "smtp" else text


def _bearers(book: Book, folded: str) -> Iterator[int]:
    """Those who have exactly this display name, alias or address."""
    for mid in book.index.exactly(folded):
        thing = book.objects[mid]
        if folded in (thing.folded, fold(thing.alias), *map(fold, addresses_of(thing))):
            yield mid


def _meant(book: Book, folded: str) -> Iterator[int]:
    """Those who have a name that begins so, and then those of whom this is first and last name."""
    index = book.index
    yield from index.beginning(folded)
    one, _, other = folded.partition(" ")
    one, other = one.rstrip(","), other.strip()
    rarer = min(one, other, key=index.count)
    if one and other and index.count(rarer) <= MOST_PAIRS:
        called = (
            mid for mid in dict.fromkeys(index.beginning(rarer)) if _is_called(book.objects[mid], one, other)
        )
        yield from called


def _is_called(thing: BookObject, one: str, other: str) -> bool:
    attributes = thing.attributes
    first, last = (
        fold(value) if isinstance(value := attributes.get(name), str) else ""
        for name in (FIRST_NAME, LAST_NAME)
    )
    return (first.startswith(one) and last.startswith(other)) or (
        last.startswith(one) and first.startswith(other)
    )
