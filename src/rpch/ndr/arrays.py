"""Arrays: fixed, conformant, varying and conformant varying.  C706 14.3.3"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from rpch.errors import LocalProtocolError
from rpch.ndr.correlation import Expression, Spec, expression
from rpch.ndr.items import items
from rpch.ndr.kinds import NdrType, Order, Plan, array_element, joined
from rpch.ndr.streams import MAX_COUNT, Decoder, Encoder

WriteExtent = Callable[[Encoder, Any, Any], None]
ReadExtent = Callable[[Decoder, int, Any], int]
"""decoder, maximum count, scope: how many elements follow"""


class Array(NdrType):
    """One dimension; `bound` is its size unless it is conformant.  C706 14.3.3"""

    def __init__(
        self,
        element: object,
        *,
        bound: int | None = None,
        varying: bool = False,
        size_is: Spec | None = None,
        length_is: Spec | None = None,
        first_is: Spec | None = None,
        limit: int = MAX_COUNT,
    ) -> None:
        super().__init__()
        self.element = array_element(element)
        self.bound, self.varying, self.limit = bound, varying, limit
        self.size = expression("size_is", size_is)
        self.length = expression("length_is", length_is)
        self.first = expression("first_is", first_is)
        self.conformance = 1 if bound is None else 0
        self.late, self.depth = self.element.late, self.element.depth + 1
        counted = varying or bound is None
        self.alignment = max(self.element.alignment, 4 if counted else 1)
        self.minimum = (
            4 * self.conformance + 8 * varying + (0 if counted else self.element.minimum * (bound or 0))
        )
        self.memory = 8 if counted else (bound or 0) * self.element.memory

    @property
    def sizes(self) -> tuple[Expression, ...]:
        """What must be zero when a pointer to the array is null."""
        return () if self.size is None else (self.size,)

    def expressions(self) -> Iterable[Expression | None]:
        return self.size, self.length, self.first

    def parts(self) -> Iterable[NdrType]:
        return (self.element,)

    def compile(self, plan: Plan, order: Order) -> None:
        write_items, read_items = items(self.element, order)
        write_extent, read_extent = self._write_extent(order), self._read_extent(order)

        def write_body(encoder: Encoder, value: Any, scope: Any) -> None:
            write_extent(encoder, value, scope)
            write_items(encoder, value, scope)

        def read_body(decoder: Decoder, maximum: Any, slots: Any, key: Any, scope: Any) -> None:
            count = read_extent(decoder, maximum, scope)
            read_items(decoder, count, slots, key, scope)

        if self.bound is None:
            self._compile_conformance(plan, order)
            plan.write_body, plan.read_body = write_body, read_body
            plan.write, plan.read = joined(plan)
        else:
            bound = self.bound
            plan.write = write_body
            plan.read = lambda decoder, slots, key, scope: read_body(decoder, bound, slots, key, scope)

    def _maximum(self, value: Any, scope: Any) -> int:
        """The maximum count to send: what size_is says, or just enough."""
        used = len(value) + (self.first.value(scope) if self.first else 0)
        maximum = self.size.value(scope) if self.size else used
        if maximum < used or (maximum > used and not self.varying) or maximum > self.limit:
            raise LocalProtocolError(
                f"{len(value)} elements do not fit {self.size or 'the limit'} = {maximum}"
            )
        return maximum

    def _compile_conformance(self, plan: Plan, order: Order) -> None:
        codec, limit = struct.Struct(order + "I"), self.limit

        def write_counts(encoder: Encoder, value: Any, scope: Any) -> None:
            encoder.align(3)
            encoder.out += codec.pack(self._maximum(value, scope))

        def read_counts(decoder: Decoder) -> int:
            maximum: int = decoder.unpack(codec, 3)[0]
            if maximum > limit:
                raise decoder.fail(f"maximum count {maximum} is above {limit}")
            return maximum

        plan.write_counts, plan.read_counts = write_counts, read_counts

    def _write_extent(self, order: Order) -> WriteExtent:
        """Offset and actual count, when they travel."""
        length, first, bound, codec = self.length, self.first, self.bound, struct.Struct(order + "II")

        def write_plain(_encoder: Encoder, value: Any, _scope: Any) -> None:
            if bound is not None and len(value) != bound:
                raise LocalProtocolError(f"need {bound} elements, have {len(value)}")

        def write_varying(encoder: Encoder, value: Any, scope: Any) -> None:
            actual = len(value)
            if length and length.value(scope) != actual:
                raise LocalProtocolError(f"{actual} elements, but {length} = {length.value(scope)}")
            offset = first.value(scope) if first else 0
            if offset < 0 or (bound is not None and offset + actual > bound):
                raise LocalProtocolError(f"{actual} elements from {offset} do not fit in {bound}")
            encoder.align(3)
            encoder.out += codec.pack(offset, actual)

        return write_varying if self.varying else write_plain

    def _read_extent(self, order: Order) -> ReadExtent:
        """How many elements travel, once all counts are as declared."""
        size, length, first, codec = self.size, self.length, self.first, struct.Struct(order + "II")

        def read_plain(decoder: Decoder, maximum: int, scope: Any) -> int:
            if size:
                decoder.expect(size, maximum, scope)
            return maximum

        def read_varying(decoder: Decoder, maximum: int, scope: Any) -> int:
            offset, actual = decoder.unpack(codec, 3)
            if offset + actual > maximum:
                raise decoder.fail(f"elements {offset} to {offset + actual} exceed maximum count {maximum}")
            if size:
                decoder.expect(size, maximum, scope)
            if length:
                decoder.expect(length, actual, scope)
            if first:
                decoder.expect(first, offset, scope)
            elif offset:
                raise decoder.fail(f"offset {offset} where none is declared")
            return int(actual)

        return read_varying if self.varying else read_plain
