"""Type serialization version 1: NDR in a file or a header, behind headers of its own.  MS-RPCE 2.2.6

Every field of a message becomes one type of the stream. Alignment counts from the start of the
stream; all headers are multiples of 8.
"""

from __future__ import annotations

import struct
from typing import Final, TypeVar

from rpch.ndr.constructs import Message
from rpch.ndr.kinds import Order
from rpch.ndr.streams import Decoder, Encoder

COMMON: Final = struct.Struct("<BBHI")  # version, byte order, length, filler; always little-endian
VERSION: Final = 1
LITTLE_ENDIAN: Final = 0x10
BIG_ENDIAN: Final = 0x00
FILLER: Final = 0xCCCC_CCCC

M = TypeVar("M", bound=Message)


def encode_pickle(message: Message, *, little_endian: bool = True) -> bytes:
    """Every field as one serialized type.  MS-RPCE 2.2.6"""
    order: Order = "<" if little_endian else ">"
    encoder = Encoder()
    out = encoder.out
    out += COMMON.pack(VERSION, LITTLE_ENDIAN if little_endian else BIG_ENDIAN, COMMON.size, FILLER)
    for kind, type_steps in message.parameters(order):
        start, constructed = len(out), kind.constructed
        if constructed:
            out += bytes(8)  # object length and filler, MS-RPCE 2.2.6.2
        for write, _ in type_steps:
            write(encoder, message, message)
        encoder.align(7)
        if constructed:
            struct.pack_into(order + "I", out, start, len(out) - start - 8)
    return bytes(out)


def decode_pickle(message: type[M], data: bytes) -> M:
    """The message in a serialized stream; bytes behind it are tolerated.  MS-RPCE 2.2.6

    Object lengths that leave out the padding are accepted, as are fillers of any value.
    """
    decoder = Decoder(data)
    version, byte_order, length, _ = decoder.unpack(COMMON, 0)
    if version != VERSION or length != COMMON.size:
        raise decoder.fail(f"serialization version {version} with a header of {length} bytes")
    order: Order = "<" if byte_order == LITTLE_ENDIAN else ">"  # MS-RPCE 2.2.6.1: anything else is big
    found = object.__new__(message)
    whole = decoder.data
    for kind, type_steps in message.parameters(order):
        end, constructed = len(whole), kind.constructed
        if constructed:
            size, _ = decoder.unpack(struct.Struct(order + "II"), 7)
            end = decoder.at + size
            if end > len(whole):
                raise decoder.fail(f"an object of {size} bytes, {len(whole) - decoder.at} bytes left")
        decoder.data = whole[:end]
        for _, read in type_steps:
            read(decoder, found.__dict__, found)
        decoder.data, decoder.at = whole, end if constructed else decoder.at
        decoder.at += -decoder.at & 7
    if message.UNSENT:
        decoder.unsent.append(found)
    decoder.finish()
    return found
