"""Whether objects meet a condition.  MS-OXNSPI 3.1.4.1.10, MS-OXCDATA 2.12

A condition is made ready for one book once, then asked of one object after another. Texts are compared
folded; a property that an object lacks meets nothing, except that it is not there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from rpch.exchange.nspi.book import Book
from rpch.exchange.nspi.collation import fold
from rpch.exchange.nspi.conditions import (
    All,
    AnyOf,
    Compares,
    ComparesTwo,
    Condition,
    Contains,
    Exists,
    Fuzziness,
    HasBits,
    HasSize,
    Not,
    Relation,
)
from rpch.exchange.nspi.objects import NOTHING, Attributes, BookObject
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.schema import PROPERTIES, Property
from rpch.exchange.nspi.structures import Status
from rpch.exchange.nspi.tags import Kind, Tag, Value, in_unicode, kind_of, number_of

DEEPEST: Final = 32
MOST_TERMS: Final = 1000

Test: TypeAlias = Callable[[BookObject, Attributes], bool]
FindAmbiguous: TypeAlias = Callable[[str], AbstractSet[int]]

_COMPARISONS: Final[Mapping[int, Callable[[Any, Any], bool]]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.GREATER: operator.gt,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.EQUAL: operator.eq,
    Relation.NOT_EQUAL: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A condition, ready for the objects of one book. `among` has all who may meet it, if that is known."""

    test: Test
    uses_attributes: bool
    terms: int
    among: AbstractSet[int] | None = None

    def accepts(self, thing: BookObject) -> bool:
        """Whether an object meets it."""
        return self.test(thing, thing.attributes if self.uses_attributes else NOTHING)


def prepare(book: Book, condition: Condition, ambiguous: FindAmbiguous) -> Prepared:
    """Make a condition ready; `ambiguous` finds those whom a name may mean.  MS-OXNSPI 3.1.4.7"""
    preparation = _Preparation(book, ambiguous)
    test = preparation.test(condition, 1)
    among = preparation.names.get(id(condition))
    if isinstance(condition, All):
        known = [preparation.names[id(part)] for part in condition.parts if id(part) in preparation.names]
        among = frozenset.intersection(*map(frozenset, known)) if known else None
    return Prepared(test, preparation.uses_attributes, preparation.terms, among)


class _Preparation:
    """The work of `prepare`."""

    def __init__(self, book: Book, ambiguous: FindAmbiguous) -> None:
        self._book, self._ambiguous = book, ambiguous
        self.uses_attributes, self.terms = False, 0
        self.names: dict[int, AbstractSet[int]] = {}  # the objects that a condition on names is about

    def test(self, condition: Condition, depth: int) -> Test:
        self.terms += 1
        if depth > DEEPEST or self.terms > MOST_TERMS:
            raise Refused(
                Status.TOO_COMPLEX, f"a restriction deeper than {DEEPEST} or of over {MOST_TERMS} terms"
            )
        match condition:
            case All(parts=parts):
                tests = [self.test(part, depth + 1) for part in parts]
                return lambda thing, attributes: all(test(thing, attributes) for test in tests)
            case AnyOf(parts=parts):
                tests = [self.test(part, depth + 1) for part in parts]
                return lambda thing, attributes: any(test(thing, attributes) for test in tests)
            case Not(part=part):
                test = self.test(part, depth + 1)
                return lambda thing, attributes: not test(thing, attributes)
            case Exists(tag=tag):
                return self._exists(tag)
            case Contains() | Compares():
                return self._against_value(condition)
            case ComparesTwo(relation=relation, first=first, second=second):
                return self._two(_comparison(relation), first, second)
            case HasBits(wants_set=wants_set, tag=tag, mask=mask):
                read = self._read(tag, Kind.INTEGER32, Kind.BOOLEAN)
                return lambda thing, attributes: _bits(read(thing, attributes), mask, wants_set)
            case HasSize(relation=relation, tag=tag, size=size):
                return self._size(_comparison(relation), tag, size)

    def _against_value(self, condition: Contains | Compares) -> Test:
        tag, value = condition.tag, condition.value
        if number_of(tag) == number_of(Tag.ANR):
            return self._named(condition)
        wanted = _comparable(value)
        read = self._values(tag)
        holds: Callable[[Any, Any], bool]
        if isinstance(condition, Contains):
            if not isinstance(wanted, str):
                raise Refused(Status.TOO_COMPLEX, "only texts contain others")
            holds = _CONTAINMENT.get(condition.fuzziness & 0xFFFF, _whole)
        else:
            holds = _comparison(condition.relation)

        def test(thing: BookObject, attributes: Attributes) -> bool:
            return any(
                type(value) is type(wanted) and holds(value, wanted) for value in read(thing, attributes)
            )

        return test

    def _named(self, condition: Contains | Compares) -> Test:
        if not isinstance(condition.value, str):
            raise Refused(Status.TOO_COMPLEX, "names are resolved by text")
        found = self._ambiguous(condition.value)
        self.names[id(condition)] = found
        return lambda thing, _attributes: thing.mid in found

    def _two(self, holds: Callable[[Any, Any], bool], first: int, second: int) -> Test:
        left, right = self._values(first), self._values(second)

        def test(thing: BookObject, attributes: Attributes) -> bool:
            others = right(thing, attributes)
            return any(
                type(one) is type(other) and holds(one, other)
                for one in left(thing, attributes)
                for other in others
            )

        return test

    def _size(self, holds: Callable[[Any, Any], bool], tag: int, size: int) -> Test:
        known = self._known(tag)
        if known is None:
            return _nobody
        read, text = known.bind(self._book), 1 if kind_of(tag) == Kind.STRING8 else 2

        def test(thing: BookObject, attributes: Attributes) -> bool:
            value = read(thing, attributes)
            return value is not None and holds(_size_of(value, known.kind, text), size)

        return test

    def _exists(self, tag: int) -> Test:
        known = self._known(tag)
        if known is None:
            return _nobody
        if known.binary:
            having, name = self._book.binaries, known.binary
            return lambda thing, _attributes: name in having.get(thing.mid, ())
        read = known.bind(self._book)
        return lambda thing, attributes: read(thing, attributes) is not None

    def _values(self, tag: int) -> Callable[[BookObject, Attributes], tuple[Any, ...]]:
        """The values of a property as they are compared: one, several, or none."""
        known = self._known(tag)
        if known is None:
            return lambda _thing, _attributes: ()
        read = known.bind(self._book)
        if number_of(known.tag) == number_of(Tag.DISPLAY_NAME):
            return lambda thing, _attributes: (thing.folded,)

        def values(thing: BookObject, attributes: Attributes) -> tuple[Any, ...]:
            value = read(thing, attributes)
            if value is None:
                return ()
            return tuple(map(_comparable, value)) if isinstance(value, tuple) else (_comparable(value),)

        return values

    def _read(self, tag: int, *kinds: int) -> Callable[[BookObject, Attributes], Value | None]:
        known = self._known(tag)
        return known.bind(self._book) if known is not None and known.kind in kinds else _nothing

    def _known(self, tag: int) -> Property | None:
        """The property of a tag, unless it has another type; text is text."""
        known = PROPERTIES.get(number_of(tag))
        if known is None or kind_of(in_unicode(tag)) not in (
            known.kind,
            Kind.UNSPECIFIED,
            known.kind & ~0x1000,
        ):
            return None
        self.uses_attributes |= known.uses_attributes
        return known


def _whole(value: str, wanted: str) -> bool:
    return value == wanted


def _part(value: str, wanted: str) -> bool:
    return wanted in value


def _start(value: str, wanted: str) -> bool:
    return value.startswith(wanted)


_CONTAINMENT: Final[Mapping[int, Callable[[str, str], bool]]] = {
    Fuzziness.WHOLE: _whole,
    Fuzziness.PART: _part,
    Fuzziness.START: _start,
}


def _comparison(relation: int) -> Callable[[Any, Any], bool]:
    holds = _COMPARISONS.get(relation)
    if holds is None:
        raise Refused(Status.TOO_COMPLEX, f"relation {relation:#x} is not supported")
    return holds


def _comparable(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def _bits(value: Value | None, mask: int, wants_set: bool) -> bool:
    return isinstance(value, int) and bool(value & mask) == wants_set


def _size_of(value: Value, kind: int, text: int) -> int:
    """How many bytes a value takes: text with its terminator."""
    match value:
        case int():
            return {Kind.INTEGER16: 2, Kind.BOOLEAN: 2, Kind.TIME: 8}.get(Kind(kind), 4)
        case str():
            return (len(value) + 1) * text
        case bytes():
            return len(value)
        case _:
            return sum(_size_of(each, kind, text) for each in value)


def _nobody(_thing: BookObject, _attributes: Attributes) -> bool:
    return False


def _nothing(_thing: BookObject, _attributes: Attributes) -> Value | None:
    return None
