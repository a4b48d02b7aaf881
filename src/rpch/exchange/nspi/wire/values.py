"""Plain values and conditions to and from what travels in RPC.  MS-OXNSPI 2.2"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from rpch.errors import LocalProtocolError
from rpch.exchange.nspi import conditions
from rpch.exchange.nspi.codepages import CodePage
from rpch.exchange.nspi.conditions import Condition
from rpch.exchange.nspi.operations.matching import DEEPEST, MOST_TERMS
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import MULTIPLE, Kind, Value, kind_of
from rpch.exchange.nspi.wire import structures
from rpch.exchange.nspi.wire.entryids import PROVIDER
from rpch.exchange.nspi.wire.structures import (
    Binary,
    BinaryArray,
    PropertyName,
    PropertyRow,
    PropertyTags,
    PropertyValue,
    Restriction,
    Status,
    StringArray,
    StringNames,
    WStringArray,
)

_BITS_CLEAR: Final = 0  # BMR_EQZ.  MS-OXCDATA 2.12.7
_BITS_SET: Final = 1  # BMR_NEZ.  MS-OXCDATA 2.12.7
_OCTETS: Final = "latin-1"  # what `AString` keeps every octet in


def tags_to_wire(tags: Iterable[int]) -> PropertyTags:
    """Property tags, or minimal entry ids."""
    return PropertyTags(tuple(tags))


def tags_from_wire(tags: PropertyTags | None) -> tuple[int, ...] | None:
    """The same; None where none were given."""
    return None if tags is None else tags.tags


def row_to_wire(row: Row) -> PropertyRow:
    """One row."""
    return PropertyRow(0, tuple(PropertyValue(tag, 0, _to_wire(kind_of(tag), value)) for tag, value in row))


def row_from_wire(row: PropertyRow | None) -> Row:
    """One row; what has no value is not in it."""
    given = () if row is None or row.values is None else row.values
    found = ((each.tag, value_from_wire(each)) for each in given)
    return [(tag, value) for tag, value in found if value is not None]


def value_from_wire(given: PropertyValue) -> Value | None:
    """One value: text in a code page as bytes. None for a null pointer."""
    value = given.value
    match kind_of(given.tag):
        case Kind.STRING8:
            return None if value is None else cast(str, value).encode(_OCTETS)
        case Kind.BINARY:
            return cast(Binary, value).data or b""
        case Kind.STRINGS8:
            return tuple(text.encode(_OCTETS) for text in value.values or () if text is not None)
        case Kind.BINARIES:
            return tuple(each.data or b"" for each in cast(BinaryArray, value).values or ())
        case kind if kind & MULTIPLE:
            return tuple(each for each in value.values or () if each is not None)
        case _:
            return cast("Value | None", value)


def _to_wire(kind: int, value: Value) -> Any:
    match kind:
        case Kind.STRING8:
            return cast(bytes, value).decode(_OCTETS)
        case Kind.BINARY:
            return Binary(cast(bytes, value))
        case Kind.STRINGS:
            return WStringArray(cast(tuple[str, ...], value))
        case Kind.STRINGS8:
            return StringArray(tuple(text.decode(_OCTETS) for text in cast(tuple[bytes, ...], value)))
        case Kind.BINARIES:
            return BinaryArray(tuple(map(Binary, cast(tuple[bytes, ...], value))))
        case _:
            return value


def names_from_wire(names: Sequence[str | None], page: CodePage) -> list[str | None]:
    """Names in a code page."""
    return [None if name is None else page.decode(name.encode(_OCTETS)) for name in names]


def names_to_wire(names: Iterable[str], page: CodePage) -> StringNames:
    """Names in a code page, as clients send them."""
    return StringNames(tuple(page.encode(name).decode(_OCTETS) for name in names))


def property_from_wire(name: PropertyName | None) -> int | None:
    """The number of a property by name, which is all the name that those of an address book have.  2.2.6.1"""
    if name is None:
        return None
    if name.guid not in (None, bytes(16), PROVIDER) or not 0 <= name.number <= 0xFFFF:
        raise Refused(Status.NOT_SUPPORTED, "an address book has no properties by that name")
    return name.number


def condition_from_wire(restriction: Restriction, page: CodePage) -> Condition:
    """A restriction as a condition; texts are in the client's code page.  MS-OXNSPI 2.2.5"""
    return _Conditions(page).read(restriction, 1)


class _Conditions:
    """Reads one restriction, as deep and as long as searches take it."""

    def __init__(self, page: CodePage) -> None:
        self._page, self._left = page, MOST_TERMS

    def read(self, restriction: Restriction, depth: int) -> Condition:
        page = self._page
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            raise Refused(
                Status.TOO_COMPLEX, f"a restriction deeper than {DEEPEST} or of over {MOST_TERMS} terms"
            )
        match restriction.term:
            case structures.AndOr() as several:
                parts = tuple(self.read(part, depth + 1) for part in _parts(several))
                return conditions.All(parts) if restriction.kind == 0 else conditions.AnyOf(parts)
            case structures.Not(part=part) if part is not None:
                return conditions.Not(self.read(part, depth + 1))
            case structures.Content(fuzzy_level=fuzziness, tag=tag, value=value):
                return conditions.Contains(fuzziness, tag, _wanted(value, page))
            case structures.Compare(relation=relation, tag=tag, value=value):
                return conditions.Compares(relation, tag, _wanted(value, page))
            case structures.CompareTwo(relation=relation, first=first, second=second):
                return conditions.ComparesTwo(relation, first, second)
            case structures.Bits(relation=relation, tag=tag, mask=mask):
                if relation not in (_BITS_CLEAR, _BITS_SET):
                    raise Refused(Status.TOO_COMPLEX, f"a relation of bits {relation}")
                return conditions.HasBits(relation == _BITS_SET, tag, mask)
            case structures.Size(relation=relation, tag=tag, size=size):
                return conditions.HasSize(relation, tag, size)
            case structures.Exists(tag=tag):
                return conditions.Exists(tag)
            case structures.Sub():
                raise Refused(Status.TOO_COMPLEX, "objects of the address book have no parts")
            case _:
                raise Refused(Status.INVALID_PARAMETER, "a restriction that denies nothing")


def condition_to_wire(condition: Condition, depth: int = 1) -> Restriction:
    """A condition as a client sends it, texts in Unicode."""
    if depth > DEEPEST:
        raise LocalProtocolError(f"a condition deeper than {DEEPEST}, which no server takes")
    match condition:
        case conditions.All(parts=parts):
            return structures.all_of(*(condition_to_wire(part, depth + 1) for part in parts))
        case conditions.AnyOf(parts=parts):
            return structures.any_of(*(condition_to_wire(part, depth + 1) for part in parts))
        case conditions.Not(part=part):
            return Restriction(2, structures.Not(condition_to_wire(part, depth + 1)))
        case conditions.Contains(fuzziness=fuzziness, tag=tag, value=value):
            return Restriction(3, structures.Content(fuzziness, tag, _sent(tag, value)))
        case conditions.Compares(relation=relation, tag=tag, value=value):
            return Restriction(4, structures.Compare(relation, tag, _sent(tag, value)))
        case conditions.ComparesTwo(relation=relation, first=first, second=second):
            return Restriction(5, structures.CompareTwo(relation, first, second))
        case conditions.HasBits(wants_set=wants_set, tag=tag, mask=mask):
            return Restriction(6, structures.Bits(int(wants_set), tag, mask))
        case conditions.HasSize(relation=relation, tag=tag, size=size):
            return Restriction(7, structures.Size(relation, tag, size))
        case conditions.Exists(tag=tag):
            return Restriction(8, structures.Exists(0, tag, 0))


def _parts(several: structures.AndOr) -> tuple[Restriction, ...]:
    parts = () if several.parts is None else several.parts.items
    if len(parts) != several.count:
        raise Refused(
            Status.INVALID_PARAMETER, f"{len(parts)} parts of a restriction, and {several.count} said"
        )
    return parts


def _wanted(given: PropertyValue | None, page: CodePage) -> Value:
    value = None if given is None else value_from_wire(given)
    if given is None or value is None:
        raise Refused(Status.INVALID_PARAMETER, "a restriction without a value")
    if kind_of(given.tag) == Kind.STRING8:
        return page.decode(cast(bytes, value))
    if kind_of(given.tag) == Kind.STRINGS8:
        return tuple(map(page.decode, cast(tuple[bytes, ...], value)))
    return value


def _sent(tag: int, value: Value) -> PropertyValue:
    return PropertyValue(tag, 0, _to_wire(kind_of(tag), value))
