"""Whatever happens to a machine, in whatever state: it decides, and never raises."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.errors import TransportError
from rpch.testing.legality import check_said
from rpch.testing.rts_samples import SAMPLES
from rpch.testing.situations import client, inbound, outbound, server
from rpch.testing.talks import rpc_pdu
from rpch.vconn.client_states import ClientInState, ClientOutState
from rpch.vconn.events import (
    Action,
    ChannelAccepted,
    ChannelReady,
    ChannelRefused,
    Closed,
    CloseRequested,
    Connected,
    ConnectFailed,
    Consumed,
    Event,
    Forward,
    Leg,
    LegClosed,
    Place,
    RpcArrived,
    RtsArrived,
    Submit,
    SuccessorArrived,
    Tick,
)
from rpch.vconn.inbound_states import InState
from rpch.vconn.machine import Machine
from rpch.vconn.outbound_states import OutState
from rpch.vconn.server_states import InChannelState, OutChannelState

WHY = TransportError("it happens")
LEGS = 4
STRAY = Leg(Place.IN_H, 99)

Happening = Callable[[Machine, int], Event]


def leg_of(machine: Machine, index: int) -> Leg:
    """One of the machine's legs, or one that is none of its."""
    return [*machine.legs(), STRAY][index % (len(machine.legs()) + 1)]


def mutated(data: bytes, at: int, value: int) -> bytes:
    """The same bytes but for one."""
    at %= len(data)
    return data[:at] + bytes([value]) + data[at + 1 :]


def on_a_leg(make: Callable[[Leg], Event]) -> Happening:
    return lambda machine, index: make(leg_of(machine, index))


def rts_arrived(data: bytes) -> Happening:
    return on_a_leg(lambda leg: RtsArrived(leg, data))


WIRES = [pdu.encode() for pdu in SAMPLES]
HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    st.sampled_from(WIRES).map(rts_arrived),
    st.builds(mutated, st.sampled_from(WIRES), st.integers(0, 200), st.integers(0, 255)).map(rts_arrived),
    st.binary(min_size=16, max_size=80).map(rts_arrived),
    st.integers(16, 20_000).map(lambda size: on_a_leg(lambda leg: RpcArrived(leg, rpc_pdu(0, 1, size)))),
    st.integers(16, 20_000).map(lambda size: lambda machine, index: Submit(rpc_pdu(0, 1, size))),
    st.sampled_from(SAMPLES).map(
        lambda pdu: lambda machine, index: SuccessorArrived(Leg(Place.IN_T, 7), pdu)
    ),
    st.sampled_from(
        [
            on_a_leg(LegClosed),
            on_a_leg(ChannelReady),
            on_a_leg(ChannelAccepted),
            on_a_leg(Connected),
            on_a_leg(lambda leg: ConnectFailed(leg, WHY)),
            on_a_leg(lambda leg: ChannelRefused(leg, WHY)),
            lambda machine, index: Tick(),
            lambda machine, index: Consumed(100),
            lambda machine, index: CloseRequested(),
        ]
    ),
)
STORIES = st.lists(st.tuples(HAPPENINGS, st.integers(0, LEGS), st.floats(0.0, 200.0)), max_size=12)

MAKERS: list[Callable[[], Machine]] = [
    *(lambda state=state: inbound(state) for state in InState),
    *(lambda state=state: outbound(state) for state in OutState),
    *(
        lambda ins=ins, outs=outs: server(in_state=ins, out_state=outs, manual=True)
        for ins in InChannelState
        for outs in OutChannelState
    ),
    *(
        lambda ins=ins, outs=outs: client(in_state=ins, out_state=outs)
        for ins in ClientInState
        for outs in ClientOutState
    ),
]


@pytest.mark.conformance(81, 86)
@given(make=st.sampled_from(MAKERS), story=STORIES)
def test_no_story_makes_a_machine_raise(
    make: Callable[[], Machine], story: list[tuple[Happening, int, float]]
) -> None:
    """What it writes is always legal, and once it has ended it does nothing."""
    machine, now = make(), 0.0
    for happening, index, pause in story:
        now += pause
        ended = machine.finished
        actions = machine.handle(happening(machine, index), now)
        if ended:
            assert actions == []
        check(machine, actions)


def check(machine: Machine, actions: list[Action]) -> None:
    """What holds after every turn."""
    assert sum(isinstance(action, Closed) for action in actions) == (machine.finished and bool(actions))
    assert machine.deadline is None or not machine.finished
    for action in actions:
        if isinstance(action, Forward):
            check_said(machine.ROLE, action)
    for outlet in machine.outlets():
        assert 0 <= outlet.window.available <= outlet.window.size
        assert outlet.lifetime is None or outlet.lifetime.left >= 0
