"""What objects, containers and the server have, operation by operation."""

import pytest

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.fixed import SERVER_MID
from rpch.exchange.nspi.book.objects import DisplayType
from rpch.exchange.nspi.operations.asking import SKIP_OBJECTS
from rpch.exchange.nspi.operations.describing import (
    CREATION_TEMPLATES,
    SCRIPT,
    TEMPLATE,
    UNICODE_STRINGS,
    UNICODE_TYPES,
    get_prop_list,
    get_props,
    get_special_table,
    get_template_info,
    query_columns,
)
from rpch.exchange.nspi.operations.rows import NOT_FOUND
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Tag, kind_of
from rpch.exchange.nspi.wire.entryids import PermanentId, decode_entry_id
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import Binaries, book, stat, thing

TEAM = thing(20, "Téam", EntryKind.GROUP, title="x")
OUTER, INNER = thing(30, "Öuter", EntryKind.CONTAINER), thing(31, "inner", EntryKind.CONTAINER, parent=30)
BOOK = book(TEAM, thing(21, "Bob"), OUTER, INNER, links=[(20, "member", 21)])
SOURCE = Binaries()
NAME_8 = 0x3001_001E


def test_get_props_says_whether_everything_was_there() -> None:
    row, whole = get_props(BOOK, SOURCE, 0, stat(current=20), [Tag.TITLE, NAME_8])
    assert (row, whole) == ([(Tag.TITLE, "x"), (NAME_8, b"T\xe9am")], True)
    row, whole = get_props(BOOK, SOURCE, 0, stat(current=20), [Tag.TITLE, Tag.SURNAME])
    assert (row[1], whole) == ((0x3A11_000A, NOT_FOUND), False)


def test_get_props_of_everything_there_is() -> None:
    row, whole = get_props(BOOK, SOURCE, 0, stat(current=20), None)
    assert whole
    assert [tag for tag, _ in row] == get_prop_list(BOOK, 0, 20, 1252)
    assert (Tag.MEMBER, 0) in row
    row, _ = get_props(BOOK, SOURCE, SKIP_OBJECTS, stat(current=20), None)
    assert Tag.MEMBER not in dict(row)
    assert get_props(BOOK, SOURCE, 0, stat(current=SERVER_MID), [Tag.ADDRTYPE])[0] == [(Tag.ADDRTYPE, "EX")]


def test_get_props_needs_no_code_page_for_what_is_not_in_one() -> None:
    """MS-OXNSPI 3.1.4.1.7, constraint 1."""
    where = stat(current=20, code_page=1200)
    assert get_props(BOOK, SOURCE, 0, where, [Tag.DISPLAY_NAME, Tag.OBJECT_TYPE])[0] == [
        (Tag.DISPLAY_NAME, "Téam"),
        (Tag.OBJECT_TYPE, 8),
    ]
    for tags in ([Tag.OBJECT_TYPE, NAME_8], None):
        with pytest.raises(Refused) as refused:
            get_props(BOOK, SOURCE, 0, where, tags)
        assert refused.value.status is Status.NOT_SUPPORTED


def test_get_props_does_not_look_at_the_container() -> None:
    """Note <5>: after GetMatches something else stands there."""
    assert get_props(BOOK, SOURCE, 0, stat(current=20, container=1000), [Tag.TITLE])[1]


def test_get_props_of_nobody() -> None:
    for current in (0, 1, 2, 99):
        assert get_props(BOOK, SOURCE, 0, stat(current=current), None) == ([], True)
        assert get_props(BOOK, SOURCE, 0, stat(current=current), [Tag.TITLE]) == (
            [(0x3A17_000A, NOT_FOUND)],
            False,
        )


def test_lists_of_properties() -> None:
    assert Tag.MEMBER in get_prop_list(BOOK, 0, 20, 1252)
    assert Tag.MEMBER not in get_prop_list(BOOK, SKIP_OBJECTS, 20, 1252)
    for mid, page, status in ((99, 1252, Status.INVALID_OBJECT), (20, 1200, Status.INVALID_CODEPAGE)):
        with pytest.raises(Refused) as refused:
            get_prop_list(BOOK, 0, mid, page)
        assert refused.value.status is status
    assert Tag.DISPLAY_NAME in query_columns(UNICODE_TYPES)
    assert NAME_8 in query_columns(0)


def test_the_hierarchy_has_its_columns_in_order() -> None:
    table = get_special_table(BOOK, UNICODE_STRINGS, stat(code_page=1200), 0)
    order = [Tag.ENTRYID, Tag.CONTAINER_FLAGS, Tag.DEPTH, Tag.CONTAINERID, Tag.DISPLAY_NAME, Tag.IS_MASTER]
    assert [tag for tag, _ in table.rows[0]] == order
    assert [tag for tag, _ in table.rows[-1]] == [*order, Tag.PARENT_ENTRYID]
    first, outer, inner = dict(table.rows[0]), dict(table.rows[-2]), dict(table.rows[-1])
    assert (first[Tag.CONTAINERID], first[Tag.DISPLAY_NAME]) == (0, "Global Address List")
    entry_id = first[Tag.ENTRYID]
    assert isinstance(entry_id, bytes)
    assert decode_entry_id(entry_id) == PermanentId(0x100, "/")
    assert (outer[Tag.DISPLAY_NAME], outer[Tag.CONTAINER_FLAGS], outer[Tag.DEPTH]) == ("Öuter", 0xB, 0)
    assert (inner[Tag.DISPLAY_NAME], inner[Tag.CONTAINER_FLAGS], inner[Tag.DEPTH]) == ("inner", 0x9, 1)
    assert inner[Tag.PARENT_ENTRYID] == outer[Tag.ENTRYID]


def test_the_hierarchy_in_a_code_page() -> None:
    table = get_special_table(BOOK, 0, stat(), 0)
    assert dict(table.rows[-2])[NAME_8] == b"\xd6uter"
    with pytest.raises(Refused) as refused:
        get_special_table(BOOK, 0, stat(code_page=1200), 0)
    assert refused.value.status is Status.NOT_SUPPORTED


def test_who_has_the_hierarchy_gets_no_rows() -> None:
    table = get_special_table(BOOK, UNICODE_STRINGS, stat(), 0)
    again = get_special_table(BOOK, UNICODE_STRINGS, stat(sort_type=0xDEAD_BEEF), table.version)
    assert (again.version, again.rows) == (table.version, [])
    other = get_special_table(book(TEAM), UNICODE_STRINGS, stat(), table.version)
    assert other.version != table.version
    assert other.rows


def test_there_are_no_templates_for_new_addresses() -> None:
    for flags in (CREATION_TEMPLATES, CREATION_TEMPLATES | UNICODE_STRINGS):
        assert get_special_table(BOOK, flags, stat(), 7).rows == []


def test_templates_of_objects() -> None:
    ((tag, value),) = get_template_info(TEMPLATE, 0, None, 1252, 0x0409)
    assert tag == Tag.TEMPLATE_DATA
    assert isinstance(value, bytes)
    assert value[:4] == b"\1\0\0\0"
    assert kind_of(tag) == Kind.BINARY
    for kind, dn, page, locale, status in (
        (77, None, 1252, 0x0409, Status.INVALID_LOCALE),
        (DisplayType.CONTAINER, None, 1252, 0x0409, Status.INVALID_LOCALE),
        (0, None, 1252, 0xFFFF_FFFF, Status.INVALID_LOCALE),
        (0, "/o=x", 1252, 0x0409, Status.INVALID_LOCALE),
        (0, None, 1200, 0x0409, Status.INVALID_CODEPAGE),
        (0, None, 7, 0xFFFF_FFFF, Status.INVALID_CODEPAGE),
    ):
        with pytest.raises(Refused) as refused:
            get_template_info(TEMPLATE, kind, dn, page, locale)
        assert refused.value.status is status


def test_scripts_are_empty_and_other_flags_are_ignored() -> None:
    """Constraint 6 of MS-OXNSPI 3.1.4.1.18; 0x60 are help files."""
    script = (Tag.SCRIPT_DATA, b"")
    assert get_template_info(SCRIPT, 0, None, 1252, 0x0409) == [script]
    both = get_template_info(TEMPLATE | SCRIPT | 0x60, 0, None, 1252, 0x0409)
    assert [tag for tag, _ in both] == [Tag.TEMPLATE_DATA, Tag.SCRIPT_DATA]
    assert both[:1] == get_template_info(TEMPLATE, 0, None, 1252, 0x0409)
    assert get_template_info(0x10 | 0x60, 0, None, 1252, 0x0409) == []


def test_templates_speak_the_client_s_language() -> None:
    texts = [get_template_info(TEMPLATE, 0, None, 1252, locale)[0][1] for locale in (0x0409, 0x0407, 0x0411)]
    english, german, japanese = (text for text in texts if isinstance(text, bytes))
    assert b"Abteilung:" in german
    assert japanese == english
