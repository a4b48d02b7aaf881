"""What every NDR type says about itself, and its compiled form.  C706 14.2, 14.3"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

if TYPE_CHECKING:
    from rpch.ndr.correlation import Expression
    from rpch.ndr.streams import Decoder, Encoder

Order = Literal["<", ">"]
Write = Callable[["Encoder", Any, Any], None]
"""encoder, value, scope: the construct whose fields size_is and switch_is name"""
Read = Callable[["Decoder", Any, Any, Any], None]
"""decoder, slots, key, scope: the value goes to `slots[key]`, now or when its referent was read"""


class Plan:
    """How values of one type travel in one byte order: closures, compiled once.

    The conformant ones also travel in two parts: their maximum counts in front of the outermost
    structure, the rest in place.  C706 14.3.7.1
    """

    __slots__ = ("read", "read_body", "read_counts", "write", "write_body", "write_counts")

    write: Write
    read: Read
    write_counts: Write
    write_body: Write
    read_counts: Callable[[Decoder], Any]
    read_body: Callable[[Decoder, Any, Any, Any, Any], None]


class NdrType(ABC):
    """One type of the interface definition language.  C706 14.2, 14.3"""

    alignment = 1  # what it asks of the structure around it
    minimum = 1  # the fewest bytes a value can take
    memory = 8  # what a value is charged on the decoding budget
    depth = 0  # how deep it nests by value
    conformance = 0  # how many maximum counts it moves to the front
    arrayable = True  # whether arrays of it are supported
    constructed = True  # whether it has a header of its own in a pickle
    late = False  # whether a value's slot is set again after reading it

    def __init__(self) -> None:
        self._plans: dict[Order, Plan] = {}

    def plan(self, order: Order) -> Plan:
        """Its plan, compiled at first use; a recursive type meets its own unfinished plan."""
        plan = self._plans.get(order)
        if plan is None:
            plan = self._plans[order] = Plan()
            self.compile(plan, order)
        return plan

    def top(self, order: Order) -> Plan:
        """Its plan as a parameter; only pointers differ.  C706 14.3.11"""
        return self.plan(order)

    @abstractmethod
    def compile(self, plan: Plan, order: Order) -> None:
        """Make the closures of its plan."""

    def parts(self) -> Iterable[NdrType]:
        """The types it is made of."""
        return ()

    def expressions(self) -> Iterable[Expression | None]:
        """What ties it to fields of the construct around it."""
        return ()

    def bind(self, owner: type, fields: Container[str]) -> None:
        """Learn the construct it is declared in: its fields may be named here."""
        for expression in self.expressions():
            if expression is not None and expression.name is not None and expression.name not in fields:
                raise TypeError(f"{owner.__name__}: {expression} names no field")
        for part in self.parts():
            part.bind(owner, fields)


class Unsent(NdrType):
    """A number both sides know from the other direction of the call; it has no bytes of its own."""

    minimum = 0

    def compile(self, plan: Plan, order: Order) -> None:
        raise TypeError("an unsent number can only be a field")


OutOfBand = Annotated[int, Unsent()]
"""The type of a field for such a number."""


def kind_of(hint: Any) -> NdrType:
    """The NDR type that an annotation, an alias or a declared class stands for."""
    if isinstance(hint, NdrType):
        return hint
    for extra in reversed(getattr(hint, "__metadata__", ())):
        if isinstance(extra, NdrType):
            return extra
    declared = getattr(hint, "KIND", None)
    if isinstance(hint, type) and isinstance(declared, NdrType):
        return declared
    if isinstance(hint, str):
        raise TypeError(f"{hint!r} is text: declare formats without `from __future__ import annotations`")
    raise TypeError(f"{hint!r} is no NDR type")


def embeddable(hint: Any, where: str) -> NdrType:
    """The NDR type of something that may not be conformant by value.  C706 14.3.7"""
    kind = kind_of(hint)
    if kind.conformance:
        raise TypeError(f"a conformant type cannot be {where} by value: use a pointer")
    return kind


def array_element(hint: Any) -> NdrType:
    """The NDR type of the elements of an array or pipe."""
    kind = embeddable(hint, "an array element")
    if kind.minimum < 1:
        raise TypeError("an array element takes at least one byte, else its count is bounded by nothing")
    if not kind.arrayable:
        raise TypeError("arrays of reference pointers are not supported: C706 and MIDL differ on them")
    return kind


def joined(plan: Plan) -> tuple[Any, Any]:
    """A conformant type on its own: counts, then body."""
    write_counts, write_body = plan.write_counts, plan.write_body
    read_counts, read_body = plan.read_counts, plan.read_body

    def write(encoder: Encoder, value: Any, scope: Any) -> None:
        write_counts(encoder, value, scope)
        write_body(encoder, value, scope)

    def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
        read_body(decoder, read_counts(decoder), slots, key, scope)

    return write, read
