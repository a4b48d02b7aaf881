"""A table: objects in order, found by position, by object and by name."""

from rpch.exchange.nspi.book.tables import SORT_DISPLAY_NAME, SORT_PHONETIC, Table, key_for, phonetic_name
from rpch.exchange.nspi.collation.keys import sort_form
from tests.address_books import thing

ENGLISH, SWEDISH = 0x0409, 0x041D
KEY = key_for(SORT_DISPLAY_NAME, ENGLISH)
BOB, ALICE, ACCENT = thing(20, "bob"), thing(21, "Alice"), thing(22, "Álice")


def test_a_table_is_sorted_by_name_then_spelling_then_id() -> None:
    twins = thing(31, "bob"), thing(30, "bob")
    table = Table.of([BOB, *twins, ACCENT, ALICE], KEY)
    assert len(table) == 5
    assert table.mids() == [21, 22, 20, 30, 31]
    assert table.mids(1, 3) == [22, 20]
    assert table.mid_at(4) == 31
    assert [table.position(each) for each in (ALICE, ACCENT, BOB, *twins)] == [0, 1, 2, 4, 3]
    assert table.position(thing(50, "carol")) is None
    assert table.position(thing(50, "alice")) is None


def test_the_first_row_not_before_a_name() -> None:
    table = Table.of([BOB, ALICE, ACCENT], KEY)
    names = [sort_form(name, ENGLISH) for name in ("", "alice", "b", "bob", "c")]
    assert [table.first_from(name) for name in names] == [0, 0, 2, 2, 3]


def test_a_changed_table_is_the_table_of_what_there_is() -> None:
    table = Table.of([BOB, ALICE], KEY)
    renamed = thing(20, "Zoe")
    assert table.changed([BOB, thing(99, "nobody")], [renamed, ACCENT]).mids() == [21, 22, 20]
    assert table.mids() == [21, 20]


def test_the_order_is_the_locale_s() -> None:
    things = [thing(20, "Zorn"), thing(21, "Ärlig")]
    assert Table.of(things, KEY).mids() == [21, 20]
    assert Table.of(things, key_for(SORT_DISPLAY_NAME, SWEDISH)).mids() == [20, 21]


def test_phonetic_names_count_where_they_are_asked_for() -> None:
    first, second = (
        thing(20, "山田", more={"msDS-PhoneticDisplayName": "やまだ"}),
        thing(21, "青木", more={"msDS-PhoneticDisplayName": "アオキ"}),
    )
    assert Table.of([first, second], key_for(SORT_PHONETIC, ENGLISH)).mids() == [21, 20]
    assert phonetic_name(first) == "やまだ"
    assert phonetic_name(BOB) == "bob"
