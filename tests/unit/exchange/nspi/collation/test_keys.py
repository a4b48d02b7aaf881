"""Names compared without case, width, accents and kind of kana, and sorted by locale."""

import re

import pytest

from rpch.exchange.nspi.collation.keys import DEFAULT_LOCALE, fold, sort_form, sort_locale
from rpch.exchange.nspi.collation.letters import LANGUAGES, LOCALES

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


def ordered(locale: int, names: str) -> str:
    return " ".join(sorted(names.split(), key=lambda name: (sort_form(name, locale), name)))


@pytest.mark.parametrize(
    ("locale", "names"),
    [
        (DEFAULT_LOCALE, "_x -z 10 1a 2 Adel Ådel Äng l ł m Österman Zorn Ωmega Иван Йод あ ア 山"),
        (0x0407, "Äng Mull Müller Öl Zorn"),  # German dictionaries
        (TELEPHONE_GERMAN, "Mueller Müller Muffe Mufti Mull"),
        (SWEDISH, "Adel Zorn Ådel Äng Österman"),
        (0x081D, "Az Zz Zå Åa"),  # in Finland too; a letter stays with its word
        (DANISH, "Abel Zeta Ærø Øst Aagaard Åse"),
        (0x0414, "Z Æ Ø Å"),
        (0x0405, "Cibule Čapek Dub Hora chata CHX Chyba Ilja Rys Řeka"),
        (0x041B, "Adam Äb Buk Cena Čas Ch Ivan"),
        (0x040E, "Cukor Czuczor Csaba Dal Gz Gy Olga Öt Őz Pál Zoltán Zsolt"),
        (0x1040E, "Csaba Cukor Czuczor"),
        (0x0415, "Lato Łoś Mak Oko Ósmy Zet Źle Żaba"),
        (0x041F, "Hasan Ilgaz Işık ihsan İpek Jale"),
        (0x0427, "Hans Yla Ilga Ina Jonas"),
        (0x0426, "Cena Čaks Ilze Yves Jānis"),
        (0x0425, "Saar Šaar Zeta Žukov Tamm Veski Õun Äär Öö Üks"),
        (0x0C0A, "Chico Cuba Llano Lomo Luz Nz Ñu Oro"),
        (0x040A, "Cuba Chico Dado Luz Llano Nz Ñu Oro"),
        (0x041A, "Car Čavić Ćosić Dz Džem Đuro Ema Lz Ljubo"),
        (0x0452, "Cy Charles Dz Dda Eg"),
        (0x042A, "Az Ăn Ân Bo Do Đo"),
    ],
)
def test_names_in_the_order_of_a_locale(locale: int, names: str) -> None:
    shuffled = " ".join(reversed(names.split()))
    assert ordered(locale, shuffled) == names


def test_hungarians_write_long_letters_short() -> None:
    assert sort_form("Meccs", 0x040E) == sort_form("mecscs", 0x040E)
    assert sort_form("dzzs", 0x040E) != sort_form("ddzs", 0x040E) == sort_form("dzsdzs", 0x040E)


def test_symbols_count_in_the_default_locale_only() -> None:
    assert ordered(DEFAULT_LOCALE, "Oa O'Neil O-b O.c") == "O-b O.c O'Neil Oa"
    assert sort_form("O'Neil, \U0001f600", SWEDISH) == sort_form("ONeil", SWEDISH)
    assert sort_form("O'Neil", 0x0407) != sort_form("ONeil", 0x0407)


def test_case_accents_width_and_kind_of_kana_make_no_difference() -> None:
    for locale in (DEFAULT_LOCALE, 0x0405, 0x040E):
        for one, other in (("É", "e"), ("Ａ", "a"), ("ガ", "か"), ("ﬁ", "FI"), ("CHX", "chx"), ("ẞ", "ss")):
            assert sort_form(one, locale) == sort_form(other, locale)


def test_letters_look_alike_to_patterns_but_are_none() -> None:
    assert sort_form("\u017fz", 0x040E) == sort_form("sz", 0x040E)
    assert sort_form("\u017fz", 0x040E) > sort_form("sy", 0x040E)


def test_locales_without_letters_of_their_own_share_one_order() -> None:
    assert sort_locale(SWEDISH) == sort_locale(0x081D) != DEFAULT_LOCALE
    assert sort_locale(TELEPHONE_GERMAN) == TELEPHONE_GERMAN
    assert sort_locale(0x0407) == sort_locale(0) == sort_locale(0xFFFF_FFFF) == DEFAULT_LOCALE


def test_every_rule_names_letters_once() -> None:
    for rules in (*LANGUAGES.values(), *LOCALES.values()):
        letters = [letter for rule in rules.split() for letter in re.split("[<=]", rule)[1:]]
        assert len(letters) == len(set(letters))
