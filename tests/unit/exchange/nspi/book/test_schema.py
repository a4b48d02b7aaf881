"""Properties: where their values come from."""

from typing import Any

import pytest

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.book.schema import PROPERTIES, ephemeral_id, filetime, permanent_id
from rpch.exchange.nspi.tags import Kind, Tag, Value, number_of
from rpch.exchange.nspi.wire.entryids import PROVIDER, EphemeralId, PermanentId, decode_entry_id
from tests.address_books import NAMES, book, thing

ALICE = thing(
    20,
    "Alice Ådams",
    alias="alice",
    mail="Alice@x.test",
    givenName="Alice",
    title="Boss\0hidden",
    otherTelephone=["1", "", "2"],
    telephoneNumber=["3", "4"],
    proxyAddresses=["smtp:ALICE@x.test", "SMTP:second@x.test", "third@x.test", "x400:c=de"],
    msExchResourceCapacity=7,
    msExchEnableModeration=True,
)
GROUP = thing(21, "Team", EntryKind.GROUP, mail="team@x.test")
CONTACT = thing(22, "Carl", EntryKind.CONTACT, mail="carl@y.test")
BOOK = book(
    ALICE,
    GROUP,
    CONTACT,
    links=[(21, "member", 20), (21, "member", 22), (21, "member", 99), (20, "manager", 22)],
    binaries={20: frozenset({"thumbnailPhoto"})},
)


def value(tag: int, of: BookObject = ALICE, inside: Book = BOOK) -> Value | None:
    return PROPERTIES[number_of(tag)].bind(inside)(of, of.attributes)


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        (Tag.DISPLAY_NAME, "Alice Ådams"),
        (Tag.DISPLAY_NAME_PRINTABLE, "Alice Adams"),
        (Tag.ACCOUNT, "alice"),
        (Tag.SMTP_ADDRESS, "Alice@x.test"),
        (Tag.EMAIL_ADDRESS, ALICE.dn),
        (Tag.ADDRTYPE, "EX"),
        (Tag.SEARCH_KEY, f"EX:{ALICE.dn.upper()}\0".encode()),
        (Tag.INSTANCE_KEY, b"\x14\0\0\0"),
        (Tag.MAPPING_SIGNATURE, PROVIDER),
        (Tag.OBJECT_TYPE, 6),
        (Tag.DISPLAY_TYPE, 0),
        (Tag.DISPLAY_TYPE_EX, 0x4000_0000),
        (Tag.OBJECT_GUID, ALICE.guid.bytes_le),
        (Tag.MAILBOX_GUID, ALICE.guid.bytes_le),
        (Tag.HOME_MDB, NAMES.database_dn(f"{ALICE.guid}@x.test")),
        (Tag.GIVEN_NAME, "Alice"),
        (Tag.SURNAME, None),
        (Tag.TITLE, "Boss"),
        (Tag.BUSINESS_TELEPHONE, "3"),
        (0x3A1B_101F, ("1", "2")),
        (Tag.ROOM_CAPACITY, 7),
        (0x8CB5_000B, 1),
        (Tag.TARGET_ADDRESS, None),
        (Tag.SEND_RICH_INFO, 1),
        (Tag.MEMBER, None),
        (Tag.IS_MEMBER_OF_DL, 0),
        (Tag.MANAGER, 0),
        (Tag.MANAGER_NAME, "Carl"),
        (Tag.MEMBER_COUNT, None),
        (Tag.OBJ_DIST_NAME, ALICE.dn),
        (Tag.COMMON_NAME, "Alice Ådams"),
        (Tag.THUMBNAIL_PHOTO, None),
        (Tag.PROXY_ADDRESSES, ("SMTP:Alice@x.test", "SMTP:second@x.test", "smtp:third@x.test", "x400:c=de")),
    ],
)
def test_what_a_user_has(tag: int, wanted: Value | None) -> None:
    assert value(tag) == wanted


def test_what_groups_and_contacts_have() -> None:
    assert value(Tag.MEMBER, GROUP) == 0
    assert value(Tag.MEMBER_COUNT, GROUP) == 2
    assert value(Tag.HOME_MDB, GROUP) is None
    assert value(Tag.MAILBOX_GUID, CONTACT) is None
    assert value(Tag.TARGET_ADDRESS, CONTACT) == "SMTP:carl@y.test"
    assert value(Tag.SEND_RICH_INFO, CONTACT) == 0
    assert value(Tag.REPORTS, CONTACT) == 0
    assert value(Tag.MANAGER_NAME, CONTACT) is None


@pytest.mark.parametrize(
    ("attributes", "tag"),
    [
        ({"title": 5}, Tag.TITLE),
        ({"title": []}, Tag.TITLE),
        ({"description": 5}, 0x806F_101F),
        ({"msExchResourceCapacity": "many"}, Tag.ROOM_CAPACITY),
        ({"msExchResourceCapacity": 2**40}, Tag.ROOM_CAPACITY),
        ({"msExchEnableModeration": "yes"}, 0x8CB5_000B),
        ({"proxyAddresses": "x"}, Tag.PROXY_ADDRESSES),
    ],
)
def test_attributes_of_the_wrong_kind_are_not_there(attributes: dict[str, Any], tag: int) -> None:
    assert value(tag, thing(30, "x", more=attributes)) is None


def test_names_that_were_given_count() -> None:
    given = thing(30, "x", distinguishedName="CN=x,DC=test", cn="common")
    assert (value(Tag.OBJ_DIST_NAME, given), value(Tag.COMMON_NAME, given)) == ("CN=x,DC=test", "common")
    assert value(Tag.DISPLAY_NAME_PRINTABLE, thing(30, "山田", alias="yamada")) == "yamada"


def test_entry_ids_lead_back() -> None:
    assert decode_entry_id(permanent_id(GROUP)) == PermanentId(1, GROUP.dn)
    assert decode_entry_id(ephemeral_id(BOOK, GROUP)) == EphemeralId(BOOK.guid, 1, 21)
    for tag in (Tag.ENTRYID, Tag.RECORD_KEY, Tag.TEMPLATEID):
        assert value(tag, GROUP) == permanent_id(GROUP)


def test_times_count_from_1601() -> None:
    assert filetime(0) == 116_444_736_000_000_000
    assert value(Tag.CREATION_TIME) == filetime(1_000_000)
    assert value(Tag.LAST_MODIFICATION_TIME) == filetime(2_000_000)


def test_every_property_has_a_type_that_travels() -> None:
    assert all(number == number_of(each.tag) for number, each in PROPERTIES.items())
    assert {each.kind for each in PROPERTIES.values()} <= set(Kind)
    assert len(PROPERTIES) > 90
