"""Names compared and sorted in the simplest words, by hand, for the letters that random books are made of.

Nothing here is taken from the address book: what it does to whole alphabets must come to the same for these.
"""

from __future__ import annotations

from typing import Final

# Two names are the same when these are.
_FOLDED: Final = {
    "ß": "ss",
    "ẞ": "ss",
    "ü": "u",
    "É": "e",
    "é": "e",
    "ﬁ": "fi",
    "Ａ": "a",
    "ガ": "が",
    "Ω": "ω",
    "İ": "i",
}
# In tables, these differ no more.
_SORTED: Final = _FOLDED | {"ø": "o", "ガ": "か"}
_ORDER: Final = " -.@😀0123456789abcdefghijklmnopqrstuvwxyzåæöωか山"
_SYMBOLS: Final = " -.@😀"

DEFAULT, SWEDISH, DANISH, TELEPHONE_GERMAN, GERMAN = 0x0409, 0x041D, 0x0406, 0x1_0407, 0x0407
LOCALES: Final = (DEFAULT, SWEDISH, DANISH, TELEPHONE_GERMAN, GERMAN)
_LETTERS: Final = {
    DEFAULT: {},
    GERMAN: {},
    SWEDISH: {"ü": "y", "ø": "ö"},
    DANISH: {"ü": "y", "ø": "ö"},
    TELEPHONE_GERMAN: {"ü": "ue"},
}
_SYMBOLS_COUNT: Final = (DEFAULT, GERMAN)


def plain_fold(text: str) -> str:
    """A name as it is compared."""
    return "".join(_FOLDED.get(char, char.lower()) for char in text)


def plain_order(text: str, locale: int = DEFAULT) -> list[int]:
    """A name as it is sorted: where each letter stands."""
    letters = _SORTED | _LETTERS[locale]
    if locale == DANISH:
        text = _with_double_a(text)
    spelled = "".join(letters.get(char, char.lower()) for char in text)
    if locale not in _SYMBOLS_COUNT:
        spelled = "".join(char for char in spelled if char not in _SYMBOLS)
    return [_place(char, locale) for char in spelled]


def _place(char: str, locale: int) -> int:
    """Danes put å behind ø, Swedes before ä."""
    if locale == DANISH and char == "å":
        return 2 * _ORDER.index("ö") + 1
    return 2 * _ORDER.index(char)


def _with_double_a(text: str) -> str:
    """Aa is å."""
    out = ""
    at = 0
    while at < len(text):
        pair = text[at : at + 2]
        double = pair.lower() == "aa"
        out += "å" if double else text[at]
        at += 2 if double else 1
    return out
