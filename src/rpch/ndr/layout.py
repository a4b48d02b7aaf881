"""Members in order: neighbours of fixed size travel in one step, gaps included.  C706 14.3.2, 14.3.6"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from rpch.errors import LocalProtocolError
from rpch.ndr.kinds import NdrType, Order, Unsent, Write
from rpch.ndr.pointers import Pointer
from rpch.ndr.scalars import Scalar
from rpch.ndr.streams import Decoder, Encoder

ReadInto = Callable[[Decoder, Any, Any], None]
"""decoder, the construct's attributes, the construct"""
Step = tuple[Write, ReadInto]


@dataclass(frozen=True)
class Member:
    """A field or parameter and its type."""

    name: str
    kind: NdrType


class Run:
    """Neighbouring scalars; `mask` closes the gap in front of the first."""

    def __init__(self, mask: int) -> None:
        self.mask, self.layout, self.offset = mask, "", 0
        self.members: list[tuple[str, Scalar]] = []

    def add(self, name: str, kind: Scalar) -> None:
        gap = -self.offset % kind.alignment
        self.layout += "x" * gap + kind.code
        self.offset += gap + kind.size
        self.members.append((name, kind))


def pieces(members: Iterable[Member], *, known: int, mask: int, top: bool) -> list[Run | Member]:
    """Cut members into runs and the rest.

    We stand at a multiple of `known`, once the gap of `mask` is closed. A scalar that asks for more
    alignment than is known here starts a new run, because the size of its gap depends on what came.
    """
    cut: list[Run | Member] = []
    run: Run | None = None
    for member in members:
        kind = member.kind
        if isinstance(kind, Unsent):
            continue
        if not isinstance(kind, Scalar) or (top and isinstance(kind, Pointer)):
            cut.append(member)
            run, known = None, 1
            continue
        if run is None or kind.alignment > known:
            if kind.alignment > known:
                known = kind.alignment
                mask = known - 1
            elif cut:
                mask = 0
            run = Run(mask)
            cut.append(run)
        run.add(member.name, kind)
    return cut


def run_step(owner: str, run: Run, order: Order) -> Step:
    """Both directions of a run."""
    return _run_writer(owner, run, order), _run_reader(run, order)


def _run_writer(owner: str, run: Run, order: Order) -> Write:
    pack, mask = struct.Struct(order + run.layout).pack, run.mask
    names = [name for name, _ in run.members]
    get = attrgetter(*names) if len(names) > 1 else _single(names[0])
    prepared = [(at, kind.outgoing(order)) for at, (_, kind) in enumerate(run.members)]
    outgoing = [(at, prepare) for at, prepare in prepared if prepare is not None]

    def write_plain(encoder: Encoder, value: Any, _scope: Any) -> None:
        values = get(value)
        out = encoder.out
        if gap := -len(out) & mask:
            out += bytes(gap)
        try:
            out += pack(*values)
        except (struct.error, OverflowError) as error:
            raise misfit(owner, run, order, values, error) from None

    def write(encoder: Encoder, value: Any, _scope: Any) -> None:
        values = [*get(value)]
        at = 0
        try:
            for at, prepare in outgoing:
                values[at] = prepare(encoder, values[at], value)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{owner}.{names[at]}: {error}") from None
        out = encoder.out
        if gap := -len(out) & mask:
            out += bytes(gap)
        try:
            out += pack(*values)
        except (struct.error, OverflowError) as error:
            raise misfit(owner, run, order, values, error) from None

    return write if outgoing else write_plain


def _single(name: str) -> Callable[[Any], tuple[Any]]:
    get = attrgetter(name)
    return lambda value: (get(value),)


def misfit(owner: str, run: Run, order: Order, values: Iterable[Any], error: Exception) -> LocalProtocolError:
    """The error that names which value did not fit."""
    for value, (name, kind) in zip(values, run.members, strict=True):
        try:
            struct.pack(order + kind.code, value)
        except (struct.error, OverflowError) as own:
            return LocalProtocolError(f"{owner}.{name}: {own}")
    return LocalProtocolError(f"{owner}: {error}")


def _run_reader(run: Run, order: Order) -> ReadInto:
    codec, mask = struct.Struct(order + run.layout), run.mask
    unpack_from, size = codec.unpack_from, codec.size
    numbered = [(at, name) for at, (name, _) in enumerate(run.members)]
    finished = [(name, kind.incoming(order)) for name, kind in run.members]
    incoming = [(name, finish) for name, finish in finished if finish is not None]

    def read(decoder: Decoder, slots: Any, scope: Any) -> None:
        at = decoder.at + (-decoder.at & mask)
        try:
            values = unpack_from(decoder.data, at)
        except struct.error:
            raise decoder.short(size, at) from None
        decoder.at = at + size
        for index, name in numbered:  # faster than a zip
            slots[name] = values[index]
        for name, finish in incoming:
            finish(decoder, slots, name, scope)

    return read


def member_step(owner: str, member: Member, order: Order, *, top: bool) -> Step:
    """Both directions of a member that is no scalar; a parameter's referents follow at once."""
    name, plan = member.name, member.kind.top(order) if top else member.kind.plan(order)
    get = attrgetter(name)

    def write(encoder: Encoder, value: Any, _scope: Any) -> None:
        try:
            plan.write(encoder, get(value), value)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{owner}.{name}: {error}") from None

    def write_parameter(encoder: Encoder, value: Any, scope: Any) -> None:
        write(encoder, value, scope)
        if encoder.queue:
            encoder.flush()

    def read(decoder: Decoder, slots: Any, scope: Any) -> None:
        plan.read(decoder, slots, name, scope)

    def read_parameter(decoder: Decoder, slots: Any, scope: Any) -> None:
        plan.read(decoder, slots, name, scope)
        if decoder.queue:
            decoder.flush()

    return (write_parameter, read_parameter) if top else (write, read)


def steps(
    owner: str, members: Iterable[Member], order: Order, *, known: int, mask: int, top: bool
) -> list[Step]:
    """Everything to do for these members, in order."""
    cut = pieces(members, known=known, mask=mask, top=top)
    done = [
        run_step(owner, piece, order) if isinstance(piece, Run) else member_step(owner, piece, order, top=top)
        for piece in cut
    ]
    if mask and not (cut and isinstance(cut[0], Run)):
        done.insert(0, _gap_step(mask))
    return done


def _gap_step(mask: int) -> Step:
    def write(encoder: Encoder, _value: Any, _scope: Any) -> None:
        encoder.align(mask)

    def read(decoder: Decoder, _slots: Any, _scope: Any) -> None:
        decoder.at += -decoder.at & mask

    return write, read
