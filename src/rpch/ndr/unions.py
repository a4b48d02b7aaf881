"""Unions: a tag, and the arm it selects.  C706 14.3.8, MS-RPCE 2.2.4.5"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rpch.errors import LocalProtocolError
from rpch.ndr.correlation import Expression, Spec
from rpch.ndr.faults import INVALID_TAG, StubError
from rpch.ndr.kinds import NdrType, Order, Plan, Read, Write, embeddable, kind_of
from rpch.ndr.scalars import Scalar
from rpch.ndr.streams import Decoder, Encoder

NO_DEFAULT: Final = object()
Arms = Mapping[Any, object]
"""A tag or a tuple of tags: the type of its arm, or None for an empty one."""
WriteArm = Callable[[Encoder, Any, Any, Any], None]
"""encoder, value, scope, tag"""


class Union(NdrType):
    """The value is the selected arm's; the tag is what `switch_is` says.  C706 14.3.8"""

    def __init__(
        self,
        tag: object,
        arms: Arms,
        *,
        switch_is: Spec,
        default: object = NO_DEFAULT,
        ms_union: bool = False,
    ) -> None:
        super().__init__()
        tag_kind = kind_of(tag)
        if not isinstance(tag_kind, Scalar):
            raise TypeError("the tag of a union is a number")
        self.tag, self.switch, self.ms_union = tag_kind, Expression("switch_is", switch_is), ms_union
        self.bare = False  # an encapsulated union: the tag is a field in front of it
        self.arms = {
            value: None if arm is None else embeddable(arm, "a union arm")
            for key, arm in arms.items()
            for value in (key if isinstance(key, tuple) else (key,))
        }
        self.has_default = default is not NO_DEFAULT
        self.default = (
            embeddable(default, "a union arm") if self.has_default and default is not None else None
        )
        kinds = list(self.parts())
        self.arm_alignment = max((kind.alignment for kind in kinds), default=1)
        self.alignment = max(tag_kind.alignment, self.arm_alignment)
        self.minimum = tag_kind.size
        self.memory = tag_kind.size + max((kind.memory for kind in kinds), default=0)
        self.depth = 1 + max((kind.depth for kind in kinds), default=0)
        self.late = any(kind.late for kind in kinds)

    def expressions(self) -> Iterable[Expression]:
        return (self.switch,)

    def parts(self) -> Iterable[NdrType]:
        return [arm for arm in (*self.arms.values(), self.default) if arm is not None]

    def without_tag(self) -> Union:
        """The same union inside an encapsulated one, which sends its tag once."""
        bare = Union.__new__(Union)
        bare.__dict__.update(self.__dict__, bare=True, ms_union=False, _plans={})
        return bare

    def compile(self, plan: Plan, order: Order) -> None:
        arms = {tag: self._arm(arm, order) for tag, arm in self.arms.items()}
        otherwise = self._arm(self.default, order) if self.has_default else None
        tag, switch, bare, choose = self.tag.plan(order), self.switch, self.bare, arms.get
        mask = self.arm_alignment - 1 if self.ms_union else 0

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            number = switch.value(scope)
            arm = choose(number, otherwise)
            if arm is None:
                raise LocalProtocolError(f"no arm of the union has tag {number}")
            arm[0](encoder, value, scope, number)

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if bare:
                number = switch.value(scope)
            else:
                tag.read(decoder, slots, key, scope)
                number = slots[key]
                decoder.expect(switch, number, scope)
            arm = choose(number, otherwise)
            if arm is None:
                raise StubError(f"no arm of the union has tag {number}", at=decoder.at, status=INVALID_TAG)
            decoder.at += -decoder.at & mask
            arm[1](decoder, slots, key, scope)

        plan.write, plan.read = write, read

    def _arm(self, arm: NdrType | None, order: Order) -> tuple[WriteArm, Read]:
        """Both directions of one arm; writing begins with the tag, reading behind it."""
        write_tag = _nothing if self.bare else self.tag.plan(order).write
        mask = self.arm_alignment - 1 if self.ms_union else 0
        if arm is None:
            return _empty(write_tag, mask), _read_nothing
        if isinstance(arm, Scalar) and not self.bare and self.tag.outgoing(order) is None:
            alignment = max(arm.alignment, mask + 1)
            if alignment <= self.tag.alignment:  # the gap between them is known: both in one step
                return _tagged(self.tag, arm, alignment, order), arm.plan(order).read
        plan = arm.plan(order)

        def write(encoder: Encoder, value: Any, scope: Any, number: Any) -> None:
            write_tag(encoder, number, scope)
            encoder.align(mask)
            plan.write(encoder, value, scope)

        return write, plan.read


def _tagged(tag: Scalar, arm: Scalar, alignment: int, order: Order) -> WriteArm:
    gap = -tag.size % alignment
    pack, mask = struct.Struct(f"{order}{tag.code}{gap}x{arm.code}").pack, tag.alignment - 1
    outgoing = arm.outgoing(order)

    def write(encoder: Encoder, value: Any, scope: Any, number: Any) -> None:
        wire = outgoing(encoder, value, scope) if outgoing else value
        encoder.align(mask)
        try:
            encoder.out += pack(number, wire)
        except (struct.error, OverflowError) as error:
            raise LocalProtocolError(f"arm of tag {number}: {error}") from None

    return write


def _empty(write_tag: Write, mask: int) -> WriteArm:
    def write(encoder: Encoder, value: Any, scope: Any, number: Any) -> None:
        if value is not None:
            raise LocalProtocolError(f"the arm of tag {number} is empty, its value must be None")
        write_tag(encoder, number, scope)
        encoder.align(mask)

    return write


def _nothing(_encoder: Encoder, _value: Any, _scope: Any) -> None:
    pass


def _read_nothing(_decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
    slots[key] = None


def union(
    tag: object, arms: Arms, *, switch_is: Spec, default: object = NO_DEFAULT, ms_union: bool = False
) -> Union:
    """A union; `switch_is` names the field that holds the tag.  C706 14.3.8, MS-RPCE 2.2.4.5

    Without `default` an unknown tag is refused; `default=None` makes it an empty arm.
    `ms_union` aligns every arm like the widest one.
    """
    return Union(tag, arms, switch_is=switch_is, default=default, ms_union=ms_union)
