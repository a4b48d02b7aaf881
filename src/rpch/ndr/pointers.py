"""Reference, unique and full pointers.  C706 14.3.10, 14.3.12

As a parameter a pointer is followed by its referent at once, and a reference pointer has no bytes
of its own. Embedded in a structure, array or union it leaves an id; the referent waits in the queue.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable
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
    """What the three kinds of pointer share: an id of four bytes, and a referent."""

    late = True

    def __init__(self, target: Target) -> None:
        super().__init__("I")
        self.memory = 8
        self._owner: type | None = None
        self._lookup: str | Callable[[], object] | None = None
        self._target: NdrType | None = None
        if isinstance(target, str) or (
            callable(target) and not isinstance(target, type) and not _typed(target)
        ):
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
        found: object
        if callable(self._lookup):
            found = self._lookup()
        elif self._owner is not None and self._lookup == self._owner.__name__:
            found = self._owner
        else:
            module = sys.modules[self._owner.__module__] if self._owner is not None else None
            found = getattr(module, self._lookup or "", None)
        if not (isinstance(found, type) and hasattr(found, "KIND")):
            raise TypeError(f"pointer to {self._lookup!r}: no structure of that name")
        return kind_of(found)

    def parts(self) -> Iterable[NdrType]:
        return () if self._target is None else (self._target,)

    def bind(self, owner: type) -> None:
        if self._owner is None:
            self._owner = owner
            super().bind(owner)

    def null_expressions(self) -> tuple[Expression, ...]:
        """What must be zero when the pointer is null: the size of what it points to."""
        size: tuple[Expression, ...] = getattr(self._target, "sizes", ())
        return size


def _typed(target: object) -> bool:
    return hasattr(target, "__metadata__") or isinstance(target, NdrType)


class Unique(Pointer):
    """A pointer that may be null and shares its referent with no other.  C706 14.3.10"""

    def outgoing(self, order: Order) -> Outgoing:
        target, sizes = self.target.plan(order), self.null_expressions()

        def leave(encoder: Encoder, value: Any, scope: Any) -> int:
            if value is None:
                _refuse_null_with_size(sizes, scope)
                return 0
            encoder.queue.append((target, value, scope))
            referent = encoder.next_unique
            encoder.next_unique = referent + 4
            return referent

        return leave

    def incoming(self, order: Order) -> Incoming:
        target, sizes = self.target.plan(order), self.null_expressions()

        def wait(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if slots[key]:
                decoder.queue.append((target, slots, key, scope))
            slots[key] = None
            return

        def wait_or_check(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if not slots[key]:
                for size in sizes:
                    decoder.expect(size, 0, scope)
            wait(decoder, slots, key, scope)

        return wait_or_check if sizes else wait

    def top(self, order: Order) -> Plan:
        plan, target, sizes = Plan(), self.target.top(order), self.null_expressions()
        codec = struct.Struct(order + "I")

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            encoder.align(3)
            if value is None:
                _refuse_null_with_size(sizes, scope)
                encoder.out += codec.pack(0)
                return
            encoder.out += codec.pack(encoder.next_unique)
            encoder.next_unique += 4
            target.write(encoder, value, scope)

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            (referent,) = decoder.unpack(codec, 3)
            if referent:
                target.read(decoder, slots, key, scope)
                return
            slots[key] = None
            for size in sizes:
                decoder.expect(size, 0, scope)

        plan.write, plan.read = write, read
        return plan


class Reference(Pointer):
    """A pointer that is never null; as a parameter it has no bytes.  C706 14.3.10"""

    def outgoing(self, order: Order) -> Outgoing:
        target = self.target.plan(order)

        def leave(encoder: Encoder, value: Any, scope: Any) -> int:
            if value is None:
                raise LocalProtocolError("a reference pointer cannot be null")
            encoder.queue.append((target, value, scope))
            referent = encoder.next_unique
            encoder.next_unique = referent + 4
            return referent

        return leave

    def incoming(self, order: Order) -> Incoming:
        target = self.target.plan(order)

        def wait(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if not slots[key]:
                raise StubError("a reference pointer is null", at=decoder.at, status=NULL_REF_POINTER)
            slots[key] = None
            decoder.queue.append((target, slots, key, scope))

        return wait

    def top(self, order: Order) -> Plan:
        return self.target.top(order)


class Full(Pointer):
    """A pointer that may be null and may share its referent.  C706 14.3.10

    Received aliases are followed. Ours are sent only on demand, by identity, because most peers
    read full pointers as unique ones and an interned constant would alias by accident. Without
    `aliases` a received cycle is refused, so that what was decoded can be encoded again.
    """

    def __init__(self, target: Target, *, aliases: bool) -> None:
        super().__init__(target)
        self._aliases = aliases

    def _number(self, encoder: Encoder, value: Any) -> int:
        """The id for this referent: the known one if it is shared."""
        if self._aliases and id(value) in encoder.full_ids:
            return encoder.full_ids[id(value)][0]
        referent = encoder.next_full
        encoder.next_full = referent + 1
        if self._aliases:
            encoder.full_ids[id(value)] = referent, value
        return referent

    def outgoing(self, order: Order) -> Outgoing:
        once = self._once(self.target.plan(order))
        sizes = self.null_expressions()

        def leave(encoder: Encoder, value: Any, scope: Any) -> int:
            if value is None:
                _refuse_null_with_size(sizes, scope)
                return 0
            referent = self._number(encoder, value)
            encoder.queue.append((once, (referent, value), scope))
            return referent

        return leave

    def incoming(self, order: Order) -> Incoming:
        once, sizes = self._once(self.target.plan(order)), self.null_expressions()

        def wait(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if slots[key]:
                decoder.queue.append((once, slots, key, scope))
                return
            slots[key] = None
            for size in sizes:
                decoder.expect(size, 0, scope)

        return wait

    def top(self, order: Order) -> Plan:
        plan, once, sizes = Plan(), self._once(self.target.top(order)), self.null_expressions()
        codec = struct.Struct(order + "I")

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            encoder.align(3)
            if value is None:
                _refuse_null_with_size(sizes, scope)
                encoder.out += codec.pack(0)
                return
            referent = self._number(encoder, value)
            encoder.out += codec.pack(referent)
            once.write(encoder, (referent, value), scope)

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            (slots[key],) = decoder.unpack(codec, 3)
            if slots[key]:
                once.read(decoder, slots, key, scope)
                return
            slots[key] = None
            for size in sizes:
                decoder.expect(size, 0, scope)

        plan.write, plan.read = write, read
        return plan

    def _once(self, target: Plan) -> Plan:
        """The referent where its id comes up first, nothing where it comes up again."""
        plan, kind = Plan(), self.target

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            referent, value = value
            if referent not in encoder.written:
                encoder.written.add(referent)
                target.write(encoder, value, scope)

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            referent = slots[key]
            if referent in decoder.full:
                self._follow(decoder, referent, slots, key)
                return
            decoder.full[referent] = (kind, slots, key, False)
            target.read(decoder, slots, key, scope)
            decoder.queue.append((complete, referent, None, None))

        def finish(decoder: Decoder, referent: Any, _key: Any, _scope: Any) -> None:
            found, where, name, _ = decoder.full[referent]
            decoder.full[referent] = (found, where, name, True)

        complete = Plan()
        complete.read = finish
        plan.write, plan.read = write, read
        return plan

    def _follow(self, decoder: Decoder, referent: int, slots: Any, key: Any) -> None:
        kind, where, name, complete = decoder.full[referent]
        if kind is not self.target:
            raise decoder.fail(f"full pointer {referent} names an object of another type")
        if not complete and (not self._aliases or kind.late):
            raise decoder.fail(f"full pointer {referent} closes a circle")
        slots[key] = where[name]


def _refuse_null_with_size(sizes: tuple[Expression, ...], scope: Any) -> None:
    for size in sizes:
        if size.value(scope):
            raise LocalProtocolError(f"a null pointer has {size} = {size.value(scope)}")


def ref(target: Target) -> Reference:
    """A [ref] pointer.  C706 14.3.10"""
    return Reference(target)


def unique(target: Target) -> Unique:
    """A [unique] pointer.  C706 14.3.10"""
    return Unique(target)


def full(target: Target, *, aliases: bool = False) -> Full:
    """A [ptr] pointer; `aliases` also sends shared objects once, found by identity.  C706 14.3.10"""
    return Full(target, aliases=aliases)
