"""Positions: absolute, fractional, moved, and of rows that are gone."""

import pytest

from rpch.exchange.nspi.operations.positions import BEGINNING, CURRENT, END, moved, place_of, table_of
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import book, stat, thing

BOOK = book(*(thing(20 + at, f"n{at}") for at in range(10)), thing(50, "hidden", hidden=True))


def test_absolute_positions() -> None:
    assert place_of(BOOK, stat(current=BEGINNING)).position == 0
    assert place_of(BOOK, stat(current=END)).position == 10
    assert place_of(BOOK, stat(current=23)).position == 3


def test_a_row_that_is_gone_is_where_its_number_was() -> None:
    assert place_of(BOOK, stat(current=999, position=4)).position == 4
    assert place_of(BOOK, stat(current=999, position=400)).position == 10
    assert place_of(BOOK, stat(current=50, position=2)).position == 2


@pytest.mark.parametrize(
    ("position", "total", "wanted"),
    [(0, 5, 0), (1, 2, 5), (1, 3, 3), (5, 5, 10), (9, 5, 10), (3, 0, 0), (2**32 - 1, 2**32 - 1, 10)],
)
def test_a_fraction_of_the_table(position: int, total: int, wanted: int) -> None:
    assert place_of(BOOK, stat(current=CURRENT, position=position, total=total)).position == wanted


@pytest.mark.parametrize(
    ("delta", "wanted"), [(2, 5), (-2, 1), (-99, 0), (99, 10), (-(2**31), 0), (2**31 - 1, 10)]
)
def test_moves_stay_in_the_table(delta: int, wanted: int) -> None:
    assert moved(BOOK, stat(current=23, delta=delta)).position == wanted


def test_a_client_is_told_where_it_is() -> None:
    told = moved(BOOK, stat(current=23, delta=1, code_page=932)).stat(stat(code_page=932, delta=7))
    assert (told.current_rec, told.num_pos, told.total_recs, told.delta) == (24, 4, 10, 0)
    assert told.code_page == 932
    end = moved(BOOK, stat(current=END)).stat(stat())
    assert (end.current_rec, end.num_pos) == (END, 10)


def test_an_empty_table_begins_at_its_end() -> None:
    told = place_of(book(), stat()).stat(stat())
    assert (told.current_rec, told.num_pos, told.total_recs) == (END, 0, 0)


def test_unknown_containers_are_no_places() -> None:
    with pytest.raises(Refused) as refused:
        table_of(BOOK, stat(container=999))
    assert refused.value.status is Status.INVALID_BOOKMARK
