"""T.61: ASCII below, letters and accents above, each accent before its letter."""

import pytest

from rpch.exchange.nspi.teletex import decode, encode

# ITU-T T.61: 0xC8 is the diaeresis, 0xC2 the acute, 0xCF the caron, 0xFB the sharp s.
CASES = [
    ("Alice", b"Alice"),
    ("Müller", b"M\xc8uller"),
    ("Žižka", b"\xcfZi\xcfzka"),
    ("José", b"Jos\xc2e"),
    ("Straße", b"Stra\xfbe"),
    ("Øre Łódź", b"\xe9re \xe8\xc2od\xc2z"),
    ("¿½?", b"\xbf\xbd?"),
]


@pytest.mark.parametrize(("text", "wire"), CASES)
def test_both_directions(text: str, wire: bytes) -> None:
    assert encode(text) == wire
    assert decode(wire) == text


def test_what_it_lacks_becomes_a_question_mark() -> None:
    assert encode("日本 €") == b"?? ?"


def test_what_it_can_write_nearly_is_written_nearly() -> None:
    assert encode("ﬁ") == b"f"
    assert encode("ǟ") == b"\xc8a"  # of two accents it has the first


def test_an_umlaut_of_old_texts_is_a_diaeresis() -> None:
    assert decode(b"M\xc9uller") == "Müller"


def test_dollar_and_number_sign_may_stand_above() -> None:
    assert decode(b"\xa4\xa6") == "$#"


def test_unknown_codes_become_marks_and_lonely_accents_go() -> None:
    assert decode(b"a\xffb\xc2") == "a\ufffdb"
