"""Every code page reads every name, in its way."""

import pytest

from rpch.exchange.nspi.codepages import TELETEX, UNICODE, UNSET, WESTERN, CodePage, find

NAME = "Łukasz Müller €日😀"


def page(number: int) -> CodePage:
    found = find(number)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("number", "wire"),
    [
        (WESTERN, b"?ukasz M\xfcller \x80??"),
        (UNSET, b"?ukasz M\xfcller \x80??"),
        (1250, b"\xa3ukasz M\xfcller \x80??"),
        (1251, b"?ukasz Muller \x88??"),
        (932, b"?ukasz Muller ?\x93\xfa?"),
        (20127, b"?ukasz Muller ???"),
        (TELETEX, b"\xe8ukasz M\xc8uller ???"),
        (65001, NAME.encode()),
    ],
)
def test_a_name_in_a_code_page(number: int, wire: bytes) -> None:
    assert page(number).encode(NAME) == wire


def test_what_comes_back_is_text_even_when_it_was_none() -> None:
    assert page(WESTERN).decode(b"M\xfcller") == "Müller"
    assert page(932).decode(b"\x93") == "\ufffd"
    assert page(TELETEX).decode(b"M\xc8uller") == "Müller"


def test_a_text_never_holds_its_own_end() -> None:
    assert page(WESTERN).encode("a\0b") == b"a"


@pytest.mark.parametrize("number", [UNICODE, 1201, 1, 65000, 12000, 0xFFFF_FFFF])
def test_code_pages_that_do_not_exist(number: int) -> None:
    assert find(number) is None


def test_every_code_page_takes_everything() -> None:
    for number in (437, 874, 949, 950, 1361, 10000, 20866, 28591, 28606, 51932, 54936):
        known = page(number)
        assert known.number == number
        assert known.decode(known.encode("Alice")) == "Alice"
        assert known.encode(NAME)
        assert isinstance(known.decode(bytes(range(1, 256))), str)
