"""Whether objects meet a condition.  MS-OXNSPI 3.1.4.1.10, MS-OXCDATA 2.12

A condition is made ready for one book once, then asked of one object after another. A property that an object
lacks meets nothing, except that it is not there. Of several values one is enough.

Binary attributes lie in the database, which is asked once for each condition on them. A property that names
objects compares with an entry id or a DN: whether the one that it means is among those.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from rpch.directory.book_reader import BinaryPart
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.linkage import LINK_PROPERTIES, LinkProperty
from rpch.exchange.nspi.book.objects import NOTHING, Attributes, BookObject, mid_of
from rpch.exchange.nspi.book.schema import PROPERTIES, Property
from rpch.exchange.nspi.collation.keys import DEFAULT_LOCALE
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
from rpch.exchange.nspi.operations.comparing import (
    Comparison,
    Form,
    Holds,
    against,
    comparison,
    folded,
    has_bits,
    is_sameness,
    relation,
    size_of,
)
from rpch.exchange.nspi.operations.naming import members_of, object_meant
from rpch.exchange.nspi.operations.rows import NATIVELY_NARROW
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import MULTIPLE, Kind, Tag, Value, in_unicode, kind_of, number_of
from rpch.exchange.nspi.wire.structures import Status

DEEPEST: Final = 32
MOST_TERMS: Final = 1000
MOST_STORED: Final = 20_000  # pictures and certificates that one condition may look at

Test: TypeAlias = Callable[[BookObject, Attributes], bool]
FindAmbiguous: TypeAlias = Callable[[str], AbstractSet[int]]


class BinarySearch(Protocol):
    """Who knows the binary attributes that are not in memory."""

    def entries_by_binary(self, name: str, part: BinaryPart, holds: Holds, wanted: bytes | int) -> set[int]:
        """Entries of which a binary attribute stands in a relation to a value."""


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


def prepare(
    book: Book,
    condition: Condition,
    ambiguous: FindAmbiguous,
    source: BinarySearch,
    locale: int = DEFAULT_LOCALE,
) -> Prepared:
    """Make a condition ready; `ambiguous` finds those whom a name may mean.  MS-OXNSPI 3.1.4.7"""
    preparation = _Preparation(book, ambiguous, source, locale)
    test = preparation.test(condition, 1)
    among = preparation.names.get(id(condition))
    if isinstance(condition, All):
        known = [preparation.names[id(part)] for part in condition.parts if id(part) in preparation.names]
        among = frozenset.intersection(*map(frozenset, known)) if known else None
    return Prepared(test, preparation.uses_attributes, preparation.terms, among)


class _Preparation:
    """The work of `prepare`."""

    def __init__(self, book: Book, ambiguous: FindAmbiguous, source: BinarySearch, locale: int) -> None:
        self._book, self._ambiguous, self._source, self._locale = book, ambiguous, source, locale
        self._stored_left = MOST_STORED
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
            case ComparesTwo(relation=number, first=first, second=second):
                return self._two(comparison(number, self._locale), first, second)
            case HasBits(wants_set=wants_set, tag=tag, mask=mask):
                read = self._read(tag, Kind.INTEGER32, Kind.BOOLEAN)
                return lambda thing, attributes: has_bits(read(thing, attributes), mask, wants_set=wants_set)
            case HasSize(relation=number, tag=tag, size=size):
                return self._size(relation(number), tag, size)

    def _against_value(self, condition: Contains | Compares) -> Test:
        number = number_of(condition.tag)
        if number == number_of(Tag.ANR):
            return self._named(condition)
        if isinstance(condition, Compares) and condition.relation == Relation.MEMBER_OF_LIST:
            return self._member(condition)
        if (link := LINK_PROPERTIES.get(number)) is not None:
            return self._naming(condition, link)
        if number == number_of(Tag.ENTRYID) and isinstance(condition, Compares):
            return self._entry_id(condition)
        known = self._known(condition.tag)
        if known is not None and known.binary:
            return self._stored(condition, known.binary)
        compared = against(condition, self._locale, narrow=number in NATIVELY_NARROW)
        if isinstance(condition.value, tuple):
            if known is None or not known.kind & MULTIPLE:
                return _nobody
            return self._whole(compared, condition.tag, condition.value)
        return self._any(compared, condition.tag, compared.form(condition.value))

    def _any(self, compared: Comparison, tag: int, wanted: Any) -> Test:
        """One of the values of a property, against another one of its type."""
        known = self._known(tag)
        if known is None:
            return _nobody
        read, holds, form, kind = known.bind(self._book), compared.holds, compared.form, type(wanted)
        if number_of(known.tag) == number_of(Tag.DISPLAY_NAME) and form is folded:
            return lambda thing, _attributes: kind is str and holds(thing.folded, wanted)

        def test(thing: BookObject, attributes: Attributes) -> bool:
            value = read(thing, attributes)
            if isinstance(value, tuple):
                return any(type(each := form(one)) is kind and holds(each, wanted) for one in value)
            return value is not None and type(value := form(value)) is kind and holds(value, wanted)

        return test

    def _whole(self, compared: Comparison, tag: int, given: tuple[Any, ...]) -> Test:
        """All values of a property, against as many others in their order."""
        read, wanted = self._values(tag, compared.form), tuple(map(compared.form, given))

        def test(thing: BookObject, attributes: Attributes) -> bool:
            values = read(thing, attributes)
            return bool(values) and compared.holds(values, wanted)

        return test

    def _named(self, condition: Contains | Compares) -> Test:
        if not isinstance(condition.value, str):
            raise Refused(Status.TOO_COMPLEX, "names are resolved by text")
        if isinstance(condition, Compares) and condition.relation != Relation.EQUAL:
            raise Refused(Status.TOO_COMPLEX, "a name means somebody, and has no order")
        found = self._ambiguous(condition.value)
        self.names[id(condition)] = found
        return lambda thing, _attributes: thing.mid in found

    def _member(self, condition: Compares) -> Test:
        """Whether an object is in a group, or in one that is in it.  MS-OXCDATA 2.12.5.1"""
        if number_of(condition.tag) != number_of(Tag.ENTRYID):
            raise Refused(Status.TOO_COMPLEX, "only entry ids are those of members")
        group = object_meant(self._book, condition.value)
        found = frozenset() if group is None else members_of(self._book.linkage, group)
        return lambda thing, _attributes: thing.mid in found

    def _naming(self, condition: Contains | Compares, link: LinkProperty) -> Test:
        """Whether a property names the object that a DN or entry id means."""
        differs = isinstance(condition, Compares) and condition.relation == Relation.NOT_EQUAL
        if isinstance(condition, Contains):
            simple = condition.fuzziness & 0xFFFF == Fuzziness.WHOLE
        else:
            simple = is_sameness(condition.relation)
        if not simple:
            raise Refused(Status.TOO_COMPLEX, "objects are named or they are not")
        ends, meant = self._book.linkage.ends, object_meant(self._book, condition.value)
        if differs:
            return lambda thing, _attributes: any(mid != meant for mid in ends(thing.mid, link))
        return lambda thing, _attributes: meant is not None and meant in ends(thing.mid, link)

    def _entry_id(self, condition: Compares) -> Test:
        """Entry ids of both kinds are of the same object; what else they say does not count."""
        if not is_sameness(condition.relation):
            raise Refused(Status.TOO_COMPLEX, "entry ids have no order")
        meant, same = object_meant(self._book, condition.value), condition.relation == Relation.EQUAL
        return lambda thing, _attributes: (thing.mid == meant) is same

    def _stored(self, condition: Contains | Compares, name: str) -> Test:
        """The database knows whose binary attribute it is."""
        value = condition.value
        if not isinstance(value, bytes):
            return _nobody
        if isinstance(condition, Compares):
            return self._having(name, BinaryPart.VALUE, relation(condition.relation), value)
        if condition.fuzziness & 0xFFFF == Fuzziness.PART:
            raise Refused(Status.TOO_COMPLEX, "pictures and certificates are not searched through")
        start = condition.fuzziness & 0xFFFF == Fuzziness.START
        part = BinaryPart.START if start else BinaryPart.VALUE
        return self._having(name, part, relation(Relation.EQUAL), value)

    def _having(self, name: str, part: BinaryPart, holds: Holds, wanted: bytes | int) -> Test:
        self._stored_left -= sum(name in names for names in self._book.binaries.values())
        if self._stored_left < 0:
            raise Refused(Status.TOO_COMPLEX, "too many pictures and certificates to look at")
        found = set(map(mid_of, self._source.entries_by_binary(name, part, holds, wanted)))
        return lambda thing, _attributes: thing.mid in found

    def _two(self, compared: Comparison, first: int, second: int) -> Test:
        left, right = self._values(first, compared.form), self._values(second, compared.form)
        holds = compared.holds

        def test(thing: BookObject, attributes: Attributes) -> bool:
            others = right(thing, attributes)
            return any(
                type(one) is type(other) and holds(one, other)
                for one in left(thing, attributes)
                for other in others
            )

        return test

    def _size(self, holds: Holds, tag: int, size: int) -> Test:
        known = self._known(tag)
        if known is None:
            return _nobody
        if known.binary:
            return self._having(known.binary, BinaryPart.SIZE, holds, size)
        read, text = known.bind(self._book), 1 if kind_of(tag) in (Kind.STRING8, Kind.STRINGS8) else 2

        def test(thing: BookObject, attributes: Attributes) -> bool:
            value = read(thing, attributes)
            return value is not None and holds(size_of(value, known.kind, text), size)

        return test

    def _exists(self, tag: int) -> Test:
        if number_of(tag) in LINK_PROPERTIES:
            known = PROPERTIES.get(number_of(tag))
        else:
            known = self._known(tag)
        if known is None:
            return _nobody
        if known.binary:
            having, name = self._book.binaries, known.binary
            return lambda thing, _attributes: name in having.get(thing.mid, ())
        read = known.bind(self._book)
        return lambda thing, attributes: read(thing, attributes) is not None

    def _values(self, tag: int, form: Form) -> Callable[[BookObject, Attributes], tuple[Any, ...]]:
        """The values of a property in a form: one, several, or none."""
        known = self._known(tag)
        if known is None:
            return lambda _thing, _attributes: ()
        read = known.bind(self._book)
        if number_of(known.tag) == number_of(Tag.DISPLAY_NAME) and form is folded:
            return lambda thing, _attributes: (thing.folded,)

        def values(thing: BookObject, attributes: Attributes) -> tuple[Any, ...]:
            value = read(thing, attributes)
            if value is None:
                return ()
            return tuple(map(form, value)) if isinstance(value, tuple) else (form(value),)

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
            known.kind & ~MULTIPLE,
        ):
            return None
        self.uses_attributes |= known.uses_attributes
        return known


def _nobody(_thing: BookObject, _attributes: Attributes) -> bool:
    return False


def _nothing(_thing: BookObject, _attributes: Attributes) -> Value | None:
    return None
