"""Expressions that tie counts and tags to fields."""

from types import SimpleNamespace

from rpch.ndr.correlation import Expression, expression


def test_an_expression_is_a_field_a_constant_or_a_function() -> None:
    scope = SimpleNamespace(count=3)
    by_name, constant = Expression("size_is", "count"), Expression("size_is", 8)
    by_function = Expression("length_is", lambda it: it.count + 1)
    assert (by_name.value(scope), constant.value(scope), by_function.value(scope)) == (3, 8, 4)
    assert (by_name.name, constant.name, by_function.name) == ("count", None, None)


def test_an_expression_says_what_it_is() -> None:
    def twice(it: SimpleNamespace) -> int:
        return 2 * int(it.count)

    assert str(Expression("size_is", "count")) == "size_is(count)"
    assert str(Expression("size_is", 8)) == "size_is(8)"
    assert str(Expression("size_is", twice)) == "size_is(twice)"


def test_an_attribute_may_be_left_out() -> None:
    assert expression("size_is", None) is None
    assert str(expression("first_is", 0)) == "first_is(0)"
