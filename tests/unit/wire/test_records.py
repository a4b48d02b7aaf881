"""Records are declared by their fields, and that is their layout."""

from dataclasses import FrozenInstanceError
from typing import Annotated, ClassVar
from uuid import UUID

import pytest

from rpch.errors import DecodeError
from rpch.testing.codecs import check_codec
from rpch.wire import U8, U16, U32, Guid, Reader, Record, octets


class Sample(Record):
    """One field of each kind."""

    LIMIT: ClassVar[int] = 7

    kind: U8
    size: U16
    name: Guid
    mark: Annotated[bytes, octets(2)]


class Nothing(Record):
    """A record without fields."""


class Longer(Sample):
    """The fields of the record it extends come first."""

    more: U32


SAMPLE = Sample(1, 2, UUID("00010203-0405-0607-0809-0a0b0c0d0e0f"), b"zz")
WIRE = bytes.fromhex(
    "01"  # kind
    "0200"  # size
    "03020100 0504 0706 08090a0b0c0d0e0f"  # name
    "7a7a"  # mark
)


def test_a_record_travels_in_the_order_of_its_fields() -> None:
    check_codec(Sample.decode, SAMPLE, WIRE)


def test_a_record_extends_another() -> None:
    longer = Longer(SAMPLE.kind, SAMPLE.size, SAMPLE.name, SAMPLE.mark, 9)
    check_codec(Longer.decode, longer, WIRE + bytes.fromhex("09000000"))


def test_a_record_without_fields_is_empty() -> None:
    check_codec(Nothing.decode, Nothing(), b"")


def test_what_is_no_field_has_no_place_in_the_layout() -> None:
    assert [name for name, _ in Sample.LAYOUT] == ["kind", "size", "name", "mark"]


def test_records_with_equal_fields_are_equal() -> None:
    assert Sample.decode(WIRE) == SAMPLE
    assert hash(Sample.decode(WIRE)) == hash(SAMPLE)
    assert "size=2" in repr(SAMPLE)


def test_a_record_never_changes() -> None:
    with pytest.raises(FrozenInstanceError):
        SAMPLE.size = 3  # type: ignore[misc]


def test_records_follow_one_another_at_a_cursor() -> None:
    reader = Reader(WIRE + WIRE)
    assert (Sample.read(reader), Sample.read(reader)) == (SAMPLE, SAMPLE)
    reader.finish()
    with pytest.raises(DecodeError):
        Sample.read(reader)
