"""Details templates: bytes that a client can draw."""

from rpch.exchange.nspi.codepages import find
from rpch.exchange.nspi.templates.controls import Cell, Control, ControlFlag, encode_template

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
