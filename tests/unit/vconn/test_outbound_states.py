"""The outbound proxy's tables: complete, and with a way to every state and out of it."""

from __future__ import annotations

from rpch.vconn.events import Place
from rpch.vconn.outbound_states import ALWAYS, MOVES, OWN_MOVES, TRANSITIONS, OutState

S = OutState
BEGINNINGS = {S.CONNECTING, S.CONNECTING_R1}


def test_every_state_has_its_row_in_each_table() -> None:
    assert set(TRANSITIONS) == set(MOVES) == set(OutState)


def test_every_state_is_reached_from_a_beginning() -> None:
    reached = {*BEGINNINGS, *OWN_MOVES.values()}
    for _ in OutState:
        for state in list(reached):
            reached |= {*TRANSITIONS[state].values(), *MOVES[state].values()}
    assert reached == set(OutState)


def test_nothing_leads_out_of_the_end() -> None:
    assert not TRANSITIONS[S.FINISHED]
    assert not MOVES[S.FINISHED]


def test_no_two_pdus_of_one_leg_look_alike_in_one_state() -> None:
    for state, moves in TRANSITIONS.items():
        for place in {where for where, _ in moves} | set(Place):
            kinds = [kind for where, kind in moves if where == place]
            kinds += ALWAYS.get(place, ()) if isinstance(place, Place) else ()
            looks = [(kind.FLAGS, kind.COMMANDS) for kind in kinds]
            assert len(looks) == len(set(looks)), state


def test_what_has_flushed_is_done() -> None:
    assert OWN_MOVES == {S.FLUSHING: S.FINISHED}
