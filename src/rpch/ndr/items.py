"""The elements of arrays and pipes, in the fastest way their type allows.  C706 14.3.3"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from rpch.errors import LocalProtocolError
from rpch.ndr.kinds import NdrType, Order, Plan
from rpch.ndr.scalars import Octet, Scalar
from rpch.ndr.streams import Decoder, Encoder

WriteItems = Callable[[Encoder, Any, Any], None]
"""encoder, values, scope"""
ReadItems = Callable[[Decoder, int, Any, Any, Any], None]
"""decoder, count, slots, key, scope"""


def _seal(_decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
    slots[key] = tuple(slots[key])


SEAL = Plan()
"""Queued behind the referents of an array's elements: now the list may become a tuple."""
SEAL.read = _seal


def items(element: NdrType, order: Order) -> tuple[WriteItems, ReadItems]:
    """Both directions for a run of elements."""
    if isinstance(element, Octet):
        return _octets(element)
    if isinstance(element, Scalar) and len(element.code) == 1:
        return _numbers(element, order)
    return _any(element, order)


def _octets(element: Octet) -> tuple[WriteItems, ReadItems]:
    def write(encoder: Encoder, values: Any, _scope: Any) -> None:
        encoder.out += bytes(values)

    def read(decoder: Decoder, count: int, slots: Any, key: Any, _scope: Any) -> None:
        decoder.claim(count, element.minimum, element.memory)
        slots[key] = decoder.take(count)

    return write, read


def _numbers(element: Scalar, order: Order) -> tuple[WriteItems, ReadItems]:
    code, size, mask, late = element.code, element.size, element.alignment - 1, element.late
    outgoing, incoming, memory = element.outgoing(order), element.incoming(order), element.memory

    def write(encoder: Encoder, values: Any, scope: Any) -> None:
        if not values:
            return
        if outgoing:
            values = [outgoing(encoder, value, scope) for value in values]
        encoder.align(mask)
        try:
            encoder.out += struct.pack(f"{order}{len(values)}{code}", *values)
        except (struct.error, OverflowError) as error:
            raise LocalProtocolError(f"array element: {error}") from None

    def read(decoder: Decoder, count: int, slots: Any, key: Any, scope: Any) -> None:
        decoder.claim(count, size, memory)
        if not count:
            slots[key] = ()
            return
        values = decoder.unpack(struct.Struct(f"{order}{count}{code}"), mask)
        slots[key] = values
        if incoming is None:
            return
        finished = list(values)
        for index in range(count):
            incoming(decoder, finished, index, scope)
        slots[key] = finished if late else tuple(finished)
        if late:
            decoder.queue.append((SEAL, slots, key, None))

    return write, read


def _any(element: NdrType, order: Order) -> tuple[WriteItems, ReadItems]:
    plan, late, minimum, memory = element.plan(order), element.late, element.minimum, element.memory

    def write(encoder: Encoder, values: Any, scope: Any) -> None:
        write_one = plan.write
        for value in values:
            write_one(encoder, value, scope)

    def read(decoder: Decoder, count: int, slots: Any, key: Any, scope: Any) -> None:
        decoder.claim(count, minimum, memory)
        read_one, values = plan.read, [None] * count
        for index in range(count):
            read_one(decoder, values, index, scope)
        slots[key] = values if late else tuple(values)
        if late:
            decoder.queue.append((SEAL, slots, key, None))

    return write, read
