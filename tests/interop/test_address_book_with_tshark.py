"""tshark decodes what our client and our server say of the address book and the referral.

Observed, tshark 4.0: its descriptions of both interfaces date from 2006. It knows every operation of the book
by number, some by other names, and the parameters of seven; the others are declared without any, so it calls
the whole of each stub a long frame. What else it cannot know is said where it is tested.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.dcerpc.pdus import AuthLevel
from rpch.exchange.nspi.book.objects import mid_of
from rpch.exchange.nspi.client import AddressBook, open_address_book
from rpch.exchange.nspi.conditions import (
    All,
    AnyOf,
    Compares,
    ComparesTwo,
    Condition,
    Contains,
    Exists,
    HasBits,
    HasSize,
    Not,
)
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.entryids import PermanentId
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import StringNames
from rpch.exchange.rfr.client import address_book_server, mailbox_server
from rpch.exchange.server_names import ServerNames
from tests.address_books import stat
from tests.interop.book_laboratory import BookLaboratory
from tests.interop.captures import Capture, capturing

Say = Callable[[AddressBook, RpcClient], Awaitable[object]]

EQUAL: Final = 4
NAME: Final = [Tag.DISPLAY_NAME]
DESCRIBED: Final = {
    *("NspiBind", "NspiUnbind", "NspiQueryRows", "NspiGetMatches", "NspiDNToEph", "NspiGetProps"),
    *("NspiGetHierarchyInfo", "RfrGetNewDSA", "RfrGetFQDNFromLegacyDN"),
}
NAMED: Final = {
    *("NspiUpdateStat", "NspiSeekEntries", "NspiResortRestriction", "NspiGetPropList", "NspiCompareDNTs"),
    *("NspiModProps", "NspiGetTemplateInfo", "NspiModLInkAtt", "NspiQueryColumns"),
    *("NspiResolveNames", "NspiResolveNamesW"),
}
UNBOUND: Final = ", Status: Unknown MAPISTATUS error 0x00000001"  # it does not know UnbindSuccess


@dataclass(frozen=True)
class Pdu:
    """One request or response: what tshark calls it, and what it says besides."""

    operation: str
    direction: str
    said: str
    size: int
    has_trailer: bool


def pdus(capture: Capture) -> list[Pdu]:
    """Every call of both interfaces. The hint says how large its stub is."""
    found = []
    fields = ("dcerpc.cn_alloc_hint", "dcerpc.rpc_sec_vt.command.end", "_ws.col.Info")
    for size, trailer, info in capture.fields("nspi || rfr", *fields):
        parts = re.fullmatch(r"(\w+) (request|response)(.*)", info)
        assert parts is not None, info
        found.append(Pdu(parts[1], parts[2], parts[3], int(size), bool(trailer)))
    return found


def listen(lab: BookLaboratory, folder: Path, say: Say) -> Capture:
    """What goes over the wire when this is said in a session over TCP."""
    domain, user, password = lab.lab.account
    port = lab.lab.served.ready["ports"]["directory_tcp"]

    async def talk() -> None:
        who: dict[str, Any] = {"rpc_user": rf"{domain}\{user}", "rpc_password": password}
        async with (
            connect(f"ncacn_ip_tcp:127.0.0.1[{port}]", **who, auth_level=AuthLevel.PKT_INTEGRITY) as client,
            open_address_book(client) as book,
        ):
            await say(book, client)

    with capturing(folder, port) as capture:
        asyncio.run(talk())
    return capture


def mid(lab: BookLaboratory, name: str) -> int:
    return mid_of(lab.entries[name].id)


def everything(lab: BookLaboratory, *, known: bool = True) -> Say:
    """Every operation of both interfaces once. Whom the server does not know may change nothing."""
    alice, bob = mid(lab, "alice"), mid(lab, "bob")
    names = ServerNames(socket.gethostname().lower())

    async def say(book: AddressBook, client: RpcClient) -> None:
        await book.lists()
        await book.count()
        assert len(await book.rows_of([alice, bob, 5], [*NAME, Tag.ENTRYID, Tag.TITLE])) == 3
        await book.seek("bob", NAME)
        await book.matching(Compares(EQUAL, Tag.ANR, "alice"), NAME)
        await book.named_by(mid(lab, "team"), Tag.MEMBER, NAME)
        await book.sorted([bob, alice])
        await book.compare(alice, bob)
        await book.mids_of([lab.entries["alice"].dn, lab.entries["bob"].dn])
        await book.properties_of(alice, NAME)
        await book.tags_of(alice)
        await book.columns()
        await book.template(0)
        with nullcontext() if known else pytest.raises(Refused, match="ACCESS_DENIED"):
            await book.change(alice, {Tag.HOME_TELEPHONE: "+49 30 1"})
        with nullcontext() if known else pytest.raises(Refused, match="ACCESS_DENIED"):
            await book.link(alice, Tag.PUBLIC_DELEGATES, [PermanentId(0, lab.entries["bob"].dn).encode()])
        await book.resolve(["alice", "nobody"], NAME)
        bound = await client.call(Nspi.bind, wire.BindRequest(0, stat(), None))
        narrow = StringNames(("alice", None))
        request = wire.ResolveNamesRequest(bound.handle, 0, stat(), None, narrow)
        assert (await client.call(Nspi.resolve_names, request)).status == 0
        assert await address_book_server(client, lab.entries["alice"].dn)
        assert await mailbox_server(client, names.server_dn(names.host))

    return say


def test_every_operation_is_named_and_all_that_it_knows_is_decoded(
    book_lab: BookLaboratory, tmp_path: Path
) -> None:
    capture = listen(book_lab, tmp_path, everything(book_lab))
    found = pdus(capture)
    assert {each.operation for each in found} == DESCRIBED | NAMED
    assert {(each.operation, each.direction) for each in found} == {
        (name, direction) for name in DESCRIBED | NAMED for direction in ("request", "response")
    }
    for each in found:
        if each.operation in NAMED:
            assert each.said == f"[Long frame ({each.size} bytes)]"
        elif each.has_trailer and each.said:
            # What closes the gap before a verification trailer it takes for a part of the stub.
            assert re.fullmatch(r"\[Long frame \([123] bytes\)\]", each.said)
        else:
            unbound = (each.operation, each.direction) == ("NspiUnbind", "response")
            assert each.said == (UNBOUND if unbound else "")
    shown = capture.details("nspi || rfr")
    for known in ("Alice Adams", "PR_DISPLAY_NAME_UNICODE", book_lab.entries["bob"].dn, "MAPI_E_NOT_FOUND"):
        assert known in shown


TYPES: Final[dict[str, tuple[int, str]]] = {
    "text": (0x3001_001F, "Zoë Person 000"),
    "text in a code page": (0x3001_001E, "Person 000"),
    "number": (0x3900_0003, "6"),
    "truth": (0x3A40_000B, "0"),
    "moment": (0x3007_0040, "DwHighDateTime"),
    "bytes": (0x0FF9_0102, "Lpb"),
    "several bytes": (0x8C6A_1102, "Pointer to Lpbin"),
    "object": (0x8008_000D, "Object: 0"),
    "error": (0x3A17_001F, "MAPI_E_NOT_FOUND"),
}


def test_values_of_each_type_are_decoded(book_lab: BookLaboratory, tmp_path: Path) -> None:
    async def say(book: AddressBook, _client: RpcClient) -> None:
        for tag, _ in TYPES.values():
            await book.rows_of([mid(book_lab, "first"), mid(book_lab, "alice")], [tag, Tag.DISPLAY_NAME])

    capture = listen(book_lab, tmp_path, say)
    said = [each.said for each in pdus(capture) if each.operation == "NspiQueryRows"]
    assert said == [""] * 2 * len(TYPES)
    details = capture.details("nspi && dcerpc.opnum == 3 && dcerpc.pkt_type == 2")
    answers = details.split("Operation: NspiQueryRows (3)")[1:]
    for answer, (what, (_, shown)) in zip(answers, TYPES.items(), strict=True):
        assert shown in answer, what
        assert "Alice Adams" in answer, what


def test_several_texts_it_cannot_decode(book_lab: BookLaboratory, tmp_path: Path) -> None:
    """Those in Unicode it declares as numbers; of those in a code page it says that it errs itself."""

    async def say(book: AddressBook, _client: RpcClient) -> None:
        for tag in (0x806F_101F, 0x806F_101E):
            await book.rows_of([mid(book_lab, "first")], [tag])

    found = [each for each in pdus(listen(book_lab, tmp_path, say)) if each.operation == "NspiQueryRows"]
    wide, narrow = (each.said for each in found if each.direction == "response")
    assert "Long frame" in wide
    assert "Dissector bug, protocol NSPI" in narrow
    assert {each.said for each in found if each.direction == "request"} == {""}


PART: Final = Compares(EQUAL, Tag.DISPLAY_TYPE, 0)
KNOWN: Final[tuple[Condition, ...]] = (
    PART,
    Compares(EQUAL, Tag.SEARCH_KEY, b"key"),
    Compares(EQUAL, Tag.ANR, "山田"),
    All((PART, PART)),
    All((PART, All((Compares(EQUAL, Tag.TITLE, "Engineer"),)))),
)
UNKNOWN: Final[tuple[Condition, ...]] = (
    AnyOf((PART,)),
    Not(PART),
    Contains(1, Tag.DISPLAY_NAME, "a"),
    ComparesTwo(EQUAL, Tag.DISPLAY_NAME, Tag.ACCOUNT),
    HasBits(True, Tag.DISPLAY_TYPE, 1),
    HasSize(EQUAL, Tag.DISPLAY_NAME, 3),
    Exists(Tag.TITLE),
)


def test_restrictions_are_decoded_where_it_has_them(book_lab: BookLaboratory, tmp_path: Path) -> None:
    """Of the ten kinds its union has two, AND and PROPERTY; behind any other it is lost."""

    async def say(book: AddressBook, _client: RpcClient) -> None:
        for condition in (*KNOWN, *UNKNOWN):
            await book.matching(condition, NAME)

    found = [each for each in pdus(listen(book_lab, tmp_path, say)) if each.operation == "NspiGetMatches"]
    asked = [each.said for each in found if each.direction == "request"]
    assert asked[: len(KNOWN)] == [""] * len(KNOWN)
    assert all(asked[len(KNOWN) :])
    assert [each.said for each in found if each.direction == "response"] == [""] * len(asked)


def test_bare_calls_behind_the_proxy_are_named(book_lab: BookLaboratory, tmp_path: Path) -> None:
    """Between proxy and server nobody signs. Answers are on another connection, so it cannot know of what."""
    domain, user, password = book_lab.lab.account
    served = book_lab.lab.served

    async def talk() -> None:
        async with (
            connect(
                f"ncacn_http:localhost[6004,RpcProxy={served.address}]",
                user=rf"{domain}\{user}",
                password=password,
                scheme="Basic",
                tls=ssl.create_default_context(cafile=book_lab.lab.ca),
            ) as client,
            open_address_book(client) as book,
        ):
            await everything(book_lab, known=False)(book, client)

    with capturing(tmp_path, served.ready["ports"]["directory"]) as capture:
        asyncio.run(talk())
    found = pdus(capture)
    assert {each.operation for each in found} == DESCRIBED | NAMED
    assert {each.direction for each in found} == {"request"}
    flawed = {each.operation for each in found if each.operation in DESCRIBED and each.said}
    assert flawed == set()
    assert len(capture.fields("dcerpc.pkt_type == 2", "frame.number")) == len(found)
    assert capture.packets("_ws.malformed && dcerpc.pkt_type in {0, 2, 11, 12}") == []
