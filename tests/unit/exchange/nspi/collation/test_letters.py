"""Letters in places of their own: that every rule can be read."""

import re
import unicodedata
from itertools import pairwise

from rpch.exchange.nspi.collation.keys import DEFAULT_LOCALE, sort_form, sort_locale
from rpch.exchange.nspi.collation.letters import LANGUAGES, LOCALES

_RULE = re.compile(r"\w{1,2}(=\w{1,3})*(<\w{1,3}(=\w{1,3})*)*")


def test_rules_are_letters_between_signs() -> None:
    for rules in (*LANGUAGES.values(), *LOCALES.values()):
        assert all(_RULE.fullmatch(rule) for rule in rules.split())
        assert unicodedata.normalize("NFC", rules) == rules


def test_every_rule_holds() -> None:
    """A letter comes behind the one before it, with all that this begins, and with its equals."""
    locales = {language | 0x8000: rules for language, rules in LANGUAGES.items()} | dict(LOCALES)
    for locale, rules in locales.items():
        assert sort_locale(locale) != DEFAULT_LOCALE
        for rule in rules.split():
            groups = [part.split("=") for part in rule.split("<")]
            for group in groups:
                assert len({sort_form(letter, locale) for letter in group}) == 1
            for before, after in pairwise(groups):
                assert sort_form(before[0] + "\uffef", locale) < sort_form(after[0], locale)
                assert sort_form(after[0].upper(), locale) == sort_form(after[0], locale)
