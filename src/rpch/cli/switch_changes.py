"""How commands say what became of switches, or would become of them."""

from __future__ import annotations

from typing import Any

from rpch.cli.output import print_event, print_line
from rpch.exchange.switches import Change

INHERITED = "inherit"


def tell_changes(
    changes: list[Change], *, what_if: bool, json: bool, unset: str = INHERITED, **facts: Any
) -> None:
    """Say what has changed, or would."""
    verb = "would change" if what_if else "changed"
    for change in changes:
        if json:
            event = verb.replace(" ", "-")
            print_event(event, **facts, name=change.name, before=change.before, after=change.after)
        else:
            before, after = (shown(value, unset=unset) for value in (change.before, change.after))
            print_line(f"{verb} {change.name}: {before} -> {after}")
    if not changes and not json:
        print_line("nothing would change" if what_if else "nothing changed")


def shown(value: Any, *, unset: str = INHERITED) -> str:
    """A value as `set` takes it; `unset` where there is none."""
    if value is None:
        return unset
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list) else str(value)
