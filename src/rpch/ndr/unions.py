"""Unions: a tag, and the arm it selects.  C706 14.3.8, MS-RPCE 2.2.4.5"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rpch.errors import LocalProtocolError
from rpch.ndr.correlation import Expression, Spec
from rpch.ndr.faults import INVALID_TAG, StubError
from rpch.ndr.kinds import NdrType, Order, Plan, embeddable, kind_of
from rpch.ndr.scalars import Scalar
from rpch.ndr.streams import Decoder, Encoder

NO_DEFAULT: Final = object()
Arms = Mapping[Any, object]
"""A tag or a tuple of tags: the type of its arm, or None for an empty one."""


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

    def parts(self) -> Iterable[NdrType]:
        return [arm for arm in (*self.arms.values(), self.default) if arm is not None]

    def without_tag(self) -> Union:
        """The same union inside an encapsulated one, which sends its tag once."""
        bare = Union.__new__(Union)
        bare.__dict__.update(self.__dict__, bare=True, ms_union=False, _plans={})
        return bare

    def compile(self, plan: Plan, order: Order) -> None:
        select, tag = self._selector(order), self.tag.plan(order)
        mask = self.arm_alignment - 1 if self.ms_union else 0
        switch, bare = self.switch, self.bare

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            number = switch.value(scope)
            arm, known = select(number)
            if not known:
                raise LocalProtocolError(f"no arm of the union has tag {number}")
            if not bare:
                tag.write(encoder, number, scope)
                encoder.align(mask)
            if arm is not None:
                arm.write(encoder, value, scope)
            elif value is not None:
                raise LocalProtocolError(f"the arm of tag {number} is empty, its value must be None")

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if bare:
                number = switch.value(scope)
            else:
                tag.read(decoder, slots, key, scope)
                number = slots[key]
                decoder.expect(switch, number, scope)
            arm, known = select(number)
            if not known:
                raise StubError(f"no arm of the union has tag {number}", at=decoder.at, status=INVALID_TAG)
            slots[key] = None
            if not bare:
                decoder.at += -decoder.at & mask
            if arm is not None:
                arm.read(decoder, slots, key, scope)

        plan.write, plan.read = write, read

    def _selector(self, order: Order) -> Callable[[Any], tuple[Plan | None, bool]]:
        chosen = {tag: (None if arm is None else arm.plan(order), True) for tag, arm in self.arms.items()}
        default = None if self.default is None else self.default.plan(order)
        otherwise = (default, self.has_default)
        return lambda tag: chosen.get(tag, otherwise)


def union(
    tag: object, arms: Arms, *, switch_is: Spec, default: object = NO_DEFAULT, ms_union: bool = False
) -> Union:
    """A union; `switch_is` names the field that holds the tag.  C706 14.3.8

    Without `default` an unknown tag is refused; `default=None` makes it an empty arm.
    `ms_union` aligns every arm like the widest one.  MS-RPCE 2.2.4.5
    """
    return Union(tag, arms, switch_is=switch_is, default=default, ms_union=ms_union)
