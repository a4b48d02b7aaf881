"""The elements of arrays."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.constructs import Struct
from rpch.ndr.faults import StubError
from rpch.ndr.items import items
from rpch.ndr.kinds import kind_of
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import Boolean, Byte, Float, Guid, Hyper, ULong
from rpch.ndr.streams import Decoder, Encoder
from rpch.ndr.strings import UnicodeString


class Point(Struct):
    x: Byte
    y: Hyper


CASES: dict[str, tuple[object, object, str]] = {
    "octets": (Byte, b"\1\2", "0102"),
    "numbers": (ULong, (1, 2), "01000000 02000000"),
    "converted": (Boolean, (True, False), "01 00"),
    "of odd layout": (Guid, (UUID(int=1),), "00000000 0000 0000 0000000000000001"),
    "structures": (Point, (Point(1, 2),), "01 00000000000000 0200000000000000"),
    "pointers": (unique(ULong), (5, None), "00000200 00000000 05000000"),
    "counted strings": (
        UnicodeString,
        ("a", None),
        "0200 0200 00000200 0000 0000 00000000 01000000 00000000 01000000 6100",
    ),
    "no octets": (Byte, b"", ""),
    "no numbers": (Hyper, (), ""),
    "no pointers": (unique(ULong), (), ""),
    "no structures": (Point, (), ""),
    "no counted strings": (UnicodeString, (), ""),
}


@pytest.mark.parametrize("name", CASES)
def test_elements_both_ways(name: str) -> None:
    hint, values, text = CASES[name]
    write, read = items(kind_of(hint), "<")
    encoder, scope = Encoder(), SimpleNamespace()
    write(encoder, values, scope)
    encoder.flush()
    wire = bytes.fromhex(text)
    assert bytes(encoder.out) == wire
    decoder, slots = Decoder(wire), dict[str, object]()
    read(decoder, len(values), slots, "it", scope)  # type: ignore[arg-type]  # every case has a length
    decoder.flush()
    assert slots == {"it": values}
    assert type(slots["it"]) is type(values)
    for cut in range(len(wire)):
        decoder = Decoder(wire[:cut])
        with pytest.raises(StubError):  # noqa: PT012 - either of the two may notice
            read(decoder, len(values), slots, "it", scope)  # type: ignore[arg-type]  # as above
            decoder.flush()


@pytest.mark.parametrize(("hint", "value"), [(ULong, 1 << 32), (ULong, -1), (Float, 1e39)])
def test_an_element_that_does_not_fit_is_our_mistake(hint: object, value: float) -> None:
    write, _ = items(kind_of(hint), "<")
    with pytest.raises(LocalProtocolError, match="array element"):
        write(Encoder(), (value,), None)


def test_octets_may_be_given_as_numbers_that_fit() -> None:
    write, _ = items(kind_of(Byte), "<")
    encoder = Encoder()
    write(encoder, (1, 2), None)
    assert bytes(encoder.out) == b"\1\2"
    with pytest.raises(ValueError, match="range"):
        write(encoder, (256,), None)
