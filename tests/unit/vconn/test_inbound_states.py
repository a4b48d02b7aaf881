"""The inbound proxy's tables."""

from __future__ import annotations

from rpch.vconn import inbound_states
from rpch.vconn.inbound_states import InState
from tests.unit.vconn.proxy_tables import check_looks, check_tables


def test_every_state_has_its_rows_and_is_reached_and_nothing_leads_out_of_the_end() -> None:
    check_tables(inbound_states, InState)


def test_no_two_pdus_of_one_leg_look_alike_in_one_state() -> None:
    check_looks(inbound_states)
