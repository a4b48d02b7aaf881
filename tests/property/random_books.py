"""Random address books and conditions, and the plain filter that says who meets them.

The filter knows nothing of indexes, bindings or preparations: it looks at the record that an object was made
from. So it is slow and easy to believe.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.conditions import (
    All,
    AnyOf,
    Compares,
    ComparesTwo,
    Condition,
    Contains,
    Exists,
    HasBits,
    HasSize,
    Not,
)
from rpch.exchange.nspi.tags import Tag, Value
from tests.address_books import book, thing
from tests.property.plain_names import plain_fold, plain_order

FIRST_MID: Final = 0x10
_SYLLABLES: Final = (
    *"abemnost",
    *("an", "na", "ma", "Mar", "Ber", "ß", "ü", "É", "ø", "ﬁ", "Ａ", "か", "ガ", "山", "Ω", "é"),
    *("😀", " ", "-", "ẞ", "İ"),
)
_KINDS: Final = (EntryKind.USER,) * 4 + (EntryKind.GROUP, EntryKind.CONTACT, EntryKind.ROOM)


@dataclass(frozen=True)
class Record:
    """What an object was made from."""

    mid: int
    name: str
    kind: EntryKind
    alias: str
    mail: str | None
    hidden: bool
    attributes: Mapping[str, Any]

    def thing(self) -> BookObject:
        """The object."""
        return thing(
            self.mid,
            self.name,
            self.kind,
            alias=self.alias,
            mail=self.mail,
            hidden=self.hidden,
            **self.attributes,
        )


@dataclass(frozen=True)
class RandomBook:
    """A book and the records of all its objects."""

    book: Book
    records: Sequence[Record]

    def visible(self) -> list[Record]:
        """Those that tables show."""
        return [record for record in self.records if not record.hidden]


def random_book(rng: random.Random, most: int = 40) -> RandomBook:
    """A book of up to so many objects."""
    records = [_record(rng, FIRST_MID + at) for at in range(rng.randint(0, most))]
    return RandomBook(book(*(record.thing() for record in records)), records)


def random_name(rng: random.Random) -> str:
    """A short name; two are often alike."""
    return "".join(rng.choices(_SYLLABLES, k=rng.randint(1, 5))).strip() or "x"


def _record(rng: random.Random, mid: int) -> Record:
    attributes: dict[str, Any] = {}
    for name in ("givenName", "sn", "title", "department", "physicalDeliveryOfficeName"):
        if rng.random() < 0.6:
            attributes[name] = random_name(rng)
    if rng.random() < 0.4:
        attributes["description"] = [random_name(rng) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.4:
        attributes["msExchResourceCapacity"] = rng.randint(0, 20)
    mail = f"{rng.choice('abcd')}{mid}@example.test" if rng.random() < 0.8 else None
    hidden = rng.random() < 0.1
    return Record(mid, random_name(rng), rng.choice(_KINDS), random_name(rng), mail, hidden, attributes)


# What a record has of a property, in the simplest words.
_TEXTS: Final[Mapping[int, Callable[[Record], str | None]]] = {
    Tag.DISPLAY_NAME: lambda record: record.name,
    Tag.ACCOUNT: lambda record: record.alias,
    Tag.SMTP_ADDRESS: lambda record: record.mail,
    Tag.GIVEN_NAME: lambda record: record.attributes.get("givenName"),
    Tag.SURNAME: lambda record: record.attributes.get("sn"),
    Tag.TITLE: lambda record: record.attributes.get("title"),
    Tag.DEPARTMENT_NAME: lambda record: record.attributes.get("department"),
}
_NUMBERS: Final[Mapping[int, Callable[[Record], int | None]]] = {
    Tag.ROOM_CAPACITY: lambda record: record.attributes.get("msExchResourceCapacity"),
    Tag.OBJECT_TYPE: lambda record: 8 if record.kind is EntryKind.GROUP else 6,
    Tag.DISPLAY_TYPE: lambda record: {EntryKind.GROUP: 1, EntryKind.CONTACT: 6}.get(record.kind, 0),
}
DESCRIPTION: Final = 0x806F_101F
_UNKNOWN: Final = 0x7777_001F


def random_condition(rng: random.Random, depth: int = 4) -> Condition:
    """Any kind of condition, of so many levels at most."""
    if depth > 1 and rng.random() < 0.45:
        parts = tuple(random_condition(rng, depth - 1) for _ in range(rng.randint(0, 3)))
        made: list[Condition] = [All(parts), AnyOf(parts), Not(random_condition(rng, depth - 1))]
        return rng.choice(made)
    text_tag, number_tag = rng.choice([*_TEXTS, DESCRIPTION, _UNKNOWN]), rng.choice(list(_NUMBERS))
    kinds: list[Condition] = [
        Contains(rng.choice((0, 1, 2, 0x1_0001, 0x1_0002)), text_tag, random_name(rng)),
        Compares(rng.randint(0, 5), text_tag, random_name(rng)),
        Compares(rng.randint(0, 5), number_tag, rng.randint(0, 20)),
        Compares(rng.randint(0, 5), number_tag, random_name(rng)),
        ComparesTwo(rng.randint(0, 5), text_tag, rng.choice(list(_TEXTS))),
        HasBits(rng.random() < 0.5, number_tag, rng.randint(0, 31)),
        HasSize(rng.randint(0, 5), text_tag, rng.randint(0, 24)),
        Exists(rng.choice((text_tag, number_tag))),
        Compares(4, Tag.ANR, random_name(rng)),
        Compares(4, Tag.ANR, f"={random_name(rng)}"),
        Compares(4, Tag.ANR, f"{random_name(rng)} {random_name(rng)}"),
        Compares(4, Tag.ANR, f"{random_name(rng)}, {random_name(rng)}"),
    ]
    return rng.choice(kinds)


def meets(record: Record, condition: Condition) -> bool:
    """Whether a record meets a condition, looked up the slow way."""
    match condition:
        case All(parts=parts):
            return all(meets(record, part) for part in parts)
        case AnyOf(parts=parts):
            return any(meets(record, part) for part in parts)
        case Not(part=part):
            return not meets(record, part)
        case Exists(tag=tag):
            return bool(_values(record, tag))
        case Contains(fuzziness=fuzziness, tag=tag, value=value):
            return any(_contains(fuzziness & 3, each, value) for each in _values(record, tag))
        case Compares(tag=Tag.ANR, value=str(name)):
            return _may_be_meant(record, name)
        case Compares(relation=relation, tag=tag, value=value):
            return any(_compare(relation, each, value) for each in _values(record, tag))
        case ComparesTwo(relation=relation, first=first, second=second):
            return any(
                _compare(relation, one, other)
                for one in _values(record, first)
                for other in _values(record, second)
            )
        case HasBits(wants_set=wants_set, tag=tag, mask=mask):
            return any(bool(each & mask) == wants_set for each in _values(record, tag))
        case HasSize(relation=relation, tag=tag, size=size):
            texts = _texts(record, tag)
            return bool(texts) and _compare(relation, sum(2 * len(text) + 2 for text in texts), size)


def _texts(record: Record, tag: int) -> list[str]:
    if tag == DESCRIPTION:
        return list(record.attributes.get("description", ()))
    read = _TEXTS.get(tag)
    text = read(record) if read is not None else None
    return [text] if text is not None else []


def _values(record: Record, tag: int) -> list[Any]:
    if (read := _NUMBERS.get(tag)) is not None:
        number = read(record)
        return [] if number is None else [number]
    return [*_texts(record, tag)]


def _contains(fuzziness: int, name: str, value: Value) -> bool:
    text, wanted = plain_fold(name), plain_fold(str(value))
    return (text == wanted, wanted in text, text.startswith(wanted), text == wanted)[fuzziness]


def _compare(relation: int, one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, str):
        form: Callable[[str], Any] = plain_fold if relation >= 4 else plain_order
        one, other = form(one), form(other)
    return bool((one < other, one <= other, one > other, one >= other, one == other, one != other)[relation])


def _may_be_meant(record: Record, name: str) -> bool:
    text = name.strip()
    wanted = plain_fold(text.removeprefix("="))
    first, last = (plain_fold(record.attributes.get(part, "")) for part in ("givenName", "sn"))
    names = [plain_fold(each) for each in (record.name, record.alias, record.mail or "")] + [first, last]
    names.append(plain_fold(record.attributes.get("physicalDeliveryOfficeName", "")))
    if record.hidden or not wanted:
        return False
    if text.startswith("="):
        return wanted in names
    one, _, other = wanted.partition(" ")
    one, other = one.rstrip(","), other.strip()
    pair = (
        one
        and other
        and (
            (first.startswith(one) and last.startswith(other))
            or (last.startswith(one) and first.startswith(other))
        )
    )
    return any(each.startswith(wanted) for each in names) or bool(pair)
