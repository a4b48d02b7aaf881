"""Cells: every type that travels, as the declared structures have it."""

import pytest

from rpch.errors import LocalProtocolError
from rpch.exchange.nspi.tags import Value
from rpch.exchange.nspi.wire.cells import cells
from rpch.exchange.nspi.wire.structures import LARGEST_BINARY, MOST_VALUES
from rpch.ndr import StubError
from tests.declared_rows import Quick, declared

VALUES: list[tuple[int, Value]] = [
    (0x0000, 7),
    (0x0001, 7),
    (0x0002, -2),
    (0x0003, -3),
    (0x000A, 0x8004_010F),
    (0x000B, 1),
    (0x000D, 0),
    (0x001E, b"\xe9tude"),
    (0x001F, "étude \U0001f600"),
    (0x0040, 0x01DB_0000_1234_5678),
    (0x0048, bytes(range(16))),
    (0x0102, b"abcde"),
    (0x1002, (1, -2, 3)),
    (0x1003, (1, -2)),
    (0x101E, (b"a", b"bcd")),
    (0x101F, ("a", "bcd")),
    (0x1040, (1, 0x01DB_0000_1234_5678)),
    (0x1048, (bytes(16), bytes(range(16)))),
    (0x1102, (b"a", b"", b"bcde")),
]
EMPTY: list[tuple[int, Value]] = [
    (0x001E, b""),
    (0x001F, ""),
    (0x0102, b""),
    *((kind, ()) for kind in (0x1002, 0x1003, 0x101E, 0x101F, 0x1040, 0x1048, 0x1102)),
]


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize(("kind", "value"), [*VALUES, *EMPTY])
def test_every_type_travels_as_it_is_declared(kind: int, value: Value, little: bool) -> None:
    rows = [[(0x3001_0000 | kind, value), (0x3900_0003, 1)]]
    wire = declared(rows).encode(little_endian=little)
    assert Quick(1, rows, 2).encode(little_endian=little) == wire
    assert Quick.decode(wire, little_endian=little).rows == rows
    for cut in range(len(wire)):
        with pytest.raises(StubError):
            Quick.decode(wire[:cut], little_endian=little)


def test_every_declared_type_is_here() -> None:
    assert sorted(cells("<")) == sorted(kind for kind, _ in VALUES)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (0x0102, bytes(LARGEST_BINARY + 1)),
        (0x101F, ("",) * (MOST_VALUES + 1)),
        (0x1002, (1 << 20,)),
        (0x1048, (b"short",)),
    ],
)
def test_values_that_do_not_fit_are_our_own_mistake(kind: int, value: Value) -> None:
    with pytest.raises(LocalProtocolError):
        Quick(1, [[(0x3001_0000 | kind, value)]], 2).encode()


@pytest.mark.parametrize("kind", [0x0102, 0x1003, 0x101F, 0x1102])
def test_counts_that_differ_are_refused(kind: int) -> None:
    value: Value = b"ab" if kind == 0x0102 else (b"a", b"b") if kind == 0x1102 else ("a", "b")
    wire = bytearray(Quick(1, [[(0x3001_0000 | kind, (1, 2) if kind == 0x1003 else value)]], 2).encode())
    wire[44:48] = (3).to_bytes(4, "little")  # the count in the cell
    with pytest.raises(StubError):
        Quick.decode(bytes(wire))


def test_half_a_surrogate_pair_is_refused() -> None:
    wire = bytearray(Quick(1, [[(0x3001_001F, "\U0001f600")]], 2).encode())
    at = bytes(wire).index("\U0001f600".encode("utf-16-le"))
    wire[at : at + 2] = b"aa"
    with pytest.raises(StubError):
        Quick.decode(bytes(wire))
