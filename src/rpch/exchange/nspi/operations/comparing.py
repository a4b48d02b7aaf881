"""How two values compare.  MS-OXNSPI 3.1.4.3.5, MS-OXCDATA 2.12

Before they are compared, values get a form. Equal texts are those that fold to the same; which text comes
before another follows from the order of the client's locale, as in tables. 8-bit texts that count case are
taken as they are, and the shorter one comes first.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from rpch.exchange.nspi.collation.keys import fold, sort_form
from rpch.exchange.nspi.conditions import Compares, Contains, Fuzziness, Relation
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Value
from rpch.exchange.nspi.wire.structures import Status

Holds: TypeAlias = Callable[[Any, Any], bool]
Form: TypeAlias = Callable[[Any], Any]

_RELATIONS: Final[Mapping[int, Holds]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.GREATER: operator.gt,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.EQUAL: operator.eq,
    Relation.NOT_EQUAL: operator.ne,
}
_SAMENESS: Final = (Relation.EQUAL, Relation.NOT_EQUAL)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What must hold between a value and another, and the form that both are given first."""

    holds: Holds
    form: Form


def relation(number: int) -> Holds:
    """What a relation means; `TOO_COMPLEX` for patterns and what nobody knows."""
    holds = _RELATIONS.get(number)
    if holds is None:
        raise Refused(Status.TOO_COMPLEX, f"relation {number:#x} is not supported")
    return holds


def is_sameness(number: int) -> bool:
    """Whether a relation asks for the same or another value, and for no order."""
    return number in _SAMENESS


def comparison(number: int, locale: int, *, narrow: bool = False) -> Comparison:
    """How values of one relation compare. Those of `narrow` are 8-bit text that counts case."""
    holds = relation(number)
    if narrow:
        return Comparison(holds, by_length)
    return Comparison(holds, folded if is_sameness(number) else partial(sorted_by, locale))


def containment(condition: Contains, *, narrow: bool = False) -> Comparison:
    """How much of a value must be another one: texts, or bytes."""
    if not isinstance(condition.value, str | bytes):
        raise Refused(Status.TOO_COMPLEX, "only texts and binary values contain others")
    holds = _CONTAINMENT.get(condition.fuzziness & 0xFFFF, operator.eq)
    return Comparison(holds, unchanged if narrow else folded)


def against(condition: Contains | Compares, locale: int, *, narrow: bool = False) -> Comparison:
    """How a condition compares a property with its value."""
    if isinstance(condition, Contains):
        return containment(condition, narrow=narrow)
    if isinstance(condition.value, tuple) and not is_sameness(condition.relation):
        raise Refused(Status.TOO_COMPLEX, "several values have no order")
    return comparison(condition.relation, locale, narrow=narrow)


def folded(value: Any) -> Any:
    """Texts that are the same name become equal."""
    return fold(value) if isinstance(value, str) else value


def sorted_by(locale: int, value: Any) -> Any:
    """Texts become what tables are sorted by."""
    return sort_form(value, locale) if isinstance(value, str) else value


def by_length(value: Any) -> Any:
    """The shorter of two texts comes first.  MS-OXNSPI 3.1.4.3.5.2"""
    return (len(value), value) if isinstance(value, str) else value


def unchanged(value: Any) -> Any:
    """A value as it is."""
    return value


def has_bits(value: Value | None, mask: int, *, wants_set: bool) -> bool:
    """Whether any of some bits are set, or all are clear."""
    return isinstance(value, int) and bool(value & mask) == wants_set


def size_of(value: Value, kind: int, text: int) -> int:
    """How many bytes a value takes: text with its terminator, so many bytes a character."""
    match value:
        case int():
            return {Kind.INTEGER16: 2, Kind.BOOLEAN: 2, Kind.TIME: 8}.get(Kind(kind), 4)
        case str():
            return (len(value) + 1) * text
        case bytes():
            return len(value)
        case _:
            return sum(size_of(each, kind, text) for each in value)


def _part(value: Any, wanted: Any) -> bool:
    return wanted in value


def _start(value: Any, wanted: Any) -> bool:
    found: bool = value.startswith(wanted)
    return found


_CONTAINMENT: Final[Mapping[int, Holds]] = {
    Fuzziness.WHOLE: operator.eq,
    Fuzziness.PART: _part,
    Fuzziness.START: _start,
}
