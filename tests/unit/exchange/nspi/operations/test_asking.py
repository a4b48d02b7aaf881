"""What every operation looks at first."""

import pytest

from rpch.exchange.nspi.operations.asking import (
    MOST_ASKED_CELLS,
    MOST_CELLS,
    asked,
    page_for,
    page_numbered,
    page_of,
    rows_at_once,
)
from rpch.exchange.nspi.operations.rows import Rows
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import Binaries, book, stat, thing


def test_a_code_page_must_be_known_and_not_be_unicode() -> None:
    assert page_of(stat(code_page=932)).number == 932
    assert page_of(stat(code_page=0)).encode("é") == b"\xe9"
    for number, status in ((1200, Status.NOT_SUPPORTED), (77, Status.INVALID_CODEPAGE)):
        with pytest.raises(Refused) as refused:
            page_of(stat(code_page=number))
        assert refused.value.status is status
    with pytest.raises(Refused):
        page_numbered(1200)


def test_unicode_is_no_matter_where_there_is_no_text_in_a_code_page() -> None:
    assert page_for(stat(code_page=1200), [Tag.DISPLAY_NAME, 0x3001_0000]).number == 0
    assert page_for(stat(code_page=932), [0x3001_001E]).number == 932
    with pytest.raises(Refused):
        page_for(stat(code_page=1200), [Tag.OBJECT_TYPE, 0x800F_101E])


def test_wide_rows_come_in_smaller_numbers() -> None:
    assert rows_at_once([]) == MOST_CELLS
    assert rows_at_once([0] * 7) == MOST_CELLS // 7
    assert rows_at_once([0] * (2 * MOST_CELLS)) == 1


def test_what_a_client_names_it_gets_or_nothing() -> None:
    page = page_numbered(1252)
    rows = Rows(book(thing(20, "x")), Binaries(), [Tag.DISPLAY_NAME], page)
    assert len(asked(rows, [20, 21], [Tag.DISPLAY_NAME], status=Status.TABLE_TOO_BIG)) == 2
    with pytest.raises(Refused) as refused:
        asked(rows, range(MOST_ASKED_CELLS + 1), [Tag.DISPLAY_NAME], status=Status.TABLE_TOO_BIG)
    assert refused.value.status is Status.TABLE_TOO_BIG
