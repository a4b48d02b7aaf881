"""Going through tables, operation by operation."""

from dataclasses import replace

import pytest

from rpch.exchange.nspi.book.schema import ephemeral_id
from rpch.exchange.nspi.operations.asking import EPHEMERAL_IDS, MOST_CELLS
from rpch.exchange.nspi.operations.browsing import (
    SEEN_AT_ONCE,
    compare_mids,
    query_rows,
    resort_restriction,
    seek_entries,
    update_stat,
)
from rpch.exchange.nspi.operations.positions import END
from rpch.exchange.nspi.operations.rows import DEFAULT_COLUMNS, Row
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Stat, Status
from tests.address_books import Binaries, book, stat, thing

NAMES = ["Anna", "Béla", "carl", "Dora", "Eve"]
BOOK = book(*(thing(20 + at, name) for at, name in enumerate(NAMES)), thing(40, "Zed", hidden=True))
TAGS = [Tag.DISPLAY_NAME]
SOURCE = Binaries()


def names(rows: list[Row] | None) -> list[object]:
    return [row[0][1] for row in rows or []]


def query(where: Stat, count: int, explicit: list[int] | None = None) -> tuple[Stat, list[object]]:
    after, rows = query_rows(BOOK, SOURCE, 0, where, explicit, count, TAGS)
    return after, names(rows)


def test_update_stat_tells_position_and_distance() -> None:
    after, moved = update_stat(BOOK, stat(current=21, delta=2))
    assert (after.current_rec, after.num_pos, after.total_recs, moved) == (23, 3, 5, 2)
    assert update_stat(BOOK, stat(current=21, delta=-9))[1] == -1


def test_update_stat_does_not_find_who_is_no_row() -> None:
    """Constraint 5, for those who are gone, hidden, or were never there."""
    for mid in (99, 40, 3, 0xF):
        with pytest.raises(Refused) as refused:
            update_stat(BOOK, stat(current=mid, position=1))
        assert refused.value.status is Status.NOT_FOUND


def test_query_rows_goes_on_behind_what_it_gave() -> None:
    after, found = query(stat(current=21), 2)
    assert found == ["Béla", "carl"]
    assert (after.current_rec, after.num_pos, after.total_recs) == (23, 3, 5)
    after, found = query(after, 50)
    assert (found, after.current_rec) == (["Dora", "Eve"], END)
    assert query(after, 5)[1] == []


def test_query_rows_moves_by_delta_first() -> None:
    assert query(stat(current=END, delta=-1), 9)[1] == ["Eve"]


def test_query_rows_of_certain_objects_keeps_their_order_and_the_position() -> None:
    where = stat(current=23, code_page=0)
    after, rows = query_rows(BOOK, SOURCE, 0, where, [24, 99, 20, 40], 10, TAGS)
    assert after == where
    assert names(rows) == ["Eve", int(Status.NOT_FOUND), "Anna", "Zed"]
    assert query(where, 2, [24, 23, 22])[1] == ["Eve", "Dora"]
    assert query(where, 0, [24, 23, 22])[1] == ["Eve", "Dora", "carl"]
    assert query(where, 5, [])[1] == []


def test_query_rows_has_columns_of_its_own() -> None:
    _, (row,) = query_rows(BOOK, SOURCE, 0, stat(), None, 1, None)
    assert [tag >> 16 for tag, _ in row] == [tag >> 16 for tag in DEFAULT_COLUMNS]


def test_query_rows_can_give_ephemeral_ids() -> None:
    _, (row,) = query_rows(BOOK, SOURCE, EPHEMERAL_IDS, stat(), None, 1, [Tag.ENTRYID])
    assert row == [(Tag.ENTRYID, ephemeral_id(BOOK, BOOK.objects[20]))]


def test_query_rows_is_bounded_by_the_server_too() -> None:
    large = book(*(thing(20 + at, f"{at:04}") for at in range(60)))
    columns = [Tag.DISPLAY_NAME] * 1000
    after, rows = query_rows(large, SOURCE, 0, stat(), None, 0xFFFF_FFFF, columns)
    assert len(rows) == MOST_CELLS // 1000
    assert after.num_pos == len(rows)


def test_query_rows_refuses_what_it_cannot_do() -> None:
    for where, explicit, count, status in (
        (stat(), None, 0, Status.INVALID_PARAMETER),
        (stat(container=99), None, 1, Status.INVALID_BOOKMARK),
        (stat(code_page=1200), None, 1, Status.NOT_SUPPORTED),
        (stat(code_page=5), None, 1, Status.INVALID_CODEPAGE),
        (stat(), [20] * 100_001, 0, Status.OUT_OF_RESOURCES),
    ):
        with pytest.raises(Refused) as refused:
            query(where, count, explicit)
        assert refused.value.status is status


def test_seek_finds_the_first_that_is_not_before() -> None:
    after, rows = seek_entries(BOOK, SOURCE, stat(current=24), (Tag.DISPLAY_NAME, "BELA"), None, TAGS)
    assert names(rows) == ["Béla", "carl", "Dora", "Eve"]
    assert (after.current_rec, after.num_pos, after.total_recs) == (21, 1, 5)
    after, rows = seek_entries(BOOK, SOURCE, stat(), (0x3001_001E, b"d"), None, None)
    assert (after.current_rec, rows) == (23, None)


def test_seek_in_a_table_of_the_client_s_keeps_its_rows_and_their_numbers() -> None:
    """Constraints 8, 12 and 13: who is gone keeps the row, and has nothing but errors in it."""
    table = [20, 99, 22, 98, 24]
    after, rows = seek_entries(BOOK, SOURCE, stat(), (Tag.DISPLAY_NAME, "b"), table, TAGS)
    assert names(rows) == ["carl", int(Status.NOT_FOUND), "Eve"]
    assert (after.current_rec, after.num_pos, after.total_recs) == (22, 2, 5)
    with pytest.raises(Refused) as refused:
        seek_entries(BOOK, SOURCE, stat(), (Tag.DISPLAY_NAME, "b"), [20, 99], TAGS)
    assert refused.value.status is Status.NOT_FOUND
    _, rows = seek_entries(BOOK, SOURCE, stat(), (Tag.DISPLAY_NAME, "b"), table, None)
    assert rows is None


def test_seek_changes_nothing_but_the_position() -> None:
    """Constraint 12: the other fields stay, delta too."""
    where = stat(current=24, delta=3, locale=0x041D)
    for table in (None, [20, 21]):
        after, _ = seek_entries(BOOK, SOURCE, where, (Tag.DISPLAY_NAME, "b"), table, None)
        kept = replace(where, current_rec=21, num_pos=1, total_recs=after.total_recs)
        assert after == kept


def test_seek_shows_a_page() -> None:
    large = book(*(thing(20 + at, f"{at:04}") for at in range(200)))
    _, rows = seek_entries(large, SOURCE, stat(), (Tag.DISPLAY_NAME, "0010"), None, TAGS)
    assert len(rows or []) == SEEN_AT_ONCE


def test_seek_refuses_what_it_cannot_do() -> None:
    name = (Tag.DISPLAY_NAME, "x")
    for where, target, status in (
        (stat(), (Tag.DISPLAY_NAME, "zz"), Status.NOT_FOUND),
        (stat(sort_type=3), name, Status.GENERAL_FAILURE),
        (stat(), (Tag.TITLE, "x"), Status.GENERAL_FAILURE),
        (stat(), (0x3001_0003, 5), Status.GENERAL_FAILURE),
        (stat(), (Tag.DISPLAY_NAME, 5), Status.GENERAL_FAILURE),
        (stat(container=99), name, Status.INVALID_BOOKMARK),
        (stat(code_page=1200), name, Status.NOT_SUPPORTED),
    ):
        with pytest.raises(Refused) as refused:
            seek_entries(BOOK, SOURCE, where, target, None, None)
        assert refused.value.status is status


def test_resort_sorts_and_drops_who_is_gone() -> None:
    after, order = resort_restriction(BOOK, stat(current=22, position=77), [24, 99, 22, 20, 22])
    assert order == [20, 22, 24]
    assert (after.current_rec, after.num_pos, after.total_recs) == (22, 1, 3)
    after, _ = resort_restriction(BOOK, stat(current=23, position=7, delta=4), [24])
    assert after.delta == 4  # constraint 8: nothing else changes
    assert (after.current_rec, after.num_pos, after.total_recs) == (0, 0, 1)
    with pytest.raises(Refused) as refused:
        resort_restriction(BOOK, stat(sort_type=3), [24])
    assert refused.value.status is Status.GENERAL_FAILURE


def test_compare_goes_by_the_table() -> None:
    assert [compare_mids(BOOK, stat(), first, 22) for first in (20, 22, 24)] == [-1, 0, 1]
    for first, second in ((20, 99), (40, 20), (0, 20)):
        with pytest.raises(Refused) as refused:
            compare_mids(BOOK, stat(), first, second)
        assert refused.value.status is Status.GENERAL_FAILURE
