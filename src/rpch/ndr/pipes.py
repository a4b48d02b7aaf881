"""Pipes: elements in chunks, ended by an empty one.  C706 14.3.9"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from rpch.errors import LocalProtocolError
from rpch.ndr.items import items
from rpch.ndr.kinds import NdrType, Order, Plan, array_element
from rpch.ndr.streams import Decoder, Encoder


class Pipe(NdrType):
    """The value is a tuple of its chunks.  C706 14.3.9"""

    minimum = 4

    def __init__(self, element: object) -> None:
        super().__init__()
        self.alignment, self.element = 4, array_element(element)
        if isinstance(self.element, Pipe) or self.element.late:
            raise TypeError("an element of a pipe is neither a pipe nor a pointer")

    def parts(self) -> Iterable[NdrType]:
        return (self.element,)

    def compile(self, plan: Plan, order: Order) -> None:
        write_items, read_items = items(self.element, order)
        codec = struct.Struct(order + "I")

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            for chunk in value:
                if not len(chunk):
                    raise LocalProtocolError("an empty chunk would end the pipe")
                encoder.align(3)
                encoder.out += codec.pack(len(chunk))
                write_items(encoder, chunk, scope)
            encoder.align(3)
            encoder.out += codec.pack(0)

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            chunks: list[Any] = []
            while count := decoder.unpack(codec, 3)[0]:
                chunks.append(None)
                read_items(decoder, count, chunks, len(chunks) - 1, scope)
            slots[key] = tuple(chunks)

        plan.write, plan.read = write, read


def pipe(element: object) -> Pipe:
    """A pipe of elements without pointers; [in] behind the others, [out] before them.  C706 14.3.9"""
    return Pipe(element)
