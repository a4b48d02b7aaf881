"""The client: opening, data, recycling of either channel, pings and endings."""

from __future__ import annotations

from itertools import count

import pytest

from rpch.errors import ProxyError, TransportError, UnexpectedMessage
from rpch.rts.commands import (
    Ance,
    AssociationGroupId,
    ChannelLifetime,
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
    ACK_WITH_DESTINATION_SIZE,
    AckWithDestination,
    ConnA1,
    ConnA3,
    ConnB1,
    ConnC2,
    InR1A1,
    InR1A4,
    InR1A5,
    InR2A4,
    OutR1A3,
    OutR1A7,
    OutR1A10,
    OutR1A11,
    OutR2A6,
    OutR2A7,
    OutR2B3,
    OutR2C1,
    Ping,
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
    CONN_A3,
    CONN_C2,
    IN_A4,
    OUT_A2,
    OUT_A6,
    client,
    rts,
    tell_it,
    use_up,
)
from rpch.testing.talks import rpc_pdu
from rpch.vconn.client import (
    FIRST_OUT_LENGTH,
    LAST_WORDS,
    RECYCLE_BELOW,
    RESERVE,
    SUCCESSOR_OUT_LENGTH,
    ClientConnection,
)
from rpch.vconn.client_states import (
    ALWAYS,
    IN_TRANSITIONS,
    OPENING_TRANSITIONS,
    OUT_TRANSITIONS,
    ClientInState,
    ClientOutState,
    ClientState,
)
from rpch.vconn.events import (
    Action,
    ChannelAccepted,
    ChannelReady,
    ChannelRefused,
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
    OpenChannel,
    Opened,
    Place,
    RecycleRequested,
    RpcArrived,
    RtsArrived,
    Send,
    Submit,
    SuccessorArrived,
    Tick,
)
from rpch.vconn.flow import WindowViolated
from rpch.vconn.settings import LIFETIME_MINIMUM, ClientSettings

C, I, O = ClientState, ClientInState, ClientOutState  # noqa: E741 - as in the tables
LARGE = rpc_pdu(0, 7, 5000)
GROUP = bytes(range(16))
SETTINGS = ClientSettings(
    receive_window=32_768,
    channel_lifetime=200_000,
    setup_timeout=30.0,
    keepalive=90.0,
    association_group=GROUP,
)
A10 = OutR1A10(Ance())
B3 = OutR2B3(Ance())
R2_A6 = OutR2A6(TO_CLIENT, Ance())
R2_A4 = InR2A4(TO_CLIENT)


def ack_of(received: int, available: int, channel: Cookie) -> FlowControlAck:
    return FlowControlAck(received, available, channel.value)


def in_ack(received: int, available: int, channel: Cookie = IN_CHANNEL) -> RtsPdu:
    """What the inbound proxy acknowledges, as it reaches the client."""
    return AckWithDestination(TO_CLIENT, ack_of(received, available, channel))


def out_ack(received: int, available: int, channel: Cookie = OUT_CHANNEL) -> RtsPdu:
    """What the client acknowledges."""
    return AckWithDestination(TO_OUT_PROXY, ack_of(received, available, channel))


def successor_in(machine: ClientConnection) -> Leg:
    return next(leg for leg in machine.legs() if leg.place is Place.IN_H and leg is not machine.in_h)


def successor_out(machine: ClientConnection) -> Leg:
    return next(leg for leg in machine.legs() if leg.place is Place.OUT_H and leg is not machine.out_h)


def sends(actions: list[Action]) -> list[RtsPdu]:
    return [action.pdu for action in actions if isinstance(action, Send)]


# Opening


@pytest.mark.conformance(1, 4)
def test_a_client_opens_two_channels_and_speaks_on_both_when_both_stand() -> None:
    names = (number.to_bytes(16, "little") for number in count(1))
    machine = ClientConnection(SETTINGS, names, now=0.0)
    vc, out_channel, in_channel = (Cookie(number.to_bytes(16, "little")) for number in (1, 2, 3))
    in_h, out_h = machine.in_h, machine.out_h
    assert machine.start() == [OpenChannel(in_h, 200_000), OpenChannel(out_h, FIRST_OUT_LENGTH)]
    a1 = ConnA1(VERSION, vc, out_channel, ReceiveWindowSize(32_768))
    b1 = ConnB1(
        VERSION,
        vc,
        in_channel,
        ChannelLifetime(200_000),
        ClientKeepalive(90_000),
        AssociationGroupId(GROUP),
    )
    assert len(a1.encode()) == FIRST_OUT_LENGTH
    play(
        machine,
        (0.0, ChannelReady(in_h), []),
        (0.1, ChannelReady(out_h), [Send(out_h, a1), Send(in_h, b1)]),
        (0.2, ChannelAccepted(out_h), []),
        (0.3, rts(out_h, CONN_A3), []),
        (0.4, rts(out_h, CONN_C2), [Opened()]),
    )
    assert machine.state is C.OPENED


def test_the_channels_may_become_ready_in_either_order() -> None:
    machine = client(C.CHANNELS_WAIT)
    assert tell_it(machine, ChannelReady(machine.out_h)) == []
    assert len(sends(tell_it(machine, ChannelReady(machine.in_h)))) == 2


def test_what_is_submitted_early_leaves_when_the_connection_opens() -> None:
    machine = client(C.CHANNELS_WAIT)
    assert tell_it(machine, Submit(CALL)) == []
    tell_it(machine, ChannelReady(machine.in_h), ChannelReady(machine.out_h), ChannelAccepted(machine.out_h))
    assert tell_it(machine, rts(machine.out_h, CONN_A3), rts(machine.out_h, CONN_C2)) == [
        Forward(machine.in_h, CALL),
        Opened(),
    ]


@pytest.mark.conformance(80)
@pytest.mark.parametrize("state", [C.WAIT_A3W, C.WAIT_C2, C.OPENED])
def test_pings_may_come_in_every_state_after_the_head(state: ClientState) -> None:
    machine = client(state)
    assert tell_it(machine, rts(machine.out_h, Ping())) == []
    assert machine.state is state


@pytest.mark.conformance(43)
@pytest.mark.parametrize(
    ("state", "pdu"),
    [
        (C.CHANNELS_WAIT, CONN_A3),
        (C.OUT_CHANNEL_WAIT, CONN_A3),
        (C.WAIT_A3W, CONN_C2),
        (C.WAIT_C2, CONN_A3),
        (C.OPENED, CONN_C2),
        (C.OPENED, CONN_A3),
    ],
    ids=lambda value: value.NAME if isinstance(value, RtsPdu) else value.name,
)
def test_a_step_out_of_turn_ends_the_connection(state: ClientState, pdu: RtsPdu) -> None:
    machine = client(state)
    tell_it(machine, rts(machine.out_h, pdu))
    assert machine.finished


@pytest.mark.conformance(43)
@pytest.mark.parametrize(
    "state", [state for state in ClientState if state not in (C.OUT_CHANNEL_WAIT, C.CLOSED)]
)
def test_a_head_out_of_turn_ends_the_connection(state: ClientState) -> None:
    machine = client(state)
    tell_it(machine, ChannelAccepted(machine.out_h))
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.conformance(13, 43)
def test_an_in_channel_is_never_accepted() -> None:
    machine = client(C.OUT_CHANNEL_WAIT)
    tell_it(machine, ChannelAccepted(machine.in_h))
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.conformance(16, 85)
@pytest.mark.parametrize("state", [state for state in ClientState if state is not C.CLOSED])
@pytest.mark.parametrize("place", [Place.IN_H, Place.OUT_H])
def test_a_refused_channel_ends_the_connection_with_its_reason(state: ClientState, place: Place) -> None:
    machine = client(state)
    leg = machine.in_h if place is Place.IN_H else machine.out_h
    why = ProxyError(503, "RPC Error: 6ba", rpc_status=0x6BA)
    actions = tell_it(machine, ChannelRefused(leg, why))
    assert actions == [CloseLeg(machine.in_h), CloseLeg(machine.out_h), Closed(why)]


def test_a_connection_that_does_not_open_in_time_is_given_up() -> None:
    machine = ClientConnection(SETTINGS, iter([bytes(16)] * 3), now=5.0)
    assert machine.deadline == 35.0
    machine.handle(Tick(), 35.0)
    assert isinstance(machine.why, TransportError)


# Data and flow control


@pytest.mark.conformance(50, 54)
def test_the_inbound_proxys_window_is_kept() -> None:
    machine = client(C.WAIT_C2)
    leg = machine.in_h
    tell_it(machine, rts(machine.out_h, ConnC2(VERSION, ReceiveWindowSize(8192), TIMEOUT)))
    play(
        machine,
        (0.0, Submit(LARGE), [Forward(leg, LARGE)]),
        (0.1, Submit(LARGE), []),
        (0.2, rts(machine.out_h, in_ack(5000, 8192)), [Forward(leg, LARGE)]),
    )


@pytest.mark.conformance(54, 55)
def test_the_outbound_proxy_is_acknowledged_by_way_of_the_server() -> None:
    machine = client()
    sent: list[Action] = []
    for _ in range(7):
        actions = tell_it(machine, RpcArrived(machine.out_h, LARGE))
        assert actions[-1] == Deliver(LARGE)  # it may be answered at once, so nothing may follow it
        sent += actions[:-1]
    assert sent == [Send(machine.in_h, out_ack(35_000, 65_536))]


@pytest.mark.conformance(52)
def test_an_acknowledgement_of_an_unknown_channel_is_discarded() -> None:
    machine = client()
    assert tell_it(machine, rts(machine.out_h, in_ack(0, 1 << 31, NEW_OUT_CHANNEL))) == []
    assert not machine.finished


@pytest.mark.conformance(53)
def test_an_impossible_acknowledgement_ends_it_when_strict() -> None:
    for strict in (True, False):
        machine = client(settings=ClientSettings(strict=strict))
        tell_it(machine, rts(machine.out_h, in_ack(5000, 65_536)))
        assert machine.finished is strict


@pytest.mark.conformance(56)
@pytest.mark.parametrize(
    "party", [ForwardDestination.IN_PROXY, ForwardDestination.SERVER, ForwardDestination.OUT_PROXY, 4]
)
def test_a_client_forwards_nothing(party: int) -> None:
    machine = client()
    tell_it(machine, rts(machine.out_h, AckWithDestination(Destination(party), ack_of(0, 0, IN_CHANNEL))))
    assert machine.finished


@pytest.mark.parametrize("state", [state for state in ClientState if state not in (C.OPENED, C.CLOSED)])
def test_rpc_pdus_before_the_connection_is_open_end_it(state: ClientState) -> None:
    machine = client(state)
    tell_it(machine, RpcArrived(machine.out_h, CALL))
    assert isinstance(machine.why, UnexpectedMessage)


def test_rpc_pdus_on_an_in_channel_end_the_connection() -> None:
    machine = client()
    tell_it(machine, RpcArrived(machine.in_h, CALL))
    assert isinstance(machine.why, UnexpectedMessage)


# The IN channel: when


@pytest.mark.conformance(58)
def test_in_is_recycled_when_four_kibibytes_are_left_and_only_once() -> None:
    machine = client(settings=SETTINGS)
    use_up(machine, left=RECYCLE_BELOW + 100)
    assert tell_it(machine, Submit(CALL)) == [Forward(machine.in_h, CALL)]
    forward, opened = tell_it(machine, Submit(CALL))
    assert forward == Forward(machine.in_h, CALL)
    assert opened == OpenChannel(successor_in(machine), 200_000)
    assert tell_it(machine, Submit(CALL)) == [Forward(machine.in_h, CALL)]


@pytest.mark.conformance(58, 72)
def test_in_is_recycled_earlier_when_the_next_pdu_would_not_fit() -> None:
    machine = client()
    use_up(machine, left=RECYCLE_BELOW + 1000)
    actions = tell_it(machine, Submit(rpc_pdu(0, 1, 5500)))
    assert [type(action) for action in actions] == [OpenChannel]


@pytest.mark.conformance(72)
def test_rpc_pdus_keep_out_of_the_last_bytes() -> None:
    machine = client()
    use_up(machine, left=RESERVE + 150)
    actions = tell_it(machine, Submit(CALL + CALL))
    assert [len(action.run) for action in actions if isinstance(action, Forward)] == [100]


@pytest.mark.conformance(72)
def test_every_byte_of_the_body_is_counted() -> None:
    machine = client(settings=SETTINGS)
    tell_it(machine, Submit(LARGE))
    machine.handle(Tick(), 60.0)
    lifetime = machine.outlets()[0].lifetime
    assert lifetime is not None
    assert lifetime.used == 104 + 5000 + 20


@pytest.mark.conformance(58)
@pytest.mark.parametrize("state", [I.OPENING, I.OPENED_A4W])
def test_in_is_not_recycled_while_it_is_being_recycled(state: ClientInState) -> None:
    machine = client(in_state=state)
    assert not any(isinstance(action, OpenChannel) for action in tell_it(machine, Submit(CALL)))


@pytest.mark.conformance(58)
def test_in_is_recycled_whenever_it_is_wanted_and_only_once() -> None:
    machine = client()
    (action,) = tell_it(machine, RecycleRequested())
    assert isinstance(action, OpenChannel)
    assert (action.leg.place, machine.in_state) == (Place.IN_H, I.OPENING)
    assert tell_it(machine, RecycleRequested()) == []
    assert tell_it(client(C.WAIT_C2), RecycleRequested()) == []


def test_before_the_connection_is_open_nothing_is_recycled() -> None:
    machine = client(C.WAIT_C2)
    use_up(machine, left=1000)
    assert tell_it(machine, Submit(CALL)) == []
    actions = tell_it(machine, rts(machine.out_h, CONN_C2))
    assert [type(action) for action in actions] == [OpenChannel, Opened]


@pytest.mark.conformance(36)
def test_a_successor_is_longer_than_what_the_proxy_takes_unacknowledged() -> None:
    settings = ClientSettings(channel_lifetime=LIFETIME_MINIMUM)
    machine = client(C.WAIT_C2, settings=settings)
    tell_it(machine, rts(machine.out_h, ConnC2(VERSION, ReceiveWindowSize(262_144), TIMEOUT)))
    use_up(machine, left=1000)
    (opened,) = tell_it(machine, Submit(CALL))
    assert opened == OpenChannel(successor_in(machine), 524_288)


# The IN channel: how


@pytest.mark.conformance(60, 61, 73)
@pytest.mark.parametrize("a4", [IN_A4, R2_A4], ids=lambda pdu: pdu.NAME)
def test_a5_is_the_last_pdu_on_the_predecessor_and_what_waits_moves_on(a4: RtsPdu) -> None:
    machine = client(in_state=I.OPENING)
    before, after = machine.in_h, successor_in(machine)
    use_up(machine, left=RESERVE)
    play(
        machine,
        (0.0, Submit(CALL), []),
        (0.1, ChannelReady(after), [Send(after, InR1A1(VERSION, CONNECTION, IN_CHANNEL, NEW_IN_CHANNEL))]),
        (0.2, Submit(LARGE), []),
        (
            0.3,
            rts(machine.out_h, a4),
            [Send(before, InR1A5(NEW_IN_CHANNEL)), Forward(after, CALL), Forward(after, LARGE)],
        ),
        (0.4, Submit(CALL), [Forward(after, CALL)]),
        (0.5, LegClosed(before), [CloseLeg(before)]),
    )
    assert (machine.in_h, machine.in_state) == (after, I.OPENED)


@pytest.mark.conformance(73, 76)
def test_in_r1_brings_a_new_window_and_timeout() -> None:
    machine = client(in_state=I.OPENED_A4W)
    a4 = InR1A4(TO_CLIENT, VERSION, ReceiveWindowSize(8192), ConnectionTimeout(300_000))
    tell_it(machine, rts(machine.out_h, a4))
    assert machine.outlets()[0].window.size == 8192
    assert machine.deadline == 150.0


@pytest.mark.conformance(73)
def test_in_r2_keeps_the_old_window_and_timeout() -> None:
    machine = client(in_state=I.OPENED_A4W)
    tell_it(machine, rts(machine.out_h, R2_A4))
    assert machine.outlets()[0].window.size == 65_536
    assert machine.deadline == 60.0


@pytest.mark.conformance(52)
def test_acknowledgements_of_the_predecessor_are_discarded_after_the_switch() -> None:
    machine = client(in_state=I.OPENED_A4W)
    tell_it(machine, rts(machine.out_h, R2_A4))
    assert tell_it(machine, rts(machine.out_h, in_ack(0, 5))) == []
    assert machine.outlets()[0].window.available == 65_536


def test_acknowledgements_wait_for_the_successor_when_the_predecessor_is_full() -> None:
    machine = client(in_state=I.OPENED_A4W)
    before, after = machine.in_h, successor_in(machine)
    use_up(machine, left=LAST_WORDS + ACK_WITH_DESTINATION_SIZE - 1)
    for _ in range(14):
        assert tell_it(machine, RpcArrived(machine.out_h, LARGE)) == [Deliver(LARGE)]
    assert tell_it(machine, rts(machine.out_h, R2_A4)) == [
        Send(before, InR1A5(NEW_IN_CHANNEL)),
        Send(after, out_ack(70_000, 65_536)),
    ]


def test_what_cannot_wait_and_does_not_fit_ends_the_connection() -> None:
    machine = client(in_state=I.OPENED_A4W)
    use_up(machine, left=39)
    tell_it(machine, rts(machine.out_h, R2_A4))
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.parametrize("state", [I.OPENING, I.OPENED_A4W])
def test_an_in_successor_that_never_comes_is_not_waited_for(state: ClientInState) -> None:
    machine = client(in_state=state, settings=SETTINGS)
    machine.handle(Tick(), 30.0)
    assert isinstance(machine.why, TransportError)


def test_a_predecessor_that_its_proxy_leaves_open_is_closed_in_the_end() -> None:
    machine = client(in_state=I.OPENED_A4W)
    before, after = machine.in_h, successor_in(machine)
    tell_it(machine, rts(machine.out_h, R2_A4))
    assert tell_it(machine, CloseRequested()) == [
        CloseLeg(before),
        CloseLeg(after),
        CloseLeg(machine.out_h),
        Closed(None),
    ]


# The OUT channel on another node (OUT_R1)


@pytest.mark.conformance(4, 63)
def test_out_r1_takes_the_successor_after_a10() -> None:
    machine = client()
    before, inner = machine.out_h, machine.in_h
    (opened,) = tell_it(machine, rts(before, OUT_A2))
    after = successor_out(machine)
    assert opened == OpenChannel(after, SUCCESSOR_OUT_LENGTH)
    a3 = OutR1A3(VERSION, CONNECTION, OUT_CHANNEL, NEW_OUT_CHANNEL, ReceiveWindowSize(65_536))
    a11 = OutR1A11(Ance())
    assert len(a3.encode()) + len(a11.encode()) == SUCCESSOR_OUT_LENGTH
    play(
        machine,
        (0.1, ChannelReady(after), [Send(after, a3)]),
        (0.2, RpcArrived(before, CALL), [Deliver(CALL)]),
        (0.3, rts(before, OUT_A6), [Send(inner, OutR1A7(TO_SERVER, NEW_OUT_CHANNEL))]),
        (0.4, RpcArrived(before, CALL), [Deliver(CALL)]),
        (0.5, rts(before, A10), [Send(after, a11), CloseLeg(before)]),
        (0.6, RpcArrived(before, b"undefined"), []),
        (0.7, LegClosed(before), []),
        (0.8, ChannelAccepted(after), []),
        (0.9, RpcArrived(after, CALL), [Deliver(CALL)]),
    )
    assert (machine.out_h, machine.out_state) == (after, O.OPENED)


@pytest.mark.conformance(69)
def test_nothing_counts_that_comes_behind_a10() -> None:
    machine = client(out_state=O.OPENED_A10W)
    before = machine.out_h
    tell_it(machine, rts(before, A10))
    assert tell_it(machine, RtsArrived(before, b"nonsense")) == []
    assert tell_it(machine, NonsenseArrived(before, UnexpectedMessage("noise", state=""))) == []
    assert tell_it(machine, LegClosed(before)) == []
    assert not machine.finished


def test_the_successors_body_does_not_begin_before_its_head() -> None:
    machine = client(out_state=O.OPENED_A10W)
    tell_it(machine, rts(machine.out_h, A10))
    tell_it(machine, RpcArrived(machine.out_h, CALL))
    assert machine.finished


@pytest.mark.conformance(63)
def test_the_successors_rpc_pdus_are_acknowledged_under_its_own_name() -> None:
    machine = client(out_state=O.OPENED_A10W)
    before, after = machine.out_h, successor_out(machine)
    tell_it(machine, RpcArrived(before, LARGE), rts(before, A10), ChannelAccepted(after))
    sent: list[RtsPdu] = []
    for _ in range(7):
        sent += sends(tell_it(machine, RpcArrived(machine.out_h, LARGE)))
    assert sent == [out_ack(35_000, 65_536, NEW_OUT_CHANNEL)]


# The OUT channel on the same node (OUT_R2)


@pytest.mark.conformance(4, 62)
def test_out_r2_takes_the_successor_after_b3() -> None:
    machine = client(out_state=O.OPENED_A6W)
    before, inner, after = machine.out_h, machine.in_h, successor_out(machine)
    c1 = OutR2C1(Empty())
    play(
        machine,
        (
            0.1,
            rts(before, R2_A6),
            [Send(inner, OutR2A7(TO_SERVER, NEW_OUT_CHANNEL, Version(1))), Send(after, c1)],
        ),
        (0.2, RpcArrived(before, CALL), [Deliver(CALL)]),
        (0.3, rts(before, B3), [CloseLeg(before)]),
        (0.4, ChannelAccepted(after), []),
        (0.5, RpcArrived(after, CALL), [Deliver(CALL)]),
    )
    assert (machine.out_h, machine.out_state) == (after, O.OPENED)


@pytest.mark.conformance(69)
def test_what_overtakes_b3_on_the_successor_waits_for_it() -> None:
    machine = client(out_state=O.B3W)
    before, after = machine.out_h, successor_out(machine)
    play(
        machine,
        (0.1, ChannelAccepted(after), []),
        (0.2, RpcArrived(after, LARGE), []),
        (0.3, rts(after, Ping()), []),
        (0.4, RpcArrived(before, CALL), [Deliver(CALL)]),
        (0.5, rts(before, B3), [CloseLeg(before), Deliver(LARGE)]),
        (0.6, RpcArrived(after, CALL), [Deliver(CALL)]),
    )


@pytest.mark.conformance(69)
def test_even_the_wish_to_recycle_again_may_wait_for_b3() -> None:
    machine = client(out_state=O.B3W)
    after = successor_out(machine)
    tell_it(machine, ChannelAccepted(after), RpcArrived(after, CALL), rts(after, OUT_A2))
    actions = tell_it(machine, rts(machine.out_h, B3))
    assert [type(action) for action in actions] == [CloseLeg, OpenChannel, Deliver]
    assert machine.out_state is O.OPENING


def test_what_may_overtake_b3_is_bounded() -> None:
    machine = client(out_state=O.B3W)
    after = successor_out(machine)
    for _ in range(40):
        tell_it(machine, RpcArrived(after, LARGE))
    assert isinstance(machine.why, WindowViolated)


def test_an_error_in_what_was_held_ends_the_connection_then() -> None:
    machine = client(out_state=O.B3W)
    after = successor_out(machine)
    tell_it(machine, ChannelAccepted(after), rts(after, CONN_C2), RpcArrived(after, CALL))
    actions = tell_it(machine, rts(machine.out_h, B3))
    assert machine.finished
    assert not any(isinstance(action, Deliver) for action in actions)


@pytest.mark.conformance(16, 63)
@pytest.mark.parametrize("state", [O.OPENING, O.OPENED_A6W, O.OPENED_A10W, O.B3W])
def test_a_refused_successor_ends_the_connection(state: ClientOutState) -> None:
    machine = client(out_state=state)
    why = ProxyError(503, "RPC Error: 5", rpc_status=5)
    tell_it(machine, ChannelRefused(successor_out(machine), why))
    assert machine.why is why


@pytest.mark.parametrize("state", [O.OPENING, O.OPENED_A6W, O.OPENED_A10W])
def test_a_successors_head_before_its_turn_ends_the_connection(state: ClientOutState) -> None:
    machine = client(out_state=state)
    tell_it(machine, ChannelAccepted(successor_out(machine)))
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.parametrize("state", [O.OPENING, O.OPENED_A6W, O.OPENED_A10W, O.B3W])
def test_an_out_successor_that_never_takes_over_is_not_waited_for(state: ClientOutState) -> None:
    machine = client(out_state=state, settings=SETTINGS)
    machine.handle(Tick(), 30.0)
    assert isinstance(machine.why, TransportError)


# Both at once


@pytest.mark.conformance(64)
@pytest.mark.parametrize("in_state", ClientInState)
@pytest.mark.parametrize("out_state", ClientOutState)
def test_each_channel_recycles_whatever_the_other_does(
    in_state: ClientInState, out_state: ClientOutState
) -> None:
    machine = client(in_state=in_state, out_state=out_state)
    if in_state is I.OPENED:
        use_up(machine, left=3000)
        tell_it(machine, Submit(CALL))
    if in_state is not I.OPENED_A4W:
        tell_it(machine, ChannelReady(successor_in(machine)))
    after = successor_in(machine)
    tell_it(machine, rts(machine.out_h, R2_A4))
    assert (machine.in_state, machine.in_h) == (I.OPENED, after)
    assert machine.out_state is out_state


# Pings


@pytest.mark.conformance(75)
def test_an_idle_channel_is_pinged_twice_in_its_timeout() -> None:
    machine = client()  # with a time-out of 120 s
    ping = [Send(machine.in_h, Ping())]
    play(machine, (59.0, Tick(), []), (60.0, Tick(), ping), (120.0, Tick(), ping))


@pytest.mark.conformance(75)
def test_a_channel_that_has_just_carried_something_is_not_pinged() -> None:
    machine = client()
    play(machine, (50.0, Submit(CALL), [Forward(machine.in_h, CALL)]), (60.0, Tick(), []))
    assert machine.deadline == 110.0
    play(machine, (110.0, Tick(), [Send(machine.in_h, Ping())]))


@pytest.mark.conformance(75)
def test_what_left_because_of_an_acknowledgement_counts_as_sent() -> None:
    machine = client(C.WAIT_C2)
    tell_it(machine, rts(machine.out_h, ConnC2(VERSION, ReceiveWindowSize(8192), TIMEOUT)))
    tell_it(machine, Submit(LARGE), Submit(LARGE))
    machine.handle(rts(machine.out_h, in_ack(5000, 8192)), 50.0)
    assert machine.handle(Tick(), 60.0) == []


@pytest.mark.conformance(76)
def test_the_interval_follows_a3_and_then_c2() -> None:
    machine = client(C.WAIT_A3W)
    machine.handle(rts(machine.out_h, ConnA3(ConnectionTimeout(200_000))), 0.0)
    assert machine.deadline == 100.0
    assert machine.handle(Tick(), 100.0) == [Send(machine.in_h, Ping())]
    machine.handle(rts(machine.out_h, ConnC2(VERSION, WINDOW, ConnectionTimeout(400_000))), 110.0)
    assert machine.deadline == 300.0


def test_no_ping_goes_where_the_last_words_must() -> None:
    machine = client(in_state=I.OPENED_A4W)
    use_up(machine, left=LAST_WORDS)
    assert machine.handle(Tick(), 60.0) == []


# Endings


@pytest.mark.conformance(82)
@pytest.mark.parametrize("in_state", ClientInState)
@pytest.mark.parametrize("out_state", ClientOutState)
def test_any_channel_that_closes_takes_the_others_with_it(
    in_state: ClientInState, out_state: ClientOutState
) -> None:
    for index in range(len(client(in_state=in_state, out_state=out_state).legs())):
        machine = client(in_state=in_state, out_state=out_state)
        legs = machine.legs()
        actions = tell_it(machine, LegClosed(legs[index]))
        assert actions == [*map(CloseLeg, legs), Closed(machine.why)]
        assert isinstance(machine.why, TransportError)


def test_the_user_may_hang_up() -> None:
    machine = client()
    assert tell_it(machine, CloseRequested()) == [*map(CloseLeg, machine.legs()), Closed(None)]
    assert machine.condition == "CLOSED"


def test_news_of_a_channel_that_is_gone_changes_nothing() -> None:
    machine = client()
    gone = Leg(Place.IN_H)
    assert tell_it(machine, LegClosed(gone)) == []
    assert tell_it(machine, ChannelRefused(gone, TransportError("late"))) == []
    assert tell_it(machine, ChannelReady(gone)) == []
    assert not machine.finished


@pytest.mark.parametrize("out_state", [O.OPENED_A6W, O.OPENED_A10W, O.B3W])
def test_a_channel_that_is_ready_twice_is_no_news(out_state: ClientOutState) -> None:
    machine = client(in_state=I.OPENED_A4W, out_state=out_state)
    for leg in machine.legs():
        assert tell_it(machine, ChannelReady(leg)) == []


def test_nonsense_ends_the_connection() -> None:
    machine = client()
    why = UnexpectedMessage("noise", state="")
    tell_it(machine, NonsenseArrived(machine.out_h, why))
    assert machine.why is why


# Everything in every state

PAIRS = [(in_state, out_state) for in_state in ClientInState for out_state in ClientOutState]
EVENTS = [
    Connected(Leg(Place.OUT_T)),
    ConnectFailed(Leg(Place.OUT_T), TransportError("")),
    Consumed(1),
    SuccessorArrived(Leg(Place.IN_H), OUT_A2),
]


@pytest.mark.conformance(81, 86)
@pytest.mark.parametrize(("in_state", "out_state"), PAIRS)
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_every_pdu_in_every_state_moves_or_ends(
    in_state: ClientInState, out_state: ClientOutState, pdu: RtsPdu
) -> None:
    for index in range(len(client(in_state=in_state, out_state=out_state).legs())):
        machine = client(in_state=in_state, out_state=out_state)
        leg = machine.legs()[index]
        waits = out_state is O.B3W and leg.place is Place.OUT_H and leg is not machine.out_h
        ins, outs = IN_TRANSITIONS[in_state], OUT_TRANSITIONS[out_state]
        alike = (
            [kind for kind in (*ins, *outs, *ALWAYS) if same_bytes(kind, pdu)] if leg is machine.out_h else []
        )
        destination = vars(pdu).get("destination", TO_CLIENT)
        actions = machine.handle(RtsArrived(leg, pdu.encode()), 1.0)
        if waits:
            assert actions == []
        elif alike and destination == TO_CLIENT:
            assert machine.in_state is ins.get(alike[0], in_state)
            assert machine.out_state is outs.get(alike[0], out_state)
        else:
            assert machine.finished
            assert actions[-1] == Closed(machine.why)


@pytest.mark.conformance(43, 81, 86)
@pytest.mark.parametrize("state", [state for state in ClientState if state is not C.OPENED])
@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: pdu.NAME)
def test_every_pdu_while_opening_moves_or_ends(state: ClientState, pdu: RtsPdu) -> None:
    for place in (Place.IN_H, Place.OUT_H):
        machine = client(state)
        leg = machine.in_h if place is Place.IN_H else machine.out_h
        moves = OPENING_TRANSITIONS[state]
        alike = [kind for kind in (*moves, *ALWAYS) if same_bytes(kind, pdu)] if leg is machine.out_h else []
        if isinstance(pdu, AckWithDestination):
            alike = []  # the sample is for the outbound proxy
        tell_it(machine, rts(leg, pdu))
        expected = moves.get(alike[0], state) if alike else C.CLOSED
        assert machine.state is expected


@pytest.mark.conformance(81)
@pytest.mark.parametrize("state", ClientState)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_no_matter_of_a_client_ends_the_connection(state: ClientState, event: Event) -> None:
    machine = client(state)
    machine.handle(event, 1.0)
    assert machine.finished


@pytest.mark.parametrize(("in_state", "out_state"), PAIRS)
def test_rpc_pdus_on_any_leg_in_any_state_are_delivered_or_wait_or_end(
    in_state: ClientInState, out_state: ClientOutState
) -> None:
    for index in range(len(client(in_state=in_state, out_state=out_state).legs())):
        machine = client(in_state=in_state, out_state=out_state)
        leg = machine.legs()[index]
        actions = machine.handle(RpcArrived(leg, CALL), 1.0)
        if leg is machine.out_h:
            assert actions == [Deliver(CALL)]
        elif leg.place is Place.OUT_H and out_state is O.B3W:
            assert actions == []
        else:
            assert machine.finished
