"""The book in memory follows the directory."""

import threading
from dataclasses import dataclass

import pytest

from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.links import MEMBER, Links
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.keeper import BookKeeper
from rpch.exchange.nspi.book.linkage import LinkProperty
from rpch.exchange.nspi.book.objects import mid_of
from tests.address_books import NAMES


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(database: Database, clock: Clock) -> BookKeeper:
    return BookKeeper(database, NAMES, fresh_for=1.0, clock=clock)


def names(book: Book) -> list[str]:
    return [book.objects[mid].display_name for mid in book.table(0).mids()]


def user(name: str) -> NewEntry:
    return NewEntry(EntryKind.USER, name)


def test_a_book_is_kept_until_it_may_be_old(database: Database, keeper: BookKeeper, clock: Clock) -> None:
    entries = Entries(database)
    entries.add(user("Alice"))
    first = keeper.current()
    assert names(first) == ["Alice"]
    entries.add(user("Bob"))
    assert keeper.current() is first
    clock.now += 1.0
    assert names(keeper.current()) == ["Alice", "Bob"]


def test_nothing_is_read_again_when_nothing_changed(
    database: Database, keeper: BookKeeper, clock: Clock
) -> None:
    first = keeper.current()
    clock.now += 5
    assert keeper.current() is first
    keeper.expire()
    assert keeper.current() is first


def test_whoever_changes_something_sees_it(database: Database, keeper: BookKeeper) -> None:
    keeper.current()
    Entries(database).add(user("Alice"))
    keeper.expire()
    assert names(keeper.current()) == ["Alice"]


def test_removals_links_and_pictures_follow(database: Database, keeper: BookKeeper) -> None:
    entries, links = Entries(database), Links(database)
    alice, bob, team = entries.add(user("Alice"), user("Bob"), NewEntry(EntryKind.GROUP, "Team"))
    links.add(team.id, MEMBER, alice.id)
    entries.set_binary(alice.id, "thumbnailPhoto", [b"x"])
    first = keeper.current()
    members = LinkProperty(MEMBER)
    assert list(first.linkage.ends(mid_of(team.id), members)) == [mid_of(alice.id)]
    assert first.binaries == {mid_of(alice.id): frozenset({"thumbnailPhoto"})}
    links.add(team.id, MEMBER, bob.id)
    entries.set_binary(alice.id, "thumbnailPhoto", [])
    entries.remove(bob.id)
    keeper.expire()
    second = keeper.current()
    assert names(second) == ["Alice", "Team"]
    assert list(second.linkage.ends(mid_of(team.id), members)) == [mid_of(alice.id)]
    assert second.binaries == {}
    assert second.guid == first.guid


def test_others_use_the_book_that_there_is(database: Database, keeper: BookKeeper, clock: Clock) -> None:
    first = keeper.current()
    Entries(database).add(user("Alice"))
    clock.now += 5
    with keeper._lock:  # somebody else is reading
        assert keeper.current() is first
    assert names(keeper.current()) == ["Alice"]


def test_whoever_is_first_is_waited_for(database: Database, keeper: BookKeeper) -> None:
    Entries(database).add(user("Alice"))
    found: list[Book] = []
    threads = [threading.Thread(target=lambda: found.append(keeper.current())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(book) for book in found}) == 1


def test_pictures_come_from_the_database(database: Database, keeper: BookKeeper) -> None:
    (alice,) = Entries(database).add(user("Alice"))
    Entries(database).set_binary(alice.id, "thumbnailPhoto", [b"x"])
    assert keeper.binaries([alice.id], ["thumbnailPhoto"]) == {(alice.id, "thumbnailPhoto"): [b"x"]}
