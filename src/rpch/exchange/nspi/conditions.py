"""Conditions on objects: a tree of plain values, wherever it came from.  MS-OXNSPI 2.2.5, MS-OXCDATA 2.12"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TypeAlias

from rpch.exchange.nspi.tags import Value


class Relation(IntEnum):
    """How two values are compared.  MS-OXCDATA 2.12.5.1"""

    LESS = 0
    LESS_OR_EQUAL = 1
    GREATER = 2
    GREATER_OR_EQUAL = 3
    EQUAL = 4
    NOT_EQUAL = 5
    MATCHES = 6
    MEMBER_OF_LIST = 0x64


class Fuzziness(IntFlag):
    """How much of a text must match; the upper half says what is ignored, and folding does.  2.12.4.1"""

    WHOLE = 0
    PART = 1
    START = 2


@dataclass(frozen=True, slots=True)
class All:
    """Everything of this; nothing at all is met by everybody."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some of this."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not this."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Contains:
    """A text that is, holds or begins with another."""

    fuzziness: int
    tag: int
    value: Value


@dataclass(frozen=True, slots=True)
class Compares:
    """A property against a value."""

    relation: int
    tag: int
    value: Value


@dataclass(frozen=True, slots=True)
class ComparesTwo:
    """A property against another of the same object."""

    relation: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class HasBits:
    """Some bits of a number: any of them set, or all of them clear."""

    wants_set: bool
    tag: int
    mask: int


@dataclass(frozen=True, slots=True)
class HasSize:
    """The size of a value in bytes."""

    relation: int
    tag: int
    size: int


@dataclass(frozen=True, slots=True)
class Exists:
    """A property that is there."""

    tag: int


Condition: TypeAlias = All | AnyOf | Not | Contains | Compares | ComparesTwo | HasBits | HasSize | Exists
