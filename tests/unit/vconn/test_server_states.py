"""The server's tables: complete, and with a way to every state."""

from __future__ import annotations

import pytest

from rpch.vconn.events import Place
from rpch.vconn.server_states import (
    ALWAYS,
    ARRIVALS,
    IN_TRANSITIONS,
    OUT_TRANSITIONS,
    OWN_MOVES,
    ConnectionState,
    InChannelState,
    OutChannelState,
)


def test_every_state_of_a_channel_has_its_row() -> None:
    assert set(IN_TRANSITIONS) == set(InChannelState)
    assert set(OUT_TRANSITIONS) == set(OutChannelState)


def test_every_state_of_a_channel_is_reached_from_open() -> None:
    ins, outs = {InChannelState.OPENED}, {OutChannelState.OPENED}
    arrivals = set(ARRIVALS.values())
    for _ in range(4):
        for state in list(ins):
            ins |= set(IN_TRANSITIONS[state].values())
            ins |= {to for needed, to in arrivals if needed is state and isinstance(to, InChannelState)}
        for out_state in list(outs):
            outs |= set(OUT_TRANSITIONS[out_state].values())
            outs |= {to for needed, to in arrivals if needed is out_state and isinstance(to, OutChannelState)}
            outs |= {OWN_MOVES[out_state]} if out_state in OWN_MOVES else set()
    assert ins == set(InChannelState)
    assert outs == set(OutChannelState)


def test_either_half_opens_a_connection_that_waits_for_it() -> None:
    opening = {needed for needed, to in ARRIVALS.values() if to is ConnectionState.OPENED}
    assert opening == {ConnectionState.A2W, ConnectionState.B2W}


@pytest.mark.parametrize("in_state", InChannelState)
@pytest.mark.parametrize("out_state", OutChannelState)
def test_no_two_pdus_of_one_leg_look_alike_in_one_state(
    in_state: InChannelState, out_state: OutChannelState
) -> None:
    for place in (Place.IN_T, Place.OUT_T):
        kinds = [kind for where, kind in OUT_TRANSITIONS[out_state] if where is place]
        kinds += [*IN_TRANSITIONS[in_state]] if place is Place.IN_T else []
        looks = [(kind.FLAGS, kind.COMMANDS) for kind in (*kinds, *ALWAYS[place])]
        assert len(looks) == len(set(looks))
