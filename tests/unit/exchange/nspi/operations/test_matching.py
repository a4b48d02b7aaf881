"""Who meets which condition."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

import pytest

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.schema import ephemeral_id, filetime, permanent_id
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
from rpch.exchange.nspi.operations import matching
from rpch.exchange.nspi.operations.matching import DEEPEST, MOST_TERMS, Prepared, prepare
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import Binaries, book, thing

ALICE = thing(20, "Alice Müller", alias="alice", mail="alice@x.test", sn="Müller", msExchResourceCapacity=5)
BOB = thing(21, "Bob", alias="bob", description=["Tall", "Quiet"], msExchEnableModeration=True)
TEAM = thing(22, "Team", EntryKind.GROUP)
ALL = thing(23, "World", EntryKind.GROUP)
BOOK = book(
    ALICE,
    BOB,
    TEAM,
    ALL,
    binaries={20: frozenset({"userCertificate"}), 21: frozenset({"thumbnailPhoto"})},
    links=[(22, "member", 21), (23, "member", 22), (22, "member", 23), (21, "manager", 20)],
)
SOURCE = Binaries({(4, "userCertificate"): [b"one", b"two"], (5, "thumbnailPhoto"): [b"jpeg"]})
LESS, AT_MOST, MORE, AT_LEAST, EQUAL, OTHER = range(6)
DESCRIPTION, NAME_8 = 0x806F_101F, 0x3001_001E


def those_called(name: str) -> AbstractSet[int]:
    return {20} if name == "al" else {20, 21}


def made(condition: Condition) -> Prepared:
    return prepare(BOOK, condition, those_called, SOURCE)


def who(condition: Condition) -> str:
    """The first letters of those who meet it."""
    ready = made(condition)
    return "".join(each.display_name[0] for each in (ALICE, BOB, TEAM, ALL) if ready.accepts(each))


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (Contains(0, Tag.DISPLAY_NAME, "ALICE MULLER"), "A"),
        (Contains(0, Tag.DISPLAY_NAME, "alice"), ""),
        (Contains(1, Tag.DISPLAY_NAME, "müll"), "A"),
        (Contains(2, Tag.DISPLAY_NAME, "b"), "B"),
        (Contains(0x1_0002, NAME_8, "B"), "B"),
        (Contains(7, Tag.DISPLAY_NAME, "bob"), "B"),  # no known fuzziness: the whole text
        (Contains(0, DESCRIPTION, "quiet"), "B"),
        (Contains(1, Tag.SURNAME, "x"), ""),
        (Compares(EQUAL, Tag.SURNAME, "muller"), "A"),
        (Compares(OTHER, Tag.SURNAME, "x"), "A"),
        (Compares(LESS, Tag.DISPLAY_NAME, "bob"), "A"),
        (Compares(AT_MOST, Tag.DISPLAY_NAME, "bob"), "AB"),
        (Compares(MORE, Tag.DISPLAY_NAME, "bob"), "TW"),
        (Compares(AT_LEAST, Tag.DISPLAY_NAME, "bob"), "BTW"),
        (Compares(EQUAL, Tag.DISPLAY_TYPE, 1), "TW"),
        (Compares(EQUAL, Tag.DISPLAY_TYPE, "1"), ""),  # a text is no number
        (Compares(EQUAL, 0x3001_0003, "bob"), ""),  # neither is a name
        (Compares(EQUAL, 0x806F_001F, "tall"), "B"),  # one of several
        (Compares(EQUAL, Tag.INSTANCE_KEY, b"\x14\0\0\0"), "A"),
        (Compares(EQUAL, 0x7777_001F, "x"), ""),
        (Compares(EQUAL, Tag.DISPLAY_NAME, ("bob",)), ""),
        (Compares(EQUAL, Tag.ANR, "al"), "A"),
        (Contains(2, Tag.ANR, "x"), "AB"),
        (ComparesTwo(EQUAL, Tag.DISPLAY_NAME, Tag.ACCOUNT), "B"),
        (ComparesTwo(LESS, Tag.DISPLAY_NAME, Tag.SURNAME), "A"),
        (ComparesTwo(EQUAL, Tag.DISPLAY_NAME, Tag.DISPLAY_TYPE), ""),
        (HasBits(True, Tag.ROOM_CAPACITY, 4), "A"),
        (HasBits(True, Tag.ROOM_CAPACITY, 2), ""),
        (HasBits(False, Tag.ROOM_CAPACITY, 2), "A"),
        (HasBits(True, 0x8CB5_000B, 1), "B"),
        (HasBits(False, Tag.DISPLAY_NAME, 1), ""),
        (HasSize(EQUAL, Tag.DISPLAY_NAME, 8), "B"),  # three letters and the end
        (HasSize(EQUAL, NAME_8, 4), "B"),
        (HasSize(EQUAL, Tag.DISPLAY_TYPE, 4), "ABTW"),
        (HasSize(EQUAL, 0x8CB5_000B, 2), "B"),
        (HasSize(EQUAL, Tag.CREATION_TIME, 8), "ABTW"),
        (HasSize(EQUAL, DESCRIPTION, 22), "B"),
        (HasSize(AT_LEAST, Tag.ENTRYID, 28), "ABTW"),
        (HasSize(EQUAL, 0x7777_001F, 0), ""),
        (Exists(Tag.SURNAME), "A"),
        (Exists(Tag.THUMBNAIL_PHOTO), "B"),
        (Exists(0x7777_001F), ""),
        (Not(Exists(Tag.SURNAME)), "BTW"),
        (All(()), "ABTW"),
        (AnyOf(()), ""),
        (All((Exists(Tag.SURNAME), Compares(EQUAL, Tag.DISPLAY_TYPE, 0))), "A"),
        (AnyOf((Exists(Tag.SURNAME), Compares(EQUAL, Tag.DISPLAY_TYPE, 1))), "ATW"),
    ],
)
def test_who_meets_a_condition(condition: Condition, wanted: str) -> None:
    assert who(condition) == wanted


MEMBER_OF = 0x64
TEAM_ID, ALICE_ID = permanent_id(TEAM), permanent_id(ALICE)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (Contains(0, Tag.INSTANCE_KEY, b"\x14\0\0\0"), "A"),
        (Contains(1, Tag.SEARCH_KEY, b"RECIPIENTS/CN=2"), "ABTW"),
        (Contains(2, Tag.INSTANCE_KEY, b"\x15"), "B"),
        (Compares(AT_LEAST, Tag.INSTANCE_KEY, b"\x15"), "BTW"),
        (Compares(EQUAL, Tag.X509_CERTIFICATE, b"two"), "A"),
        (Compares(EQUAL, Tag.X509_CERTIFICATE, "two"), ""),
        (Compares(OTHER, Tag.THUMBNAIL_PHOTO, b"jpeg"), ""),
        (Compares(LESS, Tag.THUMBNAIL_PHOTO, b"jpf"), "B"),
        (Contains(0, Tag.THUMBNAIL_PHOTO, b"jp"), ""),
        (Contains(2, Tag.THUMBNAIL_PHOTO, b"jp"), "B"),
        (HasSize(EQUAL, Tag.X509_CERTIFICATE, 6), "A"),
        (HasSize(MORE, Tag.THUMBNAIL_PHOTO, 3), "B"),
        (Compares(EQUAL, Tag.ENTRYID, ALICE_ID), "A"),
        (Compares(OTHER, Tag.ENTRYID, ALICE_ID), "BTW"),
        (Compares(EQUAL, Tag.ENTRYID, ephemeral_id(BOOK, BOB)), "B"),
        (Compares(EQUAL, Tag.ENTRYID, b"junk"), ""),
        (Compares(EQUAL, DESCRIPTION, ("tall", "quiet")), "B"),
        (Compares(OTHER, DESCRIPTION, ("tall",)), "B"),
        (Compares(EQUAL, DESCRIPTION, ("quiet", "tall")), ""),
        (Compares(EQUAL, Tag.MANAGER, ALICE_ID), "B"),
        (Compares(EQUAL, 0x8005_001E, ALICE.dn.upper()), "B"),
        (Contains(0, 0x8005_001F, ALICE.dn), "B"),
        (Compares(OTHER, Tag.MEMBER, permanent_id(BOB)), "TW"),
        (Compares(EQUAL, Tag.IS_MEMBER_OF_DL, TEAM_ID), "BW"),
        (Compares(EQUAL, Tag.MANAGER, b"junk"), ""),
        (Exists(0x8005_001E), "B"),
        (Compares(MEMBER_OF, Tag.ENTRYID, permanent_id(ALL)), "BTW"),
        (Compares(MEMBER_OF, Tag.ENTRYID, ALICE_ID), ""),
        (Compares(MEMBER_OF, Tag.ENTRYID, b"junk"), ""),
        (Compares(EQUAL, Tag.DISPLAY_NAME_PRINTABLE, "Bob"), "B"),  # 8-bit text counts case
        (Compares(EQUAL, Tag.DISPLAY_NAME_PRINTABLE, "bob"), ""),
        (Compares(LESS, Tag.DISPLAY_NAME_PRINTABLE, "aaaa"), "BT"),  # and the shorter comes first
        (Contains(2, Tag.DISPLAY_NAME_PRINTABLE, "b"), ""),
        (Compares(EQUAL, Tag.CREATION_TIME, filetime(1_000_000.0)), "ABTW"),
        (Compares(LESS, Tag.CREATION_TIME, filetime(1_000_001.0)), "ABTW"),
        (Compares(EQUAL, 0x8CB5_000B, 1), "B"),
    ],
)
def test_conditions_reach_every_type(condition: Condition, wanted: str) -> None:
    assert who(condition) == wanted


def test_texts_come_before_others_as_in_tables() -> None:
    angstroem, zorn = thing(20, "Ångström"), thing(21, "Zorn")
    people = book(angstroem, zorn)
    for locale, wanted in ((0x0409, [False, True]), (0x041D, [True, True])):
        ready = prepare(people, Compares(AT_LEAST, Tag.DISPLAY_NAME, "z"), those_called, SOURCE, locale)
        assert [ready.accepts(each) for each in (angstroem, zorn)] == wanted


def test_how_many_pictures_are_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MOST_STORED", 1)
    photo = Compares(EQUAL, Tag.THUMBNAIL_PHOTO, b"jpeg")
    assert who(photo) == "B"
    with pytest.raises(Refused) as refused:
        made(AnyOf((photo, photo)))
    assert refused.value.status is Status.TOO_COMPLEX


@pytest.mark.parametrize(
    "condition",
    [
        Contains(1, Tag.THUMBNAIL_PHOTO, b"x"),
        Contains(1, Tag.MANAGER, ALICE_ID),
        Compares(LESS, Tag.MANAGER, ALICE_ID),
        Compares(LESS, Tag.ENTRYID, ALICE_ID),
        Compares(LESS, DESCRIPTION, ("x",)),
        Compares(OTHER, Tag.ANR, "x"),
        Contains(0, Tag.DISPLAY_NAME, 5),
        Compares(6, Tag.DISPLAY_NAME, "x"),  # patterns
        Compares(0x64, Tag.DISPLAY_NAME, "x"),
        Compares(EQUAL, Tag.ANR, 5),
        HasSize(77, Tag.DISPLAY_NAME, 1),
        ComparesTwo(77, Tag.DISPLAY_NAME, Tag.ACCOUNT),
    ],
)
def test_what_cannot_be_asked_is_too_complex(condition: Condition) -> None:
    with pytest.raises(Refused) as refused:
        made(condition)
    assert refused.value.status is Status.TOO_COMPLEX


def nested(levels: int) -> Condition:
    condition: Condition = Exists(Tag.SURNAME)
    for _ in range(levels - 1):
        condition = Not(condition)
    return condition


def test_depth_and_number_of_terms_are_bounded() -> None:
    assert who(nested(DEEPEST - 1)) == "A"
    for condition in (nested(DEEPEST + 1), All((Exists(Tag.SURNAME),) * MOST_TERMS)):
        with pytest.raises(Refused) as refused:
            made(condition)
        assert refused.value.status is Status.TOO_COMPLEX


def test_names_say_who_may_be_meant_before_anybody_is_asked() -> None:
    named, other = Compares(EQUAL, Tag.ANR, "al"), Compares(EQUAL, Tag.ANR, "x")
    assert made(named).among == {20}
    assert made(All((Exists(Tag.SURNAME), named, other))).among == {20}
    assert made(All((Exists(Tag.SURNAME),))).among is None
    assert made(AnyOf((named, Exists(Tag.SURNAME)))).among is None
    assert made(Not(named)).among is None


def test_attributes_are_only_decoded_for_conditions_on_them() -> None:
    assert not made(Exists(Tag.DISPLAY_NAME)).uses_attributes
    assert made(All((Exists(Tag.SURNAME), Exists(Tag.DISPLAY_NAME)))).uses_attributes
    broken = replace(BOB, stored_attributes="no JSON")
    assert made(Exists(Tag.DISPLAY_NAME)).accepts(broken)
