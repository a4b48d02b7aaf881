"""What holds for the tables of both proxies: complete, and with a way to every state and out of it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from rpch.vconn.events import Place


def check_tables(module: ModuleType, states: Any) -> None:
    """`AssertionError` where a table of a module of states does not hold together."""
    transitions, moves, own_moves = module.TRANSITIONS, module.MOVES, module.OWN_MOVES
    assert set(transitions) == set(moves) == set(states)
    reached = {states.CONNECTING, states.CONNECTING_R1, *own_moves.values()}
    for _ in states:
        for state in list(reached):
            reached |= {*transitions[state].values(), *moves[state].values()}
    assert reached == set(states)
    assert not transitions[states.FINISHED]
    assert not moves[states.FINISHED]
    assert own_moves == {states.FLUSHING: states.FINISHED}


def check_looks(module: ModuleType) -> None:
    """`AssertionError` where two PDUs of one leg look alike in one state."""
    for state, moves in module.TRANSITIONS.items():
        for place in {where for where, _ in moves} | set(Place):
            kinds = [kind for where, kind in moves if where == place]
            kinds += module.ALWAYS.get(place, ()) if isinstance(place, Place) else ()
            looks = [(kind.FLAGS, kind.COMMANDS) for kind in kinds]
            assert len(looks) == len(set(looks)), state
