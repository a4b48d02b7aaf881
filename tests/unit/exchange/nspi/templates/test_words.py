"""What templates say in each language."""

import pytest

from rpch.exchange.nspi.codepages import find
from rpch.exchange.nspi.templates.words import ENGLISH, WORDS, words_for


def test_every_language_says_everything() -> None:
    english = WORDS[ENGLISH]
    for words in WORDS.values():
        assert words.keys() == english.keys()
        assert all(text and text == text.strip() for text in words.values())
        assert all(text.endswith(":") == word.endswith(":") for word, text in words.items())


def test_every_language_can_be_written_in_western_code_pages() -> None:
    for number in (1252, 850, 20261):
        page = find(number)
        assert page is not None
        for words in WORDS.values():
            assert all(page.decode(page.encode(text)) == text for text in words.values())


@pytest.mark.parametrize(
    ("locale", "wanted"),
    [
        (0x0407, "Allgemein"),
        (0x0C07, "Allgemein"),  # Austria
        (0x1_0407, "Allgemein"),  # sorted as in telephone directories
        (0x040C, "Général"),
        (0x0C0C, "Général"),  # Canada
        (0x0C0A, "General"),
        (0x0410, "Generale"),
        (0x0413, "Algemeen"),
        (0x0809, "General"),
        (0x0411, "General"),  # no words in Japanese
        (0, "General"),
    ],
)
def test_the_words_of_a_locale(locale: int, wanted: str) -> None:
    words = words_for(locale)
    assert words is not None
    assert words["General"] == wanted


@pytest.mark.parametrize("locale", [0xFFFF_FFFF, 0x10_0409, 0x03FF, 0x0793])
def test_what_is_no_locale_has_no_words(locale: int) -> None:
    assert words_for(locale) is None
