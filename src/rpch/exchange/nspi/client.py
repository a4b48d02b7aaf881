"""The address book for clients: a typed session over any connection of ours.  MS-OXNSPI 3.2

    async with connect("ncacn_http:server[6004,RpcProxy=proxy.example]", user=…, password=…) as client:
        async with open_address_book(client) as book:
            async for row in book.rows([Tag.DISPLAY_NAME, Tag.SMTP_ADDRESS]):
                print(row[Tag.DISPLAY_NAME])

Rows are mappings from tags to values; what an object lacks is not in its row. A status that is no success is
raised as `Refused`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias, TypeVar, cast

from rpch.dcerpc.interface import Message, Operation
from rpch.errors import RemoteProtocolError, RpchError
from rpch.exchange.nspi.book.containers import GLOBAL_LIST
from rpch.exchange.nspi.codepages import TELETEX
from rpch.exchange.nspi.collation.keys import DEFAULT_LOCALE
from rpch.exchange.nspi.conditions import Condition
from rpch.exchange.nspi.operations.asking import EPHEMERAL_IDS, SKIP_OBJECTS, page_of
from rpch.exchange.nspi.operations.describing import TEMPLATE, UNICODE_STRINGS, UNICODE_TYPES
from rpch.exchange.nspi.operations.editing import DELETE
from rpch.exchange.nspi.operations.positions import BEGINNING, END
from rpch.exchange.nspi.operations.resolution import Resolution
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Tag, Value, kind_of
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import (
    Binary,
    BinaryArray,
    PropertyValue,
    Stat,
    Status,
    StringNames,
    WStringNames,
)
from rpch.exchange.nspi.wire.values import (
    condition_to_wire,
    names_to_wire,
    row_from_wire,
    row_to_wire,
    tags_to_wire,
)
from rpch.ndr import ContextHandle

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)
Properties: TypeAlias = Mapping[int, Value]

AT_ONCE: Final = 500  # rows of one request
_SUCCESSES: Final = (Status.SUCCESS, Status.UNBIND_SUCCESS, Status.ERRORS_RETURNED)


class Caller(Protocol):
    """Whoever makes calls: `RpcClient`."""

    async def call(self, operation: Operation[Req, Resp], request: Req) -> Resp:
        """Call an operation and wait for its response."""


@dataclass(frozen=True, slots=True)
class AddressList:
    """A container, as the hierarchy shows it."""

    id: int
    name: str
    depth: int
    flags: int
    entry_id: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What one name came to."""

    name: str
    resolution: Resolution
    row: Properties | None = None


@asynccontextmanager
async def open_address_book(
    client: Caller, *, code_page: int = TELETEX, locale: int = DEFAULT_LOCALE
) -> AsyncIterator[AddressBook]:
    """A session with an address book server, from bind to unbind.  MS-OXNSPI 3.2.4.1"""
    stat = Stat(0, 0, 0, 0, 0, 0, code_page, locale, locale)
    request = wire.BindRequest(0, stat, bytes(16))
    bound = _checked(await client.call(Nspi.bind, request), "bind")
    book = AddressBook(client, bound.handle, bound.server_guid or b"", stat)
    try:
        yield book
    except RpchError:
        raise  # the connection may be gone, and with it the session
    else:
        await client.call(Nspi.unbind, wire.UnbindRequest(bound.handle, 0))


class AddressBook:
    """A session. Made by `open_address_book`."""

    def __init__(self, client: Caller, handle: ContextHandle, guid: bytes, stat: Stat) -> None:
        self._client, self._handle, self.guid, self._stat = client, handle, guid, stat

    async def lists(self) -> list[AddressList]:
        """The containers, each behind its parent."""
        request = wire.GetSpecialTableRequest(self._handle, UNICODE_STRINGS, self._stat, 0)
        answer = _checked(await self._client.call(Nspi.get_special_table, request), "hierarchy")
        return [_address_list(dict(row)) for row in answer.rows or ()]

    async def count(self, container: int = GLOBAL_LIST) -> int:
        """How many rows a container has."""
        return (await self._moved(replace(self._stat, container_id=container))).total_recs

    async def rows(
        self, tags: Sequence[int], container: int = GLOBAL_LIST, *, at_once: int = AT_ONCE
    ) -> AsyncIterator[Properties]:
        """All rows of a container, in order."""
        stat = await self._moved(replace(self._stat, container_id=container))
        left = 2 * stat.total_recs + at_once  # others may come while we read, but not for ever
        while stat.current_rec != END:
            request = wire.QueryRowsRequest(
                self._handle, SKIP_OBJECTS, stat, 0, None, at_once, tags_to_wire(tags)
            )
            answer = _checked(await self._client.call(Nspi.query_rows, request), "rows")
            stat, rows = answer.stat, answer.rows or []
            left -= len(rows)
            if left < 0 or (not rows and stat.current_rec != END):
                raise RemoteProtocolError("the address book does not come to an end")
            for row in rows:
                yield properties(row)

    async def rows_of(self, mids: Sequence[int], tags: Sequence[int]) -> list[Properties]:
        """The rows of certain objects; empty for those that do not exist."""
        request = wire.QueryRowsRequest(
            self._handle, SKIP_OBJECTS, self._stat, len(mids), tuple(mids), len(mids), tags_to_wire(tags)
        )
        answer = _checked(await self._client.call(Nspi.query_rows, request), "rows")
        return [properties(row) for row in answer.rows or ()]

    async def resolve(
        self, names: Sequence[str], tags: Sequence[int], *, container: int = GLOBAL_LIST, narrow: bool = False
    ) -> list[Found]:
        """Whom each name means; with `narrow`, asked in the session's code page as old clients do."""
        stat = replace(self._stat, container_id=container)
        if narrow:
            encoded = names_to_wire(names, page_of(stat))
            old = wire.ResolveNamesRequest(self._handle, 0, stat, tags_to_wire(tags), encoded)
            answer = _checked(await self._client.call(Nspi.resolve_names, old), "names")
        else:
            wide = WStringNames(tuple(names))
            request = wire.ResolveNamesWRequest(self._handle, 0, stat, tags_to_wire(tags), wide)
            answer = _checked(await self._client.call(Nspi.resolve_names_w, request), "names")
        rows = iter([properties(row) for row in answer.rows or ()])
        found = () if answer.ids is None else map(Resolution, answer.ids.tags)
        return [
            Found(name, each, next(rows, None) if each is Resolution.RESOLVED else None)
            for name, each in zip(names, found, strict=True)
        ]

    async def matching(
        self,
        condition: Condition,
        tags: Sequence[int],
        *,
        container: int = GLOBAL_LIST,
        most: int = AT_ONCE,
    ) -> list[Properties]:
        """The rows of those who meet a condition; `TABLE_TOO_BIG` when they are more than wanted."""
        stat = replace(self._stat, container_id=container)
        return await self._matches(stat, condition, tags, most)

    async def named_by(
        self, mid: int, tag: int, tags: Sequence[int], *, most: int = AT_ONCE
    ) -> list[Properties]:
        """The rows of those whom a property of an object names: the members of a group."""
        return await self._matches(replace(self._stat, current_rec=mid, container_id=tag), None, tags, most)

    async def seek(
        self,
        name: str,
        tags: Sequence[int],
        *,
        container: int = GLOBAL_LIST,
        among: Sequence[int] | None = None,
    ) -> list[Properties]:
        """Rows from the first on that is not before a name, in a container or a sorted list of objects."""
        stat = replace(self._stat, container_id=container)
        target = PropertyValue(Tag.DISPLAY_NAME, 0, name)
        table = None if among is None else tags_to_wire(among)
        request = wire.SeekEntriesRequest(self._handle, 0, stat, target, table, tags_to_wire(tags))
        answer = await self._client.call(Nspi.seek_entries, request)
        if answer.status == Status.NOT_FOUND:
            return []
        return [properties(row) for row in _checked(answer, "seek").rows or ()]

    async def mids_of(self, dns: Iterable[str]) -> list[int]:
        """The ids of DNs; 0 for unknown ones."""
        request = wire.DnToMidRequest(self._handle, 0, StringNames(tuple(dns)))
        answer = _checked(await self._client.call(Nspi.dn_to_mid, request), "DNs")
        return [] if answer.ids is None else list(answer.ids.tags)

    async def properties_of(self, mid: int, tags: Sequence[int] | None = None) -> Properties:
        """Properties of one object; all it has, when none are named."""
        stat = replace(self._stat, current_rec=mid)
        wanted = None if tags is None else tags_to_wire(tags)
        request = wire.GetPropsRequest(self._handle, SKIP_OBJECTS, stat, wanted)
        answer = _checked(await self._client.call(Nspi.get_props, request), "properties")
        return properties(row_from_wire(answer.row))

    async def tags_of(self, mid: int) -> list[int]:
        """Which properties an object has."""
        request = wire.GetPropListRequest(self._handle, 0, mid, self._stat.code_page)
        return _tags(_checked(await self._client.call(Nspi.get_prop_list, request), "properties"))

    async def columns(self) -> list[int]:
        """Every property that the server knows."""
        request = wire.QueryColumnsRequest(self._handle, 0, UNICODE_TYPES)
        return _tags(_checked(await self._client.call(Nspi.query_columns, request), "columns"))

    async def template(self, display_type: int, locale: int | None = None) -> bytes:
        """How to draw a kind of object, in the session's language or another.  MS-OXOABKT 2.2.2.1"""
        language = self._stat.template_locale if locale is None else locale
        request = wire.GetTemplateInfoRequest(
            self._handle, TEMPLATE, display_type, None, self._stat.code_page, language
        )
        answer = _checked(await self._client.call(Nspi.get_template_info, request), "template")
        return cast(bytes, properties(row_from_wire(answer.row)).get(Tag.TEMPLATE_DATA, b""))

    async def compare(self, first: int, second: int, *, container: int = GLOBAL_LIST) -> int:
        """Below 0 when the first object comes before the second, above 0 when behind."""
        stat = replace(self._stat, container_id=container)
        request = wire.CompareMidsRequest(self._handle, 0, stat, first, second)
        return _checked(await self._client.call(Nspi.compare_mids, request), "order").result

    async def sorted(self, mids: Iterable[int]) -> list[int]:
        """Objects in the order of a table."""
        request = wire.ResortRestrictionRequest(self._handle, 0, self._stat, tags_to_wire(mids), None)
        answer = _checked(await self._client.call(Nspi.resort_restriction, request), "order")
        return [] if answer.ids is None else list(answer.ids.tags)

    async def change(self, mid: int, values: Properties, *, remove: Iterable[int] = ()) -> None:
        """Give properties of an object other values."""
        tags = tags_to_wire([*values, *remove])
        stat = replace(self._stat, current_rec=mid)
        request = wire.ModPropsRequest(self._handle, 0, stat, tags, row_to_wire(list(values.items())))
        _checked(await self._client.call(Nspi.mod_props, request), "change")

    async def link(self, mid: int, tag: int, entry_ids: Iterable[bytes], *, remove: bool = False) -> None:
        """Add objects to those whom a property names, or take them away."""
        ids = BinaryArray(tuple(map(Binary, entry_ids)))
        request = wire.ModLinkAttRequest(self._handle, DELETE if remove else 0, tag, mid, ids)
        _checked(await self._client.call(Nspi.mod_link_att, request), "change")

    async def _moved(self, stat: Stat) -> Stat:
        request = wire.UpdateStatRequest(self._handle, 0, replace(stat, current_rec=BEGINNING), None)
        return _checked(await self._client.call(Nspi.update_stat, request), "position").stat

    async def _matches(
        self, stat: Stat, condition: Condition | None, tags: Sequence[int], most: int
    ) -> list[Properties]:
        restriction = None if condition is None else condition_to_wire(condition)
        request = wire.GetMatchesRequest(
            self._handle, EPHEMERAL_IDS, stat, None, 0, restriction, None, most, tags_to_wire(tags)
        )
        answer = _checked(await self._client.call(Nspi.get_matches, request), "search")
        return [properties(row) for row in answer.rows or ()]


def properties(row: Row) -> Properties:
    """A row as a mapping, without what its object lacks."""
    return {tag: value for tag, value in row if kind_of(tag) != Kind.ERROR}


class _Answer(Protocol):
    """A response with a status."""

    @property
    def status(self) -> int: ...


A = TypeVar("A", bound=_Answer)


def _checked(answer: A, what: str) -> A:
    if answer.status not in _SUCCESSES:
        raise Refused(Status(answer.status), f"the server refuses: {what}")
    return answer


def _tags(answer: wire.IdsResponse) -> list[int]:
    return [] if answer.ids is None else list(answer.ids.tags)


def _address_list(row: dict[int, Value]) -> AddressList:
    return AddressList(
        id=cast(int, row.get(Tag.CONTAINERID, 0)),
        name=cast(str, row.get(Tag.DISPLAY_NAME, "")),
        depth=cast(int, row.get(Tag.DEPTH, 0)),
        flags=cast(int, row.get(Tag.CONTAINER_FLAGS, 0)),
        entry_id=cast(bytes, row.get(Tag.ENTRYID, b"")),
    )
