"""The interface over RPC: sessions, statuses, and what a refused operation answers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rpch.dcerpc.statuses import Status as RpcStatus
from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.links import MEMBER, Links
from rpch.errors import RpcFault
from rpch.exchange.nspi.address_book import AddressBookService
from rpch.exchange.nspi.book.objects import mid_of
from rpch.exchange.nspi.service import NspiService
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import (
    Binary,
    BinaryArray,
    Exists,
    Not,
    PropertyName,
    PropertyRow,
    PropertyTags,
    PropertyValue,
    Restriction,
    Status,
    StringNames,
    WStringNames,
)
from rpch.ndr import NIL_HANDLE, ContextHandle
from tests.address_books import NAMES, stat
from tests.calls import Calling

ALICE, BOB, TEAM = (mid_of(entry_id) for entry_id in (1, 2, 3))
NAME = PropertyTags((Tag.DISPLAY_NAME,))
BAD = stat(code_page=1200)


@pytest.fixture
def book(database: Database) -> Iterator[AddressBookService]:
    Entries(database).add(
        NewEntry(EntryKind.USER, "Alice", alias="alice", attributes={"title": "Boss"}),
        NewEntry(EntryKind.USER, "Bob", alias="bob"),
        NewEntry(EntryKind.GROUP, "Team", alias="team"),
    )
    Links(database).add(3, MEMBER, 1, 2)
    service = AddressBookService(database, NAMES)
    yield service
    service.close()


@pytest.fixture
def caller(book: AddressBookService) -> Calling:
    return Calling(NspiService(book), r"LAB\alice")


async def begin(caller: Calling) -> ContextHandle:
    return (await caller.call(Nspi.bind, wire.BindRequest(0, stat(), None))).handle


def names(response: wire.StatRowsResponse | wire.IdsRowsResponse | wire.GetMatchesResponse) -> list[object]:
    return [value for row in response.rows or () for _, value in row]


async def test_a_session_from_bind_to_unbind(book: AddressBookService, caller: Calling) -> None:
    bound = await caller.call(Nspi.bind, wire.BindRequest(0, stat(), bytes(16)))
    assert (bound.status, bound.server_guid) == (Status.SUCCESS, book.keeper.current().guid)
    assert not bound.handle.is_nil
    assert (await caller.call(Nspi.bind, wire.BindRequest(0, stat(), None))).server_guid is None
    answer = await caller.call(Nspi.unbind, wire.UnbindRequest(bound.handle, 0))
    assert answer == wire.UnbindResponse(NIL_HANDLE, Status.UNBIND_SUCCESS)
    with pytest.raises(RpcFault) as fault:
        await caller.call(Nspi.unbind, wire.UnbindRequest(bound.handle, 0))
    assert fault.value.status == RpcStatus.S_FAULT_CONTEXT_MISMATCH


async def test_a_session_that_was_never_begun_cannot_be_ended(caller: Calling) -> None:
    """MS-OXNSPI 3.1.4.1.2, constraint 2."""
    answer = await caller.call(Nspi.unbind, wire.UnbindRequest(NIL_HANDLE, 7))
    assert answer == wire.UnbindResponse(NIL_HANDLE, Status.UNBIND_FAILURE)


async def test_strangers_come_in_where_a_proxy_has_asked_them(book: AddressBookService) -> None:
    request = wire.BindRequest(0, stat(), bytes(16))
    refused = await Calling(NspiService(book)).call(Nspi.bind, request)
    assert refused == wire.BindResponse(None, NIL_HANDLE, Status.LOGON_FAILED)
    assert (
        await Calling(NspiService(book, strangers=True)).call(Nspi.bind, request)
    ).status == Status.SUCCESS


async def test_a_bind_is_refused_with_its_own_status(caller: Calling) -> None:
    for flags, where, status in (
        (0x20, stat(), Status.LOGON_FAILED),
        (0, stat(code_page=1200), Status.INVALID_CODEPAGE),
    ):
        answer = await caller.call(Nspi.bind, wire.BindRequest(flags, where, bytes(16)))
        assert answer == wire.BindResponse(None, NIL_HANDLE, status)


@pytest.mark.parametrize(
    ("handle", "status"),
    [
        (NIL_HANDLE, RpcStatus.RPC_X_SS_IN_NULL_CONTEXT),
        (ContextHandle(attributes=1, uuid=NIL_HANDLE.uuid), RpcStatus.S_FAULT_CONTEXT_MISMATCH),
    ],
)
async def test_no_session_no_answer(caller: Calling, handle: ContextHandle, status: int) -> None:
    with pytest.raises(RpcFault) as fault:
        await caller.call(Nspi.query_columns, wire.QueryColumnsRequest(handle, 0, 0))
    assert fault.value.status in (status, RpcStatus.RPC_X_SS_IN_NULL_CONTEXT)


async def test_the_session_is_nobody_else_s(book: AddressBookService, caller: Calling) -> None:
    handle = await begin(caller)
    other = Calling(caller.service, r"LAB\bob", caller.group)
    with pytest.raises(RpcFault) as fault:
        await other.call(Nspi.query_columns, wire.QueryColumnsRequest(handle, 0, 0))
    assert fault.value.status == RpcStatus.S_FAULT_CONTEXT_MISMATCH


async def test_positions_and_rows(caller: Calling) -> None:
    handle = await begin(caller)
    moved = await caller.call(Nspi.update_stat, wire.UpdateStatRequest(handle, 0, stat(delta=1), 0))
    assert (moved.stat.current_rec, moved.delta, moved.status) == (BOB, 1, Status.SUCCESS)
    request = wire.UpdateStatRequest(handle, 0x8000_0000, stat(), None)
    assert (await caller.call(Nspi.update_stat, request)).delta is None
    rows = await caller.call(Nspi.query_rows, wire.QueryRowsRequest(handle, 0, moved.stat, 0, None, 9, NAME))
    assert (names(rows), rows.status, rows.stat.current_rec) == (["Bob", "Team"], Status.SUCCESS, 2)
    some = wire.QueryRowsRequest(handle, 0, stat(), 2, (TEAM, ALICE), 9, NAME)
    rows = await caller.call(Nspi.query_rows, some)
    assert names(rows) == ["Team", "Alice"]
    target = PropertyValue(Tag.DISPLAY_NAME, 0, "b")
    sought = await caller.call(
        Nspi.seek_entries, wire.SeekEntriesRequest(handle, 0, stat(), target, None, NAME)
    )
    assert (names(sought), sought.stat.current_rec) == (["Bob", "Team"], BOB)
    request_ids = wire.ResortRestrictionRequest(handle, 0, stat(), PropertyTags((TEAM, ALICE)), None)
    assert (await caller.call(Nspi.resort_restriction, request_ids)).ids == PropertyTags((ALICE, TEAM))
    compared = await caller.call(Nspi.compare_mids, wire.CompareMidsRequest(handle, 0, stat(), ALICE, BOB))
    assert compared == wire.CompareMidsResponse(-1, Status.SUCCESS)


async def test_searches(caller: Calling) -> None:
    handle = await begin(caller)
    titled = Restriction(8, Exists(0, Tag.TITLE, 0))
    request = wire.GetMatchesRequest(handle, 0, stat(), None, 0, titled, None, 9, NAME)
    found = await caller.call(Nspi.get_matches, request)
    assert (found.ids, names(found), found.status) == (PropertyTags((ALICE,)), ["Alice"], Status.SUCCESS)
    members = stat(container=Tag.MEMBER, current=TEAM)
    request = wire.GetMatchesRequest(handle, 0, members, None, 0, None, None, 9, None)
    found = await caller.call(Nspi.get_matches, request)
    assert (found.ids, found.rows) == (PropertyTags((ALICE, BOB)), None)
    by_name = replace(request, stat=stat(current=TEAM), property_name=PropertyName(None, 0, 0x8009))
    assert (await caller.call(Nspi.get_matches, by_name)).ids == PropertyTags((ALICE, BOB))
    wide = wire.ResolveNamesWRequest(handle, 0x8000_0000, stat(), NAME, WStringNames(("bob", "x", None)))
    resolved = await caller.call(Nspi.resolve_names_w, wide)
    assert (resolved.ids, names(resolved)) == (PropertyTags((2, 0, 0)), ["Bob"])
    narrow = wire.ResolveNamesRequest(handle, 0, stat(), NAME, StringNames(("bob",)))
    assert (await caller.call(Nspi.resolve_names, narrow)).ids == PropertyTags((2,))
    dns = await caller.call(Nspi.dn_to_mid, wire.DnToMidRequest(handle, 0, StringNames(("/x", None))))
    assert dns == wire.IdsResponse(PropertyTags((0, 0)), Status.SUCCESS)


async def test_descriptions(caller: Calling) -> None:
    handle = await begin(caller)
    both = PropertyTags((Tag.DISPLAY_NAME, Tag.SURNAME))
    props = await caller.call(Nspi.get_props, wire.GetPropsRequest(handle, 0, stat(current=ALICE), NAME))
    assert props.status == Status.SUCCESS
    props = await caller.call(Nspi.get_props, wire.GetPropsRequest(handle, 0, stat(current=ALICE), both))
    assert props.status == Status.ERRORS_RETURNED
    assert props.row is not None
    assert [value.tag for value in props.row.values or ()] == [Tag.DISPLAY_NAME, 0x3A11_000A]
    tags = await caller.call(Nspi.get_prop_list, wire.GetPropListRequest(handle, 0, ALICE, 1252))
    assert tags.ids is not None
    assert 0x3001_001E in tags.ids.tags
    columns = await caller.call(Nspi.query_columns, wire.QueryColumnsRequest(handle, 0, 0x8000_0000))
    assert columns.ids is not None
    assert Tag.DISPLAY_NAME in columns.ids.tags
    table = await caller.call(Nspi.get_special_table, wire.GetSpecialTableRequest(handle, 4, stat(), 0))
    assert (table.status, len(table.rows or ())) == (Status.SUCCESS, 5)
    template = await caller.call(
        Nspi.get_template_info, wire.GetTemplateInfoRequest(handle, 1, 0, None, 1252, 1033)
    )
    assert template.status == Status.SUCCESS


async def test_changes_that_are_not_the_user_s(caller: Calling) -> None:
    handle = await begin(caller)
    row = PropertyRow(0, (PropertyValue(Tag.MOBILE_TELEPHONE, 0, "1"),))
    request = wire.ModPropsRequest(handle, 0, stat(current=BOB), PropertyTags((Tag.MOBILE_TELEPHONE,)), row)
    assert (await caller.call(Nspi.mod_props, request)).status == Status.ACCESS_DENIED
    links = wire.ModLinkAttRequest(handle, 0, Tag.MEMBER, TEAM, BinaryArray((Binary(b"x"),)))
    assert (await caller.call(Nspi.mod_link_att, links)).status == Status.ACCESS_DENIED


async def test_a_refused_operation_answers_its_status_and_nothing_else(caller: Calling) -> None:
    handle = await begin(caller)
    name, ids = PropertyValue(Tag.DISPLAY_NAME, 0, "x"), PropertyTags((ALICE,))
    null = PropertyValue(Tag.DISPLAY_NAME, 0, None)
    refused, deep = Status.NOT_SUPPORTED, Restriction(8, Exists(0, Tag.TITLE, 0))
    for _ in range(1000):
        deep = Restriction(2, Not(deep))

    assert await caller.call(
        Nspi.update_stat, wire.UpdateStatRequest(handle, 0, BAD, 0)
    ) == wire.UpdateStatResponse(BAD, None, refused)
    rows = wire.StatRowsResponse(BAD, None, refused)
    assert await caller.call(Nspi.query_rows, wire.QueryRowsRequest(handle, 0, BAD, 0, None, 9, NAME)) == rows
    assert (
        await caller.call(Nspi.seek_entries, wire.SeekEntriesRequest(handle, 0, BAD, name, None, None))
        == rows
    )
    sought = await caller.call(
        Nspi.seek_entries, wire.SeekEntriesRequest(handle, 0, stat(), null, None, None)
    )
    assert sought.status == Status.GENERAL_FAILURE
    matches = wire.GetMatchesRequest(handle, 0, BAD, None, 0, None, None, 9, None)
    assert await caller.call(Nspi.get_matches, matches) == wire.GetMatchesResponse(BAD, None, None, refused)
    matches = wire.GetMatchesRequest(handle, 0, stat(), None, 0, deep, None, 9, None)
    assert (await caller.call(Nspi.get_matches, matches)).status == Status.TOO_COMPLEX
    resort = wire.ResortRestrictionRequest(handle, 0, BAD, ids, None)
    assert (await caller.call(Nspi.resort_restriction, resort)) == wire.ResortRestrictionResponse(
        BAD, None, refused
    )
    compare = wire.CompareMidsRequest(handle, 0, BAD, ALICE, BOB)
    assert await caller.call(Nspi.compare_mids, compare) == wire.CompareMidsResponse(0, refused)
    props = wire.GetPropsRequest(handle, 0, BAD, PropertyTags((0x3001_001E,)))
    assert await caller.call(Nspi.get_props, props) == wire.RowResponse(None, refused)
    listed = wire.GetPropListRequest(handle, 0, 9999, 1252)
    assert await caller.call(Nspi.get_prop_list, listed) == wire.IdsResponse(None, Status.INVALID_OBJECT)
    table = wire.GetSpecialTableRequest(handle, 0, BAD, 7)
    assert await caller.call(Nspi.get_special_table, table) == wire.GetSpecialTableResponse(7, None, refused)
    template = wire.GetTemplateInfoRequest(handle, 1, 0, b"/o=x", 1252, 1033)
    assert await caller.call(Nspi.get_template_info, template) == wire.RowResponse(
        None, Status.INVALID_LOCALE
    )
    narrow = wire.ResolveNamesRequest(handle, 0, BAD, NAME, StringNames(("x",)))
    wide = wire.ResolveNamesWRequest(handle, 0, BAD, NAME, WStringNames(("x",)))
    nothing = wire.IdsRowsResponse(None, None, refused)
    assert await caller.call(Nspi.resolve_names, narrow) == nothing
    assert await caller.call(Nspi.resolve_names_w, wide) == nothing
    assert (
        await caller.call(Nspi.query_columns, wire.QueryColumnsRequest(handle, 0, 0))
    ).status == Status.SUCCESS
