"""Rows: what was asked for, in its type, or an error in its place."""

import pytest

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.fixed import SERVER_MID
from rpch.exchange.nspi.book.schema import PROPERTIES, ephemeral_id, permanent_id
from rpch.exchange.nspi.codepages import CodePage, find
from rpch.exchange.nspi.operations.rows import (
    DEFAULT_COLUMNS,
    MOST_BINARY,
    MOST_COLUMNS,
    NOT_FOUND,
    Row,
    Rows,
    known_tags,
    present_tags,
)
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Tag, kind_of
from rpch.exchange.nspi.wire.structures import LARGEST_BINARY, Status
from tests.address_books import Binaries, book, thing

ALICE = thing(20, "Älice", mail="alice@x.test", description=["é", "ü"], title="Boss")
GROUP = thing(21, "Team", EntryKind.GROUP)
PICTURES = {20: frozenset({"thumbnailPhoto", "userCertificate"})}
BOOK = book(ALICE, GROUP, links=[(21, "member", 20)], binaries=PICTURES)
STORED = {(4, "thumbnailPhoto"): [b"jpeg"], (4, "userCertificate"): [b"one", b"", b"two"]}
NAME_8, ERROR = 0x3001_001E, Kind.ERROR


def western() -> CodePage:
    page = find(1252)
    assert page is not None
    return page


def row(
    *tags: int, mid: int = 20, ephemeral: bool = False, stored: dict[tuple[int, str], list[bytes]] = STORED
) -> Row:
    made = Rows(BOOK, Binaries(stored), tags, western(), ephemeral=ephemeral)
    (found,) = made.of([mid])
    return found


def missing(tag: int) -> tuple[int, int]:
    return tag & 0xFFFF_0000 | ERROR, NOT_FOUND


def test_text_comes_in_the_type_that_was_asked_for() -> None:
    assert row(Tag.DISPLAY_NAME) == [(Tag.DISPLAY_NAME, "Älice")]
    assert row(NAME_8) == [(NAME_8, b"\xc4lice")]
    assert row(0x806F_101F) == [(0x806F_101F, ("é", "ü"))]
    assert row(0x806F_101E) == [(0x806F_101E, (b"\xe9", b"\xfc"))]


def test_an_unspecified_type_is_the_native_one() -> None:
    assert row(0x3001_0000, 0x3900_0000) == [(Tag.DISPLAY_NAME, "Älice"), (Tag.DISPLAY_TYPE, 0)]


def test_order_and_repetition_are_kept() -> None:
    assert [tag for tag, _ in row(Tag.TITLE, NAME_8, Tag.TITLE)] == [Tag.TITLE, NAME_8, Tag.TITLE]


@pytest.mark.parametrize(
    "tag",
    [
        Tag.SURNAME,  # she has none
        0x7777_001F,  # nobody knows it
        0x7777_0000,
        0x3001_0003,  # another type
        0x3001_101F,
        0x800F_001F,
        0x3900_001F,
        0x3001_000A,  # no type at all
        0x3001_FFFF,
        0x8009_001F,
        0,
        0xFFFF_FFFF,
    ],
)
def test_what_is_not_there_keeps_its_place(tag: int) -> None:
    assert row(Tag.TITLE, tag, Tag.TITLE)[1] == missing(tag)


def test_a_row_of_nobody_is_all_errors() -> None:
    tags = (Tag.DISPLAY_NAME, 0x7777_001F, Tag.ENTRYID)
    assert row(*tags, mid=99) == [missing(tag) for tag in tags]


def test_entry_ids_are_of_the_kind_that_was_asked_for() -> None:
    assert row(Tag.ENTRYID) == [(Tag.ENTRYID, permanent_id(ALICE))]
    assert row(Tag.ENTRYID, ephemeral=True) == [(Tag.ENTRYID, ephemeral_id(BOOK, ALICE))]
    assert row(Tag.RECORD_KEY, ephemeral=True) == [(Tag.RECORD_KEY, permanent_id(ALICE))]


def test_properties_that_name_objects_have_no_value() -> None:
    assert row(Tag.MEMBER, mid=21) == [(Tag.MEMBER, 0)]
    assert row(Tag.MEMBER) == [missing(Tag.MEMBER)]


def test_fixed_objects_have_rows() -> None:
    server = row(Tag.DISPLAY_NAME, NAME_8, 0x8170_101E, Tag.TITLE, mid=SERVER_MID)
    assert server[0] == (Tag.DISPLAY_NAME, "mail.example.test")
    assert server[1] == (NAME_8, b"mail.example.test")
    assert server[2] == (0x8170_101E, (b"ncacn_http:mail.example.test", b"ncacn_ip_tcp:mail.example.test"))
    assert server[3] == missing(Tag.TITLE)


def test_pictures_and_certificates_are_read_when_asked_for() -> None:
    assert row(Tag.THUMBNAIL_PHOTO) == [(Tag.THUMBNAIL_PHOTO, b"jpeg")]
    assert row(Tag.X509_CERTIFICATE) == [(Tag.X509_CERTIFICATE, (b"one", b"two"))]
    assert row(Tag.USER_X509_CERTIFICATE) == [missing(Tag.USER_X509_CERTIFICATE)]
    assert row(Tag.THUMBNAIL_PHOTO, mid=21) == [missing(Tag.THUMBNAIL_PHOTO)]
    assert row(Tag.THUMBNAIL_PHOTO, mid=SERVER_MID) == [missing(Tag.THUMBNAIL_PHOTO)]


def test_one_that_is_too_large_to_travel_is_not_there() -> None:
    large = {(4, "thumbnailPhoto"): [bytes(LARGEST_BINARY + 1)]}
    assert row(Tag.THUMBNAIL_PHOTO, stored=large) == [missing(Tag.THUMBNAIL_PHOTO)]


def test_too_many_of_them_are_refused() -> None:
    large = {(4, "userCertificate"): [bytes(LARGEST_BINARY)] * (MOST_BINARY // LARGEST_BINARY + 1)}
    with pytest.raises(Refused) as refused:
        row(Tag.X509_CERTIFICATE, stored=large)
    assert refused.value.status is Status.OUT_OF_RESOURCES


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        row(*[Tag.TITLE] * (MOST_COLUMNS + 1))
    assert refused.value.status is Status.TABLE_TOO_BIG


def test_the_columns_that_everybody_gets() -> None:
    assert [f"{tag:08x}" for tag in DEFAULT_COLUMNS] == [
        "fffd0003",
        "0ffe0003",
        "39000003",
        "3001001e",
        "3a1a001e",
        "3a18001e",
        "3a19001e",
    ]


def test_what_the_server_knows() -> None:
    assert len(known_tags(unicode=True)) == len(PROPERTIES)
    assert {kind_of(tag) for tag in known_tags(unicode=True)} & {Kind.STRING8, Kind.STRINGS8} == set()
    assert {kind_of(tag) for tag in known_tags(unicode=False)} & {Kind.STRING, Kind.STRINGS} == set()


def test_what_an_object_has() -> None:
    found = present_tags(BOOK, ALICE, objects=True)
    assert {NAME_8, Tag.THUMBNAIL_PHOTO, Tag.X509_CERTIFICATE, 0x806F_101E, Tag.IS_MEMBER_OF_DL} <= set(found)
    assert {Tag.MEMBER, Tag.USER_X509_CERTIFICATE, 0x3A11_001E} & set(found) == set()
    assert Tag.IS_MEMBER_OF_DL not in present_tags(BOOK, ALICE, objects=False)
    server = BOOK.find(SERVER_MID)
    assert server is not None
    assert {NAME_8, 0x8170_101E, Tag.ENTRYID} <= set(present_tags(BOOK, server, objects=True))


def test_the_printable_name_is_8_bit_where_nobody_says_what_it_should_be() -> None:
    """MS-OXNSPI 3.1.4.3.1"""
    one = book(thing(20, "Zoé"))
    page = find(1252)
    assert page is not None
    (row,) = Rows(one, Binaries(), [0x39FF_0000, 0x39FF_001F, 0x3001_0000], page).of([20])
    assert row == [(0x39FF_001E, b"Zoe"), (0x39FF_001F, "Zoe"), (Tag.DISPLAY_NAME, "Zoé")]
