"""Fuzzed: the address book, the referral, Autodiscover, and files of entries.

Operations of the address book are called as a client would call them, on a small book.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import cache, partial
from io import StringIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from rpch.dcerpc.associations import Caller
from rpch.dcerpc.interface import interface_of
from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.links import MEMBER, Links
from rpch.directory.transfer.csv_files import read_csv
from rpch.directory.transfer.ldif import read_ldif
from rpch.directory.transfer.vcards import read_vcards
from rpch.errors import RpcFault
from rpch.exchange.autodiscover.json_answer import json_answer
from rpch.exchange.autodiscover.pox_answer import Exch, Expr, User, Web, settings_document
from rpch.exchange.autodiscover.pox_request import CAN_HANDLE, CAPABILITY, Abilities, PoxRequest
from rpch.exchange.autodiscover.pox_settings import read_answer
from rpch.exchange.nspi import teletex
from rpch.exchange.nspi.address_book import AddressBookService
from rpch.exchange.nspi.book.keeper import BookKeeper
from rpch.exchange.nspi.book.objects import mid_of
from rpch.exchange.nspi.service import NspiService
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.entryids import EphemeralId, PermanentId, decode_entry_id
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import (
    AndOr,
    Binary,
    BinaryArray,
    Compare,
    Content,
    Exists,
    Not,
    Parts,
    PropertyRow,
    PropertyTags,
    PropertyValue,
    Restriction,
    StringNames,
    WStringNames,
)
from rpch.exchange.rfr.interface import GetFqdnRequest, GetFqdnResponse, GetNewDsaRequest, GetNewDsaResponse
from rpch.ndr import NIL_HANDLE, ContextHandle
from tests.address_books import NAMES, stat
from tests.calls import TestCall, association
from tests.fuzz.target import TOLERATED, Target, each, finished

_OPERATIONS: Final = tuple(interface_of(Nspi).operations.values())
_CALLER: Final = r"LAB\alice"


class AtOnce(AddressBookService):
    """An address book without threads, so that what is found can be found again."""

    async def _run(self, work: Callable[[], Any]) -> Any:
        return work()


class Session:
    """One client of a small book."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        database = Database.open(str(Path(self._folder.name) / "book.sqlite3"))
        Entries(database).add(
            NewEntry(EntryKind.USER, "Alice", alias="alice", attributes={"title": "Boss"}),
            NewEntry(EntryKind.USER, "Zo\u00eb B\u00f6hm", alias="zoe"),
            NewEntry(EntryKind.GROUP, "Team", alias="team"),
            NewEntry(EntryKind.ROOM, "Room 101", alias="room"),
        )
        Links(database).add(3, MEMBER, 1, 2)
        keeper = BookKeeper(database, NAMES, clock=lambda: 0.0)
        self._service = NspiService(AtOnce(database, NAMES, keeper=keeper))
        self._call = TestCall(association().handles_of(Caller(interface_of(Nspi).syntax, _CALLER)), _CALLER)
        bound = finished(self._service.bind(self._call, wire.BindRequest(0, stat(), bytes(16))))
        self._handle: ContextHandle = bound.handle

    def call(self, data: bytes) -> None:
        """The first byte picks the operation and the byte order, the rest is its stub."""
        chosen = data[0] if data else 0
        operation = _OPERATIONS[chosen % len(_OPERATIONS)]
        request = operation.request.decode(data[1:], little_endian=chosen < 128)
        if hasattr(request, "handle") and operation is not Nspi.unbind:
            request = replace(request, handle=self._handle)
        answer = operation.invoke(self._service, self._call, request)
        assert isinstance(answer, Coroutine)
        finished(answer).encode()


@cache
def _session() -> Session:
    return Session()


def _entry_ids(data: bytes) -> None:
    teletex.decode(data)
    decode_entry_id(data)


def _both_orders(decode: Callable[..., object]) -> tuple[Callable[[bytes], object], ...]:
    return partial(decode, little_endian=True), partial(decode, little_endian=False)


_ANSWERS: Final = each(each(_both_orders(operation.response.decode)) for operation in _OPERATIONS)
_REFERRAL: Final = each(
    each(_both_orders(message.decode))
    for message in (GetNewDsaRequest, GetNewDsaResponse, GetFqdnRequest, GetFqdnResponse)
)


def _json(data: bytes) -> None:
    path, _, query = data.decode("latin-1").partition("?")
    json_answer(path, dict(parse_qsl(query, keep_blank_values=True)), {"AutodiscoverV1": "https://h.test/"})


def _abilities(data: bytes) -> None:
    text = data.decode("latin-1")
    Abilities.read({CAPABILITY: text, CAN_HANDLE: text})


_AUTODISCOVER: Final = each((PoxRequest.decode, read_answer, _abilities))


def _file(read: Callable[[StringIO], Any]) -> Callable[[bytes], object]:
    """A file as a person gives it: text, with whatever is none of it marked."""

    def feed(data: bytes) -> None:
        for _ in read(StringIO(data.decode("utf-8", "replace"), newline="")):
            pass

    return feed


_NAME: Final = PropertyTags((Tag.DISPLAY_NAME, Tag.ENTRYID))
_TEXT: Final = PropertyValue(Tag.DISPLAY_NAME, 0, "al")
_HERE: Final = stat()
_WANTED: Final = Restriction(
    0,
    AndOr(
        3,
        Parts(
            (
                Restriction(8, Exists(0, Tag.TITLE, 0)),
                Restriction(2, Not(Restriction(3, Content(0x10002, Tag.DISPLAY_NAME, _TEXT)))),
                Restriction(4, Compare(4, Tag.ANR, _TEXT)),
            )
        ),
    ),
)
_CALLS: Final[tuple[Any, ...]] = (
    wire.BindRequest(0, _HERE, bytes(16)),
    wire.UnbindRequest(NIL_HANDLE, 0),
    wire.UpdateStatRequest(NIL_HANDLE, 0, stat(delta=2), 0),
    wire.QueryRowsRequest(NIL_HANDLE, 0, _HERE, 2, (mid_of(1), mid_of(3)), 9, _NAME),
    wire.SeekEntriesRequest(NIL_HANDLE, 0, _HERE, _TEXT, None, _NAME),
    wire.GetMatchesRequest(NIL_HANDLE, 0, _HERE, None, 0, _WANTED, None, 9, _NAME),
    wire.ResortRestrictionRequest(NIL_HANDLE, 0, _HERE, PropertyTags((mid_of(3), mid_of(1))), None),
    wire.DnToMidRequest(NIL_HANDLE, 0, StringNames(("/o=x", None))),
    wire.GetPropListRequest(NIL_HANDLE, 0, mid_of(1), 1252),
    wire.GetPropsRequest(NIL_HANDLE, 0, stat(current=mid_of(1)), _NAME),
    wire.CompareMidsRequest(NIL_HANDLE, 0, _HERE, mid_of(1), mid_of(2)),
    wire.ModPropsRequest(NIL_HANDLE, 0, stat(current=mid_of(1)), _NAME, PropertyRow(0, (_TEXT,))),
    wire.GetSpecialTableRequest(NIL_HANDLE, 0, _HERE, 0),
    wire.GetTemplateInfoRequest(NIL_HANDLE, 0x11, 0, None, 1252, 0x409),
    wire.ModLinkAttRequest(NIL_HANDLE, 0, Tag.MEMBER, mid_of(3), BinaryArray((Binary(b"x"),))),
    wire.QueryColumnsRequest(NIL_HANDLE, 0, 0),
    wire.ResolveNamesRequest(NIL_HANDLE, 0, _HERE, _NAME, StringNames(("ali", None))),
    wire.ResolveNamesWRequest(NIL_HANDLE, 0, _HERE, _NAME, WStringNames(("=alice", None))),
)
_SEEDS: Final = tuple(bytes((number,)) + call.encode() for number, call in enumerate(_CALLS))
_ANSWERED: Final = (
    wire.BindResponse(bytes(16), NIL_HANDLE, 0).encode(),
    wire.IdsResponse(_NAME, 0).encode(),
    wire.RowResponse(PropertyRow(0, (_TEXT,)), 0).encode(),
    wire.StatRowsResponse(_HERE, [[(Tag.DISPLAY_NAME, "Alice")]], 0).encode(),
)
_ENTRY_IDS: Final = (EphemeralId(bytes(16), 0, 16).encode(), PermanentId(0, "/o=x/cn=y").encode())
_ASKED: Final = PoxRequest("alice@lab.example").encode()
_TOLD: Final = settings_document(
    User("Jane", "/o=Org/cn=jane", "jane@contoso.com", UUID(int=1)),
    [
        Exch("s", "d", "m", "73C0834F"),
        Expr("m", tls=True, method="Basic"),
        Web("https://in/", "https://out/"),
    ],
)
_LDIF: Final = b"""version: 1

dn: cn=Alice,dc=lab
objectClass: user
cn: Alice
mail: alice@lab.example
jpegPhoto:: AAECAw==
description: folded
  text
"""
_CSV: Final = (
    b"kind,displayName,alias,mail,members\r\nuser,Alice,alice,a@lab.example,\r\ngroup,Team,team,,alice\r\n"
)
_CARD: Final = b"""BEGIN:VCARD\r
VERSION:3.0\r
FN;CHARSET=UTF-8:Alice\r
N:Smith;Alice;;;\r
EMAIL;TYPE=INTERNET:alice@lab.example\r
TEL;TYPE=CELL:+1 555\r
PHOTO;ENCODING=b;TYPE=JPEG:AAEC\r
 Aw==\r
END:VCARD\r
"""

EXCHANGE_TARGETS: Final = (
    Target("address-book", lambda data: _session().call(data), _SEEDS, (*TOLERATED, RpcFault)),
    Target("address-book-answers", _ANSWERS, _ANSWERED),
    Target("entry-ids", _entry_ids, _ENTRY_IDS),
    Target("referral", _REFERRAL, (GetFqdnRequest(0, 10, "/o=x/cn=y").encode(),)),
    Target("autodiscover", _AUTODISCOVER, (_ASKED, _TOLD)),
    Target("autodiscover-query", _json, (b"alice@lab.example?Protocol=AutodiscoverV1&RedirectCount=1",)),
    Target("ldif", _file(read_ldif), (_LDIF,)),
    Target("csv", _file(read_csv), (_CSV,)),
    Target("vcards", _file(read_vcards), (_CARD,)),
)
