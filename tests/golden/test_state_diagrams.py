"""The diagrams in the documents are those of the tables in the code."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import pytest

from rpch.vconn.client_states import ClientInState, ClientOutState, ClientState
from rpch.vconn.inbound_states import InState
from rpch.vconn.outbound_states import OutState
from rpch.vconn.server_states import ConnectionState, InChannelState, OutChannelState
from tools.draw_states import PAGE, diagram, label, page

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / PAGE).read_text("utf-8")
    assert written == page(), "run `python -m tools.draw_states`"


@pytest.mark.parametrize(
    "states",
    [
        InState,
        OutState,
        ConnectionState,
        InChannelState,
        OutChannelState,
        ClientState,
        ClientInState,
        ClientOutState,
    ],
    ids=lambda states: states.__name__,
)
def test_every_state_is_drawn(states: type[Enum]) -> None:
    drawn = page()
    assert all(f" {state.name} " in drawn for state in states)


def test_a_diagram_says_where_it_begins_and_ends() -> None:
    assert diagram([("A", "x"), ("B", "")], [("A", "B", "y")], ["B"]).splitlines() == [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> A : x",
        "    [*] --> B",
        "    A --> B : y",
        "    B --> [*]",
        "```",
    ]


def test_a_reason_in_words_stays_as_it_is() -> None:
    assert label("lifetime nearly used") == "lifetime nearly used"
