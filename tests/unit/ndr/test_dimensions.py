"""How arrays are declared."""

import pytest

from rpch.ndr.arrays import Array
from rpch.ndr.dimensions import conformant, conformant_varying, fixed, varying
from rpch.ndr.grids import Grid
from rpch.ndr.scalars import ULong


def test_one_dimension_makes_an_array() -> None:
    kinds = [
        fixed(ULong, 3),
        conformant(ULong, limit=9),
        varying(ULong, 3),
        conformant_varying(ULong, limit=9),
    ]
    assert all(isinstance(kind, Array) for kind in kinds)
    assert [(kind.bound, kind.varying, kind.limit < 10) for kind in kinds if isinstance(kind, Array)] == [
        (3, False, False),
        (None, False, True),
        (3, True, False),
        (None, True, True),
    ]


def test_a_lone_expression_serves_one_dimension() -> None:
    kind = conformant_varying(ULong, size_is="size", length_is=("length",), first_is=2)
    assert isinstance(kind, Array)
    assert [str(each) for each in kind.expressions()] == ["size_is(size)", "length_is(length)", "first_is(2)"]


def test_several_sizes_or_expressions_make_a_grid() -> None:
    for kind in (
        fixed(ULong, 2, 3),
        conformant(ULong, dimensions=2),
        conformant(ULong, size_is=("rows", None)),
        varying(ULong, 2, 3, length_is=(None, 2)),
        conformant_varying(ULong, first_is=("at", None)),
    ):
        assert isinstance(kind, Grid)
        assert kind.dimensions == 2


def test_sizes_and_expressions_must_agree() -> None:
    with pytest.raises(TypeError, match="2 sizes for 3 dimensions"):
        varying(ULong, 2, 3, length_is=(1, 1, 1))
    with pytest.raises(TypeError, match="2 expressions for 3 dimensions"):
        conformant_varying(ULong, size_is=("a", "b", "c"), length_is=("d", "e"))
    with pytest.raises(TypeError, match="1 sizes"):
        fixed(ULong, -1)
    with pytest.raises(TypeError, match="0 sizes"):
        fixed(ULong)
