"""Arrays of several dimensions.  C706 14.3.3.5 to 14.3.3.9

A value is a tuple of rows, themselves tuples, down to the elements; only the transmitted block is
there. All maximum counts come first, then the offset and actual count of every dimension, then the
elements, the last index running fastest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from math import prod
from operator import mul
from typing import Any

from rpch.errors import LocalProtocolError
from rpch.ndr.correlation import Expression, Spec, expression
from rpch.ndr.items import items
from rpch.ndr.kinds import NdrType, Order, Plan, array_element, joined
from rpch.ndr.streams import MAX_COUNT, Decoder, Encoder

Specs = tuple[Spec | None, ...]


class Grid(NdrType):
    """A multidimensional array; `bounds` are its sizes unless it is conformant.  C706 14.3.3.5 to 14.3.3.9"""

    def __init__(
        self,
        element: object,
        dimensions: int,
        *,
        bounds: tuple[int, ...] | None = None,
        varying: bool = False,
        size_is: Specs,
        length_is: Specs,
        first_is: Specs,
        limit: int = MAX_COUNT,
    ) -> None:
        super().__init__()
        self.element, self.dimensions = array_element(element), dimensions
        self.bounds, self.varying, self.limit = bounds, varying, limit
        self.size = tuple(expression("size_is", spec) for spec in size_is)
        self.length = tuple(expression("length_is", spec) for spec in length_is)
        self.first = tuple(expression("first_is", spec) for spec in first_is)
        self.conformance = 0 if bounds is not None else dimensions
        self.late, self.depth = self.element.late, self.element.depth + dimensions
        counted = varying or bounds is None
        self.alignment = max(self.element.alignment, 4 if counted else 1)
        self.minimum = 4 * self.conformance + 8 * dimensions * varying
        if bounds is not None and not varying:
            self.minimum, self.memory = (
                prod(bounds) * self.element.minimum,
                prod(bounds) * self.element.memory,
            )

    @property
    def sizes(self) -> tuple[Expression, ...]:
        """What must be zero when a pointer to the array is null."""
        return tuple(size for size in self.size[:1] if size)

    def expressions(self) -> Iterable[Expression | None]:
        return *self.size, *self.length, *self.first

    def parts(self) -> Iterable[NdrType]:
        return (self.element,)

    def compile(self, plan: Plan, order: Order) -> None:
        write_items, read_items = items(self.element, order)
        counts = struct.Struct(f"{order}{self.dimensions}I")
        pairs = struct.Struct(f"{order}{2 * self.dimensions}I")

        def write_counts(encoder: Encoder, value: Any, scope: Any) -> None:
            encoder.align(3)
            encoder.out += counts.pack(*self._maxima(self._shape(value, scope), scope))

        def write_body(encoder: Encoder, value: Any, scope: Any) -> None:
            shape = self._shape(value, scope)
            if self.varying:
                self._maxima(shape, scope)
                encoder.align(3)
                encoder.out += pairs.pack(*chain(*zip(self._offsets(scope), shape, strict=True)))
            elif self.bounds is not None and shape != self.bounds:
                raise LocalProtocolError(f"need {self.bounds} elements, have {shape}")
            write_items(encoder, _flat(value, self.dimensions), scope)

        def read_counts(decoder: Decoder) -> tuple[int, ...]:
            maxima = decoder.unpack(counts, 3)
            if max(maxima) > self.limit:
                raise decoder.fail(f"maximum counts {maxima}")
            return maxima

        def read_body(decoder: Decoder, maxima: Any, slots: Any, key: Any, scope: Any) -> None:
            extent = decoder.unpack(pairs, 3) if self.varying else None
            shape = self._check(decoder, maxima, extent, scope)
            rows = sum(accumulate(shape[:-1], mul))
            decoder.claim(rows, 0, 8)  # rows without columns have no bytes
            holder: list[Any] = [None]
            read_items(decoder, prod(shape), holder, 0, scope)
            if self.late:
                decoder.queue.append((FOLD, slots, key, (holder, shape)))
            else:
                slots[key] = _fold(holder[0], shape)

        if self.bounds is None:
            plan.write_counts, plan.read_counts = write_counts, read_counts
            plan.write_body, plan.read_body = write_body, read_body
            plan.write, plan.read = joined(plan)
        else:
            bounds = self.bounds
            plan.write = write_body
            plan.read = lambda decoder, slots, key, scope: read_body(decoder, bounds, slots, key, scope)

    def _shape(self, value: Any, scope: Any) -> tuple[int, ...]:
        """How many elements a value has in each dimension; behind an empty one, what is declared."""
        shape: list[int] = []
        rows = [value]
        for at in range(self.dimensions):
            lengths = {len(row) for row in rows}
            if len(lengths) > 1:
                raise LocalProtocolError("the rows of an array differ in length")
            declared = (self.length[at] or self.size[at]) if not lengths else None
            shape.append(lengths.pop() if lengths else (declared.value(scope) if declared else 0))
            rows = [inner for row in rows for inner in row] if at + 1 < self.dimensions else []
        return tuple(shape)

    def _offsets(self, scope: Any) -> tuple[int, ...]:
        offsets = tuple(first.value(scope) if first else 0 for first in self.first)
        if min(offsets) < 0:
            raise LocalProtocolError(f"offsets {offsets}")
        return offsets

    def _maxima(self, shape: tuple[int, ...], scope: Any) -> tuple[int, ...]:
        """The maximum counts, when the value fits in them."""
        used = [offset + count for offset, count in zip(self._offsets(scope), shape, strict=True)]
        declared = [size.value(scope) if size else need for size, need in zip(self.size, used, strict=True)]
        maxima = self.bounds or tuple(declared)
        for need, most, length, count in zip(used, maxima, self.length, shape, strict=True):
            if need > most or (need < most and not self.varying) or most > self.limit:
                raise LocalProtocolError(f"{need} elements do not fit {most}")
            if length and length.value(scope) != count:
                raise LocalProtocolError(f"{count} elements, but {length} = {length.value(scope)}")
        return maxima

    def _check(self, decoder: Decoder, maxima: Any, extent: Any, scope: Any) -> tuple[int, ...]:
        """The shape of the transmitted block, when it is as declared."""
        offsets, shape = (extent[0::2], extent[1::2]) if extent else ((0,) * self.dimensions, maxima)
        for at in range(self.dimensions):
            if offsets[at] + shape[at] > maxima[at]:
                raise decoder.fail(f"elements up to {offsets[at] + shape[at]} exceed {maxima[at]}")
            for what, found in (
                (self.size[at], maxima[at]),
                (self.length[at], shape[at]),
                (self.first[at], offsets[at]),
            ):
                if what:
                    decoder.expect(what, found, scope)
            if offsets[at] and not self.first[at]:
                raise decoder.fail(f"offset {offsets[at]} where none is declared")
        return tuple(shape)


def _flat(value: Any, dimensions: int) -> list[Any]:
    rows = [value]
    for _ in range(dimensions):
        rows = [inner for row in rows for inner in row]
    return rows


def _fold(flat: Sequence[Any], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Rows of rows from elements one after the other."""
    rows: Sequence[Any] = tuple(flat)
    for at in range(len(shape) - 1, 0, -1):
        width, count = shape[at], prod(shape[:at])
        rows = [tuple(rows[row * width : (row + 1) * width]) for row in range(count)]
    return tuple(rows)


def _fold_late(_decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
    holder, shape = scope
    slots[key] = _fold(holder[0], shape)


FOLD = Plan()
"""Queued behind the referents of the elements: now the rows may be made."""
FOLD.read = _fold_late
