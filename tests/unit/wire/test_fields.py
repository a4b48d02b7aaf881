"""Single values, in both directions."""

from typing import Any
from uuid import UUID

import pytest

from rpch.wire import U8, U16, U32, U64, Field, Guid, octets, scalar

UUID_VALUE = UUID("90740320-fad0-11d3-82d7-009027b130ab")


def field_of(annotation: Any) -> Field:
    """The field behind one of the annotated types."""
    field = annotation.__metadata__[0]
    assert isinstance(field, Field)
    return field


@pytest.mark.parametrize(
    ("annotation", "value", "wire"),
    [
        (U8, 0x12, "12"),
        (U16, 0x1234, "3412"),
        (U32, 0x12345678, "78563412"),
        (U64, 0x123456789ABCDEF0, "f0debc9a78563412"),
        (Guid, UUID_VALUE, "20037490 d0fa d311 82d7009027b130ab"),
    ],
)
def test_values_travel_little_endian(annotation: Any, value: object, wire: str) -> None:
    field, data = field_of(annotation), bytes.fromhex(wire)
    assert field.size == len(data)
    assert field.encode(value) == data
    assert field.decode(data) == value


def test_a_layout_of_struct_is_a_field() -> None:
    field = scalar(">h")
    assert (field.size, field.encode(-2), field.decode(b"\xff\xfe")) == (2, b"\xff\xfe", -2)


def test_opaque_bytes_have_exactly_their_size() -> None:
    field = octets(3)
    assert (field.encode(b"abc"), field.decode(b"abc")) == (b"abc", b"abc")
    for wrong in (b"ab", b"abcd"):
        with pytest.raises(ValueError, match="need 3 bytes, have"):
            field.encode(wrong)


def test_a_view_is_read_as_well_as_bytes() -> None:
    wire = memoryview(UUID_VALUE.bytes_le)
    assert field_of(Guid).decode(wire) == UUID_VALUE  # type: ignore[arg-type]
    assert octets(16).decode(wire) == UUID_VALUE.bytes_le  # type: ignore[arg-type]
