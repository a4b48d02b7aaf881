"""How names are compared and sorted.  MS-OXNSPI 2.2.1.6, 3.1.4.3

Two names are the same name when they differ in case, width, accents or the kind of kana only. So every name
has a *folded* form, and that is what searches and restrictions compare.

Tables are sorted by weights (`weights.py`) first and by the name as written second. Some languages count
what others take for an accented letter, or two letters, as a letter of its own (`letters.py`): in
Swedish å, ä and ö follow z. In these symbols and punctuation do not count either; all others share the order
of the default locale, where they do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from rpch.exchange.nspi.collation.letters import DOUBLED, LANGUAGES, LOCALES
from rpch.exchange.nspi.collation.weights import Weights, letter_weights, weights

DEFAULT_LOCALE: Final = 0x0409

_ACCENTS: Final = range(0x0300, 0x0370)
_DROPPED: Final = dict.fromkeys(_ACCENTS)
_KATAKANA_TO_HIRAGANA: Final = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_TRANSLATION: Final[Mapping[int, int | None]] = {**_DROPPED, **_KATAKANA_TO_HIRAGANA}

_LANGUAGE: Final = 0x3FF  # MS-LCID 2.2: the bits of a locale that say the language
_BEHIND: Final = 0x10_FF00  # after every letter that may follow: `z` and this sorts behind all of `z`
_PLACEHOLDERS: Final = 0xF_F000  # stand for letters that are written with several characters


@dataclass(frozen=True, slots=True)
class _Order:
    """How one locale sorts: the weights, and the letters that are written with several characters."""

    weights: Weights
    together: re.Pattern[str] | None
    placeholders: Mapping[str, str]

    def of(self, text: str) -> str:
        """The form of a text that is sorted."""
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if self.together is not None:
            text = self.together.sub(self._placeholder, text)
        return self.weights.of(text)

    def _placeholder(self, found: re.Match[str]) -> str:
        return self.placeholders.get(found[0].casefold(), found[0])


def fold(text: str) -> str:
    """The form in which names are compared."""
    if text.isascii():
        return text.lower()
    spelled = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", spelled.translate(_TRANSLATION))


def sort_form(text: str, locale: int) -> str:
    """What a name is sorted by in a locale."""
    return _order(sort_locale(locale)).of(text)


def sort_locale(locale: int) -> int:
    """The locale whose order is used: those without letters of their own share one.  MS-OXNSPI 2.2.1.4"""
    if locale in LOCALES:
        return locale
    language = locale & _LANGUAGE
    return language if language in LANGUAGES else DEFAULT_LOCALE


@cache
def _order(name: int) -> _Order:
    """The order of a locale or language, by what `sort_locale` calls it."""
    rules = LOCALES.get(name) or LANGUAGES.get(name)
    if rules is None:
        return _Order(weights(), None, {})
    known = letter_weights()
    placed = _placed(rules, known)
    several = [letter for letter in placed if len(letter) > 1]
    placeholders = {letter: chr(_PLACEHOLDERS + at) for at, letter in enumerate(several)}
    if name in DOUBLED:
        placeholders |= {letter[0] + letter: 2 * char for letter, char in placeholders.items()}
    longest_first = sorted(placeholders, key=len, reverse=True)
    together = re.compile("|".join(longest_first), re.IGNORECASE) if several else None
    changed = dict(known)
    for letter, weight in placed.items():
        single = placeholders.get(letter, letter)
        changed |= {ord(char): weight for char in {single, single.upper()} if len(char) == 1}
    return _Order(Weights(changed, symbols=False), together, placeholders)


def _placed(rules: str, known: Weights) -> dict[str, str]:
    """The weight of each letter that a language places."""
    placed: dict[str, str] = {}
    for rule in rules.split():
        before, *groups = rule.split("<")
        first, *same = before.split("=")
        placed.update(dict.fromkeys(same, known.of(first)))
        for rank, letters in enumerate(groups):
            behind = known.of(first) + chr(_BEHIND + rank)
            placed.update(dict.fromkeys(letters.split("="), behind))
    return placed
