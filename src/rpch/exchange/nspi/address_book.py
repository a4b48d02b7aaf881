"""The address book as a service: every operation, for whichever face a client came through.  MS-OXNSPI 3.1.4

Both faces, RPC and MAPI over HTTP, call these methods with plain values. Each comes to values, or to
`Refused` with the status to answer. They run in threads of their own, so that nobody else waits for a long
search, and each works with one state of the book.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from rpch.directory.database import Database
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.containers import GLOBAL_LIST
from rpch.exchange.nspi.book.keeper import BookKeeper
from rpch.exchange.nspi.conditions import Condition
from rpch.exchange.nspi.operations import browsing, describing, searching
from rpch.exchange.nspi.operations.asking import page_numbered
from rpch.exchange.nspi.operations.describing import SpecialTable
from rpch.exchange.nspi.operations.editing import BookEditor
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.operations.searching import Matches, Resolved
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Value
from rpch.exchange.nspi.wire.structures import Stat, Status
from rpch.exchange.server_names import ServerNames

T = TypeVar("T")
Tags = Sequence[int] | None

THREADS: Final = 2
ANONYMOUS: Final = 0x20  # MS-OXNSPI 2.2.1.11


class AddressBookService:
    """The address book of one directory."""

    def __init__(self, database: Database, names: ServerNames, *, keeper: BookKeeper | None = None) -> None:
        self.keeper = keeper or BookKeeper(database, names)
        self._editor = BookEditor(database, self.keeper)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="address-book")

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def bind(self, flags: int, stat: Stat) -> bytes:
        """Begin a session: the server's GUID, which is the same for ever.  MS-OXNSPI 3.1.4.1.1"""
        if flags & ANONYMOUS:
            raise Refused(Status.LOGON_FAILED, "nobody in particular may come in")
        page_numbered(stat.code_page)
        return await self._ask(lambda book: book.guid)

    async def update_stat(self, stat: Stat) -> tuple[Stat, int]:
        """Move in a table: the new position, and by how many rows."""
        return await self._ask(lambda book: browsing.update_stat(book, stat))

    async def query_rows(
        self, flags: int, stat: Stat, explicit: Sequence[int] | None, count: int, tags: Tags
    ) -> tuple[Stat, list[Row]]:
        """Rows from a position on, or those of certain objects."""
        return await self._ask(
            lambda book: browsing.query_rows(book, self.keeper, flags, stat, explicit, count, tags)
        )

    async def seek_entries(
        self, stat: Stat, target: tuple[int, Value], explicit: Sequence[int] | None, tags: Tags
    ) -> tuple[Stat, list[Row] | None]:
        """Go to the first row that is not before a name."""
        return await self._ask(
            lambda book: browsing.seek_entries(book, self.keeper, stat, target, explicit, tags)
        )

    async def resort_restriction(self, stat: Stat, mids: Sequence[int]) -> tuple[Stat, list[int]]:
        """Sort objects as a table does."""
        return await self._ask(lambda book: browsing.resort_restriction(book, stat, mids))

    async def compare_mids(self, stat: Stat, first: int, second: int) -> int:
        """Which of two objects comes first."""
        return await self._ask(lambda book: browsing.compare_mids(book, stat, first, second))

    async def get_matches(
        self,
        stat: Stat,
        condition: Condition | None,
        requested: int,
        tags: Tags,
        property_number: int | None = None,
    ) -> Matches:
        """Which objects meet a condition; without one, which objects a property names."""
        return await self._ask(
            lambda book: searching.get_matches(
                book, self.keeper, stat, condition, requested, tags, property_number
            )
        )

    async def resolve_names(self, stat: Stat, names: Sequence[str | None], tags: Tags) -> Resolved:
        """Whom each of some names means."""
        return await self._ask(lambda book: searching.resolve_names(book, self.keeper, stat, names, tags))

    async def dn_to_mid(self, names: Sequence[str | None]) -> list[int]:
        """The id of each DN."""
        return await self._ask(lambda book: searching.dn_to_mid(book, names))

    async def get_props(self, flags: int, stat: Stat, tags: Tags) -> tuple[Row, bool]:
        """Properties of one object, and whether it has all of them."""
        return await self._ask(lambda book: describing.get_props(book, self.keeper, flags, stat, tags))

    async def get_prop_list(self, flags: int, mid: int, code_page: int) -> list[int]:
        """Which properties an object has."""
        return await self._ask(lambda book: describing.get_prop_list(book, flags, mid, code_page))

    async def query_columns(self, flags: int) -> list[int]:
        """Every property that the server knows."""
        return describing.query_columns(flags)

    async def get_special_table(self, flags: int, stat: Stat, version: int) -> SpecialTable:
        """The hierarchy of containers, or the templates for new addresses."""
        return await self._ask(lambda book: describing.get_special_table(book, flags, stat, version))

    async def get_template_info(
        self, flags: int, display_type: int, dn: str | None, code_page: int, locale: int
    ) -> Row:
        """How a client draws an object."""
        return describing.get_template_info(flags, display_type, dn, code_page, locale)

    async def mod_props(self, user: str | None, stat: Stat, tags: Tags, row: Row) -> None:
        """Change properties of the user's own entry."""
        await self._run(lambda: self._editor.mod_props(user, stat, tags, row))

    async def mod_link_att(
        self, user: str | None, flags: int, tag: int, mid: int, entry_ids: Sequence[bytes]
    ) -> None:
        """Change which objects a property names."""
        await self._run(lambda: self._editor.mod_link_att(user, flags, tag, mid, entry_ids))

    async def load(self) -> None:
        """Read the book before the first client comes, and make what most of them ask for."""
        await self._ask(lambda book: (book.table(GLOBAL_LIST), book.index))

    async def _ask(self, question: Callable[[Book], T]) -> T:
        return await self._run(lambda: question(self.keeper.current()))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
