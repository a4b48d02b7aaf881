"""The outbound proxy: opening, forwarding, recycling with and without a change of node, pings, endings."""

from __future__ import annotations

import pytest

from rpch.errors import TransportError, UnexpectedMessage
from rpch.rts.commands import (
    Ance,
    ChannelLifetime,
    ConnectionTimeout,
    Cookie,
    Destination,
    Empty,
    FlowControlAck,
    ForwardDestination,
    NegativeAnce,
    PingTrafficSentNotify,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    PING_SIZE,
    Ack,
    AckWithDestination,
    ConnA1,
    ConnA2,
    ConnA3,
    ConnC2,
    OutR1A1,
    OutR1A3,
    OutR1A4,
    OutR1A9,
    OutR1A10,
    OutR1A11,
    OutR2A4,
    OutR2B1,
    OutR2B2,
    OutR2B3,
    OutR2C1,
    Ping,
    PingTrafficSent,
    RtsPdu,
)
from rpch.testing.rts_samples import (
    CONNECTION,
    IN_CHANNEL,
    NEW_IN_CHANNEL,
    NEW_OUT_CHANNEL,
    OUT_CHANNEL,
    SAMPLES,
    TIMEOUT,
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
    CONN_A1,
    CONN_C1,
    IN_A1,
    IN_A4,
    OUT_A3,
    outbound,
    rts,
    tell_it,
    use_up,
)
from rpch.testing.talks import rpc_pdu
from rpch.vconn.bound_cookies import bound_cookie
from rpch.vconn.events import (
    AcceptChannel,
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
    RefuseChannel,
    RpcArrived,
    RtsArrived,
    Send,
    Submit,
    SuccessorArrived,
    Tick,
)
from rpch.vconn.inbound import SERVER_UNAVAILABLE
from rpch.vconn.outbound import NOTIFY_ABOVE, OutboundProxy
from rpch.vconn.outbound_states import ALWAYS, MOVES, SUCCESSOR, TRANSITIONS, OutState
from rpch.vconn.settings import ProxySettings

S = OutState
LARGE = rpc_pdu(2, 7, 5000)
SETTINGS = ProxySettings(
    receive_window=32_768, channel_lifetime=200_000, connection_timeout=240.0, setup_timeout=30.0
)
GO_ON = OutR2B1(Ance())
C1 = OutR2C1(Empty())
A9 = OutR1A9(Ance())
A11 = OutR1A11(Ance())


def ack_of(received: int, available: int, channel: Cookie = OUT_CHANNEL) -> RtsPdu:
    """What the client acknowledges, as it reaches its proxy."""
    return AckWithDestination(TO_OUT_PROXY, FlowControlAck(received, available, channel.value))


def ended(machine: OutboundProxy) -> list[Action]:
    """What an end without a reason looks like."""
    return [*(CloseLeg(leg) for leg in machine.legs()), Closed(None)]


# Opening


@pytest.mark.conformance(12, 38)
def test_a_first_channel_announces_itself_and_is_accepted_before_the_server_answers() -> None:
    leg = Leg(Place.OUT_H)
    machine = OutboundProxy(leg, CONN_A1, SETTINGS)
    hello = ConnA2(Version(1), CONNECTION, OUT_CHANNEL, ChannelLifetime(200_000), ReceiveWindowSize(32_768))
    assert machine.start() == [Connect(machine.out_t)]
    play(
        machine,
        (
            0.0,
            Connected(machine.out_t),
            [Send(machine.out_t, hello), AcceptChannel(leg), Send(leg, ConnA3(ConnectionTimeout(240_000)))],
        ),
        (0.1, rts(machine.out_t, CONN_C1), [Opened(), Send(leg, ConnC2(VERSION, WINDOW, TIMEOUT))]),
    )
    assert machine.state is S.OPENED


@pytest.mark.parametrize("first", [CONN_A1, OUT_A3], ids=["first", "successor"])
def test_the_server_is_told_a_cookie_that_is_its_users_alone(first: ConnA1 | OutR1A3) -> None:
    machine = OutboundProxy(Leg(Place.OUT_H), first, ProxySettings(bound_to="alice"))
    hello = tell_it(machine, Connected(machine.out_t))[0]
    assert isinstance(hello, Send)
    assert isinstance(hello.pdu, ConnA2 | OutR1A4)
    assert hello.pdu.virtual_connection == bound_cookie(CONNECTION, "alice") != CONNECTION
    assert machine.virtual_connection == CONNECTION.value


@pytest.mark.conformance(41)
def test_c2_says_what_c1_said() -> None:
    machine = outbound(S.C1W)
    c1 = type(CONN_C1)(Version(7), ReceiveWindowSize(10_000), ConnectionTimeout(777_000))
    assert tell_it(machine, rts(machine.out_t, c1)) == [
        Opened(),
        Send(machine.out_h, ConnC2(Version(7), ReceiveWindowSize(10_000), ConnectionTimeout(777_000))),
    ]


@pytest.mark.conformance(8)
def test_the_client_may_ask_for_a_longer_timeout() -> None:
    machine = OutboundProxy(Leg(Place.OUT_H), CONN_A1, SETTINGS, timeout=1200.0)
    actions = tell_it(machine, Connected(machine.out_t))
    assert actions[-1] == Send(machine.out_h, ConnA3(ConnectionTimeout(1_200_000)))
    assert machine.deadline is not None


@pytest.mark.conformance(63)
def test_a_successor_from_elsewhere_names_its_predecessor_and_is_not_accepted_yet() -> None:
    machine = OutboundProxy(Leg(Place.OUT_H), OUT_A3, SETTINGS)
    hello = OutR1A4(
        Version(1),
        CONNECTION,
        OUT_CHANNEL,
        NEW_OUT_CHANNEL,
        ChannelLifetime(200_000),
        ReceiveWindowSize(32_768),
        ConnectionTimeout(240_000),
    )
    assert tell_it(machine, Connected(machine.out_t)) == [Send(machine.out_t, hello)]
    assert machine.state is S.A11W


@pytest.mark.conformance(63)
def test_the_successors_head_comes_after_a11_and_everything_else_behind_it() -> None:
    machine = outbound(S.A11W)
    play(
        machine,
        (0.0, RpcArrived(machine.out_t, CALL), []),
        (0.1, rts(machine.out_t, IN_A4), []),
        (
            0.2,
            rts(machine.out_h, A11),
            [
                AcceptChannel(machine.out_h),
                Opened(),
                PassOn(machine.out_h, IN_A4.encode()),
                Forward(machine.out_h, CALL),
            ],
        ),
    )


@pytest.mark.conformance(12, 83)
@pytest.mark.parametrize("state", [S.CONNECTING, S.CONNECTING_R1])
def test_a_server_that_cannot_be_reached_is_reported_on_the_channel(state: OutState) -> None:
    machine = outbound(state)
    why = TransportError("connection refused")
    assert tell_it(machine, ConnectFailed(machine.out_t, why)) == [
        RefuseChannel(machine.out_h, SERVER_UNAVAILABLE, why),
        CloseLeg(machine.out_t),
        Closed(why),
    ]


@pytest.mark.conformance(44)
def test_a_server_that_never_answers_is_given_up() -> None:
    machine = OutboundProxy(Leg(Place.OUT_H), CONN_A1, SETTINGS)
    tell_it(machine, Connected(machine.out_t), now=5.0)
    assert machine.deadline == 35.0
    machine.handle(Tick(), 35.0)
    assert isinstance(machine.why, TransportError)


# Data and flow control


@pytest.mark.conformance(47)
def test_rpc_pdus_pass_as_they_are() -> None:
    machine = outbound(S.OPENED)
    unknown = bytes([5, 0, 99, 3]) + CALL[4:]
    for run in (CALL, unknown):
        assert tell_it(machine, RpcArrived(machine.out_t, run)) == [Forward(machine.out_h, run)]


@pytest.mark.conformance(50, 54)
def test_the_clients_window_is_kept_and_its_acknowledgements_are_for_us() -> None:
    machine = outbound(S.OPENED)  # with a window of 8,192 bytes
    play(
        machine,
        (0.0, RpcArrived(machine.out_t, LARGE), [Forward(machine.out_h, LARGE)]),
        (0.1, RpcArrived(machine.out_t, LARGE), []),
        (0.2, rts(machine.out_t, ack_of(5000, 8192)), [Forward(machine.out_h, LARGE)]),
    )


@pytest.mark.conformance(54, 55)
def test_the_server_is_acknowledged_directly() -> None:
    machine = OutboundProxy(Leg(Place.OUT_H), CONN_A1, ProxySettings())
    tell_it(machine, Connected(machine.out_t), rts(machine.out_t, CONN_C1))
    sent: list[Action] = []
    for _ in range(7):
        sent += tell_it(machine, RpcArrived(machine.out_t, LARGE))
    ack = Ack(FlowControlAck(35_000, 65_536, OUT_CHANNEL.value))
    assert [action for action in sent if isinstance(action, Send)] == [Send(machine.out_t, ack)]


@pytest.mark.conformance(52)
def test_an_acknowledgement_of_an_unknown_channel_is_discarded() -> None:
    machine = outbound(S.OPENED)
    assert tell_it(machine, rts(machine.out_t, ack_of(0, 1 << 31, IN_CHANNEL))) == []
    assert not machine.finished


@pytest.mark.conformance(53)
def test_an_impossible_acknowledgement_ends_it_when_strict() -> None:
    for settings, finished in ((ProxySettings(strict=True), True), (ProxySettings(), False)):
        machine = outbound(S.OPENED, settings=settings)
        tell_it(machine, rts(machine.out_t, ack_of(5000, 8192)))
        assert machine.finished is finished


@pytest.mark.conformance(48)
def test_an_rpc_pdu_from_the_client_closes_both_legs() -> None:
    machine = outbound(S.OPENED)
    actions = tell_it(machine, RpcArrived(machine.out_h, CALL))
    assert actions[:2] == [CloseLeg(machine.out_h), CloseLeg(machine.out_t)]
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.conformance(56)
@pytest.mark.parametrize(
    "pdu",
    [OutR1A1(TO_CLIENT), IN_A4, AckWithDestination(TO_CLIENT, FlowControlAck(0, 0, IN_CHANNEL.value))],
    ids=lambda pdu: pdu.NAME,
)
def test_what_is_for_the_client_goes_on_to_it_unchanged(pdu: RtsPdu) -> None:
    machine = outbound(S.OPENED)
    assert tell_it(machine, rts(machine.out_t, pdu)) == [PassOn(machine.out_h, pdu.encode())]


@pytest.mark.conformance(56)
@pytest.mark.parametrize("party", [ForwardDestination.IN_PROXY, ForwardDestination.SERVER, 4])
def test_nothing_goes_back_to_the_server(party: int) -> None:
    machine = outbound(S.OPENED)
    ack = AckWithDestination(Destination(party), FlowControlAck(0, 0, IN_CHANNEL.value))
    tell_it(machine, rts(machine.out_t, ack))
    assert machine.finished


# Lifetime


@pytest.mark.conformance(72)
def test_every_byte_of_the_body_is_counted() -> None:
    machine = OutboundProxy(Leg(Place.OUT_H), CONN_A1, SETTINGS)
    tell_it(machine, Connected(machine.out_t), rts(machine.out_t, CONN_C1))
    tell_it(machine, RpcArrived(machine.out_t, LARGE), rts(machine.out_t, IN_A4))
    lifetime = machine.outlets()[0].lifetime
    assert lifetime is not None
    assert lifetime.used == 28 + 44 + 5000 + 52
    assert lifetime.limit == 200_000


@pytest.mark.conformance(72)
def test_a_server_that_sends_beyond_the_lifetime_is_cut_off() -> None:
    machine = outbound(S.OPENED)
    use_up(machine, left=4999)
    assert not any(
        isinstance(action, Forward) for action in tell_it(machine, RpcArrived(machine.out_t, LARGE))
    )
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.conformance(72)
def test_the_lifetime_is_also_kept_by_what_waited_for_a_window() -> None:
    machine = outbound(S.OPENED)
    tell_it(machine, *[RpcArrived(machine.out_t, LARGE)] * 3)
    use_up(machine, left=7000)
    actions = tell_it(machine, rts(machine.out_t, ack_of(5000, 8192)))
    assert not any(isinstance(action, Forward) for action in actions)
    assert machine.finished


@pytest.mark.conformance(72)
def test_not_even_an_rts_pdu_goes_beyond_the_lifetime() -> None:
    machine = outbound(S.OPENED)
    use_up(machine, left=27)
    actions = tell_it(machine, rts(machine.out_t, OutR1A1(TO_CLIENT)))
    assert not any(isinstance(action, PassOn) for action in actions)
    assert machine.finished


# A successor on another node (OUT_R1)


@pytest.mark.conformance(63, 71)
def test_a_predecessor_flushes_at_the_clients_pace_and_says_nothing_after_a10() -> None:
    machine = outbound(S.OPENED)  # with a window of 8,192 bytes
    out_h, out_t = machine.out_h, machine.out_t
    play(
        machine,
        (0.0, RpcArrived(out_t, LARGE), [Forward(out_h, LARGE)]),
        (0.1, RpcArrived(out_t, LARGE), []),
        (0.2, rts(out_t, A9), []),
        (
            0.3,
            rts(out_t, ack_of(5000, 8192)),
            [
                Forward(out_h, LARGE),
                Send(out_h, OutR1A10(Ance())),
                CloseLeg(out_h),
                CloseLeg(out_t),
                Closed(None),
            ],
        ),
        (0.4, RpcArrived(out_t, LARGE), []),
    )


@pytest.mark.conformance(63)
def test_with_nothing_queued_a10_follows_a9_at_once() -> None:
    machine = outbound(S.OPENED)
    last = Send(machine.out_h, OutR1A10(Ance()))
    assert tell_it(machine, rts(machine.out_t, A9)) == [last, *ended(machine)]


def test_behind_a9_the_server_has_nothing_to_say() -> None:
    machine = outbound(S.FLUSHING)
    tell_it(machine, RpcArrived(machine.out_t, CALL))
    assert isinstance(machine.why, UnexpectedMessage)


# A successor on this node (OUT_R2)


@pytest.mark.conformance(62, 71)
def test_b1_before_c1() -> None:
    machine = outbound(S.OPENED)
    before, out_t = machine.out_h, machine.out_t
    after = before.successor()
    play(
        machine,
        (0.0, SuccessorArrived(after, OUT_A3), [Send(out_t, OutR2A4(NEW_OUT_CHANNEL))]),
        (0.1, RpcArrived(out_t, CALL), [Forward(before, CALL)]),
        (0.2, rts(out_t, GO_ON), [Send(before, OutR2B3(Ance())), CloseLeg(before)]),
        (0.3, RpcArrived(out_t, CALL), []),
        (0.4, rts(out_t, IN_A4), []),
        (0.5, LegClosed(before), []),
        (
            0.6,
            rts(after, C1),
            [AcceptChannel(after), PassOn(after, IN_A4.encode()), Forward(after, CALL)],
        ),
        (0.7, RpcArrived(out_t, CALL), [Forward(after, CALL)]),
    )
    assert machine.state is S.OPENED


@pytest.mark.conformance(62, 71)
def test_c1_before_b1() -> None:
    machine = outbound(S.OPENED)
    before, out_t = machine.out_h, machine.out_t
    after = before.successor()
    play(
        machine,
        (0.0, SuccessorArrived(after, OUT_A3), [Send(out_t, OutR2A4(NEW_OUT_CHANNEL))]),
        (0.1, rts(after, C1), []),
        (0.2, RpcArrived(out_t, CALL), [Forward(before, CALL)]),
        (
            0.3,
            rts(out_t, GO_ON),
            [Send(before, OutR2B3(Ance())), CloseLeg(before), AcceptChannel(after)],
        ),
        (0.4, RpcArrived(out_t, CALL), [Forward(after, CALL)]),
    )
    assert machine.state is S.OPENED


@pytest.mark.conformance(62)
@pytest.mark.parametrize("c1_first", [True, False])
def test_what_was_queued_for_the_predecessor_leaves_there_before_b3(c1_first: bool) -> None:
    machine = outbound(S.OPENED)  # with a window of 8,192 bytes
    before, out_t = machine.out_h, machine.out_t
    after = before.successor()
    tell_it(machine, RpcArrived(out_t, LARGE), RpcArrived(out_t, LARGE), SuccessorArrived(after, OUT_A3))
    told: list[Event] = [rts(after, C1), rts(out_t, GO_ON)]
    for event in told if c1_first else reversed(told):
        assert tell_it(machine, event) == []
    assert tell_it(machine, RpcArrived(out_t, CALL)) == []
    assert tell_it(machine, rts(out_t, IN_A4)) == []  # the server counts it for the successor
    assert tell_it(machine, rts(out_t, ack_of(5000, 8192))) == [
        Forward(before, LARGE),
        Send(before, OutR2B3(Ance())),
        CloseLeg(before),
        AcceptChannel(after),
        PassOn(after, IN_A4.encode()),
        Forward(after, CALL),
    ]
    assert machine.state is S.OPENED


@pytest.mark.conformance(62)
def test_the_successor_begins_with_a_window_and_a_lifetime_of_its_own() -> None:
    machine = outbound(S.OPENED)
    tell_it(machine, RpcArrived(machine.out_t, LARGE))
    tell_it(machine, SuccessorArrived(machine.out_h.successor(), OUT_A3), rts(machine.out_t, GO_ON))
    (outlet,) = machine.outlets()
    assert (outlet.window.sent, outlet.window.available) == (0, 65_536)
    assert outlet.window.cookies == (NEW_OUT_CHANNEL.value,)
    assert outlet.lifetime is not None
    assert outlet.lifetime.used == 0
    (inlet,) = machine.inlets()
    assert (inlet.cookie, inlet.received) == (NEW_OUT_CHANNEL.value, 5000)


@pytest.mark.conformance(52, 62)
def test_after_the_switch_the_predecessors_acknowledgements_are_discarded() -> None:
    machine = outbound(S.R2C1W)
    before = machine.outlets()[0].window.available
    assert tell_it(machine, rts(machine.out_t, ack_of(5000, 1))) == []
    assert machine.outlets()[0].window.available == before


@pytest.mark.conformance(66)
@pytest.mark.parametrize("state", [S.B1_OR_C1W, S.B1W])
def test_a_successor_that_the_server_refuses_is_closed_and_the_predecessor_stays(state: OutState) -> None:
    machine = outbound(state)
    after = machine.legs()[1]
    play(
        machine,
        (0.0, rts(machine.out_t, OutR2B2(NegativeAnce())), [CloseLeg(after)]),
        (0.1, RpcArrived(machine.out_t, CALL), [Forward(machine.out_h, CALL)]),
    )
    assert machine.state is S.OPENED


@pytest.mark.conformance(65)
def test_a_successor_of_another_channel_ends_the_connection() -> None:
    machine = outbound(S.OPENED)
    successor = machine.out_h.successor()
    wrong = OutR1A3(VERSION, CONNECTION, NEW_IN_CHANNEL, NEW_OUT_CHANNEL, WINDOW)
    actions = tell_it(machine, SuccessorArrived(successor, wrong))
    assert actions[:3] == [CloseLeg(successor), CloseLeg(machine.out_h), CloseLeg(machine.out_t)]
    assert machine.finished


@pytest.mark.conformance(81)
@pytest.mark.parametrize("state", [state for state in OutState if state not in (S.OPENED, S.FINISHED)])
def test_a_successor_at_the_wrong_time_ends_the_connection(state: OutState) -> None:
    machine = outbound(state)
    successor = machine.out_h.successor()
    assert tell_it(machine, SuccessorArrived(successor, OUT_A3))[0] == CloseLeg(successor)
    assert machine.finished


def test_a_successor_with_a_pdu_of_another_role_ends_the_connection() -> None:
    machine = outbound(S.OPENED)
    assert tell_it(machine, SuccessorArrived(machine.out_h.successor(), IN_A1))
    assert machine.finished


def test_a_second_successor_before_the_first_has_taken_over_ends_the_connection() -> None:
    machine = outbound(S.OPENED)
    tell_it(machine, RpcArrived(machine.out_t, LARGE), RpcArrived(machine.out_t, LARGE))
    first = machine.out_h.successor()
    tell_it(machine, SuccessorArrived(first, OUT_A3), rts(machine.out_t, GO_ON), rts(first, C1))
    assert machine.state is S.OPENED  # but B3 still waits for a window
    tell_it(machine, SuccessorArrived(first.successor(), OUT_A3))
    assert machine.finished


def test_a_successor_whose_turn_never_comes_is_not_waited_for() -> None:
    machine = outbound(S.OPENED, settings=SETTINGS)
    machine.handle(SuccessorArrived(machine.out_h.successor(), OUT_A3), 10.0)
    assert machine.deadline == 40.0
    machine.handle(Tick(), 40.0)
    assert isinstance(machine.why, TransportError)


def test_the_wait_ends_with_b1_and_c1_however_long_the_client_takes_to_read() -> None:
    machine = outbound(S.OPENED, settings=SETTINGS)
    tell_it(machine, RpcArrived(machine.out_t, LARGE), RpcArrived(machine.out_t, LARGE))
    after = machine.out_h.successor()
    tell_it(machine, SuccessorArrived(after, OUT_A3), rts(machine.out_t, GO_ON), rts(after, C1))
    machine.handle(Tick(), 100.0)
    assert machine.state is S.OPENED


# Pings


@pytest.mark.conformance(77)
def test_an_idle_channel_is_pinged_twice_in_its_timeout() -> None:
    machine = outbound(S.OPENED)  # with a time-out of 120 s
    ping = [Send(machine.out_h, Ping())]
    play(machine, (59.0, Tick(), []), (60.0, Tick(), ping), (120.0, Tick(), ping))
    assert machine.deadline == 180.0


@pytest.mark.conformance(77)
def test_a_channel_that_has_just_carried_something_is_not_pinged() -> None:
    machine = outbound(S.OPENED)
    play(machine, (50.0, RpcArrived(machine.out_t, CALL), [Forward(machine.out_h, CALL)]), (60.0, Tick(), []))
    assert machine.deadline == 110.0
    play(machine, (110.0, Tick(), [Send(machine.out_h, Ping())]))


@pytest.mark.conformance(77)
def test_the_server_is_told_when_pings_have_used_a_kibibyte() -> None:
    machine = outbound(S.OPENED)
    sent: list[Action] = []
    for number in range(1, 53):
        sent = machine.handle(Tick(), 60.0 * number)
    assert sent == [
        Send(machine.out_h, Ping()),
        Send(machine.out_t, PingTrafficSent(PingTrafficSentNotify(52 * PING_SIZE))),
    ]
    assert 51 * PING_SIZE <= NOTIFY_ABOVE < 52 * PING_SIZE
    assert machine.handle(Tick(), 60.0 * 53) == [Send(machine.out_h, Ping())]


@pytest.mark.conformance(77)
@pytest.mark.parametrize("state", [S.A11W, S.R2C1W])
def test_a_successor_is_not_pinged_before_its_head(state: OutState) -> None:
    machine = outbound(state)
    for second in range(0, 300, 30):
        assert machine.handle(Tick(), float(second)) == []


@pytest.mark.conformance(77)
@pytest.mark.parametrize("state", [S.B1_OR_C1W, S.B1W])
def test_while_a_successor_waits_the_predecessor_is_pinged(state: OutState) -> None:
    machine = outbound(state)
    assert machine.handle(Tick(), 60.0) == [Send(machine.out_h, Ping())]


def test_a_channel_that_flushes_is_not_pinged() -> None:
    assert outbound(S.FLUSHING).handle(Tick(), 60.0) == []


@pytest.mark.conformance(72)
def test_pings_leave_room_for_the_last_words() -> None:
    machine = outbound(S.OPENED)
    use_up(machine, left=100)
    assert machine.handle(Tick(), 60.0) == []
    assert machine.handle(Tick(), 120.0) == []
    assert tell_it(machine, rts(machine.out_t, A9), now=121.0)[0] == Send(machine.out_h, OutR1A10(Ance()))


# Endings


@pytest.mark.conformance(82)
@pytest.mark.parametrize("state", [state for state in OutState if state is not S.FINISHED])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_any_leg_that_closes_takes_the_others_with_it(state: OutState, index: int) -> None:
    machine = outbound(state)
    legs = machine.legs()
    if index < len(legs):
        assert tell_it(machine, LegClosed(legs[index])) == [*map(CloseLeg, legs), Closed(None)]
        assert machine.state is S.FINISHED


def test_news_of_a_leg_that_is_gone_changes_nothing() -> None:
    machine = outbound(S.OPENED)
    gone = Leg(Place.OUT_H)
    assert tell_it(machine, LegClosed(gone)) == []
    assert tell_it(machine, NonsenseArrived(gone, UnexpectedMessage("noise", state=""))) == []
    assert machine.state is S.OPENED


def test_nonsense_ends_the_connection() -> None:
    machine = outbound(S.OPENED)
    why = UnexpectedMessage("noise", state="")
    tell_it(machine, NonsenseArrived(machine.out_t, why))
    assert machine.why is why


# Everything in every state

EVENTS = [
    Connected(Leg(Place.OUT_T)),
    ConnectFailed(Leg(Place.OUT_T), TransportError("")),
    Submit(CALL),
    Consumed(1),
    CloseRequested(),
    Tick(),
]


@pytest.mark.conformance(81, 86)
@pytest.mark.parametrize("state", OutState)
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_every_pdu_in_every_state_moves_or_ends_or_is_passed_on(state: OutState, pdu: RtsPdu) -> None:
    for index in range(len(outbound(state).legs())):
        machine = outbound(state)
        leg = machine.legs()[index]
        place = (
            SUCCESSOR
            if (index == 1 and len(machine.legs()) == 3) or (state is S.R2C1W and index == 0)
            else leg.place
        )
        destination = vars(pdu).get("destination")
        foreign = isinstance(destination, Destination) and destination.party != ForwardDestination.OUT_PROXY
        table = {kind: to for (where, kind), to in TRANSITIONS[state].items() if where == place}
        alike = [kind for kind in (*table, *ALWAYS.get(leg.place, ())) if same_bytes(kind, pdu)]
        actions = machine.handle(RtsArrived(leg, pdu.encode()), 1.0)
        if state is S.FINISHED:
            assert actions == []
        elif foreign:
            assert machine.finished == (leg is not machine.out_t or destination != TO_CLIENT)
        elif alike:
            target = table.get(alike[0], state)
            assert machine.state in ((target, S.FINISHED) if target is S.FLUSHING else (target,))
        else:
            assert machine.finished
            assert actions[-1] == Closed(machine.why)


@pytest.mark.conformance(81)
@pytest.mark.parametrize("state", OutState)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_in_every_state_moves_or_ends(state: OutState, event: Event) -> None:
    machine = outbound(state)
    machine.handle(event, 1.0)
    expected = MOVES[state].get(type(event), state if isinstance(event, Tick) else S.FINISHED)
    assert machine.state is expected


@pytest.mark.parametrize("state", OutState)
def test_rpc_pdus_on_any_leg_in_any_state_pass_or_wait_or_end(state: OutState) -> None:
    for index in range(len(outbound(state).legs())):
        machine = outbound(state)
        leg = machine.legs()[index]
        actions = machine.handle(RpcArrived(leg, CALL), 1.0)
        if leg.place is Place.OUT_H or state in (S.FLUSHING, S.FINISHED):
            assert machine.finished
        elif state in (S.CONNECTING, S.CONNECTING_R1, S.A11W, S.R2C1W):
            assert actions == []
        else:
            assert actions == [Forward(machine.out_h, CALL)]


@pytest.mark.conformance(56)
@pytest.mark.parametrize("destination", [TO_CLIENT, TO_SERVER, Destination(ForwardDestination.IN_PROXY)])
def test_a_client_has_nothing_forwarded_on_its_out_channel(destination: Destination) -> None:
    machine = outbound(S.OPENED)
    ack = AckWithDestination(destination, FlowControlAck(0, 0, IN_CHANNEL.value))
    tell_it(machine, rts(machine.out_h, ack))
    assert machine.finished
