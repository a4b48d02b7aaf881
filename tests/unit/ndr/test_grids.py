"""Arrays of several dimensions."""

import tracemalloc
from collections.abc import Callable
from typing import Annotated

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.constructs import Message, Struct
from rpch.ndr.dimensions import conformant, conformant_varying, fixed, varying
from rpch.ndr.faults import StubError
from rpch.ndr.grids import Grid
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import Byte, Hyper, Short, ULong, UShort

Check = Callable[[Message, str], None]
Rows = tuple[tuple[int, ...], ...]


class Fixed(Message):
    rows: Annotated[Rows, fixed(UShort, 2, 3)]


class Cube(Message):
    cells: Annotated[tuple[Rows, ...], fixed(UShort, 2, 1, 2)]


class Conformant(Message):
    height: ULong
    width: ULong
    rows: Annotated[Rows, conformant(Short, size_is=("height", "width"))]


class Free(Message):
    rows: Annotated[Rows, conformant(Byte, dimensions=2, limit=0x10000)]


class Varying(Message):
    top: ULong
    rows: Annotated[Rows, varying(Short, 4, 5, first_is=("top", None), length_is=(2, None))]


class Block(Message):
    rows: Annotated[Rows, conformant_varying(Short, size_is=(4, 5), first_is=(0, 1), length_is=(2, 3))]


class Pointed(Message):
    rows: Annotated[tuple[tuple[int | None, ...], ...], fixed(unique(ULong), 2, 2)]


class Optional(Message):
    height: ULong
    rows: Annotated[Rows | None, unique(conformant(Short, size_is=("height", 2)))]


class Hoisted(Struct):
    huge: Hyper
    rows: Annotated[Rows, conformant(Short, dimensions=2)]


class HoistedMessage(Message):
    hoisted: Hoisted


def test_a_fixed_grid_is_its_elements_row_by_row(check_stub: Check) -> None:
    check_stub(Fixed(((1, 2, 3), (4, 5, 6))), "0100 0200 0300 0400 0500 0600")
    check_stub(Cube((((1, 2),), ((3, 4),))), "0100 0200 0300 0400")


def test_a_conformant_grid_has_all_counts_first(check_stub: Check) -> None:
    check_stub(
        Conformant(2, 3, ((1, 2, 3), (4, 5, 6))),
        "02000000 03000000 02000000 03000000 0100 0200 0300 0400 0500 0600",
    )
    check_stub(Conformant(0, 3, ()), "00000000 03000000 00000000 03000000")
    check_stub(Free(((1, 2),)), "01000000 02000000 0102")
    assert Free(()).encode() == bytes(8)


def test_a_varying_grid_has_pairs(check_stub: Check) -> None:
    check_stub(
        Varying(1, ((1, 2), (3, 4))),
        "01000000 01000000 02000000 00000000 02000000 0100 0200 0300 0400",
    )


def test_counts_move_in_front_of_the_structure(check_stub: Check) -> None:
    check_stub(
        HoistedMessage(Hoisted(5, ((1, 2), (3, 4)))),
        "02000000 02000000 0500000000000000 0100 0200 0300 0400",
    )


def test_rows_of_pointers_wait_for_their_referents(check_stub: Check) -> None:
    check_stub(
        Pointed(((1, None), (None, 2))),
        "00000200 00000000 00000000 04000200 01000000 02000000",
    )


def test_a_null_grid_has_no_rows(check_stub: Check) -> None:
    check_stub(Optional(0, None), "00000000 00000000")
    check_stub(Optional(1, ((8, 9),)), "01000000 00000200 01000000 02000000 0800 0900")
    with pytest.raises(StubError):
        Optional.decode(bytes.fromhex("01000000 00000000"))


@pytest.mark.parametrize(
    "message",
    [
        Fixed(((1, 2, 3),)),
        Fixed(((1, 2, 3), (4, 5))),
        Conformant(2, 2, ((1, 2, 3), (4, 5, 6))),
        Varying(3, ((1, 2), (3, 4))),
        Varying(0, ((1, 2),)),
        Block(((1, 2), (3, 4))),
        Free(((0,) * 0x10001,)),
        Varying(0xFFFFFFFF, ((1,), (1,))),
    ],
)
def test_rows_that_do_not_fit_are_our_mistake(message: Message) -> None:
    with pytest.raises(LocalProtocolError):
        message.encode()


def test_a_negative_offset_is_our_mistake() -> None:
    class Shifted(Message):
        rows: Annotated[Rows, varying(Short, 4, 5, first_is=(-1, None))]

    with pytest.raises(LocalProtocolError, match="offsets"):
        Shifted(((1,),)).encode()


@pytest.mark.parametrize(
    "text",
    [
        "03000000 05000000 00000000 02000000 01000000 03000000",  # size_is
        "04000000 05000000 00000000 01000000 01000000 03000000",  # length_is
        "04000000 05000000 00000000 02000000 02000000 03000000",  # first_is
        "04000000 05000000 00000000 02000000 ffffffff 03000000",  # above the maximum
    ],
)
def test_extents_that_contradict_are_refused(text: str) -> None:
    with pytest.raises(StubError):
        Block.decode(bytes.fromhex(text) + bytes(12))


def test_an_offset_nobody_declared_is_refused() -> None:
    with pytest.raises(StubError, match="none is declared"):
        Varying.decode(bytes.fromhex("01000000 01000000 02000000 01000000 01000000 0100 0200"))


@pytest.mark.parametrize("counts", ["0000010000000000", "0000010000000100", "ffffff7f01000000"])
def test_rows_without_bytes_are_bounded_too(counts: str) -> None:
    tracemalloc.start()
    with pytest.raises(StubError):
        Free.decode(bytes.fromhex(counts) + bytes(64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024


def test_a_grid_says_what_it_asks_of_a_structure() -> None:
    for kind, alignment, minimum in (
        (fixed(Short, 2, 3), 2, 12),
        (conformant(Byte, dimensions=2), 4, 8),
        (varying(Hyper, 2, 3), 8, 16),
        (conformant_varying(Byte, dimensions=3), 4, 36),
    ):
        assert isinstance(kind, Grid)
        assert (kind.alignment, kind.minimum) == (alignment, minimum)
