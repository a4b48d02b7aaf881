"""What every operation looks at before it does anything: the code page, and how much is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rpch.exchange.nspi import codepages
from rpch.exchange.nspi.codepages import CodePage
from rpch.exchange.nspi.operations.rows import Row, Rows
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import in_unicode
from rpch.exchange.nspi.wire.structures import Stat, Status

SKIP_OBJECTS: Final = 0x1  # MS-OXNSPI 2.2.1.12
EPHEMERAL_IDS: Final = 0x2

MOST_CELLS: Final = 20_000  # values in one answer, where the server decides how many rows it has
MOST_ASKED_CELLS: Final = 100_000  # and where the client does


def page_of(stat: Stat) -> CodePage:
    """The code page of a request, which must not be Unicode.  MS-OXNSPI 3.1.4.3"""
    if stat.code_page == codepages.UNICODE:
        raise Refused(Status.NOT_SUPPORTED, "Unicode is no code page")
    return page_numbered(stat.code_page)


def page_for(stat: Stat, tags: Sequence[int]) -> CodePage:
    """The same where only text in a code page needs one.  MS-OXNSPI 3.1.4.1.7, constraint 1"""
    if stat.code_page == codepages.UNICODE and not any(in_unicode(tag) != tag for tag in tags):
        return page_numbered(codepages.UNSET)
    return page_of(stat)


def page_numbered(number: int) -> CodePage:
    """A code page that this server knows."""
    page = codepages.find(number)
    if page is None:
        raise Refused(Status.INVALID_CODEPAGE, f"there is no code page {number}")
    return page


def rows_at_once(columns: Sequence[int]) -> int:
    """How many rows an answer of ours may have."""
    return max(1, MOST_CELLS // max(len(columns), 1))


def asked(rows: Rows, mids: Sequence[int], columns: Sequence[int], *, status: Status) -> list[Row]:
    """The rows of objects that a client named; all of them, or `status`."""
    if len(mids) * len(columns) > MOST_ASKED_CELLS:
        raise Refused(status, f"{len(mids)} rows of {len(columns)} columns")
    return rows.of(mids)
