"""A stub being written and a stub being read, with the referents still to follow.  C706 14.3.12

Embedded pointers leave an id in place and put their referent in `queue`. After the outermost
construct `flush` works the queue off, depth first: what a referent queues itself goes in front of
what is already waiting. The queue is a list, not the call stack, so a list of any length is safe.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from rpch.ndr.faults import StubError

if TYPE_CHECKING:
    from rpch.ndr.correlation import Expression
    from rpch.ndr.kinds import Plan
    from rpch.ndr.pointers import Found, Shared

FIRST_UNIQUE_ID: Final = 0x0002_0000  # as Microsoft numbers them; the value has no meaning
FIRST_FULL_ID: Final = 1
BUDGET_FACTOR: Final = 8
BUDGET_FLOOR: Final = 64 * 1024
MAX_COUNT: Final = 0x7FFF_FFFF


class Encoder:
    """A stub being written."""

    __slots__ = ("next_full", "next_unique", "out", "queue", "shared")

    def __init__(self) -> None:
        self.out = bytearray()
        self.queue: list[tuple[Plan, Any, Any]] = []  # plan, value, scope
        self.next_unique = FIRST_UNIQUE_ID
        self.next_full = FIRST_FULL_ID
        self.shared: dict[int, Shared] = {}  # by identity: the objects of aliasing full pointers

    def align(self, mask: int) -> None:
        """Fill the gap before an item; the gap is written as zero.  C706 14.3.2"""
        if gap := -len(self.out) & mask:
            self.out += bytes(gap)

    def flush(self) -> None:
        """Write the waiting referents, depth first.  C706 14.3.12.3"""
        queue = self.queue
        stack: list[tuple[Plan, Any, Any]] = []
        while queue or stack:
            if queue:
                queue.reverse()
                stack += queue
                queue.clear()
            plan, value, scope = stack.pop()
            plan.write(self, value, scope)


class Decoder:
    """A stub being read."""

    __slots__ = ("at", "budget", "data", "full", "later", "queue", "unsent")

    def __init__(self, data: bytes) -> None:
        self.data, self.at = bytes(data), 0
        self.budget = BUDGET_FACTOR * len(data) + BUDGET_FLOOR
        self.queue: list[tuple[Plan, Any, Any, Any]] = []  # plan, slots, key, scope
        self.later: list[tuple[Expression, int, Any, int]] = []  # what, count found, scope, where
        self.unsent: list[Any] = []  # constructs with numbers that only their arrays tell
        self.full: dict[int, Found] = {}  # by id: the objects of full pointers

    @property
    def spent(self) -> int:
        """A measure of what was decoded so far."""
        return self.at - self.budget

    def fail(self, reason: str) -> StubError:
        """The error for bad data just before here."""
        return StubError(reason, at=self.at)

    def short(self, size: int, at: int) -> StubError:
        """The error for a stub that ends too early."""
        return StubError(f"need {size} bytes, have {max(len(self.data) - at, 0)}", at=at)

    def unpack(self, codec: struct.Struct, mask: int) -> tuple[Any, ...]:
        """The next values in the layout of `codec`, behind the gap."""
        at = self.at + (-self.at & mask)
        try:
            values = codec.unpack_from(self.data, at)
        except struct.error:
            raise self.short(codec.size, at) from None
        self.at = at + codec.size
        return values

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        at = self.at
        chunk = self.data[at : at + size]
        if len(chunk) < size:
            raise self.short(size, at)
        self.at = at + size
        return chunk

    def claim(self, count: int, minimum: int, memory: int) -> None:
        """Refuse a count of items that cannot be there, before room is made for them."""
        if count * minimum > len(self.data) - self.at:
            raise self.fail(
                f"{count} items of {minimum} bytes or more, {len(self.data) - self.at} bytes left"
            )
        self.charge(count * memory)

    def charge(self, memory: int) -> None:
        """Refuse a stub that unfolds to far more than its size."""
        self.budget -= memory
        if self.budget < 0:
            raise self.fail("the stub unfolds to more than its size allows")

    def expect(self, what: Expression, found: int, scope: Any) -> None:
        """A count or tag on the wire must equal what the declaration says.  MS-RPCE 3.1.1.5.3.2"""
        try:
            wanted = what.value(scope)
        except (AttributeError, TypeError):  # the field it depends on is still to come
            self.later.append((what, found, scope, self.at))
            return
        if wanted != found:
            raise self.fail(f"{what} is {wanted}, the wire says {found}")

    def flush(self) -> None:
        """Read the waiting referents, depth first.  C706 14.3.12.3"""
        queue = self.queue
        stack: list[tuple[Plan, Any, Any, Any]] = []
        while queue or stack:
            if queue:
                queue.reverse()
                stack += queue
                queue.clear()
            plan, slots, key, scope = stack.pop()
            plan.read(self, slots, key, scope)

    def finish(self) -> None:
        """Settle what had to wait for fields behind it; numbers nothing told of are zero."""
        for what, found, scope, at in self.later:
            if what.name in type(scope).UNSENT and what.name not in scope.__dict__:
                scope.__dict__[what.name] = found
                continue
            try:
                wanted = what.value(scope)
            except (AttributeError, TypeError):  # a function that trips over the peer's null pointer
                raise StubError(f"{what} cannot be told, the wire says {found}", at=at) from None
            if wanted != found:
                raise StubError(f"{what} is {wanted}, the wire says {found}", at=at)
        for construct in self.unsent:
            for name in type(construct).UNSENT:
                construct.__dict__.setdefault(name, 0)
