"""How commands say what became of switches, or would become of them."""

from __future__ import annotations

from typing import Any

from rpch.cli.output import print_event, print_line
from rpch.exchange.switches import Change


def tell_changes(changes: list[Change], *, what_if: bool, json: bool, **facts: Any) -> None:
    """Say what has changed, or would."""
    verb = "would change" if what_if else "changed"
    for change in changes:
        if json:
            event = verb.replace(" ", "-")
            print_event(event, **facts, name=change.name, before=change.before, after=change.after)
        else:
            print_line(f"{verb} {change.name}: {shown(change.before)} -> {shown(change.after)}")
    if not changes and not json:
        print_line("nothing would change" if what_if else "nothing changed")


def shown(value: Any) -> str:
    """A value as `set` takes it."""
    if value is None:
        return "inherit"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list) else str(value)
