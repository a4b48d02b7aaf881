"""Arrays of one dimension."""

import tracemalloc
from collections.abc import Callable
from typing import Annotated

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.arrays import Array
from rpch.ndr.constructs import Message, Struct, length_of
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import NdrType, OutOfBand, kind_of
from rpch.ndr.pointers import ref, unique
from rpch.ndr.scalars import Byte, Hyper, Short, ULong, UShort
from rpch.ndr.strings import WString, varying_string

Check = Callable[[Message, str], None]


class Fixed(Message):
    numbers: Annotated[tuple[int, ...], Array(UShort, bound=3)]


class Conformant(Message):
    numbers: Annotated[tuple[int, ...], Array(Hyper, size_is="count")]
    count: ULong  # behind the array it counts


class Varying(Message):
    first: OutOfBand
    numbers: Annotated[tuple[int, ...], Array(UShort, bound=4, varying=True, first_is="first")]


class Both(Message):
    size: ULong
    length: ULong
    numbers: Annotated[tuple[int, ...], Array(UShort, varying=True, size_is="size", length_is="length")]


class Limited(Message):
    octets: Annotated[bytes, Array(Byte, limit=3)]


class Plus(Struct):
    count: ULong = length_of("tags")
    tags: Annotated[
        tuple[int, ...], Array(ULong, varying=True, size_is=lambda it: it.count + 1, length_is="count")
    ]


class Tags(Message):
    tags: Annotated[Plus | None, unique(Plus)]


class Strings(Message):
    texts: Annotated[tuple[str, ...], Array(varying_string(8))]


class Pointers(Message):
    texts: Annotated[tuple[str | None, ...], Array(unique(WString))]


class Rows(Message):
    rows: Annotated[tuple[tuple[int | None, ...], ...], Array(Array(unique(ULong), bound=2))]


class Maybe(Message):
    count: ULong
    octets: Annotated[bytes | None, unique(Array(Byte, size_is="count"))]


class Tripping(Struct):
    model: Annotated[Plus | None, unique(Plus)]
    values: Annotated[bytes | None, unique(Array(Byte, size_is=lambda it: it.model.count))]


class Trips(Message):
    tripping: Tripping


def test_a_fixed_array_is_its_elements(check_stub: Check) -> None:
    check_stub(Fixed((1, 2, 3)), "0100 0200 0300")
    for wrong in ((1, 2), (1, 2, 3, 4)):
        with pytest.raises(LocalProtocolError, match="need 3 elements"):
            Fixed(wrong).encode()


def test_a_conformant_array_has_a_count_and_its_elements_their_own_gap(check_stub: Check) -> None:
    check_stub(Conformant((5,), 1), "01000000 00000000 0500000000000000 01000000")
    check_stub(Conformant((), 0), "00000000 00000000")


def test_a_count_behind_its_array_is_still_checked() -> None:
    with pytest.raises(StubError, match=r"size_is\(count\) is 2, the wire says 1"):
        Conformant.decode(bytes.fromhex("01000000 00000000 0500000000000000 02000000"))
    with pytest.raises(LocalProtocolError, match="1 elements do not fit"):
        Conformant((5,), 2).encode()


def test_a_varying_array_has_an_offset_and_a_length(check_stub: Check) -> None:
    check_stub(Varying(first=1, numbers=(7, 8)), "01000000 02000000 0700 0800")
    with pytest.raises(LocalProtocolError, match="do not fit in 4"):
        Varying(first=3, numbers=(7, 8)).encode()
    with pytest.raises(LocalProtocolError):
        Varying(first=-1, numbers=(7, 8)).encode()
    with pytest.raises(StubError, match="exceed maximum count 4"):
        Varying.decode(bytes.fromhex("03000000 02000000 0700 0800"))


def test_a_conformant_varying_array_has_all_three(check_stub: Check) -> None:
    check_stub(Both(4, 2, (1, 2)), "04000000 02000000 04000000 00000000 02000000 0100 0200")
    for size, length in ((1, 2), (4, 1)):
        with pytest.raises(LocalProtocolError):
            Both(size, length, (1, 2)).encode()


@pytest.mark.parametrize(
    "text",
    [
        "05000000 02000000 04000000 00000000 02000000 0100 0200",  # size_is
        "04000000 01000000 04000000 00000000 02000000 0100 0200",  # length_is
        "04000000 02000000 04000000 01000000 02000000 0100 0200",  # an offset nobody declared
        "01000000 02000000 01000000 00000000 02000000 0100 0200",  # actual above maximum
        "04000000 02000000 04000000 ffffffff 02000000 0100 0200",  # the sum must not wrap
    ],
)
def test_counts_that_contradict_are_refused(text: str) -> None:
    with pytest.raises(StubError) as refused:
        Both.decode(bytes.fromhex(text))
    assert refused.value.status == 0x6F7


def test_a_limit_binds_both_sides(check_stub: Check) -> None:
    check_stub(Limited(b"abc"), "03000000 616263")
    with pytest.raises(LocalProtocolError):
        Limited(b"abcd").encode()
    with pytest.raises(StubError, match="above 3"):
        Limited.decode(bytes.fromhex("04000000 61626364"))


def test_a_maximum_count_may_exceed_what_is_sent(check_stub: Check) -> None:
    check_stub(Tags(Plus(tags=(6, 7))), "00000200 03000000 02000000 00000000 02000000 06000000 07000000")


def test_an_array_of_strings_is_one_string_after_the_other(check_stub: Check) -> None:
    check_stub(
        Strings(("a", "bcd")),
        "02000000 00000000 02000000 6100 0000 00000000 04000000 62636400",
    )


def test_an_array_of_pointers_becomes_a_tuple_when_its_referents_are_there(check_stub: Check) -> None:
    check_stub(
        Pointers(("a", None)),
        "02000000 00000200 00000000 02000000 00000000 02000000 61000000",
    )
    check_stub(Pointers(()), "00000000")
    check_stub(
        Rows(((1, None), (None, 2))),
        "02000000 00000200 00000000 00000000 04000200 01000000 02000000",
    )


@pytest.mark.parametrize("kind", [Array(Hyper), Array(Byte), Array(unique(ULong)), Array(varying_string(8))])
def test_a_count_bomb_is_refused_before_room_is_made(kind: NdrType) -> None:
    class Bomb(Message):
        values: Annotated[object, kind]

    wire = bytes.fromhex("ffffff7f") + bytes(1000)
    Bomb.decode(bytes(4))
    tracemalloc.start()
    with pytest.raises(StubError):
        Bomb.decode(wire)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024


def test_a_function_that_trips_over_the_peers_null_is_the_peers_mistake(check_stub: Check) -> None:
    check_stub(
        Trips(Tripping(Plus(tags=()), b"")),
        "00000200 04000200 01000000 00000000 00000000 00000000 00000000",
    )
    with pytest.raises(StubError, match="cannot be told"):
        Trips.decode(bytes.fromhex("00000000 04000200 00000000"))


def test_a_null_array_has_size_zero(check_stub: Check) -> None:
    check_stub(Maybe(0, None), "00000000 00000000")
    check_stub(Maybe(1, b"a"), "01000000 00000200 01000000 61")
    with pytest.raises(StubError, match="size_is"):
        Maybe.decode(bytes.fromhex("01000000 00000000"))


def test_elements_take_at_least_a_byte_and_are_of_one_size_by_value() -> None:
    with pytest.raises(TypeError, match="at least one byte"):
        Array(Array(Byte, bound=0))
    with pytest.raises(TypeError, match="use a pointer"):
        Array(kind_of(WString))
    with pytest.raises(TypeError, match="reference pointers"):
        Array(ref(ULong))


def test_an_array_says_what_it_asks_of_a_structure() -> None:
    assert Array(Byte, bound=3).alignment == 1
    assert Array(Byte).alignment == 4
    assert Array(Hyper).alignment == 8
    assert Array(Short, bound=3).minimum == 6
    assert Array(Short).minimum == 4
    assert Array(Short, bound=3, varying=True).minimum == 8
