"""Property tags: a number and a type in one word."""

from rpch.exchange.nspi.tags import Kind, Tag, in_code_page, in_unicode, kind_of, number_of, with_kind


def test_a_tag_is_a_number_and_a_type() -> None:
    assert (number_of(Tag.DISPLAY_NAME), kind_of(Tag.DISPLAY_NAME)) == (0x3001, Kind.STRING)
    assert with_kind(Tag.DISPLAY_NAME, Kind.ERROR) == 0x3001_000A


def test_text_travels_in_unicode_or_in_a_code_page() -> None:
    assert in_code_page(Tag.DISPLAY_NAME) == 0x3001_001E
    assert in_code_page(Tag.PROXY_ADDRESSES) == 0x800F_101E
    assert in_unicode(0x3001_001E) == Tag.DISPLAY_NAME
    for tag in (Tag.ENTRYID, Tag.DISPLAY_TYPE, Tag.MEMBER):
        assert in_code_page(tag) == in_unicode(tag) == tag
