"""Conversations with a machine, written down as tests."""

from __future__ import annotations

from collections.abc import Sequence

from rpch.vconn.events import Action, Event, Forward, PassOn, Send
from rpch.vconn.machine import Machine


def play(machine: Machine, *script: tuple[float, Event, Sequence[Action]]) -> None:
    """Speak a script to a machine: at this time, this event, exactly these actions."""
    for step, (now, event, expected) in enumerate(script):
        actions = machine.handle(event, now)
        if actions != list(expected):
            raise AssertionError(
                f"step {step}: {tell(event)}\nled to\n{tell_all(actions)}\ninstead of\n{tell_all(expected)}\n"
                f"and left {machine.condition}"
            )


def tell(thing: Event | Action) -> str:
    """An event or an action in one line, without the bytes of RPC PDUs."""
    match thing:
        case Send(leg=leg, pdu=pdu):
            return f"Send({leg}, {pdu.NAME})"
        case PassOn(leg=leg, data=data):
            return f"PassOn({leg}, {len(data)} bytes of RTS)"
        case Forward(leg=leg, run=run):
            return f"Forward({leg}, {len(run)} bytes)"
    kind = type(thing)
    values = [getattr(thing, name) for name in kind.__match_args__]
    facts = [
        f"{len(value)} bytes" if isinstance(value, bytes | memoryview) else str(value)
        for value in values
        if value is not None
    ]
    return f"{kind.__name__}({', '.join(facts)})"


def tell_all(things: Sequence[Event | Action]) -> str:
    """Several, one a line."""
    return "\n".join(f"    {tell(thing)}" for thing in things) or "    nothing"
