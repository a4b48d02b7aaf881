"""Where a new leg belongs, judged by its first PDU."""

from __future__ import annotations

import pytest

from rpch.errors import AccessDenied, DecodeError, UnexpectedMessage, UnrecognisedPdu
from rpch.rts.pdus import (
    ConnA1,
    ConnA2,
    ConnB1,
    ConnB2,
    InR1A1,
    InR1A2,
    OutR1A3,
    OutR1A4,
    Ping,
    RtsPdu,
)
from rpch.testing.rts_samples import CONNECTION, SAMPLES
from rpch.vconn.arrivals import (
    ACCESS_DENIED,
    PROTOCOL_ERROR,
    SERVERS_OWN,
    Begun,
    Joined,
    Refused,
    place_at_server,
    place_inbound,
    place_outbound,
)
from rpch.vconn.events import CloseRequested, Connect, Leg, Place, SuccessorArrived
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.server import ServerConnection
from rpch.vconn.settings import ProxySettings, Settings
from rpch.vconn.tables import Owner, VirtualConnections

ALICE = Owner("LAB\\alice", "mail:6001")
BOB = Owner("LAB\\bob", "mail:6001")
ELSEWHERE = Owner("LAB\\alice", "other:6001")
PROXY = ProxySettings()
SERVER = Settings()


def sample(kind: type[RtsPdu]) -> RtsPdu:
    """The sample of one kind of PDU."""
    return next(pdu for pdu in SAMPLES if type(pdu) is kind)


def wire(kind: type[RtsPdu]) -> bytes:
    """Its bytes."""
    return sample(kind).encode()


def test_a_new_in_channel_begins_a_machine_that_connects() -> None:
    table: VirtualConnections[InboundProxy] = VirtualConnections()
    leg = Leg(Place.IN_H)
    placed = place_inbound(leg, wire(ConnB1), table, ALICE, PROXY)
    assert isinstance(placed, Begun)
    assert placed.actions == [Connect(placed.machine.in_t)]
    assert placed.machine.in_h is leg
    assert table.find(CONNECTION.value, ALICE) is placed.machine


def test_a_new_out_channel_begins_a_machine_that_connects() -> None:
    table: VirtualConnections[OutboundProxy] = VirtualConnections()
    leg = Leg(Place.OUT_H)
    placed = place_outbound(leg, wire(ConnA1), table, ALICE, PROXY, timeout=300.0)
    assert isinstance(placed, Begun)
    assert placed.actions == [Connect(placed.machine.out_t)]
    assert table.find(CONNECTION.value, ALICE) is placed.machine


def test_a_successor_whose_connection_is_elsewhere_begins_a_machine() -> None:
    inbound: VirtualConnections[InboundProxy] = VirtualConnections()
    outbound: VirtualConnections[OutboundProxy] = VirtualConnections()
    assert isinstance(place_inbound(Leg(Place.IN_H), wire(InR1A1), inbound, ALICE, PROXY), Begun)
    assert isinstance(place_outbound(Leg(Place.OUT_H), wire(OutR1A3), outbound, ALICE, PROXY), Begun)
    assert (len(inbound), len(outbound)) == (1, 1)


def test_a_successor_whose_connection_is_here_joins_it() -> None:
    inbound: VirtualConnections[InboundProxy] = VirtualConnections()
    outbound: VirtualConnections[OutboundProxy] = VirtualConnections()
    first_in = place_inbound(Leg(Place.IN_H), wire(ConnB1), inbound, ALICE, PROXY)
    first_out = place_outbound(Leg(Place.OUT_H), wire(ConnA1), outbound, ALICE, PROXY)
    next_in, next_out = Leg(Place.IN_H, 2), Leg(Place.OUT_H, 2)
    joined_in = place_inbound(next_in, wire(InR1A1), inbound, ALICE, PROXY)
    joined_out = place_outbound(next_out, wire(OutR1A3), outbound, ALICE, PROXY)
    assert isinstance(first_in, Begun)
    assert isinstance(first_out, Begun)
    assert joined_in == Joined(first_in.machine, next_in, SuccessorArrived(next_in, sample(InR1A1)))
    assert joined_out == Joined(first_out.machine, next_out, SuccessorArrived(next_out, sample(OutR1A3)))


@pytest.mark.parametrize("owner", [BOB, ELSEWHERE], ids=["another user", "another target"])
@pytest.mark.parametrize("kind", [InR1A1, ConnB1])
def test_nobody_else_may_touch_an_in_channel(owner: Owner, kind: type[RtsPdu]) -> None:
    table: VirtualConnections[InboundProxy] = VirtualConnections()
    place_inbound(Leg(Place.IN_H), wire(ConnB1), table, ALICE, PROXY)
    placed = place_inbound(Leg(Place.IN_H), wire(kind), table, owner, PROXY)
    assert isinstance(placed, Refused)
    assert placed.rpc_status == ACCESS_DENIED
    assert isinstance(placed.why, AccessDenied)


@pytest.mark.parametrize("owner", [BOB, ELSEWHERE], ids=["another user", "another target"])
@pytest.mark.parametrize("kind", [OutR1A3, ConnA1])
def test_nobody_else_may_touch_an_out_channel(owner: Owner, kind: type[RtsPdu]) -> None:
    table: VirtualConnections[OutboundProxy] = VirtualConnections()
    place_outbound(Leg(Place.OUT_H), wire(ConnA1), table, ALICE, PROXY)
    placed = place_outbound(Leg(Place.OUT_H), wire(kind), table, owner, PROXY)
    assert isinstance(placed, Refused)
    assert placed.rpc_status == ACCESS_DENIED


def test_a_name_is_not_given_twice() -> None:
    inbound: VirtualConnections[InboundProxy] = VirtualConnections()
    outbound: VirtualConnections[OutboundProxy] = VirtualConnections()
    place_inbound(Leg(Place.IN_H), wire(ConnB1), inbound, ALICE, PROXY)
    place_outbound(Leg(Place.OUT_H), wire(ConnA1), outbound, ALICE, PROXY)
    again = [
        place_inbound(Leg(Place.IN_H), wire(ConnB1), inbound, ALICE, PROXY),
        place_outbound(Leg(Place.OUT_H), wire(ConnA1), outbound, ALICE, PROXY),
    ]
    for placed in again:
        assert isinstance(placed, Refused)
        assert placed.rpc_status == PROTOCOL_ERROR
        assert isinstance(placed.why, UnexpectedMessage)


def test_a_machine_that_has_ended_makes_room_for_another() -> None:
    table: VirtualConnections[InboundProxy] = VirtualConnections()
    first = place_inbound(Leg(Place.IN_H), wire(ConnB1), table, ALICE, PROXY)
    assert isinstance(first, Begun)
    first.machine.abort(None)
    second = place_inbound(Leg(Place.IN_H), wire(ConnB1), table, ALICE, PROXY)
    assert isinstance(second, Begun)
    assert second.machine is not first.machine
    table.remove(CONNECTION.value, first.machine)
    assert table.find(CONNECTION.value, ALICE) is second.machine


@pytest.mark.parametrize("first", [ConnA2, ConnB2])
def test_either_half_begins_a_connection_at_the_server(first: type[RtsPdu]) -> None:
    table: VirtualConnections[ServerConnection] = VirtualConnections()
    other = ConnB2 if first is ConnA2 else ConnA2
    begun = place_at_server(wire(first), table, SERVER, now=0.0)
    joined = place_at_server(wire(other), table, SERVER, now=1.0)
    assert isinstance(begun, Begun)
    assert isinstance(joined, Joined)
    assert joined.machine is begun.machine
    assert {begun.leg.place, joined.leg.place} == {Place.IN_T, Place.OUT_T}
    assert table.find(CONNECTION.value, SERVERS_OWN) is begun.machine


def test_successors_are_numbered_at_the_server() -> None:
    table: VirtualConnections[ServerConnection] = VirtualConnections()
    place_at_server(wire(ConnA2), table, SERVER, now=0.0)
    joined = place_at_server(wire(ConnB2), table, SERVER, now=0.0)
    assert isinstance(joined, Joined)
    joined.machine.handle(joined.event, 0.0)
    for kind, name in ((InR1A2, "IN-T#2"), (OutR1A4, "OUT-T#2")):
        successor = place_at_server(wire(kind), table, SERVER, now=0.0)
        assert isinstance(successor, Joined)
        assert repr(successor.leg) == name


@pytest.mark.conformance(81)
@pytest.mark.parametrize("kind", [InR1A2, OutR1A4])
def test_a_server_refuses_successors_of_connections_it_does_not_know(kind: type[RtsPdu]) -> None:
    table: VirtualConnections[ServerConnection] = VirtualConnections()
    placed = place_at_server(wire(kind), table, SERVER, now=0.0)
    assert isinstance(placed, Refused)
    assert isinstance(placed.why, UnexpectedMessage)
    assert len(table) == 0


@pytest.mark.conformance(81)
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_whatever_comes_first_is_placed_or_refused(pdu: RtsPdu) -> None:
    data = pdu.encode()
    inbound = place_inbound(Leg(Place.IN_H), data, VirtualConnections(), ALICE, PROXY)
    outbound = place_outbound(Leg(Place.OUT_H), data, VirtualConnections(), ALICE, PROXY)
    server = place_at_server(data, VirtualConnections(), SERVER, now=0.0)
    assert isinstance(inbound, Begun) == isinstance(pdu, ConnB1 | InR1A1)
    assert isinstance(outbound, Begun) == isinstance(pdu, ConnA1 | OutR1A3)
    assert isinstance(server, Begun) == isinstance(pdu, ConnA2 | ConnB2)


def test_what_is_no_first_pdu_says_why() -> None:
    unknown = place_inbound(Leg(Place.IN_H), wire(Ping), VirtualConnections(), ALICE, PROXY)
    broken = place_inbound(Leg(Place.IN_H), wire(ConnB1)[:-1], VirtualConnections(), ALICE, PROXY)
    assert isinstance(unknown, Refused)
    assert isinstance(unknown.why, UnrecognisedPdu)
    assert isinstance(broken, Refused)
    assert isinstance(broken.why, DecodeError)


def test_a_machine_that_ended_takes_no_successor() -> None:
    table: VirtualConnections[ServerConnection] = VirtualConnections()
    begun = place_at_server(wire(ConnA2), table, SERVER, now=0.0)
    assert isinstance(begun, Begun)
    begun.machine.handle(CloseRequested(), 1.0)
    assert isinstance(place_at_server(wire(OutR1A4), table, SERVER, now=2.0), Refused)
