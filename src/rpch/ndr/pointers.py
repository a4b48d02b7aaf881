"""Reference, unique and full pointers.  C706 14.3.10 to 14.3.12

As a parameter a pointer is followed by its referent at once, and a reference pointer has no bytes
of its own. Embedded in a structure, array or union it leaves an id; the referent waits in the queue.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Container, Iterable
from types import FunctionType
from typing import Any

from rpch.errors import LocalProtocolError
from rpch.ndr.correlation import Expression
from rpch.ndr.faults import NULL_REF_POINTER, StubError
from rpch.ndr.kinds import NdrType, Order, Plan, kind_of
from rpch.ndr.scalars import Incoming, Outgoing, Scalar
from rpch.ndr.streams import Decoder, Encoder

Target = object
"""A type, the name of a structure declared in the same module, or a function that returns it."""


class Pointer(Scalar):
    """What the three kinds share: an id of four bytes, and a referent that may wait.  C706 14.3.10"""

    constructed = True
    late = True

    def __init__(self, target: Target) -> None:
        super().__init__("I")
        self.memory = 8
        self._owner: type | None = None
        self._target: NdrType | None = None
        self._lookup: str | Callable[[], object] | None = None
        if isinstance(target, str | FunctionType):
            self._lookup = target
        else:
            self._target = kind_of(target)

    @property
    def target(self) -> NdrType:
        """The type of the referent; a name is looked up at first use."""
        if self._target is None:
            self._target = self._resolve()
        return self._target

    def _resolve(self) -> NdrType:
        found: object = None
        if callable(self._lookup):
            found = self._lookup()
        elif self._owner is not None and self._lookup is not None:
            same = self._lookup == self._owner.__name__
            found = self._owner if same else getattr(sys.modules[self._owner.__module__], self._lookup, None)
        # only a structure, so that no type is a pointer to itself and nothing else
        if not (isinstance(found, type) and hasattr(found, "KIND")):
            raise TypeError(f"pointer to {self._lookup!r}: no structure of that name")
        return kind_of(found)

    def parts(self) -> Iterable[NdrType]:
        return () if self._target is None else (self._target,)

    def bind(self, owner: type, fields: Container[str]) -> None:
        self._owner = self._owner or owner
        super().bind(owner, fields)

    def _sizes(self) -> tuple[Expression, ...]:
        """What must be zero when the pointer is null: the size of what it points to."""
        sizes: tuple[Expression, ...] = getattr(self._target, "sizes", ())
        return sizes

    def _referent(self, target: Plan) -> Plan:
        """How the referent travels once its id did."""
        return target

    def _number(self, encoder: Encoder, value: Any) -> int:
        """The id for a referent."""
        referent = encoder.next_unique
        encoder.next_unique = referent + 4
        return referent

    def _refuse_null(self, scope: Any) -> None:
        """Our own null where its declaration has none."""
        for size in self._sizes():
            if wanted := size.value(scope):
                raise LocalProtocolError(f"a null pointer, but {size} = {wanted}")

    def _accept_null(self, decoder: Decoder, scope: Any) -> None:
        """The peer's null must have size 0 (MS-RPCE 3.1.1.5.3.2)."""
        for size in self._sizes():
            decoder.expect(size, 0, scope)

    def outgoing(self, order: Order) -> Outgoing:
        target, number, refuse_null = self._referent(self.target.plan(order)), self._number, self._refuse_null

        def leave(encoder: Encoder, value: Any, scope: Any) -> int:
            if value is None:
                refuse_null(scope)
                return 0
            encoder.queue.append((target, value, scope))
            return number(encoder, value)

        return leave

    def incoming(self, order: Order) -> Incoming:
        target, accept_null = self._referent(self.target.plan(order)), self._accept_null

        def wait(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if slots[key]:  # the id stays there until its referent was read
                decoder.queue.append((target, slots, key, scope))
            else:
                slots[key] = None
                accept_null(decoder, scope)

        return wait

    def top(self, order: Order) -> Plan:
        plan, target, codec = Plan(), self._referent(self.target.top(order)), struct.Struct(order + "I")

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            encoder.align(3)
            if value is None:
                self._refuse_null(scope)
                encoder.out += codec.pack(0)
            else:
                encoder.out += codec.pack(self._number(encoder, value))
                target.write(encoder, value, scope)

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            (slots[key],) = decoder.unpack(codec, 3)
            if slots[key]:
                target.read(decoder, slots, key, scope)
            else:
                slots[key] = None
                self._accept_null(decoder, scope)

        plan.write, plan.read = write, read
        return plan


class Unique(Pointer):
    """A pointer that may be null and shares its referent with no other.  C706 14.3.10"""


class Reference(Pointer):
    """A pointer that is never null; as a parameter it has no bytes.  C706 14.3.10"""

    arrayable = False

    def _refuse_null(self, scope: Any) -> None:
        raise LocalProtocolError("a reference pointer cannot be null")

    def _accept_null(self, decoder: Decoder, scope: Any) -> None:
        raise StubError("a reference pointer is null", at=decoder.at, status=NULL_REF_POINTER)

    def top(self, order: Order) -> Plan:
        return self.target.top(order)


class Full(Pointer):
    """A pointer that may be null and may share its referent.  C706 14.3.10

    The representation stands where the id comes up first while referents are worked off. Received
    aliases are followed. Ours are sent only on demand, by identity, because most peers read full
    pointers as unique ones and an interned constant would alias by accident. So that everything
    decoded can be encoded again, without `aliases` a received circle is refused, and what aliases
    stand for counts on the decoding budget.
    """

    def __init__(self, target: Target, *, aliases: bool) -> None:
        super().__init__(target)
        self._aliases = aliases

    def _number(self, encoder: Encoder, value: Any) -> int:
        shared = encoder.shared.get(id(value)) if self._aliases else None
        if shared is None:
            shared = Shared(encoder.next_full, value)
            encoder.next_full += 1
            if self._aliases:
                encoder.shared[id(value)] = shared
        return shared.referent

    def _referent(self, target: Plan) -> Plan:
        plan, complete = Plan(), Plan()

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            if self._aliases:
                shared = encoder.shared[id(value)]
                if shared.written:
                    return
                shared.written = True
            target.write(encoder, value, scope)  # a recursive type's plan is not finished before now

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            referent = slots[key]
            if referent in decoder.full:
                self._follow(decoder, decoder.full[referent], slots, key)
                return
            decoder.full[referent] = found = Found(self.target, slots, key, decoder.spent)
            target.read(decoder, slots, key, scope)
            decoder.queue.append((complete, found, None, None))

        def finish(decoder: Decoder, found: Any, _key: Any, _scope: Any) -> None:
            found.cost, found.complete = decoder.spent - found.cost, True

        complete.read = finish
        plan.write, plan.read = write, read
        return plan

    def _follow(self, decoder: Decoder, found: Found, slots: Any, key: Any) -> None:
        if found.kind is not self.target:
            raise decoder.fail(f"full pointer {slots[key]} names an object of another type")
        if not found.complete and (not self._aliases or found.kind.late):
            raise decoder.fail(f"full pointer {slots[key]} closes a circle")
        if found.complete:
            decoder.charge(found.cost)
        slots[key] = found.slots[found.key]


class Shared:
    """An object of ours that several full pointers may name."""

    __slots__ = ("referent", "value", "written")

    def __init__(self, referent: int, value: object) -> None:
        self.referent, self.value, self.written = referent, value, False


class Found:
    """An object of the peer that several full pointers may name: where it is, and what it cost."""

    __slots__ = ("complete", "cost", "key", "kind", "slots")

    def __init__(self, kind: NdrType, slots: Any, key: Any, cost: int) -> None:
        self.kind, self.slots, self.key, self.cost, self.complete = kind, slots, key, cost, False


def ref(target: Target) -> Reference:
    """A [ref] pointer.  C706 14.3.10"""
    return Reference(target)


def unique(target: Target) -> Unique:
    """A [unique] pointer.  C706 14.3.10"""
    return Unique(target)


def full(target: Target, *, aliases: bool = False) -> Full:
    """A [ptr] pointer; `aliases` also sends shared objects once, found by identity.  C706 14.3.10"""
    return Full(target, aliases=aliases)
