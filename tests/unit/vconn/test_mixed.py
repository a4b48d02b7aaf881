"""The mixed proxy of version 1: nothing passes before the banner, then everything does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rpch.errors import DecodeError, TransportError, UnexpectedMessage
from rpch.rts.pdus import Ping
from rpch.vconn.events import (
    AcceptChannel,
    Action,
    BannerArrived,
    Closed,
    CloseLeg,
    CloseRequested,
    Congested,
    Connect,
    Connected,
    ConnectFailed,
    Event,
    Forward,
    Leg,
    LegClosed,
    NonsenseArrived,
    Opened,
    Place,
    ReadOn,
    RefuseChannel,
    Relieved,
    RpcArrived,
    RtsArrived,
    StopReading,
    Tick,
)
from rpch.vconn.mixed import EARLY_LIMIT, SERVER_UNAVAILABLE, MixedProxy, MixedState
from rpch.vconn.settings import ProxySettings

RUN = bytes.fromhex("05000003100000001800000001000000 0000000000000000")
WHY = TransportError("nobody there")


def mixed() -> MixedProxy:
    machine = MixedProxy(Leg(Place.IN_H), b"name of the trace", ProxySettings(setup_timeout=30.0), now=0.0)
    assert machine.start() == [Connect(machine.server)]
    return machine


def opened() -> MixedProxy:
    machine = mixed()
    machine.handle(Connected(machine.server), 0.1)
    machine.handle(BannerArrived(machine.server), 0.2)
    assert machine.state is MixedState.OPENED
    return machine


@pytest.mark.conformance(88)
def test_the_client_is_answered_when_the_banner_has_come_and_not_before() -> None:
    machine = mixed()
    assert machine.handle(Connected(machine.server), 0.1) == []
    assert machine.handle(BannerArrived(machine.server), 0.2) == [AcceptChannel(machine.client), Opened()]
    assert machine.deadline is None


@pytest.mark.conformance(88)
def test_a_banner_may_overtake_the_news_of_its_connection() -> None:
    machine = mixed()
    assert machine.handle(BannerArrived(machine.server), 0.1) == []
    assert machine.handle(Connected(machine.server), 0.2) == [AcceptChannel(machine.client), Opened()]


@pytest.mark.conformance(88)
def test_what_the_client_sends_early_is_relayed_behind_the_banner() -> None:
    machine = mixed()
    assert machine.handle(RpcArrived(machine.client, RUN), 0.1) == []
    machine.handle(Connected(machine.server), 0.2)
    actions = machine.handle(BannerArrived(machine.server), 0.3)
    assert actions == [AcceptChannel(machine.client), Opened(), Forward(machine.server, RUN)]


@pytest.mark.conformance(88)
def test_both_directions_are_relayed() -> None:
    machine = opened()
    assert machine.handle(RpcArrived(machine.client, RUN), 1.0) == [Forward(machine.server, RUN)]
    assert machine.handle(RpcArrived(machine.server, RUN), 1.0) == [Forward(machine.client, RUN)]


@pytest.mark.conformance(88)
@pytest.mark.parametrize("side", ["client", "server"])
def test_either_close_closes_the_other(side: str) -> None:
    machine = opened()
    actions = machine.handle(LegClosed(getattr(machine, side)), 1.0)
    assert actions == [CloseLeg(machine.client), CloseLeg(machine.server), Closed(None)]
    assert machine.finished


def refusal(machine: MixedProxy, event: Event, now: float = 1.0) -> RefuseChannel:
    actions = machine.handle(event, now)
    first, *rest = actions
    assert isinstance(first, RefuseChannel)
    assert (first.leg, first.rpc_status) == (machine.client, SERVER_UNAVAILABLE)
    assert rest == [CloseLeg(machine.server), Closed(first.why)]
    return first


def test_a_server_that_cannot_be_reached_is_told() -> None:
    machine = mixed()
    assert refusal(machine, ConnectFailed(machine.server, WHY)).why is WHY


def test_a_server_that_closes_without_a_banner_is_told() -> None:
    machine = mixed()
    machine.handle(Connected(machine.server), 0.1)
    assert "without a banner" in str(refusal(machine, LegClosed(machine.server)).why)


def test_a_server_that_says_something_else_is_told() -> None:
    machine = mixed()
    machine.handle(Connected(machine.server), 0.1)
    nonsense = DecodeError("SSH-2.0", at=0)
    assert refusal(machine, NonsenseArrived(machine.server, nonsense)).why is nonsense


def test_a_server_that_stays_silent_is_told_in_time() -> None:
    machine = mixed()
    machine.handle(Connected(machine.server), 0.1)
    assert machine.deadline == 30.0
    assert "no banner in time" in str(refusal(machine, Tick(), 30.0).why)


def test_a_client_that_floods_before_the_banner_is_ended() -> None:
    machine = mixed()
    actions: list[Action] = []
    for _ in range(EARLY_LIMIT // len(RUN) + 1):
        actions = machine.handle(RpcArrived(machine.client, RUN), 0.1)
    assert isinstance(actions[-1], Closed)


def test_rts_is_no_part_of_version_1() -> None:
    machine = opened()
    *_, last = machine.handle(RtsArrived(machine.client, Ping().encode()), 1.0)
    assert isinstance(last, Closed)
    assert machine.finished


@pytest.mark.parametrize("begin", [mixed, opened])
@pytest.mark.parametrize("event", [CloseRequested(), Tick()], ids=repr)
def test_every_state_answers_what_it_does_not_expect(begin: Callable[[], MixedProxy], event: Event) -> None:
    machine = begin()
    machine.handle(event, 100.0)
    assert machine.state in (MixedState.FINISHED, MixedState.OPENED)


def test_rpc_from_the_server_before_its_banner_ends_it_and_the_client_is_told() -> None:
    machine = mixed()
    machine.handle(Connected(machine.server), 0.1)
    first, *_, last = machine.handle(RpcArrived(machine.server, RUN), 0.2)
    assert isinstance(first, RefuseChannel)
    assert isinstance(last, Closed)
    assert isinstance(last.why, UnexpectedMessage)


def test_the_end_is_the_end() -> None:
    machine = opened()
    machine.abort(None)
    assert machine.handle(RpcArrived(machine.client, RUN), 2.0) == []
    assert machine.condition == "FINISHED"
    assert (machine.inlets(), machine.outlets()) == ([], [])


def test_without_windows_one_side_is_read_as_the_other_takes_it() -> None:
    machine = opened()
    assert machine.handle(Congested(machine.client), 1.0) == [StopReading(machine.server)]
    assert machine.handle(Relieved(machine.client), 2.0) == [ReadOn(machine.server)]
    assert machine.handle(Congested(machine.server), 3.0) == [StopReading(machine.client)]
    assert machine.handle(Relieved(machine.server), 4.0) == [ReadOn(machine.client)]
