"""The client: sessions, rows, searches and changes, against our own service."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.links import MEMBER, OWNER, Links
from rpch.errors import RemoteProtocolError, TransportError
from rpch.exchange.nspi.address_book import AddressBookService
from rpch.exchange.nspi.book.objects import mid_of
from rpch.exchange.nspi.client import AddressBook, Found, open_address_book
from rpch.exchange.nspi.conditions import Compares, Exists
from rpch.exchange.nspi.operations.resolution import Resolution
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.service import NspiService
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import Status
from rpch.ndr import ContextHandle
from tests.address_books import NAMES, enter_account, stat
from tests.calls import Calling

ALICE, BOB, TEAM = (mid_of(entry_id) for entry_id in (1, 2, 3))
NAME = [Tag.DISPLAY_NAME]


@pytest.fixture
def caller(database: Database) -> Iterator[Calling]:
    Entries(database).add(
        NewEntry(EntryKind.USER, "Alice", alias="alice", mail="alice@x.test", attributes={"title": "Boss"}),
        NewEntry(EntryKind.USER, "Bob", alias="bob"),
        NewEntry(EntryKind.GROUP, "Team", alias="team"),
    )
    Links(database).add(3, MEMBER, 1)
    Links(database).add(3, OWNER, 1)
    enter_account(database, 1, "alice")
    service = AddressBookService(database, NAMES)
    yield Calling(NspiService(service), r"LAB\alice")
    service.close()


async def test_a_book_is_read_from_its_first_row_to_its_last(caller: Calling) -> None:
    async with open_address_book(caller) as book:
        for at_once in (1, 2, 500):
            rows = [row async for row in book.rows([Tag.DISPLAY_NAME, Tag.TITLE], at_once=at_once)]
            assert [row[Tag.DISPLAY_NAME] for row in rows] == ["Alice", "Bob", "Team"]
        assert rows[0] == {Tag.DISPLAY_NAME: "Alice", Tag.TITLE: "Boss"}
        assert Tag.TITLE not in rows[1]
        assert await book.count() == 3
        assert len(book.guid) == 16


async def test_lists_and_what_is_in_them(caller: Calling) -> None:
    async with open_address_book(caller) as book:
        lists = {each.name: each for each in await book.lists()}
        groups = lists["All Distribution Lists"]
        assert (groups.depth, groups.flags) == (0, 9)
        assert [row[Tag.DISPLAY_NAME] async for row in book.rows(NAME, groups.id)] == ["Team"]
        assert await book.count(groups.id) == 1


async def test_searches(caller: Calling) -> None:
    async with open_address_book(caller) as book:
        assert await book.resolve(["alice", "nobody", "bob"], NAME) == [
            Found("alice", Resolution.RESOLVED, {Tag.DISPLAY_NAME: "Alice"}),
            Found("nobody", Resolution.UNRESOLVED),
            Found("bob", Resolution.RESOLVED, {Tag.DISPLAY_NAME: "Bob"}),
        ]
        assert await book.matching(Exists(Tag.TITLE), NAME) == [{Tag.DISPLAY_NAME: "Alice"}]
        assert await book.named_by(TEAM, Tag.MEMBER, NAME) == [{Tag.DISPLAY_NAME: "Alice"}]
        assert [row[Tag.DISPLAY_NAME] for row in await book.seek("b", NAME)] == ["Bob", "Team"]
        assert await book.seek("zzz", NAME) == []
        among = await book.sorted([TEAM, 0x10])
        assert [row[Tag.DISPLAY_NAME] for row in await book.seek("b", NAME, among=among)] == ["Team"]
        narrow = await book.resolve(["ÁLICE", "x"], NAME, narrow=True)
        assert [each.resolution for each in narrow] == [Resolution.RESOLVED, Resolution.UNRESOLVED]
        assert await book.mids_of(["/nobody"]) == [0]
        with pytest.raises(Refused) as refused:
            await book.matching(Compares(4, Tag.OBJECT_TYPE, 6), NAME, most=1)
        assert refused.value.status is Status.TABLE_TOO_BIG


async def test_descriptions(caller: Calling) -> None:
    async with open_address_book(caller) as book:
        everything = await book.properties_of(ALICE)
        assert everything[0x3001_001E] == b"Alice"
        assert await book.properties_of(ALICE, [Tag.TITLE, Tag.SURNAME]) == {Tag.TITLE: "Boss"}
        assert await book.rows_of([BOB, 9999], NAME) == [{Tag.DISPLAY_NAME: "Bob"}, {}]
        assert 0x3001_001E in await book.tags_of(ALICE)
        assert Tag.DISPLAY_NAME in await book.columns()
        assert (await book.template(0))[:4] == b"\1\0\0\0"
        assert await book.compare(BOB, ALICE) == 1
        assert await book.sorted([TEAM, ALICE]) == [ALICE, TEAM]


async def test_changes(caller: Calling) -> None:
    async with open_address_book(caller) as book:
        await book.change(ALICE, {Tag.MOBILE_TELEPHONE: "123"})
        assert await book.properties_of(ALICE, [Tag.MOBILE_TELEPHONE]) == {Tag.MOBILE_TELEPHONE: "123"}
        await book.change(ALICE, {}, remove=[Tag.MOBILE_TELEPHONE])
        assert await book.properties_of(ALICE, [Tag.MOBILE_TELEPHONE]) == {}
        (row,) = await book.rows_of([BOB], [Tag.ENTRYID])
        entry_id = row[Tag.ENTRYID]
        assert isinstance(entry_id, bytes)
        await book.link(TEAM, Tag.MEMBER, [entry_id])
        assert len(await book.named_by(TEAM, Tag.MEMBER, NAME)) == 2
        await book.link(TEAM, Tag.MEMBER, [entry_id], remove=True)
        assert len(await book.named_by(TEAM, Tag.MEMBER, NAME)) == 1


async def test_the_session_ends_with_the_block(caller: Calling) -> None:
    async with open_address_book(caller):
        assert len(caller.group) == 1
    assert len(caller.group) == 0
    with pytest.raises(TransportError):
        async with open_address_book(caller):
            raise TransportError("the line is cut")
    assert len(caller.group) == 1  # nothing was called any more


async def test_a_refused_bind_is_raised(caller: Calling) -> None:
    with pytest.raises(Refused) as refused:
        async with open_address_book(caller, code_page=1200):
            pass
    assert refused.value.status is Status.INVALID_CODEPAGE


class Endless:
    """A server whose table never ends."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    async def call(self, operation: object, request: object) -> object:
        where = stat(current=ALICE, total=5)
        if operation is Nspi.update_stat:
            return wire.UpdateStatResponse(where, None, 0)
        return wire.StatRowsResponse(where, [[]] * self._rows, 0)


@pytest.mark.parametrize("rows", [0, 100])
async def test_a_server_that_never_ends_is_left(rows: int) -> None:
    book = AddressBook(Endless(rows), ContextHandle(uuid=UUID(int=1)), b"", stat())  # type: ignore[arg-type]
    with pytest.raises(RemoteProtocolError):
        [row async for row in book.rows(NAME, at_once=100)]
