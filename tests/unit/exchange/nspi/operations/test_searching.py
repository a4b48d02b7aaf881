"""Finding objects, operation by operation."""

from dataclasses import replace

import pytest

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.schema import ephemeral_id
from rpch.exchange.nspi.conditions import All, Compares, Exists
from rpch.exchange.nspi.operations import searching
from rpch.exchange.nspi.operations.positions import CURRENT
from rpch.exchange.nspi.operations.resolution import Resolution
from rpch.exchange.nspi.operations.searching import MOST_NAMES, dn_to_mid, get_matches, resolve_names
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import Binaries, book, stat, thing

ZOE = thing(20, "Zoe", alias="zoe", title="Boss")
ANN = thing(21, "Ann", alias="ann", title="Boss")
TEAM = thing(22, "Team", EntryKind.GROUP, alias="team")
GHOST = thing(23, "Ghost", hidden=True, title="Boss")
LINKS = [(22, "member", 20), (22, "member", 21), (22, "member", 23), (22, "member", 77), (20, "manager", 21)]
BOOK = book(ZOE, ANN, TEAM, GHOST, links=LINKS)
SOURCE = Binaries()
BOSSES = Compares(4, Tag.TITLE, "boss")


def test_matches_come_in_the_order_of_the_table() -> None:
    found = get_matches(BOOK, SOURCE, stat(current=21), BOSSES, 10, None)
    assert (found.mids, found.rows) == ([21, 20], None)
    assert found.stat.container_id == 21


def test_matches_are_rows_of_the_table_wherever_the_client_is_in_it() -> None:
    """Constraint 8 of MS-OXNSPI 3.1.4.1.10; constraint 15 keeps every field but the container."""
    for where in (stat(current=22), stat(delta=1), stat(current=CURRENT, position=1, total=3)):
        found = get_matches(BOOK, SOURCE, where, BOSSES, 10, None)
        assert found.mids == [21, 20]
        assert found.stat == replace(where, container_id=where.current_rec)
        named = All((Compares(4, Tag.ANR, "z"), BOSSES))
        assert get_matches(BOOK, SOURCE, where, named, 10, None).mids == [20]
    hidden = Compares(4, Tag.ANR, f"={GHOST.dn}")
    assert get_matches(BOOK, SOURCE, stat(), hidden, 10, None).mids == []


def test_a_property_that_names_objects_can_be_given_by_its_number() -> None:
    """Constraint 9: then the container says nothing."""
    where = stat(container=Tag.TITLE, current=22)
    assert get_matches(BOOK, SOURCE, where, None, 10, None, 0x8009).mids == [21, 23, 20]
    assert get_matches(BOOK, SOURCE, where, None, 10, None, 0x8008).mids == []


def test_a_table_to_write_is_refused_where_nothing_can_be_written() -> None:
    """Constraint 11; and constraint 14, by display name whatever the sort type."""
    for sort_type in (0, 3, 1000, 1001):
        where = stat(container=Tag.MEMBER, current=22, sort_type=sort_type)
        assert get_matches(BOOK, SOURCE, where, None, 10, None).mids == [21, 23, 20]
    where = stat(container=Tag.PUBLIC_DELEGATES, current=20, sort_type=1001)
    assert get_matches(BOOK, SOURCE, where, None, 10, None).mids == []
    for tag, mid in ((Tag.IS_MEMBER_OF_DL, 20), (Tag.MANAGER, 20), (Tag.MEMBER, 20)):
        with pytest.raises(Refused) as refused:
            get_matches(BOOK, SOURCE, stat(container=tag, current=mid, sort_type=1001), None, 9, None)
        assert refused.value.status is Status.NOT_SUPPORTED


def test_matches_come_with_rows_and_ephemeral_ids() -> None:
    found = get_matches(BOOK, SOURCE, stat(), BOSSES, 10, [Tag.ENTRYID])
    assert found.rows == [[(Tag.ENTRYID, ephemeral_id(BOOK, each))] for each in (ANN, ZOE)]


def test_a_property_names_objects() -> None:
    for tag, of, wanted in (
        (Tag.MEMBER, 22, [21, 23, 20]),
        (0x8009_001E, 22, [21, 23, 20]),
        (Tag.IS_MEMBER_OF_DL, 20, [22]),
        (Tag.MANAGER, 20, [21]),
        (Tag.REPORTS, 21, [20]),
        (Tag.PUBLIC_DELEGATES, 20, []),
    ):
        found = get_matches(BOOK, SOURCE, stat(container=tag, current=of), None, 10, None)
        assert found.mids == wanted
        assert found.stat.container_id == of


def test_matches_are_refused_where_there_are_too_many_or_none_can_be() -> None:
    for where, condition, requested, tags, status in (
        (stat(), BOSSES, 1, None, Status.TABLE_TOO_BIG),
        (stat(container=Tag.MEMBER, current=22), None, 2, None, Status.TABLE_TOO_BIG),
        (stat(container=Tag.MEMBER, current=99), None, 9, None, Status.GENERAL_FAILURE),
        (stat(container=Tag.TITLE, current=20), None, 9, None, Status.NOT_SUPPORTED),
        (stat(container=99), BOSSES, 9, None, Status.INVALID_BOOKMARK),
        (stat(code_page=1200), BOSSES, 9, None, Status.NOT_SUPPORTED),
        (stat(), BOSSES, 9, [0] * 3000, Status.TABLE_TOO_BIG),
    ):
        with pytest.raises(Refused) as refused:
            get_matches(BOOK, SOURCE, where, condition, requested, tags)
        assert refused.value.status is status


def test_a_search_may_cost_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_TESTS", 8)
    condition = All((BOSSES, Exists(Tag.TITLE)))
    with pytest.raises(Refused) as refused:
        get_matches(BOOK, SOURCE, stat(), condition, 9, None)
    assert refused.value.status is Status.TOO_COMPLEX
    named = All((Compares(4, Tag.ANR, "z"), BOSSES, Exists(Tag.TITLE)))
    assert get_matches(BOOK, SOURCE, stat(), named, 9, None).mids == [20]


def test_names_are_resolved_one_by_one() -> None:
    found = resolve_names(BOOK, SOURCE, stat(), ["zoe", "", None, "nobody", "ann"], [Tag.DISPLAY_NAME])
    assert found.resolutions == [2, 0, 0, 0, 2]
    assert found.rows == [[(Tag.DISPLAY_NAME, "Zoe")], [(Tag.DISPLAY_NAME, "Ann")]]
    assert resolve_names(BOOK, SOURCE, stat(), ["zoe"], None).rows[0][0] == (Tag.CONTAINERID, 0)
    assert resolve_names(BOOK, SOURCE, stat(), [], []).resolutions == []
    twins = book(thing(20, "Sam One"), thing(21, "Sam Two"))
    assert resolve_names(twins, SOURCE, stat(), ["sam"], None).resolutions == [Resolution.AMBIGUOUS]


def test_names_are_refused_where_nobody_can_be_looked_up() -> None:
    for where, names, status in (
        (stat(container=99), ["x"], Status.INVALID_BOOKMARK),
        (stat(code_page=1200), ["x"], Status.NOT_SUPPORTED),
        (stat(), ["x"] * (MOST_NAMES + 1), Status.OUT_OF_RESOURCES),
    ):
        with pytest.raises(Refused) as refused:
            resolve_names(BOOK, SOURCE, where, names, None)
        assert refused.value.status is status


def test_dns_become_ids() -> None:
    assert dn_to_mid(BOOK, [ZOE.dn.upper(), "/o=nobody", None, "", "/"]) == [20, 0, 0, 0, 0]
