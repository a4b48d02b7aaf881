"""The inbound proxy: opening, forwarding, recycling with and without a change of node, and endings."""

from __future__ import annotations

import pytest

from rpch.errors import TransportError, UnexpectedMessage
from rpch.rts.commands import (
    ClientAddress,
    ClientKeepalive,
    ConnectionTimeout,
    Cookie,
    Destination,
    Empty,
    FlowControlAck,
    ForwardDestination,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    Ack,
    AckWithDestination,
    ConnB1,
    ConnB2,
    ConnB3,
    InR1A1,
    InR1A2,
    InR1A5,
    InR1A6,
    InR1B1,
    InR1B2,
    InR2A2,
    KeepAlive,
    OutR1A7,
    Ping,
    RtsPdu,
)
from rpch.testing.rts_samples import (
    CONNECTION,
    GROUP,
    IN_CHANNEL,
    LIFETIME,
    NEW_IN_CHANNEL,
    NEW_OUT_CHANNEL,
    SAMPLES,
    TO_CLIENT,
    TO_OUT_PROXY,
    TO_SERVER,
    VERSION,
    WINDOW,
    same_bytes,
)
from rpch.testing.script import play
from rpch.testing.situations import (
    CALL,
    CONN_B1,
    CONN_B3,
    IN_A1,
    IN_A5,
    OUT_A3,
    inbound,
    rts,
    tell_it,
)
from rpch.testing.talks import rpc_pdu
from rpch.vconn.bound_cookies import bound_cookie
from rpch.vconn.events import (
    Action,
    Closed,
    CloseLeg,
    CloseRequested,
    Connect,
    Connected,
    ConnectFailed,
    Consumed,
    Event,
    Forward,
    Leg,
    LegClosed,
    NonsenseArrived,
    Opened,
    PassOn,
    Place,
    ReadOn,
    RefuseChannel,
    RpcArrived,
    RtsArrived,
    Send,
    SetKeepalive,
    StopReading,
    Submit,
    SuccessorArrived,
    Tick,
)
from rpch.vconn.flow import WindowViolated
from rpch.vconn.inbound import SERVER_UNAVAILABLE, InboundProxy
from rpch.vconn.inbound_states import ALWAYS, MOVES, TRANSITIONS, InState
from rpch.vconn.settings import ProxySettings

S = InState
LARGE = rpc_pdu(0, 7, 5000)
SETTINGS = ProxySettings(receive_window=32_768, connection_timeout=240.0, setup_timeout=30.0)
STRICT = ProxySettings(strict=True)


def ack_of(received: int, available: int, channel: Cookie) -> FlowControlAck:
    return FlowControlAck(received, available, channel.value)


def ended(machine: InboundProxy) -> list[Action]:
    """What an end without a reason looks like."""
    return [*(CloseLeg(leg) for leg in machine.legs()), Closed(None)]


# Opening


@pytest.mark.conformance(37)
def test_a_first_channel_connects_and_then_announces_itself() -> None:
    leg = Leg(Place.IN_H)
    machine = InboundProxy(leg, CONN_B1, SETTINGS)
    timeout = ConnectionTimeout(240_000)
    hello = ConnB2(
        Version(1),
        CONNECTION,
        IN_CHANNEL,
        ReceiveWindowSize(32_768),
        timeout,
        GROUP,
        ClientAddress(SETTINGS.client),
    )
    assert machine.start() == [Connect(machine.in_t)]
    play(
        machine,
        (0.0, Connected(machine.in_t), [SetKeepalive(machine.in_t, 300.0), Send(machine.in_t, hello)]),
        (0.1, rts(machine.in_t, ConnB3(WINDOW, VERSION)), [Opened()]),
    )
    assert machine.state is S.OPENED
    assert machine.deadline is None


@pytest.mark.conformance(33, 37)
@pytest.mark.parametrize(("milliseconds", "interval"), [(0, 300.0), (60_000, 60.0), (1, 1.0)])
def test_the_client_says_how_often_the_server_leg_is_probed(milliseconds: int, interval: float) -> None:
    first = ConnB1(VERSION, CONNECTION, IN_CHANNEL, LIFETIME, ClientKeepalive(milliseconds), GROUP)
    machine = InboundProxy(Leg(Place.IN_H), first, SETTINGS)
    assert tell_it(machine, Connected(machine.in_t))[0] == SetKeepalive(machine.in_t, interval)


@pytest.mark.conformance(61)
def test_a_successor_from_elsewhere_connects_and_names_its_predecessor() -> None:
    machine = InboundProxy(Leg(Place.IN_H), IN_A1, SETTINGS)
    hello = InR1A2(
        Version(1),
        CONNECTION,
        IN_CHANNEL,
        NEW_IN_CHANNEL,
        ReceiveWindowSize(32_768),
        ConnectionTimeout(240_000),
    )
    play(
        machine,
        (0.0, Connected(machine.in_t), [SetKeepalive(machine.in_t, 300.0), Send(machine.in_t, hello)]),
        (0.1, rts(machine.in_t, InR1B2(WINDOW)), [Opened()]),
    )


@pytest.mark.parametrize("first", [CONN_B1, IN_A1], ids=["first", "successor"])
def test_the_server_is_told_a_cookie_that_is_its_users_alone(first: ConnB1 | InR1A1) -> None:
    machine = InboundProxy(Leg(Place.IN_H), first, ProxySettings(bound_to="alice"))
    _, hello = tell_it(machine, Connected(machine.in_t))
    assert isinstance(hello, Send)
    assert isinstance(hello.pdu, ConnB2 | InR1A2)
    assert hello.pdu.virtual_connection == bound_cookie(CONNECTION, "alice") != CONNECTION
    assert machine.virtual_connection == CONNECTION.value


@pytest.mark.conformance(42)
@pytest.mark.parametrize("state", [S.CONNECTING, S.B3W])
def test_what_the_client_sends_early_waits_for_the_server(state: InState) -> None:
    machine = inbound(state)
    ack = AckWithDestination(TO_OUT_PROXY, ack_of(0, 65_536, IN_CHANNEL))
    play(
        machine,
        (0.0, RpcArrived(machine.in_h, CALL), []),
        (0.1, rts(machine.in_h, ack), []),
        (0.2, RpcArrived(machine.in_h, LARGE), []),
    )
    if state is S.CONNECTING:
        tell_it(machine, Connected(machine.in_t))
    assert tell_it(machine, rts(machine.in_t, ConnB3(WINDOW, VERSION))) == [
        Opened(),
        PassOn(machine.in_t, ack.encode()),
        Forward(machine.in_t, CALL),
        Forward(machine.in_t, LARGE),
    ]


@pytest.mark.conformance(83)
@pytest.mark.parametrize("state", [S.CONNECTING, S.CONNECTING_R1])
def test_a_server_that_cannot_be_reached_is_reported_on_the_channel(state: InState) -> None:
    machine = inbound(state)
    why = TransportError("connection refused")
    assert tell_it(machine, ConnectFailed(machine.in_t, why)) == [
        RefuseChannel(machine.in_h, SERVER_UNAVAILABLE, why),
        CloseLeg(machine.in_t),
        Closed(why),
    ]
    assert machine.state is S.FINISHED
    assert SERVER_UNAVAILABLE == 0x6BA


@pytest.mark.conformance(44)
def test_a_server_that_never_answers_is_given_up() -> None:
    machine = InboundProxy(Leg(Place.IN_H), CONN_B1, SETTINGS)
    tell_it(machine, Connected(machine.in_t), now=5.0)
    assert machine.deadline == 35.0
    assert machine.handle(Tick(), 34.0) == []
    assert machine.handle(Tick(), 35.0)[:2] == [CloseLeg(machine.in_h), CloseLeg(machine.in_t)]
    assert isinstance(machine.why, TransportError)


# Data and flow control


@pytest.mark.conformance(47)
def test_rpc_pdus_pass_as_they_are() -> None:
    machine = inbound(S.OPENED)
    unknown = bytes([5, 0, 99, 3]) + CALL[4:]
    big_endian = bytes([5, 0, 0, 3, 0, 0, 0, 0, 0, 16]) + bytes(6)
    for run in (CALL, unknown, big_endian):
        assert tell_it(machine, RpcArrived(machine.in_h, run)) == [Forward(machine.in_t, run)]


@pytest.mark.conformance(50, 54)
def test_the_servers_window_is_kept_and_its_acknowledgements_are_for_us() -> None:
    machine = inbound(S.OPENED)  # with a window of 8,192 bytes
    play(
        machine,
        (0.0, RpcArrived(machine.in_h, LARGE), [Forward(machine.in_t, LARGE)]),
        (0.1, RpcArrived(machine.in_h, LARGE), []),
        (0.2, rts(machine.in_t, Ack(ack_of(5000, 8192, IN_CHANNEL))), [Forward(machine.in_t, LARGE)]),
    )


@pytest.mark.conformance(54, 55)
def test_the_client_gets_its_acknowledgements_by_way_of_the_server() -> None:
    machine = inbound(S.B3W)
    tell_it(machine, rts(machine.in_t, ConnB3(WINDOW, VERSION)))
    sent: list[Action] = []
    for _ in range(7):
        sent += tell_it(machine, RpcArrived(machine.in_h, LARGE))
    ack = AckWithDestination(TO_CLIENT, ack_of(35_000, 65_536, IN_CHANNEL))
    assert [action for action in sent if isinstance(action, Send)] == [Send(machine.in_t, ack)]


@pytest.mark.conformance(55)
def test_nothing_is_acknowledged_that_has_not_left() -> None:
    machine = inbound(S.B3W)
    for _ in range(13):
        assert tell_it(machine, RpcArrived(machine.in_h, LARGE)) == []


@pytest.mark.conformance(49)
def test_a_flood_of_rts_pdus_changes_no_window() -> None:
    machine = inbound(S.OPENED)
    before = (machine.inlets()[0].received, machine.outlets()[0].window.available)
    forwarded = rts(machine.in_h, AckWithDestination(TO_OUT_PROXY, ack_of(0, 65_536, IN_CHANNEL)))
    for _ in range(1000):
        assert len(tell_it(machine, forwarded)) == 1
        assert tell_it(machine, rts(machine.in_h, Ping())) == []
    assert (machine.inlets()[0].received, machine.outlets()[0].window.available) == before


@pytest.mark.conformance(52)
def test_an_acknowledgement_of_an_unknown_channel_is_discarded() -> None:
    machine = inbound(S.OPENED)
    assert tell_it(machine, rts(machine.in_t, Ack(ack_of(0, 1 << 31, NEW_OUT_CHANNEL)))) == []
    assert not machine.finished


@pytest.mark.conformance(53)
def test_an_impossible_acknowledgement_ends_it_when_strict() -> None:
    for settings, finished in ((STRICT, True), (ProxySettings(), False)):
        machine = inbound(S.OPENED, settings=settings)
        tell_it(machine, rts(machine.in_t, Ack(ack_of(5000, 8192, IN_CHANNEL))))
        assert machine.finished is finished


def test_a_client_that_overruns_the_window_is_stopped_and_what_was_read_already_is_taken() -> None:
    machine = inbound(S.B3W)
    for _ in range(13):
        assert tell_it(machine, RpcArrived(machine.in_h, LARGE)) == []
    assert tell_it(machine, RpcArrived(machine.in_h, LARGE)) == [StopReading(machine.in_h)]
    for _ in range(78 - 14):  # two windows, and one read
        assert tell_it(machine, RpcArrived(machine.in_h, LARGE)) == []
    assert not machine.finished
    tell_it(machine, RpcArrived(machine.in_h, LARGE))
    assert isinstance(machine.why, WindowViolated)


def test_a_client_that_was_stopped_is_read_from_again_when_its_window_suffices() -> None:
    machine = inbound(S.B3W)
    for _ in range(30):
        tell_it(machine, RpcArrived(machine.in_h, LARGE))
    assert ReadOn(machine.in_h) not in tell_it(machine, rts(machine.in_t, CONN_B3))
    opened = tell_it(machine, rts(machine.in_t, Ack(ack_of(65_000, 65_536, IN_CHANNEL))))
    assert opened[-1] == ReadOn(machine.in_h)
    assert tell_it(machine, RpcArrived(machine.in_h, LARGE)) == []


def test_a_strict_proxy_takes_not_a_byte_more_than_its_window() -> None:
    machine = inbound(S.B3W, settings=STRICT)
    for _ in range(13):
        tell_it(machine, RpcArrived(machine.in_h, LARGE))
    assert not machine.finished
    tell_it(machine, RpcArrived(machine.in_h, LARGE))
    assert isinstance(machine.why, WindowViolated)


@pytest.mark.conformance(48)
def test_an_rpc_pdu_from_the_server_closes_both_legs() -> None:
    machine = inbound(S.OPENED)
    actions = tell_it(machine, RpcArrived(machine.in_t, CALL))
    assert actions[:2] == [CloseLeg(machine.in_h), CloseLeg(machine.in_t)]
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.conformance(79)
def test_the_client_may_change_the_probing_at_any_time() -> None:
    machine = inbound(S.OPENED)
    change = rts(machine.in_h, KeepAlive(ClientKeepalive(90_000)))
    assert tell_it(machine, change) == [SetKeepalive(machine.in_t, 90.0)]


@pytest.mark.conformance(79)
def test_a_change_of_probing_before_the_server_is_reached_takes_effect_then() -> None:
    machine = inbound(S.CONNECTING)
    assert tell_it(machine, rts(machine.in_h, KeepAlive(ClientKeepalive(90_000)))) == []
    assert tell_it(machine, Connected(machine.in_t))[0] == SetKeepalive(machine.in_t, 90.0)


@pytest.mark.conformance(80)
@pytest.mark.parametrize("state", [state for state in InState if state is not S.FINISHED])
def test_pings_are_taken_in_every_state_and_go_no_further(state: InState) -> None:
    machine = inbound(state)
    assert tell_it(machine, rts(machine.in_h, Ping())) == []
    assert machine.state is state


@pytest.mark.conformance(56)
@pytest.mark.parametrize(
    "pdu",
    [
        OutR1A7(TO_SERVER, NEW_OUT_CHANNEL),
        AckWithDestination(TO_OUT_PROXY, ack_of(0, 65_536, IN_CHANNEL)),
        AckWithDestination(TO_CLIENT, ack_of(0, 65_536, IN_CHANNEL)),
    ],
    ids=lambda pdu: f"{pdu.NAME} to {pdu.destination.party}",
)
def test_what_is_for_others_goes_on_to_the_server_unchanged(pdu: RtsPdu) -> None:
    machine = inbound(S.OPENED)
    assert tell_it(machine, rts(machine.in_h, pdu)) == [PassOn(machine.in_t, pdu.encode())]


@pytest.mark.conformance(56)
def test_what_is_for_others_does_not_come_from_the_server() -> None:
    machine = inbound(S.OPENED)
    tell_it(machine, rts(machine.in_t, AckWithDestination(TO_CLIENT, ack_of(0, 65_536, IN_CHANNEL))))
    assert machine.finished


# A successor on another node (IN_R1)


@pytest.mark.conformance(61)
def test_a5_is_passed_on_at_once_and_b1_behind_the_last_rpc_pdu() -> None:
    machine = inbound(S.OPENED)  # with a window of 8,192 bytes
    in_h, in_t = machine.in_h, machine.in_t
    play(
        machine,
        (0.0, RpcArrived(in_h, LARGE), [Forward(in_t, LARGE)]),
        (0.1, RpcArrived(in_h, LARGE), []),
        (0.2, rts(in_h, IN_A5), [Send(in_t, InR1A6(NEW_IN_CHANNEL))]),
        (
            0.3,
            rts(in_t, Ack(ack_of(5000, 8192, IN_CHANNEL))),
            [
                Forward(in_t, LARGE),
                Send(in_t, InR1B1(Empty())),
                CloseLeg(in_h),
                CloseLeg(in_t),
                Closed(None),
            ],
        ),
    )
    assert machine.state is S.FINISHED


@pytest.mark.conformance(61)
def test_with_nothing_queued_b1_follows_a6_at_once() -> None:
    machine = inbound(S.OPENED)
    assert tell_it(machine, rts(machine.in_h, IN_A5)) == [
        Send(machine.in_t, InR1A6(NEW_IN_CHANNEL)),
        Send(machine.in_t, InR1B1(Empty())),
        *ended(machine),
    ]


def test_while_flushing_the_client_may_go_and_may_not_speak() -> None:
    machine = inbound(S.FLUSHING)
    assert tell_it(machine, LegClosed(machine.in_h)) == []
    assert machine.state is S.FLUSHING
    tell_it(machine, RpcArrived(machine.in_h, CALL))
    assert isinstance(machine.why, UnexpectedMessage)


def test_while_flushing_the_server_may_not_go() -> None:
    machine = inbound(S.FLUSHING)
    assert tell_it(machine, LegClosed(machine.in_t)) == ended(machine)


# A successor on this node (IN_R2)


@pytest.mark.conformance(60)
def test_what_a_successor_sends_waits_for_the_predecessors_last_pdu() -> None:
    machine = inbound(S.OPENED)
    before, in_t = machine.in_h, machine.in_t
    after = before.successor()
    forwarded = AckWithDestination(TO_OUT_PROXY, ack_of(0, 65_536, IN_CHANNEL))
    play(
        machine,
        (0.0, SuccessorArrived(after, IN_A1), [Send(in_t, InR2A2(NEW_IN_CHANNEL))]),
        (0.1, RpcArrived(after, CALL), []),
        (0.2, rts(after, forwarded), []),
        (0.3, rts(after, Ping()), []),
        (0.4, RpcArrived(before, LARGE), [Forward(in_t, LARGE)]),
        (
            0.5,
            rts(before, IN_A5),
            [CloseLeg(before), Forward(in_t, CALL), PassOn(in_t, forwarded.encode())],
        ),
        (0.6, RpcArrived(after, CALL), [Forward(in_t, CALL)]),
        (0.7, LegClosed(before), []),
    )
    assert machine.state is S.OPENED
    assert machine.deadline is None


@pytest.mark.conformance(60)
def test_after_the_switch_the_successors_name_is_acknowledged() -> None:
    machine = inbound(S.OPENED_A5W)
    tell_it(machine, rts(machine.in_h, IN_A5))
    assert machine.inlets()[0].cookie == NEW_IN_CHANNEL.value


@pytest.mark.conformance(60)
@pytest.mark.parametrize("channel", [IN_CHANNEL, NEW_IN_CHANNEL])
def test_during_the_switch_the_server_may_acknowledge_under_either_name(channel: Cookie) -> None:
    machine = inbound(S.OPENED)
    tell_it(machine, RpcArrived(machine.in_h, LARGE), RpcArrived(machine.in_h, LARGE))
    tell_it(machine, SuccessorArrived(machine.in_h.successor(), IN_A1))
    ack = Ack(ack_of(5000, 8192, channel))
    assert tell_it(machine, rts(machine.in_t, ack)) == [Forward(machine.in_t, LARGE)]


@pytest.mark.conformance(67)
def test_a5_with_another_cookie_costs_only_the_successor() -> None:
    machine = inbound(S.OPENED_A5W)
    before, after = machine.in_h, machine.legs()[1]
    play(
        machine,
        (0.0, RpcArrived(after, CALL), []),
        (0.1, rts(before, InR1A5(NEW_OUT_CHANNEL)), [CloseLeg(after)]),
        (0.2, RpcArrived(before, CALL), [Forward(machine.in_t, CALL)]),
    )
    assert machine.state is S.OPENED


@pytest.mark.conformance(68)
def test_a5_on_the_successor_is_an_error() -> None:
    machine = inbound(S.OPENED_A5W)
    tell_it(machine, rts(machine.legs()[1], IN_A5))
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.conformance(65)
def test_a_successor_of_another_channel_ends_the_connection() -> None:
    machine = inbound(S.OPENED)
    successor = machine.in_h.successor()
    wrong = type(IN_A1)(VERSION, CONNECTION, NEW_OUT_CHANNEL, NEW_IN_CHANNEL)
    actions = tell_it(machine, SuccessorArrived(successor, wrong))
    assert actions[:3] == [CloseLeg(successor), CloseLeg(machine.in_h), CloseLeg(machine.in_t)]
    assert machine.finished


@pytest.mark.conformance(81)
@pytest.mark.parametrize("state", [state for state in InState if state not in (S.OPENED, S.FINISHED)])
def test_a_successor_at_the_wrong_time_ends_the_connection(state: InState) -> None:
    machine = inbound(state)
    successor = machine.in_h.successor()
    assert tell_it(machine, SuccessorArrived(successor, IN_A1))[0] == CloseLeg(successor)
    assert machine.finished


def test_a_successor_with_a_pdu_of_another_role_ends_the_connection() -> None:
    machine = inbound(S.OPENED)
    successor = machine.in_h.successor()
    assert tell_it(machine, SuccessorArrived(successor, OUT_A3))[0] == CloseLeg(successor)
    assert machine.finished


def test_what_a_successor_may_send_early_is_bounded() -> None:
    floods: list[tuple[Event, int]] = [
        (RpcArrived(inbound(S.OPENED_A5W).in_h, LARGE), 79),
        (rts(inbound(S.OPENED_A5W).in_h, Ping()), 3400),
    ]
    for event, times in floods:
        machine = inbound(S.OPENED_A5W)
        after = machine.legs()[1]
        again = RpcArrived(after, LARGE) if isinstance(event, RpcArrived) else rts(after, Ping())
        for _ in range(times):
            machine.handle(again, 0.0)
        assert isinstance(machine.why, WindowViolated)


def test_a_successor_whose_turn_never_comes_is_not_waited_for() -> None:
    machine = inbound(S.OPENED, settings=SETTINGS)
    machine.handle(SuccessorArrived(machine.in_h.successor(), IN_A1), 10.0)
    assert machine.deadline == 40.0
    machine.handle(Tick(), 40.0)
    assert isinstance(machine.why, TransportError)


def test_an_error_in_what_was_held_ends_the_connection_then() -> None:
    machine = inbound(S.OPENED_A5W)
    after = machine.legs()[1]
    tell_it(machine, rts(after, ConnB3(WINDOW, VERSION)), RpcArrived(after, CALL))
    actions = tell_it(machine, rts(machine.in_h, IN_A5))
    assert machine.finished
    assert not any(isinstance(action, Forward) for action in actions)


# Endings


@pytest.mark.conformance(82)
@pytest.mark.parametrize("state", [state for state in InState if state not in (S.FINISHED, S.FLUSHING)])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_any_leg_that_closes_takes_the_others_with_it(state: InState, index: int) -> None:
    machine = inbound(state)
    legs = machine.legs()
    if index < len(legs):
        assert tell_it(machine, LegClosed(legs[index])) == [*map(CloseLeg, legs), Closed(None)]
        assert machine.state is S.FINISHED


def test_news_of_a_leg_that_is_gone_changes_nothing() -> None:
    machine = inbound(S.OPENED)
    gone = Leg(Place.IN_H)
    assert tell_it(machine, LegClosed(gone)) == []
    assert tell_it(machine, NonsenseArrived(gone, UnexpectedMessage("noise", state=""))) == []
    assert tell_it(machine, rts(gone, IN_A5)) == []
    assert machine.state is S.OPENED


def test_nonsense_ends_the_connection() -> None:
    machine = inbound(S.OPENED)
    why = UnexpectedMessage("noise", state="")
    tell_it(machine, NonsenseArrived(machine.in_h, why))
    assert machine.why is why


# Everything in every state

EVENTS = [
    Connected(Leg(Place.IN_T)),
    ConnectFailed(Leg(Place.IN_T), TransportError("")),
    Submit(CALL),
    Consumed(1),
    CloseRequested(),
    Tick(),
]


@pytest.mark.conformance(81, 86)
@pytest.mark.parametrize("state", InState)
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_every_pdu_in_every_state_moves_or_ends_or_is_passed_on(state: InState, pdu: RtsPdu) -> None:
    for index, leg in enumerate(inbound(state).legs()):
        machine = inbound(state)
        leg = machine.legs()[index]
        destination = vars(pdu).get("destination")
        foreign = isinstance(destination, Destination) and destination.party != ForwardDestination.IN_PROXY
        table = {kind: to for (place, kind), to in TRANSITIONS[state].items() if place is leg.place}
        alike = [kind for kind in (*table, *ALWAYS[leg.place]) if same_bytes(kind, pdu)]
        successor = leg.place is Place.IN_H and leg is not machine.in_h
        actions = machine.handle(RtsArrived(leg, pdu.encode()), 1.0)
        if state is S.FINISHED:
            assert actions == []
        elif successor:  # whatever it says waits, but for the predecessor's last word
            assert machine.finished == same_bytes(InR1A5, pdu)
        elif foreign:
            assert machine.finished == (leg is machine.in_t)
        elif alike:
            target = table.get(alike[0], state)
            assert machine.state in ((target, S.FINISHED) if target is S.FLUSHING else (target,))
        else:
            assert machine.finished
            assert actions[-1] == Closed(machine.why)


@pytest.mark.conformance(81)
@pytest.mark.parametrize("state", InState)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_in_every_state_moves_or_ends(state: InState, event: Event) -> None:
    machine = inbound(state)
    machine.handle(event, 1.0)
    expected = MOVES[state].get(type(event), state if isinstance(event, Tick) else S.FINISHED)
    assert machine.state is expected


@pytest.mark.parametrize("state", InState)
def test_rpc_pdus_on_any_leg_in_any_state_pass_or_wait_or_end(state: InState) -> None:
    for index in range(len(inbound(state).legs())):
        machine = inbound(state)
        leg = machine.legs()[index]
        actions = machine.handle(RpcArrived(leg, CALL), 1.0)
        if leg.place is Place.IN_T or state in (S.FLUSHING, S.FINISHED):
            assert machine.finished
        elif state is S.OPENED or (state is S.OPENED_A5W and leg is machine.in_h):
            assert actions == [Forward(machine.in_t, CALL)]
        else:
            assert actions == []
