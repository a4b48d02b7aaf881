"""Sets of rows, written and read the quick way and as MS-OXNSPI declares them: always the same."""

from hypothesis import given
from hypothesis import strategies as st

from rpch.errors import RemoteProtocolError
from rpch.exchange.nspi.operations.rows import Row
from tests.declared_rows import Declared, Quick, declared, undressed

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
NARROW = st.binary(max_size=9).map(lambda raw: raw.replace(b"\0", b""))
BINARY = st.binary(max_size=9)
SHORT, LONG = st.integers(-(1 << 15), (1 << 15) - 1), st.integers(-(1 << 31), (1 << 31) - 1)
ULONG, MOMENT, GUID = (
    st.integers(0, (1 << 32) - 1),
    st.integers(0, (1 << 64) - 1),
    st.binary(min_size=16, max_size=16),
)
VALUES = {
    **dict.fromkeys((0x0000, 0x0001, 0x000A, 0x000D), ULONG),
    0x0002: SHORT,
    0x0003: LONG,
    0x000B: st.integers(0, 1),
    0x001E: NARROW,
    0x001F: TEXT,
    0x0040: MOMENT,
    0x0048: GUID,
    0x0102: BINARY,
    **{
        0x1000 | kind: st.lists(each, max_size=4).map(tuple)
        for kind, each in {
            0x02: SHORT,
            0x03: LONG,
            0x1E: NARROW,
            0x1F: TEXT,
            0x40: MOMENT,
            0x48: GUID,
            0x102: BINARY,
        }.items()
    },
}
CELL = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.integers(0, 0xFFFF).map(lambda number: number << 16 | kind), VALUES[kind])
)
ROWS = st.none() | st.lists(st.lists(CELL, max_size=6), max_size=4)


@given(ROWS, st.booleans())
def test_both_ways_write_and_read_the_same(rows: list[Row] | None, little: bool) -> None:
    wire = Quick(1, rows, 2).encode(little_endian=little)
    assert wire == declared(rows).encode(little_endian=little)
    assert Quick.decode(wire, little_endian=little) == Quick(1, rows, 2)


@given(ROWS, st.data())
def test_both_ways_accept_and_refuse_the_same(rows: list[Row] | None, data: st.DataObject) -> None:
    wire = bytearray(Quick(1, rows, 2).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(4, len(wire) - 1))
        wire[at] = data.draw(st.integers(0, 255))
    try:
        expected = undressed(Declared.decode(bytes(wire)))
    except RemoteProtocolError:
        expected = None
    try:
        found = Quick.decode(bytes(wire))
    except RemoteProtocolError:
        found = None
    assert found == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_refused(wire: bytes) -> None:
    try:
        found = Quick.decode(wire)
    except RemoteProtocolError:
        return
    assert found == undressed(Declared.decode(wire))
