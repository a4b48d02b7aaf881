"""Which RTS PDU a party may write on which leg."""

from __future__ import annotations

import pytest

from rpch.rts.commands import Destination, FlowControlAck, ReceiveWindowSize
from rpch.rts.pdus import CATALOGUE, AckWithDestination, ConnA1, Echo, Ping, RtsPdu
from rpch.testing.legality import CLIENT, IN_PROXY, OUT_PROXY, SAYABLE, SERVER, check_said
from rpch.testing.rts_samples import CONNECTION, OUT_CHANNEL, SAMPLES, TO_CLIENT, VERSION
from rpch.testing.situations import CALL
from rpch.vconn.events import CloseLeg, Forward, Leg, PassOn, Place, Send

ACK = FlowControlAck(0, 0, bytes(16))


def test_every_pdu_of_the_catalogue_is_written_somewhere() -> None:
    said = {kind for kinds in SAYABLE.values() for kind in kinds}
    alike = {(kind.FLAGS, kind.COMMANDS) for kind in said}
    missing = {kind.NAME for kind in CATALOGUE if (kind.FLAGS, kind.COMMANDS) not in alike}
    assert missing == {Echo.NAME}  # which is an HTTP body of its own, on no leg


def test_nobody_writes_on_in_h_but_the_client() -> None:
    assert {role for role, place in SAYABLE if place is Place.IN_H} == {CLIENT}


@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_a_pdu_in_the_wrong_place_is_noticed(pdu: RtsPdu) -> None:
    with pytest.raises(AssertionError, match="IN_PROXY wrote"):
        check_said(IN_PROXY, Send(Leg(Place.IN_H), pdu))


@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_a_pdu_in_its_place_is_fine(pdu: RtsPdu) -> None:
    for (role, place), kinds in SAYABLE.items():
        if type(pdu) in kinds:
            check_said(role, Send(Leg(place), pdu))


def test_values_out_of_range_are_noticed() -> None:
    a1 = ConnA1(VERSION, CONNECTION, OUT_CHANNEL, ReceiveWindowSize(1))
    with pytest.raises(AssertionError, match="out of range"):
        check_said(CLIENT, Send(Leg(Place.OUT_H), a1))


@pytest.mark.conformance(57)
def test_what_is_passed_on_must_be_for_somebody_else() -> None:
    data = AckWithDestination(TO_CLIENT, ACK).encode()
    check_said(OUT_PROXY, PassOn(Leg(Place.OUT_H), data))
    with pytest.raises(AssertionError, match="not for somebody else"):
        check_said(OUT_PROXY, PassOn(Leg(Place.OUT_H), Ping().encode()))
    with pytest.raises(AssertionError, match="not for somebody else"):
        check_said(SERVER, PassOn(Leg(Place.OUT_T), AckWithDestination(Destination(SERVER), ACK).encode()))
    with pytest.raises(AssertionError, match="passed on"):
        check_said(SERVER, PassOn(Leg(Place.OUT_T), Ping().encode()))


def test_rpc_pdus_flow_one_way() -> None:
    check_said(SERVER, Forward(Leg(Place.OUT_T), CALL))
    with pytest.raises(AssertionError, match="RPC PDUs"):
        check_said(SERVER, Forward(Leg(Place.IN_T), CALL))


def test_other_actions_are_nobodys_business() -> None:
    check_said(CLIENT, CloseLeg(Leg(Place.IN_H)))
