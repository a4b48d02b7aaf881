"""Seats: what the world does for one machine."""

from __future__ import annotations

import pytest

from rpch.errors import ProxyError
from rpch.rts.pdus import Ping
from rpch.testing.plans import Plan
from rpch.testing.seats import ClientSeat, Ear, ProxySeat, ServerSeat
from rpch.testing.talks import rpc_pdu
from rpch.testing.world import World
from rpch.vconn.events import (
    BannerArrived,
    CloseRequested,
    Connect,
    Leg,
    NonsenseArrived,
    Opened,
    Place,
    RtsArrived,
    Tick,
)


def world(pdus: int = 3) -> World:
    return World(Plan(seed=1, pdus=pdus))


def test_a_run_seats_a_client_two_proxies_and_a_server() -> None:
    made = world()
    made.run()
    assert [type(seat) for seat in made.seats].count(ProxySeat) == 2
    assert [type(seat) for seat in made.seats].count(ServerSeat) == 1
    assert repr(made.seats[0]) == "client1"


def test_a_proxy_is_told_how_to_probe_its_server() -> None:
    made = world()
    made.run()
    assert {seat.keepalive for seat in made.seats if isinstance(seat, ProxySeat)} == {0.0, 300.0}


def test_the_dead_do_nothing() -> None:
    made = world()
    made.run()
    client = made.seats[0]
    turns = made.turns
    client.die()
    client.feed(CloseRequested())
    assert client.over
    assert made.turns == turns


def test_a_deadline_is_kept() -> None:
    made = world()
    made.run()
    made.clock.run(made.clock.now + 61.0)
    assert made.said["Ping"] == 2


def test_a_server_that_does_not_listen_is_reported_to_the_client() -> None:
    made = world()
    made.server.listening = False
    made.disturbed_at = 0.0  # that the client ends is what is to be seen
    made.run()
    why = made.seats[0].machine.why
    assert isinstance(why, ProxyError)
    assert why.rpc_status == 0x6BA
    assert all(line.closed for line in made.lines)


def test_an_action_that_no_seat_knows_is_an_error() -> None:
    made = world()
    with pytest.raises(AssertionError, match="client1 cannot"):
        made.seats[0].carry_out(Connect(Leg(Place.IN_T)))
    made.seats[0].carry_out(Opened())


def test_nonsense_reaches_the_machine_as_such() -> None:
    made = world()
    made.run()
    made.disturbed_at = made.clock.now
    client = made.talks[0].client
    out_h = next(leg for leg in client.ends if leg.place is Place.OUT_H)
    client.ends[out_h].receive(b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")
    assert client.machine.finished


def test_what_came_before_nonsense_is_heard_first() -> None:
    heard = list[object]()
    made = world()
    made.run()
    made.disturbed_at = made.clock.now
    client = made.talks[0].client
    out_h = next(leg for leg in client.ends if leg.place is Place.OUT_H)
    handle = client.machine.handle

    def noting(event: object, now: float) -> object:
        heard.append(type(event))
        return handle(event, now)  # type: ignore[arg-type]

    client.machine.handle = noting  # type: ignore[assignment,method-assign]
    client.ends[out_h].receive(Ping().encode() + b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")
    assert heard == [RtsArrived, NonsenseArrived]


def test_a_newcomer_that_does_not_begin_with_an_rts_pdu_is_closed() -> None:
    made = world()
    for first in (rpc_pdu(0, 1, 100), b"GET / HTTP/1.1\r\n\r\n"):
        line = made.new_line(b"", "somebody", "node1")
        Ear(line.far, None, None, lambda data: None)
        line.far.receive(first)
        line.far.close()
        assert not line.far.open


def test_a_newcomer_that_leaves_without_a_word_is_nobody() -> None:
    made = world()
    line = made.new_line(b"", "somebody", "node1")
    Ear(line.far, None, None, lambda data: None)
    line.near.close()
    made.clock.settle(limit=10)
    assert line.closed


def test_a_client_seat_has_no_use_for_a_banner() -> None:
    made = world()
    made.run()
    client = made.talks[0].client
    assert isinstance(client, ClientSeat)
    made.disturbed_at = made.clock.now
    client.feed(BannerArrived(Leg(Place.IN_T)))
    client.feed(Tick())
    assert client.over
