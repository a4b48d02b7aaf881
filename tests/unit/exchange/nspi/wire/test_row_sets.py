"""Sets of rows: byte by byte, and as the declared structures have them."""

import pytest

from rpch.errors import LocalProtocolError, RemoteProtocolError
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.wire.structures import MOST_VALUES
from rpch.ndr import StubError
from tests.declared_rows import Quick, declared, undressed

TWO: list[Row] = [[(0x3001_001E, b"A"), (0x3900_0003, 1)], [(0x3001_001E, b"B")]]
TWO_WIRE = bytes.fromhex(
    "01000000"
    "00000200"
    "02000000 02000000"  # two rows
    "00000000 02000000 04000200"  # of two values
    "00000000 01000000 08000200"  # and of one
    "02000000"  # the values of the first
    "1e000130 00000000 1e000000 0c000200"
    "03000039 00000000 03000000 01000000"
    "02000000 00000000 02000000 4100"  # and their text
    "0000"
    "01000000"
    "1e000130 00000000 1e000000 10000200"
    "02000000 00000000 02000000 4200"
    "0000"
    "02000000"
)
ODD: list[Row] = [
    [],
    [(0x0001_0002, -1), (0x0002_0002, 5), (0x0003_000B, 1)],
    [(0x8C6A_1102, (b"one", b"", b"four")), (0x0005_1002, (1, 2, 3)), (0x0006_1048, (bytes(16), b"g" * 16))],
]


def test_rows_come_before_what_they_point_to() -> None:
    assert Quick(1, TWO, 2).encode() == TWO_WIRE
    assert Quick.decode(TWO_WIRE) == Quick(1, TWO, 2)


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("rows", [None, [], [[]], TWO, ODD], ids=["null", "none", "empty", "two", "odd"])
def test_structures_have_the_same_bytes_in_both_orders(rows: list[Row] | None, little: bool) -> None:
    wire = declared(rows).encode(little_endian=little)
    assert Quick(1, rows, 2).encode(little_endian=little) == wire
    assert Quick.decode(wire, little_endian=little) == Quick(1, rows, 2)


@pytest.mark.parametrize("rows", [TWO, ODD], ids=["two", "odd"])
def test_rows_that_end_too_early_are_refused(rows: list[Row]) -> None:
    wire = Quick(1, rows, 2).encode()
    for cut in range(len(wire)):
        with pytest.raises(StubError):
            Quick.decode(wire[:cut])


def test_null_pointers_leave_nothing_in_a_row() -> None:
    wire = bytearray(TWO_WIRE)
    wire[56:60] = bytes(4)  # the first text
    del wire[76:92]
    assert Quick.decode(bytes(wire)).rows == [[(0x3900_0003, 1)], [(0x3001_001E, b"B")]]
    assert undressed(type(declared(TWO)).decode(bytes(wire))) == Quick.decode(bytes(wire))


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (8, 3),  # the maximum count of rows
        (12, 3),  # their count
        (20, 3),  # the count of a row
        (24, 0),  # no pointer, but two values
        (40, 1),  # the maximum count of its values
        (44, 0x3001_001F),  # another type in the tag
        (52, 0x77),  # a type that there is not
        (76, 3),  # the maximum, actual count and offset of a text
        (80, 1),
        (84, 3),
        (88, 0x4141),  # no terminator
    ],
)
def test_rows_that_contradict_themselves_are_refused(at: int, value: int) -> None:
    wire = bytearray(TWO_WIRE)
    wire[at : at + 4] = value.to_bytes(4, "little")
    try:
        expected = undressed(type(declared(TWO)).decode(bytes(wire)))
    except RemoteProtocolError:
        with pytest.raises(StubError):
            Quick.decode(bytes(wire))
    else:
        assert Quick.decode(bytes(wire)) == expected


@pytest.mark.parametrize(
    "row",
    [
        [(0x3001_0077, 1)],
        [(0x3001_001F, "a\0b")],
        [(0x3001_001E, b"a\0b")],
        [(0x3001_001F, "\ud800")],
        [(0x3900_0003, 1 << 40)],
        [(0x3900_0048, b"short")],
        [(0x3900_1003, (1,) * (MOST_VALUES + 1))],
        [(0x3900_0003, 1)] * (MOST_VALUES + 1),
    ],
    ids=["type", "nul", "narrow", "surrogate", "large", "guid", "many", "columns"],
)
def test_what_does_not_fit_is_our_own_mistake(row: Row) -> None:
    with pytest.raises(LocalProtocolError):
        Quick(1, [row], 2).encode()


def test_too_many_rows_are_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        Quick(1, [[]] * (MOST_VALUES + 1), 2).encode()


def test_absurd_counts_take_no_memory() -> None:
    for count in (MOST_VALUES, MOST_VALUES + 1, 0xFFFF_FFFF):
        head = b"".join(number.to_bytes(4, "little") for number in (1, 0x20000, count, count))
        with pytest.raises(StubError):
            Quick.decode(head + bytes(64))
