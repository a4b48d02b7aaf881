"""Conditions are values: equal when they say the same."""

from rpch.exchange.nspi.conditions import All, Compares, Exists, Fuzziness, Not, Relation
from rpch.exchange.nspi.tags import Tag


def test_conditions_are_values() -> None:
    one = All((Compares(Relation.EQUAL, Tag.TITLE, "x"), Not(Exists(Tag.SURNAME))))
    other = All((Compares(4, Tag.TITLE, "x"), Not(Exists(Tag.SURNAME))))
    assert one == other
    assert hash(one) == hash(other)


def test_numbers_are_those_of_the_protocol() -> None:
    assert [relation.value for relation in Relation] == [0, 1, 2, 3, 4, 5, 6, 0x64]
    assert (Fuzziness.WHOLE, Fuzziness.PART, Fuzziness.START) == (0, 1, 2)
