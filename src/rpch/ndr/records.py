"""The NDR type of a declared structure.  C706 14.3.6, 14.3.7"""

from __future__ import annotations

from typing import Any, Final

from rpch.ndr.kinds import NdrType, Order, Plan, joined
from rpch.ndr.layout import Member, Step, steps
from rpch.ndr.scalars import Scalar
from rpch.ndr.streams import Decoder, Encoder
from rpch.ndr.unions import Union

MAX_DEPTH: Final = 64


class StructKind(NdrType):
    """A structure; a conformant last member makes it conformant.  C706 14.3.6, 14.3.7"""

    def __init__(self, record: type, members: tuple[Member, ...], *, encapsulated: bool) -> None:
        super().__init__()
        self.record, self.members, self.encapsulated = record, members, encapsulated
        if encapsulated:
            self.members = _encapsulate(record, members)
        for member in self.members[:-1]:
            if member.kind.conformance:
                raise TypeError(f"{record.__name__}.{member.name}: only the last member can be conformant")
        kinds = [member.kind for member in self.members]
        self.alignment = max((kind.alignment for kind in kinds), default=1)
        self.minimum = sum(kind.minimum for kind in kinds)
        self.memory = sum(kind.memory for kind in kinds)
        self.conformance = kinds[-1].conformance if kinds else 0
        self.depth = 1 + max((kind.depth for kind in kinds), default=0)
        if self.depth > MAX_DEPTH:
            raise TypeError(f"{record.__name__} nests deeper than {MAX_DEPTH}")

    def compile(self, plan: Plan, order: Order) -> None:
        last = self.members[-1] if self.conformance else None
        flat = self.members[:-1] if last else self.members
        # an encapsulated union is placed by its tag, whatever its arms ask for (C706 14.3.8)
        known = self.members[0].kind.alignment if self.encapsulated else self.alignment
        done = steps(self.record.__name__, flat, order, known=known, mask=known - 1, top=False)
        if last is None:
            self._compile_flat(plan, done)
        else:
            self._compile_conformant(plan, done, last, last.kind.plan(order))

    def _compile_flat(self, plan: Plan, done: list[Step]) -> None:
        record, writers, readers = self.record, [step[0] for step in done], [step[1] for step in done]
        unsent = bool(getattr(record, "UNSENT", ()))

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            for writer in writers:
                writer(encoder, value, scope)

        def read(decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
            made: Any = object.__new__(record)
            slots[key] = made
            for reader in readers:
                reader(decoder, made.__dict__, made)
            if unsent:
                decoder.unsent.append(made)

        plan.write, plan.read = writers[0] if len(writers) == 1 else write, read

    def _compile_conformant(self, plan: Plan, done: list[Step], last: Member, tail: Plan) -> None:
        flat, name = Plan(), last.name
        self._compile_flat(flat, done)

        def write_counts(encoder: Encoder, value: Any, _scope: Any) -> None:
            tail.write_counts(encoder, getattr(value, name), value)

        def write_body(encoder: Encoder, value: Any, scope: Any) -> None:
            flat.write(encoder, value, scope)
            tail.write_body(encoder, getattr(value, name), value)

        def read_body(decoder: Decoder, counts: Any, slots: Any, key: Any, scope: Any) -> None:
            flat.read(decoder, slots, key, scope)
            made = slots[key]
            tail.read_body(decoder, counts, made.__dict__, name, made)

        plan.write_counts, plan.read_counts = write_counts, tail.read_counts
        plan.write_body, plan.read_body = write_body, read_body
        plan.write, plan.read = joined(plan)


def _encapsulate(record: type, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """An encapsulated union is a tag and the union it switches."""
    match members:
        case Member(kind=Scalar()) as tag, Member(name=name, kind=Union() as choice):
            return tag, Member(name, choice.without_tag())
    raise TypeError(f"{record.__name__}: an encapsulated union has a tag and a union")
