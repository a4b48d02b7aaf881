"""Expressions that tie counts and tags to fields: size_is, length_is, switch_is.  MS-RPCE 3.1.1.5.3.2"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

Spec = str | int | Callable[[Any], int]
"""A field's name, a constant, or a function of the construct that holds the field."""


class Expression:
    """One such expression, evaluated on the construct that holds it."""

    __slots__ = ("label", "name", "value")

    def __init__(self, attribute: str, spec: Spec) -> None:
        self.name: str | None = None
        self.value: Callable[[Any], int]
        if isinstance(spec, str):
            self.name, self.value = spec, attrgetter(spec)
        elif callable(spec):
            self.value = spec
        else:
            constant = spec
            self.value = lambda _: constant
        self.label = f"{attribute}({getattr(spec, '__name__', spec)})"

    def __str__(self) -> str:
        return self.label


def expression(attribute: str, spec: Spec | None) -> Expression | None:
    """The expression for an attribute that may be left out."""
    return None if spec is None else Expression(attribute, spec)
