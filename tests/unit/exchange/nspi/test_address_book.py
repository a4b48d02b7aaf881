"""The service: every operation on the current book, in threads of its own."""

import threading
from collections.abc import Iterator

import pytest

from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.exchange.nspi.address_book import ANONYMOUS, AddressBookService
from rpch.exchange.nspi.book.keeper import BookKeeper
from rpch.exchange.nspi.book.objects import mid_of
from rpch.exchange.nspi.conditions import Exists
from rpch.exchange.nspi.operations.describing import UNICODE_STRINGS
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import NAMES, stat

NAME = [Tag.DISPLAY_NAME]


@pytest.fixture
def service(database: Database) -> Iterator[AddressBookService]:
    Entries(database).add(NewEntry(EntryKind.USER, "Alice"), NewEntry(EntryKind.USER, "Bob"))
    service = AddressBookService(database, NAMES)
    yield service
    service.close()


async def test_a_session_begins_with_the_server_s_guid(service: AddressBookService) -> None:
    await service.load()
    assert await service.bind(0, stat()) == service.keeper.current().guid
    for flags, page, status in (
        (ANONYMOUS, 1252, Status.LOGON_FAILED),
        (0, 1200, Status.INVALID_CODEPAGE),
        (0, 77, Status.INVALID_CODEPAGE),
    ):
        with pytest.raises(Refused) as refused:
            await service.bind(flags, stat(code_page=page))
        assert refused.value.status is status


async def test_every_operation_can_be_asked(service: AddressBookService) -> None:
    alice, bob = (mid_of(entry_id) for entry_id in (1, 2))
    where, moved = await service.update_stat(stat(delta=1))
    assert (where.current_rec, moved) == (bob, 1)
    _, rows = await service.query_rows(0, stat(), None, 1, NAME)
    assert rows == [[(Tag.DISPLAY_NAME, "Alice")]]
    where, _ = await service.seek_entries(stat(), (Tag.DISPLAY_NAME, "b"), None, None)
    assert where.current_rec == bob
    assert (await service.resort_restriction(stat(), [bob, alice]))[1] == [alice, bob]
    assert await service.compare_mids(stat(), alice, bob) == -1
    assert (await service.get_matches(stat(), Exists(Tag.DISPLAY_NAME), 9, None)).mids == [alice, bob]
    assert (await service.resolve_names(stat(), ["bob"], NAME)).resolutions == [2]
    assert await service.dn_to_mid(["/"]) == [0]
    assert await service.get_props(0, stat(current=bob), NAME) == ([(Tag.DISPLAY_NAME, "Bob")], True)
    assert 0x3001_001E in await service.get_prop_list(0, bob, 1252)
    assert 0x3001_001E in await service.query_columns(0)
    assert len((await service.get_special_table(UNICODE_STRINGS, stat(), 0)).rows) == 5
    assert (await service.get_template_info(1, 0, None, 1252, 0x0409))[0][0] == Tag.TEMPLATE_DATA


async def test_changes_need_somebody(service: AddressBookService) -> None:
    for change in (
        service.mod_props(None, stat(current=mid_of(1)), [Tag.MOBILE_TELEPHONE], []),
        service.mod_link_att(None, 0, Tag.PUBLIC_DELEGATES, mid_of(1), []),
    ):
        with pytest.raises(Refused) as refused:
            await change
        assert refused.value.status is Status.ACCESS_DENIED


async def test_work_is_done_elsewhere_than_in_the_event_loop(database: Database) -> None:
    seen: list[threading.Thread] = []

    class Watched(BookKeeper):
        def current(self):  # type: ignore[no-untyped-def]
            seen.append(threading.current_thread())
            return super().current()

    service = AddressBookService(database, NAMES, keeper=Watched(database, NAMES))
    await service.update_stat(stat())
    assert threading.main_thread() not in seen
    service.close()
