"""The client's tables: complete, and with a way to every state."""

from __future__ import annotations

import pytest

from rpch.vconn.client_states import (
    ALWAYS,
    IN_MOVES,
    IN_OWN_MOVES,
    IN_TRANSITIONS,
    MOVES,
    OPENING_TRANSITIONS,
    OUT_MOVES,
    OUT_TRANSITIONS,
    ClientInState,
    ClientOutState,
    ClientState,
)


def test_every_state_has_its_row() -> None:
    assert set(OPENING_TRANSITIONS) == set(ClientState)
    assert set(IN_TRANSITIONS) == set(ClientInState)
    assert set(OUT_TRANSITIONS) == set(ClientOutState)


def test_opening_leads_through_every_state_but_the_last() -> None:
    reached = {ClientState.CHANNELS_WAIT}
    for _ in ClientState:
        for state in list(reached):
            reached |= {*OPENING_TRANSITIONS[state].values(), *MOVES.get(state, {}).values()}
    assert reached == set(ClientState) - {ClientState.CLOSED}


def test_recycling_leads_through_every_state_of_a_channel_and_back() -> None:
    ins, outs = {ClientInState.OPENED}, {ClientOutState.OPENED}
    for _ in range(5):
        for state in list(ins):
            ins |= {*IN_TRANSITIONS[state].values(), *IN_MOVES.get(state, {}).values()}
            ins |= {IN_OWN_MOVES[state]} if state in IN_OWN_MOVES else set()
        for out_state in list(outs):
            outs |= {*OUT_TRANSITIONS[out_state].values(), *OUT_MOVES.get(out_state, {}).values()}
    assert ins == set(ClientInState)
    assert outs == set(ClientOutState)


@pytest.mark.parametrize("in_state", ClientInState)
@pytest.mark.parametrize("out_state", ClientOutState)
def test_no_two_pdus_look_alike_while_both_channels_recycle(
    in_state: ClientInState, out_state: ClientOutState
) -> None:
    kinds = [*IN_TRANSITIONS[in_state], *OUT_TRANSITIONS[out_state], *ALWAYS]
    looks = [(kind.FLAGS, kind.COMMANDS) for kind in kinds]
    assert len(looks) == len(set(looks))
