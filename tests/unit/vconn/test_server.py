"""The server: meeting of the two halves, data, recycling of either channel, and endings."""

from __future__ import annotations

import pytest

from rpch.errors import TransportError, UnexpectedMessage
from rpch.rts.commands import (
    Ance,
    ChannelLifetime,
    Cookie,
    Destination,
    Empty,
    FlowControlAck,
    ForwardDestination,
    NegativeAnce,
    PingTrafficSentNotify,
    ReceiveWindowSize,
)
from rpch.rts.pdus import (
    Ack,
    AckWithDestination,
    ConnA2,
    ConnB2,
    ConnB3,
    ConnC1,
    InR1A2,
    InR1A3,
    InR1A6,
    InR1B1,
    InR1B2,
    InR2A2,
    InR2A3,
    OutR1A1,
    OutR1A4,
    OutR1A5,
    OutR1A8,
    OutR1A9,
    OutR2A4,
    OutR2A5,
    OutR2A7,
    OutR2A8,
    OutR2B1,
    OutR2B2,
    PingTrafficSent,
    RtsPdu,
)
from rpch.testing.rts_samples import (
    CLIENT_V4,
    CONNECTION,
    GROUP,
    IN_CHANNEL,
    LIFETIME,
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
    CONN_A2,
    CONN_B2,
    IN_A1,
    IN_A2,
    OUT_A4,
    rts,
    server,
    tell_it,
    use_up,
)
from rpch.testing.talks import rpc_pdu
from rpch.vconn.events import (
    Action,
    Closed,
    CloseLeg,
    CloseRequested,
    Connected,
    ConnectFailed,
    Consumed,
    Deliver,
    Event,
    Forward,
    Leg,
    LegClosed,
    NonsenseArrived,
    Opened,
    PassOn,
    Place,
    RpcArrived,
    RtsArrived,
    Send,
    Submit,
    SuccessorArrived,
    Tick,
)
from rpch.vconn.flow import WindowViolated
from rpch.vconn.server import PING_BUDGET, RECYCLE_BELOW, RESERVE, ServerConnection
from rpch.vconn.server_states import (
    ALWAYS,
    ARRIVALS,
    IN_TRANSITIONS,
    OUT_TRANSITIONS,
    ConnectionState,
    InChannelState,
    OutChannelState,
)
from rpch.vconn.settings import Settings

C, I, O = ConnectionState, InChannelState, OutChannelState  # noqa: E741 - as in the tables
LARGE = rpc_pdu(2, 7, 5000)
SETTINGS = Settings(receive_window=32_768, setup_timeout=30.0)
SMALL = ReceiveWindowSize(8192)
C1 = ConnC1(VERSION, WINDOW, TIMEOUT)
A1 = OutR1A1(TO_CLIENT)


def ack_of(received: int, available: int, channel: Cookie) -> FlowControlAck:
    return FlowControlAck(received, available, channel.value)


def in_t(machine: ServerConnection) -> Leg:
    assert machine.in_t is not None
    return machine.in_t


def out_t(machine: ServerConnection) -> Leg:
    assert machine.out_t is not None
    return machine.out_t


def meet(window: ReceiveWindowSize = WINDOW, *, settings: Settings | None = None) -> ServerConnection:
    """A server that is open, with an outbound proxy of this window."""
    first = ConnA2(VERSION, CONNECTION, OUT_CHANNEL, LIFETIME, window)
    machine = ServerConnection(Leg(Place.OUT_T), first, settings or Settings(), now=0.0)
    tell_it(machine, SuccessorArrived(Leg(Place.IN_T), CONN_B2))
    return machine


def lifetime_left(machine: ServerConnection) -> int:
    lifetime = machine.outlets()[0].lifetime
    assert lifetime is not None
    return lifetime.left


# Opening


@pytest.mark.conformance(39)
@pytest.mark.parametrize("out_first", [True, False])
def test_either_half_may_come_first_and_both_are_needed(out_first: bool) -> None:
    inner, outer = Leg(Place.IN_T), Leg(Place.OUT_T)
    if out_first:
        machine = ServerConnection(outer, CONN_A2, SETTINGS, now=0.0)
        second = SuccessorArrived(inner, CONN_B2)
    else:
        machine = ServerConnection(inner, CONN_B2, SETTINGS, now=0.0)
        second = SuccessorArrived(outer, CONN_A2)
    assert machine.condition == ("B2W" if out_first else "A2W")
    assert machine.start() == []
    b3 = ConnB3(ReceiveWindowSize(32_768), VERSION)
    play(machine, (1.0, second, [Send(outer, C1), Send(inner, b3), Opened()]))
    assert machine.state is C.OPENED
    assert machine.deadline is None


def test_the_server_knows_who_the_client_is() -> None:
    machine = server()
    assert machine.association_group == GROUP.value
    assert machine.client_address == str(CLIENT_V4.address)
    assert machine.virtual_connection == CONNECTION.value


@pytest.mark.conformance(40)
@pytest.mark.parametrize("state", [C.A2W, C.B2W, C.OPENED])
def test_the_same_half_twice_ends_the_connection(state: ConnectionState) -> None:
    for place, pdu in ((Place.OUT_T, CONN_A2), (Place.IN_T, CONN_B2)):
        machine = server(state)
        leg = Leg(place)
        actions = tell_it(machine, SuccessorArrived(leg, pdu))
        if state is (C.A2W if pdu is CONN_A2 else C.B2W):
            assert machine.state is C.OPENED
        else:
            assert actions[0] == CloseLeg(leg)
            assert machine.finished


@pytest.mark.conformance(44)
@pytest.mark.parametrize("state", [C.A2W, C.B2W])
def test_a_half_whose_other_half_never_comes_is_given_up(state: ConnectionState) -> None:
    machine = server(state)
    leg = machine.legs()[0]
    assert machine.deadline == 900.0
    assert machine.handle(Tick(), 899.0) == []
    assert machine.handle(Tick(), 900.0)[0] == CloseLeg(leg)
    assert isinstance(machine.why, TransportError)


@pytest.mark.conformance(81)
@pytest.mark.parametrize("pdu", [IN_A2, OUT_A4])
def test_a_connection_that_is_not_open_has_no_successors(pdu: RtsPdu) -> None:
    machine = server(C.A2W)
    tell_it(machine, SuccessorArrived(Leg(Place.IN_T), pdu))
    assert machine.finished


# Data and flow control


def test_requests_are_delivered_and_answers_forwarded() -> None:
    machine = server()
    play(
        machine,
        (0.0, RpcArrived(in_t(machine), CALL), [Deliver(CALL)]),
        (0.1, Submit(CALL), [Forward(out_t(machine), CALL)]),
    )


@pytest.mark.conformance(54, 55)
def test_the_inbound_proxy_is_acknowledged_directly() -> None:
    machine = server()
    sent: list[Action] = []
    for _ in range(7):
        sent += tell_it(machine, RpcArrived(in_t(machine), LARGE))
    ack = Ack(ack_of(35_000, 65_536, IN_CHANNEL))
    assert [action for action in sent if isinstance(action, Send)] == [Send(in_t(machine), ack)]
    assert sent[-1] == Deliver(LARGE)  # it may be answered at once, so nothing may follow it


def test_an_rpc_layer_may_consume_at_its_own_pace() -> None:
    machine = server(manual=True)
    for _ in range(13):
        assert tell_it(machine, RpcArrived(in_t(machine), LARGE)) == [Deliver(LARGE)]
    assert tell_it(machine, Consumed(1000)) == []
    ack = Ack(ack_of(65_000, 65_536 - 65_000 + 9000, IN_CHANNEL))
    assert tell_it(machine, Consumed(8000)) == [Send(in_t(machine), ack)]
    tell_it(machine, Consumed(56_000))
    assert machine.inlets()[0].queued == 0
    assert tell_it(machine, Consumed(5000)) == []


@pytest.mark.conformance(50)
def test_the_outbound_proxys_window_is_kept() -> None:
    machine = meet(SMALL)
    leg = out_t(machine)
    play(
        machine,
        (0.0, Submit(LARGE), [Forward(leg, LARGE)]),
        (0.1, Submit(LARGE), []),
        (0.2, rts(leg, Ack(ack_of(5000, 8192, OUT_CHANNEL))), [Forward(leg, LARGE)]),
    )
    assert machine.waiting == 0


@pytest.mark.conformance(52)
def test_an_acknowledgement_of_an_unknown_channel_is_discarded() -> None:
    machine = meet(SMALL)
    tell_it(machine, Submit(LARGE), Submit(LARGE))
    assert tell_it(machine, rts(out_t(machine), Ack(ack_of(5000, 8192, IN_CHANNEL)))) == []
    assert machine.waiting == 5000


@pytest.mark.conformance(53)
def test_an_impossible_acknowledgement_ends_it_when_strict() -> None:
    for strict in (True, False):
        machine = meet(settings=Settings(strict=strict))
        tell_it(machine, rts(out_t(machine), Ack(ack_of(5000, 65_536, OUT_CHANNEL))))
        assert machine.finished is strict


def test_a_proxy_that_overruns_the_window_is_cut_off() -> None:
    machine = server(settings=Settings(strict=True), manual=True)
    for _ in range(14):
        tell_it(machine, RpcArrived(in_t(machine), LARGE))
    assert isinstance(machine.why, WindowViolated)


def test_an_rpc_pdu_on_the_out_leg_ends_the_connection() -> None:
    machine = server()
    tell_it(machine, RpcArrived(out_t(machine), CALL))
    assert isinstance(machine.why, UnexpectedMessage)


def test_an_answer_to_a_call_whose_connection_is_gone_is_dropped() -> None:
    assert tell_it(server(C.FINISHED), Submit(CALL)) == []
    assert tell_it(server(C.A2W), Submit(CALL)) == []
    assert server(C.A2W).waiting == 0


@pytest.mark.conformance(56)
def test_what_is_for_others_goes_their_way_unchanged() -> None:
    machine = server()
    inner, outer = in_t(machine), out_t(machine)
    for_in = AckWithDestination(Destination(ForwardDestination.IN_PROXY), ack_of(0, 0, IN_CHANNEL))
    for_client = AckWithDestination(TO_CLIENT, ack_of(0, 0, IN_CHANNEL))
    for_out = AckWithDestination(TO_OUT_PROXY, ack_of(0, 0, OUT_CHANNEL))
    play(
        machine,
        (0.0, rts(outer, for_in), [PassOn(inner, for_in.encode())]),
        (0.1, rts(inner, for_client), [PassOn(outer, for_client.encode())]),
        (0.2, rts(inner, for_out), [PassOn(outer, for_out.encode())]),
    )


@pytest.mark.conformance(56)
@pytest.mark.parametrize(
    ("place", "party"),
    [
        (Place.OUT_T, ForwardDestination.CLIENT),
        (Place.OUT_T, ForwardDestination.OUT_PROXY),
        (Place.IN_T, ForwardDestination.IN_PROXY),
        (Place.IN_T, 4),
    ],
)
def test_nothing_goes_back_where_it_came_from(place: Place, party: int) -> None:
    machine = server()
    leg = in_t(machine) if place is Place.IN_T else out_t(machine)
    tell_it(machine, rts(leg, AckWithDestination(Destination(party), ack_of(0, 0, OUT_CHANNEL))))
    assert machine.finished


@pytest.mark.conformance(54)
def test_half_a_connection_has_nobody_to_pass_acknowledgements_on_to() -> None:
    machine = server(C.A2W)
    ack = AckWithDestination(TO_OUT_PROXY, ack_of(0, 0, OUT_CHANNEL))
    assert tell_it(machine, rts(in_t(machine), ack)) == []
    machine = server(C.B2W)
    for_in = AckWithDestination(Destination(ForwardDestination.IN_PROXY), ack_of(0, 0, IN_CHANNEL))
    tell_it(machine, rts(out_t(machine), for_in))
    assert machine.finished


# The IN channel on another node (IN_R1)


@pytest.mark.conformance(61)
def test_in_r1_switches_at_b1_and_not_before() -> None:
    machine = server(settings=SETTINGS)
    before, outer = in_t(machine), out_t(machine)
    after = before.successor()
    play(
        machine,
        (0.0, SuccessorArrived(after, IN_A2), [Send(outer, InR1A3(TO_CLIENT, VERSION, WINDOW, TIMEOUT))]),
        (0.1, RpcArrived(before, CALL), [Deliver(CALL)]),
        (0.2, rts(before, InR1A6(NEW_IN_CHANNEL)), []),
        (0.3, RpcArrived(before, CALL), [Deliver(CALL)]),
        (
            0.4,
            rts(before, InR1B1(Empty())),
            [Send(after, InR1B2(ReceiveWindowSize(32_768))), CloseLeg(before)],
        ),
        (0.5, LegClosed(before), []),
        (0.6, RpcArrived(after, CALL), [Deliver(CALL)]),
    )
    assert machine.in_t is after
    assert (machine.inlets()[0].cookie, machine.inlets()[0].received) == (NEW_IN_CHANNEL.value, 100)


@pytest.mark.conformance(61)
@pytest.mark.parametrize("state", [I.A6W, I.OPENED_B1W])
def test_rpc_pdus_on_the_successor_before_b1_end_the_connection(state: InChannelState) -> None:
    machine = server(in_state=state)
    after = next(leg for leg in machine.legs() if leg.place is Place.IN_T and leg is not machine.in_t)
    tell_it(machine, RpcArrived(after, CALL))
    assert machine.finished


@pytest.mark.conformance(61)
def test_rts_pdus_for_others_may_already_come_on_the_successor() -> None:
    machine = server(in_state=I.OPENED_B1W)
    after = machine.legs()[2]
    ack = AckWithDestination(TO_OUT_PROXY, ack_of(0, 0, OUT_CHANNEL))
    assert tell_it(machine, rts(after, ack)) == [PassOn(out_t(machine), ack.encode())]


@pytest.mark.conformance(65)
def test_a_successor_of_another_in_channel_ends_the_connection() -> None:
    machine = server()
    leg = Leg(Place.IN_T, 2)
    wrong = InR1A2(VERSION, CONNECTION, OUT_CHANNEL, NEW_IN_CHANNEL, WINDOW, TIMEOUT)
    assert tell_it(machine, SuccessorArrived(leg, wrong))[0] == CloseLeg(leg)
    assert machine.finished


@pytest.mark.conformance(65)
def test_a6_with_another_cookie_ends_the_connection() -> None:
    machine = server(in_state=I.A6W)
    tell_it(machine, rts(in_t(machine), InR1A6(NEW_OUT_CHANNEL)))
    assert machine.finished


@pytest.mark.conformance(44)
def test_a_predecessor_that_never_says_a6_is_not_waited_for() -> None:
    machine = server(in_state=I.A6W, settings=SETTINGS)
    assert machine.deadline == 30.0
    machine.handle(Tick(), 30.0)
    assert isinstance(machine.why, TransportError)


def test_after_a6_the_predecessor_may_take_its_time() -> None:
    assert server(in_state=I.OPENED_B1W).deadline is None


def test_consumption_of_the_predecessors_pdus_is_not_acknowledged_after_it_has_gone() -> None:
    machine = server(manual=True)
    before = in_t(machine)
    for _ in range(13):
        tell_it(machine, RpcArrived(before, LARGE))
    tell_it(machine, SuccessorArrived(before.successor(), IN_A2), rts(before, InR1A6(NEW_IN_CHANNEL)))
    tell_it(machine, rts(before, InR1B1(Empty())))
    assert tell_it(machine, Consumed(65_000)) == []


# The IN channel on the same node (IN_R2)


@pytest.mark.conformance(60)
def test_in_r2_only_renames_the_channel() -> None:
    machine = server()
    leg = in_t(machine)
    tell_it(machine, RpcArrived(leg, CALL))
    play(
        machine,
        (0.0, rts(leg, InR2A2(NEW_IN_CHANNEL)), [Send(out_t(machine), InR2A3(TO_CLIENT))]),
        (0.1, RpcArrived(leg, CALL), [Deliver(CALL)]),
    )
    assert machine.in_t is leg
    assert (machine.inlets()[0].cookie, machine.inlets()[0].received) == (NEW_IN_CHANNEL.value, 200)


# The OUT channel: when


@pytest.mark.conformance(59)
def test_out_is_recycled_when_eight_kibibytes_are_left_and_only_once() -> None:
    machine = server()
    leg = out_t(machine)
    use_up(machine, left=RECYCLE_BELOW + 100)
    play(
        machine,
        (0.0, Submit(CALL), [Forward(leg, CALL)]),
        (0.1, Submit(CALL), [Forward(leg, CALL), Send(leg, A1)]),
        (0.2, Submit(CALL), [Forward(leg, CALL)]),
    )
    assert machine.out_state is O.OPENED_A4W


@pytest.mark.conformance(59, 72)
def test_out_is_recycled_earlier_when_the_next_pdu_would_not_fit() -> None:
    machine = server()
    use_up(machine, left=RECYCLE_BELOW + 1000)
    large = rpc_pdu(2, 1, 6000)
    assert tell_it(machine, Submit(large)) == [Send(out_t(machine), A1)]
    assert machine.waiting == 6000


@pytest.mark.conformance(72)
def test_rpc_pdus_keep_out_of_the_last_bytes() -> None:
    machine = server()
    use_up(machine, left=RESERVE + 150)
    actions = tell_it(machine, Submit(CALL + CALL))
    assert [len(action.run) for action in actions if isinstance(action, Forward)] == [100]
    assert machine.waiting == 100


@pytest.mark.conformance(59)
@pytest.mark.parametrize("state", [state for state in OutChannelState if state is not O.OPENED])
def test_out_is_not_recycled_while_it_is_being_recycled(state: OutChannelState) -> None:
    machine = server(out_state=state)
    assert not any(action == Send(out_t(machine), A1) for action in tell_it(machine, Submit(CALL)))


@pytest.mark.conformance(78)
def test_pings_of_the_proxy_use_the_lifetime_too() -> None:
    machine = server()
    leg = out_t(machine)
    use_up(machine, left=RECYCLE_BELOW + 1000)
    notify = PingTrafficSent(PingTrafficSentNotify(1040))
    assert tell_it(machine, rts(leg, notify)) == [Send(leg, A1)]


@pytest.mark.conformance(78)
def test_a_proxy_that_claims_absurd_ping_traffic_is_not_believed() -> None:
    machine = server()
    notify = rts(out_t(machine), PingTrafficSent(PingTrafficSentNotify(1040)))
    for number in range(PING_BUDGET // 1040):
        machine.handle(notify, float(number))
    assert not machine.finished
    machine.handle(notify, 239.0)
    assert machine.finished


@pytest.mark.conformance(78)
def test_ping_traffic_over_hours_is_fine() -> None:
    machine = server()
    notify = rts(out_t(machine), PingTrafficSent(PingTrafficSentNotify(1040)))
    for hour in range(100):
        machine.handle(notify, 3600.0 * hour)
    assert not machine.finished


@pytest.mark.conformance(36)
def test_a_lifetime_that_is_too_short_does_not_recycle_for_ever() -> None:
    first = ConnA2(VERSION, CONNECTION, OUT_CHANNEL, ChannelLifetime(100), WINDOW)
    machine = ServerConnection(Leg(Place.OUT_T), first, SETTINGS, now=0.0)
    tell_it(machine, SuccessorArrived(Leg(Place.IN_T), CONN_B2))
    assert tell_it(machine, Submit(CALL)) == [Forward(out_t(machine), CALL)]


@pytest.mark.conformance(49)
def test_forwarded_rts_pdus_use_the_lifetime_and_no_window() -> None:
    machine = server()
    before = lifetime_left(machine)
    window = machine.outlets()[0].window.available
    ack = AckWithDestination(TO_CLIENT, ack_of(0, 0, IN_CHANNEL))
    for _ in range(10):
        tell_it(machine, rts(in_t(machine), ack))
    assert lifetime_left(machine) == before - 560
    assert machine.outlets()[0].window.available == window


@pytest.mark.conformance(59)
def test_a_client_that_cannot_recycle_is_left_alone_until_somebody_waits() -> None:
    machine = server(out_state=O.OPENED_A4W, settings=SETTINGS)
    assert machine.deadline == 30.0
    assert machine.handle(Tick(), 30.0) == []
    assert machine.deadline == 60.0
    use_up(machine, left=RESERVE)
    assert machine.handle(Submit(CALL), 50.0) == []
    machine.handle(Tick(), 60.0)
    assert isinstance(machine.why, TransportError)


@pytest.mark.parametrize("state", [O.OPENED_A8W, O.OPENED_R2A8W])
def test_a_client_that_stops_in_the_middle_of_recycling_is_not_waited_for(state: OutChannelState) -> None:
    machine = server(out_state=state, settings=SETTINGS)
    machine.handle(Tick(), 30.0)
    assert isinstance(machine.why, TransportError)


# The OUT channel on another node (OUT_R1)


@pytest.mark.conformance(63)
def test_out_r1_switches_at_a8_and_ends_the_predecessor_with_a9() -> None:
    machine = meet(SMALL)
    before, inner = out_t(machine), in_t(machine)
    after = before.successor()
    use_up(machine, left=15_000)
    play(
        machine,
        (0.0, Submit(LARGE), [Forward(before, LARGE)]),
        (0.1, Submit(LARGE), []),  # it waits for the window
        (0.2, Submit(LARGE), []),
        (0.3, rts(before, Ack(ack_of(5000, 8192, OUT_CHANNEL))), [Forward(before, LARGE), Send(before, A1)]),
        (0.4, SuccessorArrived(after, OUT_A4), [Send(before, OutR1A5(TO_CLIENT, VERSION, TIMEOUT))]),
        (
            0.5,
            rts(inner, OutR1A8(TO_SERVER, NEW_OUT_CHANNEL)),
            [Send(before, OutR1A9(Ance())), Forward(after, LARGE)],
        ),
        (0.6, Submit(CALL), [Forward(after, CALL)]),
        (0.7, LegClosed(before), [CloseLeg(before)]),
    )
    assert (machine.out_t, machine.out_state) == (after, O.OPENED)
    assert machine.deadline is None
    assert machine.outlets()[0].window.cookies == (NEW_OUT_CHANNEL.value,)


@pytest.mark.conformance(54, 63)
def test_the_clients_acknowledgements_go_to_the_proxy_that_has_the_channel() -> None:
    machine = server(out_state=O.OPENED_A8W)
    before, inner = out_t(machine), in_t(machine)
    after = next(leg for leg in machine.legs() if leg.place is Place.OUT_T and leg is not before)

    def routed(channel: Cookie) -> list[Action]:
        return tell_it(machine, rts(inner, AckWithDestination(TO_OUT_PROXY, ack_of(0, 0, channel))))

    def to(leg: Leg, channel: Cookie) -> list[PassOn]:
        return [PassOn(leg, AckWithDestination(TO_OUT_PROXY, ack_of(0, 0, channel)).encode())]

    assert routed(OUT_CHANNEL) == to(before, OUT_CHANNEL)
    assert routed(NEW_OUT_CHANNEL) == to(after, NEW_OUT_CHANNEL)
    tell_it(machine, rts(inner, OutR1A8(TO_SERVER, NEW_OUT_CHANNEL)))
    assert routed(OUT_CHANNEL) == to(before, OUT_CHANNEL)
    assert routed(NEW_OUT_CHANNEL) == to(after, NEW_OUT_CHANNEL)
    assert routed(IN_CHANNEL) == to(after, IN_CHANNEL)
    tell_it(machine, LegClosed(before))
    assert routed(OUT_CHANNEL) == to(after, OUT_CHANNEL)


def test_the_predecessors_last_acknowledgements_are_of_a_channel_that_is_gone() -> None:
    machine = server(out_state=O.OPENED_A8W)
    before = out_t(machine)
    tell_it(machine, rts(in_t(machine), OutR1A8(TO_SERVER, NEW_OUT_CHANNEL)))
    assert tell_it(machine, rts(before, Ack(ack_of(100, 65_536, OUT_CHANNEL)))) == []
    assert not machine.finished


def test_a_predecessor_that_was_never_closed_is_closed_at_the_next_switch() -> None:
    machine = server(out_state=O.OPENED_A8W)
    first = out_t(machine)
    tell_it(machine, rts(in_t(machine), OutR1A8(TO_SERVER, NEW_OUT_CHANNEL)))
    assert first in machine.legs()
    use_up(machine, left=6000)
    third = OutR1A4(VERSION, CONNECTION, NEW_OUT_CHANNEL, OUT_CHANNEL, LIFETIME, WINDOW, TIMEOUT)
    tell_it(machine, Submit(CALL), SuccessorArrived(Leg(Place.OUT_T, 3), third))
    assert CloseLeg(first) in tell_it(machine, rts(in_t(machine), OutR1A8(TO_SERVER, OUT_CHANNEL)))
    assert first not in machine.legs()


@pytest.mark.conformance(65)
def test_a_successor_of_another_out_channel_ends_the_connection() -> None:
    machine = server(out_state=O.OPENED_A4W)
    leg = Leg(Place.OUT_T, 2)
    wrong = OutR1A4(VERSION, CONNECTION, IN_CHANNEL, NEW_OUT_CHANNEL, LIFETIME, WINDOW, TIMEOUT)
    assert tell_it(machine, SuccessorArrived(leg, wrong))[0] == CloseLeg(leg)
    assert machine.finished


@pytest.mark.conformance(65)
def test_a8_with_another_cookie_ends_the_connection() -> None:
    machine = server(out_state=O.OPENED_A8W)
    tell_it(machine, rts(in_t(machine), OutR1A8(TO_SERVER, NEW_IN_CHANNEL)))
    assert machine.finished


# The OUT channel on the same node (OUT_R2)


@pytest.mark.conformance(62)
@pytest.mark.parametrize(
    "last", [OutR2A7(TO_SERVER, NEW_OUT_CHANNEL, VERSION), OutR2A8(TO_SERVER, NEW_OUT_CHANNEL)]
)
def test_out_r2_renames_the_channel_and_gives_it_a_new_lifetime(last: RtsPdu) -> None:
    machine = server()
    leg, inner = out_t(machine), in_t(machine)
    use_up(machine, left=6000)
    tell_it(machine, Submit(CALL))
    play(
        machine,
        (0.1, rts(leg, OutR2A4(NEW_OUT_CHANNEL)), [Send(leg, OutR2A5(TO_CLIENT, Ance()))]),
        (0.2, Submit(LARGE), []),
        (0.3, rts(inner, last), [Send(leg, OutR2B1(Ance())), Forward(leg, LARGE)]),
    )
    assert (machine.out_t, machine.out_state) == (leg, O.OPENED)
    assert machine.outlets()[0].window.cookies == (OUT_CHANNEL.value, NEW_OUT_CHANNEL.value)
    assert lifetime_left(machine) == LIFETIME.size - 5000
    assert machine.deadline is None


@pytest.mark.conformance(66)
def test_a8_of_another_channel_is_refused_with_b2_and_ends_the_connection() -> None:
    machine = server(out_state=O.OPENED_R2A8W)
    leg = out_t(machine)
    actions = tell_it(machine, rts(in_t(machine), OutR2A7(TO_SERVER, NEW_IN_CHANNEL, VERSION)))
    assert actions[0] == Send(leg, OutR2B2(NegativeAnce()))
    assert machine.finished


# Both at once


@pytest.mark.conformance(64)
@pytest.mark.parametrize("in_state", InChannelState)
@pytest.mark.parametrize("out_state", OutChannelState)
def test_each_channel_recycles_whatever_the_other_does(
    in_state: InChannelState, out_state: OutChannelState
) -> None:
    machine = server(in_state=in_state, out_state=out_state)
    before = in_t(machine)
    if in_state is I.OPENED:
        tell_it(machine, SuccessorArrived(before.successor(), IN_A2))
    if in_state is not I.OPENED_B1W:
        tell_it(machine, rts(before, InR1A6(NEW_IN_CHANNEL)))
    tell_it(machine, rts(before, InR1B1(Empty())))
    assert machine.in_state is I.OPENED
    assert machine.in_t is not before
    assert machine.out_state is out_state


# Endings


@pytest.mark.conformance(70, 82)
@pytest.mark.parametrize("in_state", InChannelState)
@pytest.mark.parametrize("out_state", OutChannelState)
def test_any_leg_that_closes_takes_the_others_with_it(
    in_state: InChannelState, out_state: OutChannelState
) -> None:
    for index in range(len(server(in_state=in_state, out_state=out_state).legs())):
        machine = server(in_state=in_state, out_state=out_state)
        legs = machine.legs()
        assert tell_it(machine, LegClosed(legs[index])) == [*map(CloseLeg, legs), Closed(None)]


@pytest.mark.conformance(82)
@pytest.mark.parametrize("state", [C.A2W, C.B2W])
def test_half_a_connection_ends_with_its_only_leg(state: ConnectionState) -> None:
    machine = server(state)
    (leg,) = machine.legs()
    assert tell_it(machine, LegClosed(leg)) == [CloseLeg(leg), Closed(None)]


@pytest.mark.conformance(70)
def test_a_predecessor_that_closes_when_it_should_is_no_news() -> None:
    machine = server(in_state=I.OPENED_B1W, out_state=O.OPENED_A8W)
    inner, outer = in_t(machine), out_t(machine)
    tell_it(machine, rts(inner, InR1B1(Empty())))
    tell_it(machine, rts(in_t(machine), OutR1A8(TO_SERVER, NEW_OUT_CHANNEL)))
    assert tell_it(machine, LegClosed(inner)) == []
    assert tell_it(machine, LegClosed(outer)) == [CloseLeg(outer)]
    assert not machine.finished
    assert len(machine.legs()) == 2


def test_the_rpc_layer_may_hang_up() -> None:
    machine = server()
    why = UnexpectedMessage("enough", state="")
    assert tell_it(machine, CloseRequested(why)) == [*map(CloseLeg, machine.legs()), Closed(why)]


def test_news_of_a_leg_that_is_gone_changes_nothing() -> None:
    machine = server()
    gone = Leg(Place.IN_T)
    assert tell_it(machine, LegClosed(gone)) == []
    assert tell_it(machine, NonsenseArrived(gone, UnexpectedMessage("noise", state=""))) == []
    assert machine.state is C.OPENED


def test_nonsense_ends_the_connection() -> None:
    machine = server()
    why = UnexpectedMessage("noise", state="")
    tell_it(machine, NonsenseArrived(in_t(machine), why))
    assert machine.why is why


# Everything in every state

PAIRS = [(in_state, out_state) for in_state in InChannelState for out_state in OutChannelState]
EVENTS = [
    Connected(Leg(Place.OUT_T)),
    ConnectFailed(Leg(Place.OUT_T), TransportError("")),
    CloseRequested(),
    SuccessorArrived(Leg(Place.IN_T), IN_A1),
]


@pytest.mark.conformance(81, 86)
@pytest.mark.parametrize(("in_state", "out_state"), PAIRS)
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_every_pdu_in_every_state_moves_or_ends_or_is_passed_on(
    in_state: InChannelState, out_state: OutChannelState, pdu: RtsPdu
) -> None:
    for index in range(len(server(in_state=in_state, out_state=out_state).legs())):
        machine = server(in_state=in_state, out_state=out_state)
        leg = machine.legs()[index]
        destination = vars(pdu).get("destination")
        foreign = isinstance(destination, Destination) and destination.party != ForwardDestination.SERVER
        back = leg.place is Place.OUT_T  # whatever has a destination there is for the client or the out-proxy
        ins = IN_TRANSITIONS[in_state] if leg is machine.in_t else {}
        usable = leg is machine.out_t or leg.place is Place.IN_T
        outs = {k: to for (p, k), to in OUT_TRANSITIONS[out_state].items() if p is leg.place and usable}
        alike = [kind for kind in (*ins, *outs, *ALWAYS[leg.place]) if same_bytes(kind, pdu)]
        actions = machine.handle(RtsArrived(leg, pdu.encode()), 1.0)
        if foreign:
            assert machine.finished == back
            assert (machine.in_state, machine.out_state) == (in_state, out_state)
        elif alike and not machine.finished:
            assert machine.in_state is ins.get(alike[0], in_state)
            assert machine.out_state is outs.get(alike[0], out_state)
        elif alike:  # legal, but with another cookie
            assert isinstance(pdu, InR1A6 | OutR1A8 | OutR2A8 | OutR2A7) or same_bytes(InR1A6, pdu)
        else:
            assert machine.finished
            assert actions[-1] == Closed(machine.why)


@pytest.mark.conformance(81)
@pytest.mark.parametrize(("in_state", "out_state"), PAIRS)
@pytest.mark.parametrize("pdu", [CONN_A2, CONN_B2, IN_A2, OUT_A4], ids=lambda pdu: pdu.NAME)
def test_every_arrival_in_every_state_moves_or_ends(
    in_state: InChannelState, out_state: OutChannelState, pdu: RtsPdu
) -> None:
    machine = server(in_state=in_state, out_state=out_state)
    leg = Leg(Place.IN_T if isinstance(pdu, ConnB2 | InR1A2) else Place.OUT_T, 9)
    needed, target = ARRIVALS[type(pdu)]
    actions = tell_it(machine, SuccessorArrived(leg, pdu))
    if needed in (in_state, out_state):
        assert target in (machine.in_state, machine.out_state)
        assert leg in machine.legs()
    else:
        assert actions[0] == CloseLeg(leg)
        assert machine.finished


@pytest.mark.conformance(81)
@pytest.mark.parametrize(("in_state", "out_state"), PAIRS)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_no_matter_of_a_server_ends_the_connection(
    in_state: InChannelState, out_state: OutChannelState, event: Event
) -> None:
    machine = server(in_state=in_state, out_state=out_state)
    machine.handle(event, 1.0)
    assert machine.state is C.FINISHED


@pytest.mark.conformance(81)
@pytest.mark.parametrize("state", [C.A2W, C.B2W, C.FINISHED])
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_half_a_connection_takes_nothing_but_acknowledgements(state: ConnectionState, pdu: RtsPdu) -> None:
    machine = server(state)
    leg = machine.legs()[0]
    tell_it(machine, rts(leg, pdu))
    harmless = same_bytes(Ack, pdu) or same_bytes(PingTrafficSent, pdu)
    routed = state is C.A2W and isinstance(pdu, AckWithDestination)
    assert machine.finished == (state is C.FINISHED or not (routed or (harmless and state is C.B2W)))
