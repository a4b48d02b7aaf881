"""What NDR types say about themselves, and how they are found."""

from collections.abc import Iterable
from typing import Annotated

import pytest

from rpch.ndr.constructs import Struct
from rpch.ndr.correlation import Expression
from rpch.ndr.kinds import NdrType, Order, Plan, Unsent, array_element, embeddable, joined, kind_of
from rpch.ndr.pointers import ref, unique
from rpch.ndr.scalars import Byte, Scalar, ULong
from rpch.ndr.streams import Decoder, Encoder


class Point(Struct):
    x: ULong


class Loop(NdrType):
    """Meets itself while compiling."""

    def __init__(self) -> None:
        super().__init__()
        self.compiled = 0

    def compile(self, plan: Plan, order: Order) -> None:
        self.compiled += 1
        assert self.plan(order) is plan


class Outer(NdrType):
    """Has a part and an expression."""

    def __init__(self, spec: str) -> None:
        super().__init__()
        self.part, self.spec = Loop(), spec

    def compile(self, plan: Plan, order: Order) -> None:
        """Nothing to make."""

    def parts(self) -> Iterable[NdrType]:
        return (self.part,)

    def expressions(self) -> Iterable[Expression | None]:
        return None, Expression("size_is", 5), Expression("size_is", self.spec)


def test_a_plan_is_compiled_once_for_each_byte_order() -> None:
    loop = Loop()
    assert loop.plan("<") is loop.plan("<") is loop.top("<")
    assert loop.plan(">") is not loop.plan("<")
    assert loop.compiled == 2


def test_a_type_is_found_behind_an_alias_a_class_or_itself() -> None:
    scalar = Scalar("I")
    assert kind_of(scalar) is scalar
    assert kind_of(Annotated[int, "a note", scalar, "another"]) is scalar
    assert kind_of(Annotated[ULong, scalar]) is scalar  # the outermost wins
    assert kind_of(Point) is Point.KIND


@pytest.mark.parametrize("hint", [int, Annotated[int, "a note"], Struct, None, 5])
def test_anything_else_is_no_type(hint: object) -> None:
    with pytest.raises(TypeError, match="no NDR type"):
        kind_of(hint)


def test_an_annotation_as_text_is_explained() -> None:
    with pytest.raises(TypeError, match="without `from __future__ import annotations`"):
        kind_of("ULong")


def test_names_in_expressions_are_looked_up_in_parts_too() -> None:
    Outer("count").bind(Point, {"count"})
    with pytest.raises(TypeError, match=r"Point: size_is\(other\) names no field"):
        Outer("other").bind(Point, {"count"})
    assert list(Loop().parts()) == []
    assert list(Loop().expressions()) == []


def test_a_number_of_the_other_direction_can_only_be_a_field() -> None:
    with pytest.raises(TypeError, match="only be a field"):
        Unsent().plan("<")


def test_what_cannot_be_an_element() -> None:
    class Endless(NdrType):
        conformance = 1

        def compile(self, plan: Plan, order: Order) -> None:
            """Nothing to make."""

    class Empty(Endless):
        conformance = 0
        minimum = 0

    with pytest.raises(TypeError, match="union arm by value: use a pointer"):
        embeddable(Endless(), "a union arm")
    with pytest.raises(TypeError, match="at least one byte"):
        array_element(Empty())
    with pytest.raises(TypeError, match="reference pointers"):
        array_element(ref(ULong))
    assert array_element(unique(Byte)).late


def test_counts_come_before_the_body() -> None:
    plan, seen = Plan(), list[object]()
    plan.write_counts = lambda _encoder, value, _scope: seen.append(("counts", value))
    plan.write_body = lambda _encoder, value, _scope: seen.append(("body", value))
    plan.read_counts = lambda _decoder: 7
    plan.read_body = lambda _decoder, counts, _slots, key, _scope: seen.append((counts, key))
    write, read = joined(plan)
    write(Encoder(), "value", None)
    read(Decoder(b""), {}, "key", None)
    assert seen == [("counts", "value"), ("body", "value"), (7, "key")]
