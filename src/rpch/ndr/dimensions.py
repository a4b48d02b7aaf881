"""How arrays are declared, in one dimension or several.  C706 14.3.3"""

from __future__ import annotations

from collections.abc import Sequence

from rpch.ndr.arrays import Array
from rpch.ndr.correlation import Spec
from rpch.ndr.grids import Grid
from rpch.ndr.kinds import NdrType
from rpch.ndr.streams import MAX_COUNT

Specs = Spec | tuple[Spec | None, ...] | None
"""One attribute; a tuple has an entry for each dimension."""


def fixed(element: object, *sizes: int) -> NdrType:
    """`a[2][3]`: elements only.  C706 14.3.3.1"""
    return _declare(element, len(sizes), sizes, varying=False)


def conformant(
    element: object, *, size_is: Specs = None, dimensions: int = 1, limit: int = MAX_COUNT
) -> NdrType:
    """`[size_is] a[]`: maximum counts, elements. `limit` is the [range] of the count.  C706 14.3.3.2"""
    return _declare(element, dimensions, None, varying=False, size_is=size_is, limit=limit)


def varying(element: object, *sizes: int, length_is: Specs = None, first_is: Specs = None) -> NdrType:
    """`[length_is] a[16]`: offsets and actual counts, elements.  C706 14.3.3.3"""
    return _declare(element, len(sizes), sizes, varying=True, length_is=length_is, first_is=first_is)


def conformant_varying(
    element: object,
    *,
    size_is: Specs = None,
    length_is: Specs = None,
    first_is: Specs = None,
    dimensions: int = 1,
    limit: int = MAX_COUNT,
) -> NdrType:
    """`[size_is, length_is] a[]`: maximum counts, offsets and actual counts, elements.  C706 14.3.3.4"""
    return _declare(
        element,
        dimensions,
        None,
        varying=True,
        size_is=size_is,
        length_is=length_is,
        first_is=first_is,
        limit=limit,
    )


def _declare(
    element: object,
    dimensions: int,
    sizes: tuple[int, ...] | None,
    *,
    varying: bool,
    size_is: Specs = None,
    length_is: Specs = None,
    first_is: Specs = None,
    limit: int = MAX_COUNT,
) -> NdrType:
    specs = [each if isinstance(each, tuple) else (each,) for each in (size_is, length_is, first_is)]
    dimensions = max(dimensions, *map(len, specs))
    if sizes is not None and (len(sizes) != dimensions or min(sizes, default=0) < 0):
        raise TypeError(f"{len(sizes)} sizes for {dimensions} dimensions")
    if dimensions == 1:
        (size,), (length,), (first,) = specs
        bound = None if sizes is None else sizes[0]
        return Array(
            element,
            bound=bound,
            varying=varying,
            size_is=size,
            length_is=length,
            first_is=first,
            limit=limit,
        )
    size_specs, length_specs, first_specs = (_each(spec, dimensions) for spec in specs)
    return Grid(
        element,
        dimensions,
        bounds=sizes,
        varying=varying,
        size_is=size_specs,
        length_is=length_specs,
        first_is=first_specs,
        limit=limit,
    )


def _each(specs: Sequence[Spec | None], dimensions: int) -> tuple[Spec | None, ...]:
    if specs == (None,):
        return (None,) * dimensions
    if len(specs) != dimensions:
        raise TypeError(f"{len(specs)} expressions for {dimensions} dimensions")
    return tuple(specs)
