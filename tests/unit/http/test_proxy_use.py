"""Which way to the RPC proxy: direct, or through an HTTP proxy."""

from __future__ import annotations

import pytest

from rpch.http.proxy_use import (
    TRANSITIONS,
    Action,
    DirectAnswered,
    DirectFailed,
    Event,
    ProxyAnswered,
    ProxyFailed,
    ProxyUse,
    State,
    Tick,
    Unreachable,
    UseDirect,
    UseProxy,
)

EVENTS = (DirectAnswered(), ProxyAnswered(), DirectFailed(), ProxyFailed(), Tick())


def play(*script: tuple[float, Event, list[Action]]) -> ProxyUse:
    machine = ProxyUse(now=0.0, timeout=30.0)
    for step, (now, event, expected) in enumerate(script):
        assert machine.handle(event, now) == expected, f"step {step}: {event}"
    return machine


def test_the_direct_way_wins_when_it_answers_first() -> None:
    machine = play((0.1, DirectAnswered(), [UseDirect()]), (0.2, ProxyAnswered(), []), (31.0, Tick(), []))
    assert machine.state is State.DONE
    assert machine.deadline is None


def test_the_direct_way_wins_within_200_ms_of_the_proxys_answer() -> None:
    machine = play((1.0, ProxyAnswered(), []))
    assert machine.deadline == pytest.approx(1.2)
    assert machine.handle(DirectAnswered(), 1.199) == [UseDirect()]


def test_the_proxy_is_used_when_its_grace_is_over() -> None:
    play(
        (1.0, ProxyAnswered(), []),
        (1.1, Tick(), []),
        (1.2, Tick(), [UseProxy()]),
        (1.3, DirectAnswered(), []),
    )


def test_nobody_answers() -> None:
    play((29.9, Tick(), []), (30.0, Tick(), [Unreachable()]))


def test_the_grace_does_not_outlast_the_timeout() -> None:
    assert play((29.9, ProxyAnswered(), [])).deadline == pytest.approx(30.0)


def test_a_second_answer_does_not_lengthen_the_grace() -> None:
    assert play((1.0, ProxyAnswered(), []), (1.1, ProxyAnswered(), [])).deadline == pytest.approx(1.2)


def test_a_way_that_fails_is_not_waited_for() -> None:
    play((0.1, DirectFailed(), []), (0.2, ProxyAnswered(), [UseProxy()]))
    play((0.1, ProxyFailed(), []), (0.2, DirectAnswered(), [UseDirect()]))
    play((0.1, ProxyAnswered(), []), (0.2, DirectFailed(), [UseProxy()]))
    play((0.1, DirectFailed(), []), (0.2, ProxyFailed(), [Unreachable()]))
    play((0.1, ProxyFailed(), []), (0.2, DirectFailed(), [Unreachable()]))


def test_a_proxy_that_closes_after_its_answer_is_still_a_way() -> None:
    play((1.0, ProxyAnswered(), []), (1.1, ProxyFailed(), []), (1.2, Tick(), [UseProxy()]))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_every_state_answers_every_event(state: State, event: Event) -> None:
    machine = ProxyUse(now=0.0, timeout=1.0)
    machine.state = state
    actions = machine.handle(event, 1.0)
    expected, action = TRANSITIONS[state].get(type(event), (state, None))
    assert machine.state is expected
    assert actions == ([] if action is None else [action])
