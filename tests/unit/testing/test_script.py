"""Conversations with a machine."""

from __future__ import annotations

import pytest

from rpch.rts.pdus import Ping
from rpch.testing.script import play, tell, tell_all
from rpch.testing.situations import CALL, client, rts
from rpch.vconn.events import Closed, Deliver, Forward, Leg, PassOn, Place, RpcArrived, Send, Tick

LEG = Leg(Place.IN_H)


def test_a_script_that_comes_true_says_nothing() -> None:
    machine = client()
    play(
        machine,
        (0.0, rts(machine.out_h, Ping()), []),
        (0.1, RpcArrived(machine.out_h, CALL), [Deliver(CALL)]),
    )


def test_a_script_that_does_not_shows_both_sides_and_the_state() -> None:
    machine = client()
    with pytest.raises(AssertionError) as failure:
        play(machine, (0.0, Tick(), []), (60.0, Tick(), []))
    for part in ("step 1: Tick()", "Send(IN-H#1, Ping)", "nothing", "left OPENED/OPENED"):
        assert part in str(failure.value)


def test_events_and_actions_are_told_without_their_payload() -> None:
    told = tell_all(
        [Send(LEG, Ping()), PassOn(LEG, bytes(56)), Forward(LEG, CALL), Deliver(CALL), Closed(None)]
    )
    assert told.split("\n") == [
        "    Send(IN-H#1, Ping)",
        "    PassOn(IN-H#1, 56 bytes of RTS)",
        "    Forward(IN-H#1, 100 bytes)",
        "    Deliver(100 bytes)",
        "    Closed()",
    ]
    assert tell(RpcArrived(LEG, CALL)) == "RpcArrived(IN-H#1, 100 bytes)"
    assert tell_all([]) == "    nothing"
