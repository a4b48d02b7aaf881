"""The outbound proxy's tables."""

from __future__ import annotations

from rpch.vconn import outbound_states
from rpch.vconn.outbound_states import OutState
from tests.unit.vconn.proxy_tables import check_looks, check_tables


def test_every_state_has_its_rows_and_is_reached_and_nothing_leads_out_of_the_end() -> None:
    check_tables(outbound_states, OutState)


def test_no_two_pdus_of_one_leg_look_alike_in_one_state() -> None:
    check_looks(outbound_states)
