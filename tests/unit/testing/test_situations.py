"""Machines in every state."""

from __future__ import annotations

import pytest

from rpch.rts.pdus import Ping
from rpch.testing.situations import client, inbound, outbound, rts, server, tell_it, use_up
from rpch.vconn.client_states import ClientInState, ClientOutState, ClientState
from rpch.vconn.inbound_states import InState
from rpch.vconn.outbound_states import OutState
from rpch.vconn.server_states import ConnectionState, InChannelState, OutChannelState


@pytest.mark.parametrize("state", InState)
def test_an_inbound_proxy_reaches_every_state(state: InState) -> None:
    assert inbound(state).state is state


@pytest.mark.parametrize("state", OutState)
def test_an_outbound_proxy_reaches_every_state(state: OutState) -> None:
    assert outbound(state).state is state


@pytest.mark.parametrize("state", ConnectionState)
def test_a_server_reaches_every_state(state: ConnectionState) -> None:
    assert server(state).state is state


@pytest.mark.parametrize("in_state", InChannelState)
@pytest.mark.parametrize("out_state", OutChannelState)
def test_a_servers_channels_reach_every_state(in_state: InChannelState, out_state: OutChannelState) -> None:
    machine = server(in_state=in_state, out_state=out_state)
    assert (machine.in_state, machine.out_state) == (in_state, out_state)


@pytest.mark.parametrize("state", ClientState)
def test_a_client_reaches_every_state(state: ClientState) -> None:
    assert client(state).state is state


@pytest.mark.parametrize("in_state", ClientInState)
@pytest.mark.parametrize("out_state", ClientOutState)
def test_a_clients_channels_reach_every_state(in_state: ClientInState, out_state: ClientOutState) -> None:
    machine = client(in_state=in_state, out_state=out_state)
    assert (machine.in_state, machine.out_state) == (in_state, out_state)


def test_a_lifetime_can_be_used_up() -> None:
    machine = client()
    use_up(machine, left=10)
    lifetime = machine.outlets()[0].lifetime
    assert lifetime is not None
    assert lifetime.left == 10


def test_only_what_has_a_lifetime_can_be_used_up() -> None:
    with pytest.raises(AssertionError):
        use_up(inbound(InState.OPENED), left=10)


def test_a_pdu_needs_a_leg() -> None:
    with pytest.raises(AssertionError):
        rts(None, Ping())


def test_the_actions_of_the_last_event_are_told() -> None:
    machine = client()
    assert tell_it(machine) == []
    assert tell_it(machine, rts(machine.out_h, Ping())) == []
