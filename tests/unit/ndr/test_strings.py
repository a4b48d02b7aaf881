"""Terminated and counted strings, narrow and wide."""

from collections.abc import Callable
from typing import Annotated

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.constructs import Message, Struct
from rpch.ndr.dimensions import conformant
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import OutOfBand
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import ULong
from rpch.ndr.strings import (
    AString,
    ByteString,
    UnicodeString,
    WString,
    byte_string,
    narrow_string,
    varying_string,
    varying_wide_string,
    wide_string,
)

Check = Callable[[Message, str], None]


class Narrow(Message):
    text: AString
    after: ULong


class Wide(Message):
    text: WString


class Octets(Message):
    text: ByteString


class Varying(Message):
    narrow: Annotated[str, varying_string(4)]
    wide: Annotated[str, varying_wide_string(4)]


class Sized(Message):
    size: ULong
    text: Annotated[str, wide_string(size_is="size")]


class SizedPointer(Message):
    size: ULong
    text: Annotated[str | None, unique(narrow_string(size_is="size"))]


class Short(Message):
    text: Annotated[str, narrow_string(limit=4)]


class Padded(Message):
    text: Annotated[str, narrow_string(padded=True)]


class PaddedOctets(Message):
    text: Annotated[bytes, byte_string(padded=True)]


class Ascii(Message):
    text: Annotated[str, narrow_string(encoding="ascii")]


class Entitled(Struct):
    number: ULong
    title: WString


class HoistedText(Message):
    entitled: Entitled


class SizedTail(Struct):
    size: ULong
    text: Annotated[str, narrow_string(size_is="size")]


class HoistedSized(Message):
    tail: SizedTail


class Learning(Message):
    size: OutOfBand
    text: Annotated[str, narrow_string(size_is="size")]


class Counted(Message):
    text: UnicodeString
    after: ULong


class ManyCounted(Message):
    texts: Annotated[tuple[str | None, ...], conformant(UnicodeString)]


def test_a_narrow_string_counts_its_terminator(check_stub: Check) -> None:
    check_stub(Narrow("ab", 7), "03000000 00000000 03000000 616200 00 07000000")
    check_stub(Narrow("", 7), "01000000 00000000 01000000 00 000000 07000000")


def test_a_wide_string_counts_units_so_a_pair_of_surrogates_is_two(check_stub: Check) -> None:
    check_stub(Wide("a\U0001f600"), "04000000 00000000 04000000 6100 3dd8 00de 0000")


def test_narrow_text_keeps_every_octet_and_bytes_stay_bytes(check_stub: Check) -> None:
    check_stub(Narrow("\xe9", 0), "02000000 00000000 02000000 e900 0000 00000000")
    check_stub(Octets(b"\xe9"), "02000000 00000000 02000000 e900")


def test_a_varying_string_has_no_maximum_count(check_stub: Check) -> None:
    check_stub(Varying("abc", "de"), "00000000 04000000 61626300 00000000 03000000 640065000000")
    with pytest.raises(LocalProtocolError, match=r"Varying\.narrow: 5 characters"):
        Varying("abcd", "").encode()
    with pytest.raises(StubError, match="5 characters"):
        Varying.decode(bytes.fromhex("00000000 05000000 6162636400 000000 00000000 01000000 0000"))


def test_a_string_may_be_shorter_than_its_size(check_stub: Check) -> None:
    check_stub(Sized(8, "ab"), "08000000 08000000 00000000 03000000 610062000000")
    with pytest.raises(LocalProtocolError, match=r"3 characters do not fit size_is\(size\) = 2"):
        Sized(2, "ab").encode()
    with pytest.raises(StubError, match=r"size_is\(size\) is 9, the wire says 8"):
        Sized.decode(bytes.fromhex("09000000 08000000 00000000 03000000 610062000000"))


def test_a_null_string_has_size_zero(check_stub: Check) -> None:
    check_stub(SizedPointer(0, None), "00000000 00000000")
    with pytest.raises(LocalProtocolError, match="null"):
        SizedPointer(1, None).encode()
    with pytest.raises(StubError):
        SizedPointer.decode(bytes.fromhex("01000000 00000000"))


def test_a_size_beyond_all_counts_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        Sized(0xFFFFFFFF, "").encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("02000000 00000000 02000000 6162", "terminator missing"),
        ("03000000 00000000 03000000 610062", "terminator inside"),
        ("03000000 00000000 03000000 610000", "terminator twice"),
        ("00000000 00000000 00000000", "no characters at all"),
        ("02000000 00000000 03000000 616200", "actual above maximum"),
        ("03000000 01000000 02000000 6100", "offset"),
        ("00000080 00000000 02000000 6100", "count above 2^31-1"),
        ("ffffff7f 00000000 ffffff7f 6100", "count bomb"),
    ],
)
def test_a_misshapen_string_is_refused(text: str, why: str) -> None:
    with pytest.raises(StubError):
        Octets.decode(bytes.fromhex(text))
    assert why


def test_the_limit_counts_the_terminator(check_stub: Check) -> None:
    check_stub(Short("abc"), "04000000 00000000 04000000 61626300")
    with pytest.raises(LocalProtocolError, match="5 characters"):
        Short("abcd").encode()
    with pytest.raises(StubError, match="limit 4"):
        Short.decode(bytes.fromhex("05000000 00000000 05000000 6162636400"))


def test_a_padded_string_ends_at_the_first_terminator() -> None:
    wire = bytes.fromhex("04000000 00000000 04000000 61000000")
    assert Padded.decode(wire) == Padded("a")
    assert PaddedOctets.decode(wire) == PaddedOctets(b"a")
    with pytest.raises(StubError):
        Padded.decode(bytes.fromhex("04000000 00000000 04000000 61006200"))


def test_our_text_has_no_terminator_and_fits_its_characters() -> None:
    for message in (Wide("a\0b"), Narrow("a\0", 0), Octets(b"\0"), Ascii("\xe9"), Wide("\ud800")):
        with pytest.raises(LocalProtocolError):
            message.encode()


def test_text_outside_its_characters_is_refused() -> None:
    with pytest.raises(StubError, match="utf-16"):
        Wide.decode(bytes.fromhex("02000000 00000000 02000000 00d8 0000"))  # half a pair of surrogates
    with pytest.raises(StubError, match="ascii"):
        Ascii.decode(bytes.fromhex("02000000 00000000 02000000 e900"))


def test_a_string_as_last_member_moves_its_maximum_count_to_the_front(check_stub: Check) -> None:
    check_stub(HoistedText(Entitled(7, "a")), "02000000 07000000 00000000 02000000 6100 0000")
    check_stub(HoistedSized(SizedTail(3, "a")), "03000000 03000000 00000000 02000000 6100")
    with pytest.raises(StubError):
        HoistedSized.decode(bytes.fromhex("02000000 03000000 00000000 02000000 6100"))


def test_a_size_from_the_other_direction_is_learned(check_stub: Check) -> None:
    check_stub(Learning(100, "abc"), "64000000 00000000 04000000 61626300")


def test_a_counted_string_has_no_terminator(check_stub: Check) -> None:
    check_stub(
        Counted("a\0b", 1),
        "0600 0600 00000200 03000000 00000000 03000000 6100 0000 6200 0000 01000000",
    )
    check_stub(Counted("", 1), "0000 0000 00000200 00000000 00000000 00000000 01000000")
    check_stub(Counted(None, 1), "0000 0000 00000000 01000000")
    check_stub(
        ManyCounted(("a", None)),
        "02000000 0200 0200 00000200 0000 0000 00000000 01000000 00000000 01000000 6100",
    )


def test_a_counted_string_may_have_room_to_spare() -> None:
    wire = bytes.fromhex("0200 0600 00000200 03000000 00000000 01000000 6100 0000 01000000")
    assert Counted.decode(wire) == Counted("a", 1)


@pytest.mark.parametrize(
    "text",
    [
        "0400 0200 00000200 01000000 00000000 02000000 61006200",  # longer than its room
        "0100 0200 00000200 01000000 00000000 00000000",  # half a character
        "0000 0100 00000200 00000000 00000000 00000000",  # room for half a character
        "0200 0200 00000000",  # null, but counted
        "0000 0200 00000000",  # null with room
        "0200 0200 00000200 01000000 00000000 02000000 61006200",  # buffer says otherwise
        "0200 0200 00000200 02000000 00000000 01000000 6100",  # the same for its room
        "0200 0200 00000200 01000000 01000000 01000000 6100",  # offset
        "0200 0200 00000200 01000000 00000000 01000000 00d8",  # half a pair of surrogates
    ],
)
def test_a_misshapen_counted_string_is_refused(text: str) -> None:
    with pytest.raises(StubError):
        Counted.decode(bytes.fromhex(text) + bytes(8))


def test_a_counted_string_is_bounded_by_its_byte_counts() -> None:
    with pytest.raises(LocalProtocolError, match="65536 bytes"):
        Counted("x" * 0x8000, 0).encode()
