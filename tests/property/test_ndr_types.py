"""Any declaration, any value: the same bytes as a plain reading of C706 14.3, and back.

The reference here writes one datum after the other and recurses; it knows nothing of runs of members
or of queues.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.errors import DecodeError
from rpch.ndr import (
    AString,
    Byte,
    Double,
    Hyper,
    Long,
    Message,
    Short,
    Small,
    Struct,
    ULong,
    UnicodeString,
    UShort,
    WString,
    conformant,
    conformant_varying,
    fixed,
    full,
    union,
    unique,
    varying_string,
)


class Reference:
    """A stub written the slow way."""

    def __init__(self, order: str) -> None:
        self.order, self.out = order, bytearray()
        self.waiting: list[tuple[Put, Any]] = []
        self.next_unique, self.next_full = 0x20000, 1

    def put(self, code: str, *values: Any) -> None:
        for value in values:
            self.align(struct.calcsize("<" + code))
            self.out += struct.pack(self.order + code, value)

    def align(self, size: int) -> None:
        while len(self.out) % size:
            self.out += b"\0"

    def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        for put, value in waiting:
            put(self, value)
            self.flush()


Put = Callable[[Reference, Any], None]


def nothing(_out: Reference, _value: Any) -> None:
    """A type without counts puts none in front."""


@dataclass(frozen=True)
class Model:
    """A type: how it is declared, how C706 writes it, and what values it has."""

    hint: Any
    alignment: int
    put: Put  # without the counts that move to the front
    values: st.SearchStrategy[Any]
    counts: Put = nothing
    top: Put | None = None  # as a parameter, where that differs

    def whole(self, out: Reference, value: Any) -> None:
        self.counts(out, value)
        self.put(out, value)


def scalar(code: str, hint: Any, values: st.SearchStrategy[Any]) -> Model:
    return Model(hint, struct.calcsize("<" + code), lambda out, value: out.put(code, value), values)


def integers(bits: int, *, signed: bool = False) -> st.SearchStrategy[int]:
    low = -(1 << (bits - 1)) if signed else 0
    return st.integers(low, low + (1 << bits) - 1)


SCALARS = [
    scalar("B", Byte, integers(8)),
    scalar("b", Small, integers(8, signed=True)),
    scalar("h", Short, integers(16, signed=True)),
    scalar("H", UShort, integers(16)),
    scalar("i", Long, integers(32, signed=True)),
    scalar("I", ULong, integers(32)),
    scalar("q", Hyper, integers(64, signed=True)),
    scalar("d", Double, st.floats(allow_nan=False)),
]


def characters(out: Reference, value: str, *, wide: bool) -> None:
    units = value.encode("utf-16-le" if wide else "latin-1") + bytes(2 if wide else 1)
    numbers = struct.unpack(f"<{len(units) // 2}H", units) if wide else units
    out.put("I", 0, len(numbers))
    out.put("H" if wide else "B", *numbers)


def string(hint: Any, *, wide: bool) -> Model:
    def counts(out: Reference, value: str) -> None:
        out.put("I", len(value.encode("utf-16-le")) // 2 + 1 if wide else len(value) + 1)

    def put(out: Reference, value: str) -> None:
        characters(out, value, wide=wide)

    alphabet = (
        st.characters(exclude_characters="\0", exclude_categories=["Cs"])
        if wide
        else st.characters(min_codepoint=1, max_codepoint=255)
    )
    return Model(hint, 4, put, st.text(alphabet, max_size=5), counts)


def put_counted(out: Reference, value: str | None) -> None:
    units = (value or "").encode("utf-16-le")
    out.align(4)
    out.put("H", len(units), len(units))
    out.put("I", 0 if value is None else out.next_unique)
    if value is not None:
        out.next_unique += 4
        out.waiting.append((put_buffer, units))


def put_buffer(out: Reference, units: bytes) -> None:
    count = len(units) // 2
    out.put("I", count, 0, count)
    out.put("H", *struct.unpack(f"<{count}H", units))


WIDE, NARROW = string(WString, wide=True), string(AString, wide=False)
FIXED_TEXT = Model(
    Annotated[str, varying_string(8)],
    4,
    lambda out, value: characters(out, value, wide=False),
    st.text("abc", max_size=7),
)
COUNTED_TEXT = Model(UnicodeString, 4, put_counted, st.none() | st.text("ab\0\U0001f600", max_size=4))


def pointer(inner: Model, *, is_full: bool) -> Model:
    def number(out: Reference) -> int:
        if is_full:
            out.next_full += 1
            return out.next_full - 1
        out.next_unique += 4
        return out.next_unique - 4

    def put(out: Reference, value: Any) -> None:
        out.align(4)
        if value is None:
            out.put("I", 0)
        else:
            out.waiting.append((inner.whole, value))
            out.put("I", number(out))

    def top(out: Reference, value: Any) -> None:
        out.align(4)
        if value is None:
            out.put("I", 0)
        else:
            out.put("I", number(out))
            (inner.top or inner.whole)(out, value)

    make = full if is_full else unique
    return Model(Annotated[object, make(inner.hint)], 4, put, st.none() | inner.values, top=top)


def array(inner: Model, *, bound: int | None, varying: bool) -> Model:
    def counts(out: Reference, value: Any) -> None:
        if bound is None:
            out.put("I", len(value))

    def put(out: Reference, value: Any) -> None:
        if varying:
            out.put("I", 0, len(value))
        for item in value:
            inner.put(out, item)

    make = conformant_varying(inner.hint) if varying else conformant(inner.hint)
    hint = Annotated[object, make if bound is None else fixed(inner.hint, bound)]
    values: st.SearchStrategy[Any] = st.lists(
        inner.values, min_size=bound or 0, max_size=3 if bound is None else bound
    ).map(bytes if inner.hint is Byte else tuple)
    alignment = max(inner.alignment, 4) if bound is None else inner.alignment
    return Model(hint, alignment, put, values, counts)


def structure(members: list[Model]) -> Model:
    names = [f"m{at}" for at in range(len(members))]
    made: Any = type(
        "Made",
        (Struct,),
        {"__annotations__": {name: model.hint for name, model in zip(names, members, strict=True)}},
    )
    alignment = max(model.alignment for model in members)

    def counts(out: Reference, value: Any) -> None:
        members[-1].counts(out, getattr(value, names[-1]))

    def put(out: Reference, value: Any) -> None:
        out.align(alignment)
        for name, model in zip(names, members, strict=True):
            model.put(out, getattr(value, name))

    return Model(made, alignment, put, st.builds(made, *(model.values for model in members)), counts)


def choice(arms: list[Model]) -> Model:
    """A structure of a tag and the union it switches."""

    def arm_values(tag: int) -> st.SearchStrategy[Any]:
        return st.builds(made, st.just(tag), arms[tag].values)

    hint = Annotated[object, union(UShort, {at: arm.hint for at, arm in enumerate(arms)}, switch_is="tag")]
    made: Any = type("Chosen", (Struct,), {"__annotations__": {"tag": UShort, "value": hint}})
    alignment = max(2, *(arm.alignment for arm in arms))

    def put(out: Reference, value: Any) -> None:
        out.align(alignment)
        out.put("H", value.tag, value.tag)
        arms[value.tag].put(out, value.value)

    tags = st.integers(0, len(arms) - 1)
    return Model(made, alignment, put, tags.flatmap(arm_values))


LEAVES = st.sampled_from([*SCALARS, FIXED_TEXT, COUNTED_TEXT])
CONFORMANT_LEAVES = st.sampled_from([WIDE, NARROW])


def conformants(elements: st.SearchStrategy[Model]) -> st.SearchStrategy[Model]:
    """Types whose counts move to the front, by themselves or as the tail of structures."""
    tails = CONFORMANT_LEAVES | st.builds(array, elements, bound=st.none(), varying=st.booleans())
    shallow = st.builds(lambda first, tail: structure([*first, tail]), st.lists(elements, max_size=3), tails)
    deep = st.builds(lambda first, tail: structure([*first, tail]), st.lists(elements, max_size=2), shallow)
    return tails | shallow | deep


def wider(elements: st.SearchStrategy[Model]) -> st.SearchStrategy[Model]:
    """Types that can stand inside others, one level up."""
    return st.one_of(
        st.lists(elements, min_size=1, max_size=5).map(structure),
        st.lists(elements, min_size=1, max_size=3).map(choice),
        st.builds(array, elements, bound=st.integers(1, 3), varying=st.just(False)),
        st.builds(pointer, elements | conformants(elements), is_full=st.booleans()),
    )


ELEMENTS = st.recursive(LEAVES, wider, max_leaves=8)
PARAMETERS = st.lists(ELEMENTS | conformants(ELEMENTS), min_size=1, max_size=4)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Message, dict[str, bytes]]:
    """A message of any declaration, and its stub in both byte orders."""
    models = draw(PARAMETERS)
    hints = {f"p{at}": model.hint for at, model in enumerate(models)}
    made: Any = type("MadeMessage", (Message,), {"__annotations__": hints})
    values = [draw(model.values) for model in models]
    stubs = {}
    for order in "<>":
        out = Reference(order)
        for model, value in zip(models, values, strict=True):
            (model.top or model.whole)(out, value)
            out.flush()
        stubs[order] = bytes(out.out)
    return made(*values), stubs


@pytest.mark.slow
@given(messages())
def test_any_declaration_has_the_bytes_of_c706(case: tuple[Message, dict[str, bytes]]) -> None:
    message, stubs = case
    for order, stub in stubs.items():
        assert message.encode(little_endian=order == "<") == stub
        assert type(message).decode(stub, little_endian=order == "<") == message


@pytest.mark.slow
@given(messages(), st.data())
def test_any_stub_cut_short_is_refused(case: tuple[Message, dict[str, bytes]], data: st.DataObject) -> None:
    message, stubs = case
    stub = stubs["<"]
    cut = data.draw(st.integers(0, len(stub) - 1))
    with pytest.raises(DecodeError):
        type(message).decode(stub[:cut])


@pytest.mark.slow
@given(messages(), st.data())
def test_any_damage_is_refused_or_read_and_nothing_else(
    case: tuple[Message, dict[str, bytes]], data: st.DataObject
) -> None:
    message, stubs = case
    damaged = bytearray(stubs["<"])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = type(message).decode(bytes(damaged))
    except DecodeError:
        return
    assert type(message).decode(found.encode()).encode() == found.encode()
