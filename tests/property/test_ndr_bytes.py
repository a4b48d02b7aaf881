"""Any bytes at all are a message or a `DecodeError`, in bounded memory."""

import tracemalloc
from enum import IntFlag
from typing import Annotated

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rpch.errors import DecodeError
from rpch.ndr import (
    AString,
    Boolean,
    Byte,
    ContextHandle,
    Double,
    FileTime,
    Guid,
    Hyper,
    Message,
    OpenEnum,
    OutOfBand,
    Short,
    Struct,
    ULong,
    UnicodeString,
    UShort,
    WString,
    conformant,
    conformant_varying,
    decode_pickle,
    enum16,
    fixed,
    full,
    length_of,
    octets,
    pipe,
    ranged,
    ref,
    union,
    unique,
    v1_enum,
    varying,
    varying_wide_string,
)


class Colour(OpenEnum):
    RED = 1


class Flags(IntFlag):
    LOW = 1


class Value(Struct):
    """Like a property value of NSPI."""

    tag: ULong
    reserved: ULong
    value: Annotated[
        object,
        union(
            ULong,
            {
                2: Short,
                3: ULong,
                0x1E: unique(AString),
                0x1F: unique(WString),
                0x40: FileTime,
                0x48: unique(octets(16)),
                0x101E: unique(conformant(unique(AString), limit=100_000)),
            },
            switch_is=lambda it: it.tag & 0xFFFF,
            default=None,
        ),
    ]


class Row(Struct):
    reserved: ULong
    count: ULong = length_of("values")
    values: Annotated[tuple[Value, ...] | None, unique(conformant(Value, size_is="count"))]


class RowSet(Struct):
    count: ULong = length_of("rows")
    rows: Annotated[tuple[Row, ...], conformant(Row, size_is="count")]


class Filter(Struct):
    """Like a restriction: a tree of any depth."""

    kind: ULong
    choice: Annotated[
        object,
        union(
            ULong,
            {0: unique(conformant(unique("Filter"))), 2: unique("Filter"), 4: unique(Value)},
            switch_is="kind",
        ),
    ]


class Graph(Struct):
    """Full pointers: aliases and circles."""

    number: ULong
    left: Annotated["Graph | None", full("Graph", aliases=True)]
    right: Annotated["Graph | None", full("Graph", aliases=True)]


class Tree(Struct):
    left: Annotated["Tree | None", full("Tree")]
    right: Annotated["Tree | None", full("Tree")]


class Directory(Message):
    rows: Annotated[RowSet | None, unique(RowSet)]
    filter: Annotated[Filter | None, unique(Filter)]
    status: ULong


class Shares(Message):
    graph: Annotated[Graph | None, full(Graph, aliases=True)]
    tree: Annotated[Tree | None, full(Tree)]
    other: Annotated[Graph | None, full(Graph, aliases=True)]


class Everything(Message):
    handle: ContextHandle
    colour: Annotated[Colour, enum16(Colour)]
    flags: Annotated[Flags, v1_enum(Flags)]
    truth: Boolean
    double: Double
    uuid: Guid
    count: Annotated[int, ranged(UShort, 0, 99)]
    text: UnicodeString
    name: Annotated[str, varying_wide_string(20)]
    grid: Annotated[object, conformant_varying(Byte, dimensions=3)]
    cells: Annotated[object, varying(fixed(unique(UShort), 2), 4)]
    pipe: Annotated[object, pipe(Hyper)]
    by_reference: Annotated[int, ref(ULong)]
    size: OutOfBand
    tail: Annotated[bytes, conformant(Byte, size_is="size")]


KINDS: list[type[Message]] = [Directory, Shares, Everything]
WORDS = st.one_of(
    st.integers(0, 4),
    st.sampled_from([0x1E, 0x1F, 0x48, 0x101E, 0x20000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]),
    st.integers(0, 0xFFFFFFFF),
)
LIKELY = st.lists(WORDS, max_size=60).map(
    lambda words: b"".join(word.to_bytes(4, "little") for word in words)
)


@pytest.mark.parametrize("kind", KINDS)
@given(stub=st.binary(max_size=200) | LIKELY, little_endian=st.booleans())
@example(stub=b"\1\0\0\0" * 60, little_endian=True)
@example(stub=b"\xff" * 240, little_endian=True)
def test_any_bytes_are_a_message_or_a_decode_error(
    kind: type[Message], stub: bytes, little_endian: bool
) -> None:
    try:
        message = kind.decode(stub, little_endian=little_endian)
    except DecodeError:
        return
    assert type(message) is kind
    again = message.encode()
    assert kind.decode(again).encode() == again


@pytest.mark.parametrize("kind", KINDS)
@given(stub=st.binary(max_size=200) | LIKELY)
def test_any_bytes_are_a_pickle_or_a_decode_error(kind: type[Message], stub: bytes) -> None:
    for data in (stub, bytes.fromhex("01100800cccccccc") + stub):
        try:
            assert type(decode_pickle(kind, data)) is kind
        except DecodeError:
            continue


@pytest.mark.parametrize("kind", KINDS)
def test_big_counts_everywhere_cost_little_memory(kind: type[Message]) -> None:
    wires = [
        bytes(at) + word + bytes(64)
        for word in (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f" * 4, b"\0\0\1\0" * 3)
        for at in range(0, 120, 4)
    ]
    kind_of_wires = [bytes.fromhex("00000200") + wire for wire in wires] + wires
    for wire in kind_of_wires[:1]:
        with pytest.raises(DecodeError):
            kind.decode(wire[:3])  # compiles it first
    tracemalloc.start()
    for wire in kind_of_wires:
        try:
            kind.decode(wire)
        except DecodeError:
            continue
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024 * 1024
