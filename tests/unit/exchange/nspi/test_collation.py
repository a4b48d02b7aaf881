"""Names compared without case, width, accents and kind of kana, and sorted by locale."""

import pytest

from rpch.exchange.nspi.collation import DEFAULT_LOCALE, fold, sort_form, sort_locale

SWEDISH, DANISH, TELEPHONE_GERMAN = 0x041D, 0x0406, 0x10407


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ALICE", "alice"),
        ("Müller", "MULLER"),
        ("Straße", "STRASSE"),
        ("ﬁsh", "FISH"),
        ("Ａｌｉｃｅ", "alice"),
        ("ガ", "が"),
        ("ｶﾞ", "が"),
        ("é", "e\u0301"),
        ("İ", "i"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("か", "が"), ("o", "ø"), ("d", "ð"), ("山田", "山本"), ("😀", "😁")]
)
def test_names_that_are_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_folding_twice_changes_nothing() -> None:
    for text in ("Müller", "İstanbul", "ﬃ", "ẞ", "ガ", "Ǆ", "ΑΣ"):
        assert fold(fold(text)) == fold(text)


def test_swedish_puts_its_letters_behind_z() -> None:
    names = ["Österman", "Zorn", "Ådel", "Adel", "Äng"]
    assert sorted(names, key=lambda name: sort_form(name, SWEDISH)) == [
        "Adel",
        "Zorn",
        "Ådel",
        "Äng",
        "Österman",
    ]
    assert sorted(names, key=lambda name: (sort_form(name, DEFAULT_LOCALE), name)) == [
        "Adel",
        "Ådel",
        "Äng",
        "Österman",
        "Zorn",
    ]


def test_danish_puts_them_in_an_order_of_its_own() -> None:
    names = ["Å", "Ø", "Æ", "Z"]
    assert sorted(names, key=lambda name: sort_form(name, DANISH)) == ["Z", "Æ", "Ø", "Å"]


def test_telephone_books_spell_umlauts_out() -> None:
    assert sort_form("Müller", TELEPHONE_GERMAN) == "mueller"


def test_a_letter_stays_with_its_word_whatever_follows() -> None:
    names = ["Zå", "Zz", "Åa", "Az"]
    assert sorted(names, key=lambda name: sort_form(name, SWEDISH)) == ["Az", "Zz", "Zå", "Åa"]


def test_locales_without_letters_of_their_own_share_one_order() -> None:
    assert sort_locale(SWEDISH) == SWEDISH
    assert sort_locale(0x0407) == sort_locale(0) == sort_locale(0xFFFF_FFFF) == DEFAULT_LOCALE
    assert sort_form("Müller", 0x0407) == fold("Müller")
