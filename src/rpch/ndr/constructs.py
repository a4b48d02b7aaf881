"""Structures and messages, declared by their annotated fields.  C706 14.3.6, MS-RPCE 2.2.4"""

import dataclasses
from collections.abc import Sized
from typing import Any, ClassVar, Literal, Self, dataclass_transform, get_origin

from rpch.ndr.kinds import NdrType, Order, Unsent, kind_of
from rpch.ndr.layout import Member, Step, steps
from rpch.ndr.records import StructKind
from rpch.ndr.streams import Decoder, Encoder


def length_of(field: str, *, init: Literal[False] = False) -> Any:
    """The default of a count that is always the length of another field; a null pointer counts 0."""
    return dataclasses.field(init=init, metadata={"length_of": field})


@dataclass_transform(frozen_default=True, field_specifiers=(length_of, dataclasses.field))
class Construct:
    """What structures and messages share: annotated fields, in order, are the members."""

    MEMBERS: ClassVar[tuple[Member, ...]] = ()
    UNSENT: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        declared = _declared(cls)
        _derive_counts(cls)
        dataclasses.dataclass(frozen=True, repr=False)(cls)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # it is one since the line before
        for field in fields:  # a default must not pass for a value not yet decoded
            if field.name in cls.__dict__:
                delattr(cls, field.name)
        cls.MEMBERS = tuple(Member(field.name, kind_of(declared[field.name])) for field in fields)
        cls.UNSENT = frozenset(member.name for member in cls.MEMBERS if isinstance(member.kind, Unsent))
        for member in cls.MEMBERS:
            member.kind.bind(cls, declared)

    def __repr__(self) -> str:
        return _show(self, depth=8)


def _declared(cls: type) -> dict[str, Any]:
    """The annotations of a class and of those it extends, without class variables."""
    return {
        name: hint
        for owner in reversed(cls.__mro__)
        for name, hint in owner.__dict__.get("__annotations__", {}).items()
        if hint is not ClassVar and get_origin(hint) is not ClassVar
    }


def _derive_counts(cls: type) -> None:
    """Let the counts declared by `length_of` be set when an object is made."""
    derived = [
        (name, value.metadata["length_of"])
        for name, value in vars(cls).items()
        if isinstance(value, dataclasses.Field) and "length_of" in value.metadata
    ]
    if not derived:
        return
    before = getattr(cls, "__post_init__", None)

    def __post_init__(self: Any) -> None:  # noqa: N807 - the hook dataclasses look for
        for name, source in derived:
            value: Sized | None = getattr(self, source)
            self.__dict__[name] = 0 if value is None else len(value)
        if before is not None:
            before(self)

    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]  # the same


def _show(value: object, depth: int) -> str:
    """`repr`, cut off where a peer's nesting would exhaust the stack."""
    if isinstance(value, Construct):
        if not depth:
            return f"{type(value).__name__}(...)"
        fields = (f"{m.name}={_show(value.__dict__.get(m.name), depth - 1)}" for m in value.MEMBERS)
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, tuple):
        inside = ", ".join(_show(item, depth - 1) for item in value) if depth else "..."
        return f"({inside}{',' * (len(value) == 1)})"
    return repr(value)


class Struct(Construct):
    """A structure. Derive from it and annotate the fields.  C706 14.3.6

    `class Shape(Struct, encapsulated=True)` with a tag and a `union` is an encapsulated union: the
    tag travels once.  C706 14.3.8
    """

    KIND: ClassVar[NdrType]

    def __init_subclass__(cls, *, encapsulated: bool = False) -> None:
        super().__init_subclass__()
        cls.KIND = StructKind(cls, cls.MEMBERS, encapsulated=encapsulated)


class Message(Construct):
    """The parameters of one direction of an operation, in order: a stub.  C706 14.3, MS-RPCE 2.2.4"""

    _STEPS: ClassVar[dict[Order, list[Step]]]
    _PARAMETERS: ClassVar[dict[Order, list[tuple[NdrType, list[Step]]]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._STEPS, cls._PARAMETERS = {}, {}

    @classmethod
    def _steps(cls, order: Order) -> list[Step]:
        found = cls._STEPS.get(order)
        if found is None:
            found = steps(cls.__name__, cls.MEMBERS, order, known=8, mask=0, top=True)
            cls._STEPS[order] = found
        return found

    @classmethod
    def parameters(cls, order: Order) -> list[tuple[NdrType, list[Step]]]:
        """Every parameter that has bytes, by itself: its type, and its steps from an 8-aligned place."""
        found = cls._PARAMETERS.get(order)
        if found is None:
            found = cls._PARAMETERS[order] = [
                (member.kind, steps(cls.__name__, (member,), order, known=8, mask=0, top=True))
                for member in cls.MEMBERS
                if member.name not in cls.UNSENT
            ]
        return found

    def encode(self, *, little_endian: bool = True) -> bytes:
        """The stub; `LocalProtocolError` when a value does not fit its declaration."""
        encoder = Encoder()
        for write, _ in self._steps("<" if little_endian else ">"):
            write(encoder, self, self)
        return bytes(encoder.out)

    @classmethod
    def decode(cls, stub: bytes, *, little_endian: bool = True) -> Self:
        """The message in a stub; `StubError` when it is none. Bytes behind it are tolerated."""
        decoder = Decoder(stub)
        message = object.__new__(cls)
        for _, read in cls._steps("<" if little_endian else ">"):
            read(decoder, message.__dict__, message)
        if cls.UNSENT:
            decoder.unsent.append(message)
        decoder.finish()
        return message
