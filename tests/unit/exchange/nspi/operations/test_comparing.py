"""How two values compare."""

import operator

import pytest

from rpch.exchange.nspi.conditions import Compares, Contains
from rpch.exchange.nspi.operations.comparing import (
    against,
    by_length,
    comparison,
    containment,
    folded,
    has_bits,
    is_sameness,
    relation,
    size_of,
    sorted_by,
    unchanged,
)
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Tag


def test_relations_that_are_known() -> None:
    known = [relation(number) for number in range(6)]
    assert known == [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
    assert [number for number in range(8) if is_sameness(number)] == [4, 5]
    for number in (6, 7, 0x64, 0xFFFF_FFFF):
        with pytest.raises(Refused):
            relation(number)


def test_values_get_the_form_of_the_relation() -> None:
    assert comparison(4, 0x0409).form is folded
    assert comparison(0, 0x0409, narrow=True).form is by_length
    order = comparison(0, 0x041D)
    assert order.holds(order.form("zz"), order.form("å"))
    assert order.form(5) == sorted_by(0x041D, 5) == folded(5) == by_length(5) == 5
    assert by_length("z") < by_length("aa")


def test_texts_and_bytes_hold_others() -> None:
    for fuzziness, wanted in ((0, [False, False, True]), (1, [True, True, True]), (2, [True, False, True])):
        for form, parts in ((str, ("ab", "bc", "ABC")), (bytes, (b"ab", b"bc", b"abc"))):
            found = []
            for part in parts:
                compared = containment(Contains(fuzziness, Tag.TITLE, part))
                whole = "abc" if form is str else b"abc"
                found.append(compared.holds(compared.form(whole), compared.form(part)))
            assert found == wanted
    assert containment(Contains(0, Tag.TITLE, "x"), narrow=True).form is unchanged
    assert against(Contains(0, Tag.TITLE, "x"), 0).form is folded
    assert against(Compares(4, Tag.TITLE, ("x",)), 0).form is folded
    assert unchanged("A") == "A"
    for condition in (Contains(0, Tag.TITLE, 5), Compares(0, Tag.TITLE, ("x",))):
        with pytest.raises(Refused):
            against(condition, 0)


def test_bits_and_sizes() -> None:
    assert [has_bits(6, mask, wants_set=True) for mask in (1, 2, 3)] == [False, True, True]
    assert has_bits(6, 1, wants_set=False)
    assert not has_bits(None, 1, wants_set=False)
    sizes = [size_of(1, kind, 2) for kind in (Kind.INTEGER16, Kind.BOOLEAN, Kind.INTEGER32, Kind.TIME)]
    assert sizes == [2, 2, 4, 8]
    assert (size_of("abc", Kind.STRING, 2), size_of(("a", "b"), Kind.STRINGS, 1)) == (8, 4)
    assert size_of(b"abc", Kind.BINARY, 2) == 3
