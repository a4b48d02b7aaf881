"""Which attribute is which property."""

from rpch.exchange.nspi.book.attributes import ATTRIBUTES, BINARY_ATTRIBUTES
from rpch.exchange.nspi.tags import Kind, Tag, kind_of, number_of


def test_every_property_has_one_attribute_and_a_type_that_can_be_read() -> None:
    numbers = [number_of(tag) for tag in (*ATTRIBUTES, *BINARY_ATTRIBUTES)]
    assert len(numbers) == len(set(numbers))
    readable = {Kind.STRING, Kind.STRINGS, Kind.INTEGER32, Kind.BOOLEAN}
    assert {kind_of(tag) for tag in ATTRIBUTES} == readable
    assert {kind_of(tag) for tag in BINARY_ATTRIBUTES} == {Kind.BINARY, Kind.BINARIES}


def test_the_fifteen_extension_attributes() -> None:
    assert ATTRIBUTES[0x802D_001F] == "extensionAttribute1"
    assert ATTRIBUTES[0x8036_001F] == "extensionAttribute10"
    assert ATTRIBUTES[0x8C57_001F] == "extensionAttribute11"
    assert ATTRIBUTES[0x8C61_001F] == "extensionAttribute15"
    assert sum(name.startswith("extensionAttribute") for name in ATTRIBUTES.values()) == 15


def test_well_known_ones() -> None:
    assert ATTRIBUTES[Tag.SURNAME] == "sn"
    assert BINARY_ATTRIBUTES[Tag.THUMBNAIL_PHOTO] == "thumbnailPhoto"
