"""Details templates: bytes that a client can draw."""

import struct

from rpch.exchange.nspi.codepages import find
from rpch.exchange.nspi.objects import DisplayType
from rpch.exchange.nspi.tags import Kind, Tag, kind_of
from rpch.exchange.nspi.templates import Cell, Control, ControlFlag, encode_template, template_for

# Laid out by hand from MS-OXOABKT 2.2.2.1.1 and 2.2.2.1.2.
TWO_CONTROLS = bytes.fromhex(
    "01000000 02000000"  # version 1, two rows
    "08000000 28000000 02000000 09000000"  # x 8, 40 wide, y 2, 9 high
    "00000000 00000000 00000000 00000000 50000000"  # a label: no flags, no property, text at 80
    "30000000 70000000 00000000 0c000000"
    "01000000 20000000 1e00063a 00040000 56000000"  # a field: double-byte, PR_GIVEN_NAME_A, 1024, text at 86
    "4ee46d653a00"  # Näme:
    "2a00"  # *
)
CELLS = [
    Cell(Control.LABEL, 8, 40, 2, 9, "Näme:"),
    Cell(Control.EDIT, 48, 112, 0, 12, "*", 0x3A06_001E, 1024, ControlFlag.DOUBLE_BYTE),
]


def test_a_template_on_the_wire() -> None:
    page = find(1252)
    assert page is not None
    assert encode_template(CELLS, page) == TWO_CONTROLS


def test_people_and_groups_can_be_drawn_and_others_cannot() -> None:
    person = template_for(DisplayType.MAIL_USER)
    assert person is template_for(DisplayType.REMOTE_MAIL_USER)
    assert template_for(DisplayType.DISTRIBUTION_LIST) not in (None, person)
    for other in (DisplayType.AGENT, DisplayType.CONTAINER, 0xFFFF):
        assert template_for(other) is None


def test_every_field_shows_a_property_and_lies_on_its_page() -> None:
    for display_type in (DisplayType.MAIL_USER, DisplayType.DISTRIBUTION_LIST):
        cells = template_for(display_type) or ()
        assert cells[0].control is Control.PAGE
        page = cells[0]
        for cell in cells:
            if cell.control is Control.PAGE:
                page = cell
            assert cell.x + cell.width <= page.width
            assert cell.y + cell.height <= page.height
            shows = cell.control in (Control.EDIT, Control.LIST, Control.LIST_OF_VALUES)
            assert bool(cell.tag) is shows
            assert cell.text
        kinds = {cell.control: kind_of(cell.tag) for cell in cells if cell.tag}
        assert kinds[Control.EDIT] == Kind.STRING8
        assert kinds[Control.LIST] == Kind.OBJECT
        assert kinds[Control.LIST_OF_VALUES] == Kind.STRINGS8


def test_texts_lie_where_rows_say() -> None:
    page = find(1252)
    assert page is not None
    cells = template_for(DisplayType.MAIL_USER) or ()
    wire = encode_template(cells, page)
    version, count = struct.unpack_from("<II", wire)
    assert (version, count) == (1, len(cells))
    for at, cell in enumerate(cells):
        place = struct.unpack_from("<I", wire, 8 + 36 * at + 32)[0]
        assert wire[place:].partition(b"\0")[0].decode("cp1252") == cell.text
    names = {cell.tag for cell in cells}
    assert {Tag.MANAGER, Tag.REPORTS, Tag.IS_MEMBER_OF_DL} <= names
