"""The weights of characters."""

import pytest

from rpch.exchange.nspi.collation import weights as module
from rpch.exchange.nspi.collation.weights import Weights, letter_weights, spelled, weights


def test_symbols_digits_letters_script_by_script() -> None:
    order = "_-,.'(§😀$09aɑbdđzþαωабийюأت가각あアかん山𠀀"
    keys = [weights().of(char) for char in order]
    assert keys == sorted(keys)
    assert weights().of("a") < weights().of("đ") < weights().of("e")


def test_equal_characters_have_equal_weights() -> None:
    for some in ("aAáÂａ", "かカｶがガ", "σςΣ", "ﻩه", "²2２", "ｏoøØ"):
        assert len({weights().of(char) for char in some}) == 1
    assert weights().of("ﬃ") == weights().of("ffi")
    assert weights().of("æ") == weights().of("ae")
    assert weights().of("и") != weights().of("й")


def test_what_has_no_weight() -> None:
    for char in ("\u0301", "\u200d", "\ufe0f", "\x00", "\ud800", "\U000e0041"):
        assert weights().of(char) == ""


def test_symbols_have_none_where_they_do_not_count() -> None:
    for char in (" ", "-", "'", "@", "\U0001f600", "\U0001faf0", "´"):
        assert weights().of(char) != ""
        assert letter_weights().of(char) == ""
    for char in ("a", "7", "$", "山"):
        assert letter_weights().of(char) == weights().of(char)


def test_weights_are_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    few = Weights({ord("a"): "1"})
    assert few.of("aÁ山山") == "11山山"
    assert len(few) == 2


def test_spelling_is_by_small_letters_and_marks() -> None:
    assert spelled("É") == "e\u0301"
    assert spelled("ẞ") == "ss"
    assert spelled("Ａ") == "a"
