"""Machines of the four roles, brought into any of their states by what really leads there.

The cookies are those of `rts_samples`, so that a sample PDU fits wherever it is legal.
"""

from __future__ import annotations

from collections.abc import Iterator

from rpch.rts import pdus
from rpch.rts.commands import Ance, ConnectionTimeout, Empty, ReceiveWindowSize
from rpch.rts.pdus import RtsPdu
from rpch.testing.rts_samples import (
    CLIENT_V4,
    CONNECTION,
    GROUP,
    IN_CHANNEL,
    KEEPALIVE,
    LIFETIME,
    NEW_IN_CHANNEL,
    NEW_OUT_CHANNEL,
    OUT_CHANNEL,
    TIMEOUT,
    TO_CLIENT,
    VERSION,
    WINDOW,
)
from rpch.testing.talks import rpc_pdu
from rpch.vconn.client import ClientConnection
from rpch.vconn.client_states import ClientInState, ClientOutState, ClientState
from rpch.vconn.events import (
    Action,
    ChannelAccepted,
    ChannelReady,
    Connected,
    Event,
    Leg,
    LegClosed,
    Place,
    RpcArrived,
    RtsArrived,
    Submit,
    SuccessorArrived,
)
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.inbound_states import InState
from rpch.vconn.machine import Machine
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.outbound_states import OutState
from rpch.vconn.server import ServerConnection
from rpch.vconn.server_states import ConnectionState, InChannelState, OutChannelState
from rpch.vconn.settings import ClientSettings, ProxySettings, Settings

SMALL = ReceiveWindowSize(8192)
BLOCKING = rpc_pdu(0, 1, 5000) + rpc_pdu(0, 2, 5000)  # one of two fits into the small window
CALL = rpc_pdu(0, 3, 100)

CONN_A1 = pdus.ConnA1(VERSION, CONNECTION, OUT_CHANNEL, WINDOW)
CONN_A2 = pdus.ConnA2(VERSION, CONNECTION, OUT_CHANNEL, LIFETIME, WINDOW)
CONN_A3 = pdus.ConnA3(TIMEOUT)
CONN_B1 = pdus.ConnB1(VERSION, CONNECTION, IN_CHANNEL, LIFETIME, KEEPALIVE, GROUP)
CONN_B2 = pdus.ConnB2(VERSION, CONNECTION, IN_CHANNEL, WINDOW, TIMEOUT, GROUP, CLIENT_V4)
CONN_B3 = pdus.ConnB3(WINDOW, VERSION)
CONN_C1 = pdus.ConnC1(VERSION, WINDOW, TIMEOUT)
CONN_C2 = pdus.ConnC2(VERSION, WINDOW, TIMEOUT)
IN_A1 = pdus.InR1A1(VERSION, CONNECTION, IN_CHANNEL, NEW_IN_CHANNEL)
IN_A2 = pdus.InR1A2(VERSION, CONNECTION, IN_CHANNEL, NEW_IN_CHANNEL, WINDOW, TIMEOUT)
IN_A4 = pdus.InR1A4(TO_CLIENT, VERSION, WINDOW, ConnectionTimeout(300_000))
IN_A5 = pdus.InR1A5(NEW_IN_CHANNEL)
OUT_A2 = pdus.OutR1A2(TO_CLIENT)
OUT_A3 = pdus.OutR1A3(VERSION, CONNECTION, OUT_CHANNEL, NEW_OUT_CHANNEL, WINDOW)
OUT_A4 = pdus.OutR1A4(VERSION, CONNECTION, OUT_CHANNEL, NEW_OUT_CHANNEL, LIFETIME, WINDOW, TIMEOUT)
OUT_A6 = pdus.OutR1A6(TO_CLIENT, VERSION, TIMEOUT)


def rts(leg: Leg | None, pdu: RtsPdu) -> RtsArrived:
    """This PDU comes in on that leg."""
    if leg is None:
        raise AssertionError(f"no leg for {pdu.NAME}")
    return RtsArrived(leg, pdu.encode())


def tell_it(machine: Machine, *events: Event, now: float = 0.0) -> list[Action]:
    """Let a machine handle events; the actions of the last."""
    actions: list[Action] = []
    for event in events:
        actions = machine.handle(event, now)
    return actions


def use_up(machine: Machine, *, left: int) -> None:
    """Let only so much of the sending channel's lifetime be left."""
    lifetime = machine.outlets()[0].lifetime
    if lifetime is None:
        raise AssertionError(f"{machine} has no lifetime to use up")
    lifetime.used = lifetime.limit - left


def inbound(state: InState, *, settings: ProxySettings | None = None) -> InboundProxy:
    """An inbound proxy in this state."""
    settings = settings or ProxySettings()
    again = state in (InState.CONNECTING_R1, InState.WAIT_B2)
    first = pdus.InR1A1(VERSION, CONNECTION, NEW_IN_CHANNEL, IN_CHANNEL) if again else CONN_B1
    machine = InboundProxy(Leg(Place.IN_H), first, settings)
    machine.start()
    if state in (InState.CONNECTING, InState.CONNECTING_R1):
        return machine
    tell_it(machine, Connected(machine.in_t))
    if state in (InState.B3W, InState.WAIT_B2):
        return machine
    tell_it(machine, rts(machine.in_t, pdus.ConnB3(SMALL, VERSION)))
    match state:
        case InState.OPENED_A5W:
            tell_it(machine, SuccessorArrived(machine.in_h.successor(), IN_A1))
        case InState.FLUSHING:
            tell_it(machine, RpcArrived(machine.in_h, BLOCKING), rts(machine.in_h, IN_A5))
        case InState.FINISHED:
            tell_it(machine, LegClosed(machine.in_t))
        case _:
            pass
    return machine


def outbound(state: OutState, *, settings: ProxySettings | None = None) -> OutboundProxy:
    """An outbound proxy in this state."""
    settings = settings or ProxySettings()
    again = state in (OutState.CONNECTING_R1, OutState.A11W)
    first = (
        pdus.OutR1A3(VERSION, CONNECTION, NEW_OUT_CHANNEL, OUT_CHANNEL, SMALL)
        if again
        else pdus.ConnA1(VERSION, CONNECTION, OUT_CHANNEL, SMALL)
    )
    machine = OutboundProxy(Leg(Place.OUT_H), first, settings)
    machine.start()
    if state in (OutState.CONNECTING, OutState.CONNECTING_R1):
        return machine
    tell_it(machine, Connected(machine.out_t))
    if state in (OutState.C1W, OutState.A11W):
        return machine
    tell_it(machine, rts(machine.out_t, CONN_C1))
    successor = machine.out_h.successor()
    replace = (SuccessorArrived(successor, OUT_A3),)
    match state:
        case OutState.B1_OR_C1W:
            tell_it(machine, *replace)
        case OutState.B1W:
            tell_it(machine, *replace, rts(successor, pdus.OutR2C1(Empty())))
        case OutState.R2C1W:
            tell_it(machine, *replace, rts(machine.out_t, pdus.OutR2B1(Ance())))
        case OutState.FLUSHING:
            tell_it(machine, RpcArrived(machine.out_t, BLOCKING), rts(machine.out_t, pdus.OutR1A9(Ance())))
        case OutState.FINISHED:
            tell_it(machine, LegClosed(machine.out_t))
        case _:
            pass
    return machine


def server(
    state: ConnectionState = ConnectionState.OPENED,
    in_state: InChannelState = InChannelState.OPENED,
    out_state: OutChannelState = OutChannelState.OPENED,
    *,
    settings: Settings | None = None,
    manual: bool = False,
) -> ServerConnection:
    """A server in these states."""
    settings = settings or Settings()
    in_t, out_t = Leg(Place.IN_T), Leg(Place.OUT_T)
    if state is ConnectionState.A2W:
        return ServerConnection(in_t, CONN_B2, settings, now=0.0, manual=manual)
    machine = ServerConnection(out_t, CONN_A2, settings, now=0.0, manual=manual)
    if state is ConnectionState.B2W:
        return machine
    tell_it(machine, SuccessorArrived(in_t, CONN_B2))
    if state is ConnectionState.FINISHED:
        tell_it(machine, LegClosed(in_t))
        return machine
    if in_state is not InChannelState.OPENED:
        tell_it(machine, SuccessorArrived(in_t.successor(), IN_A2))
    if in_state is InChannelState.OPENED_B1W:
        tell_it(machine, rts(in_t, pdus.InR1A6(NEW_IN_CHANNEL)))
    if out_state is not OutChannelState.OPENED:
        use_up(machine, left=6000)
        tell_it(machine, Submit(CALL))
    if out_state is OutChannelState.OPENED_A8W:
        tell_it(machine, SuccessorArrived(out_t.successor(), OUT_A4))
    if out_state is OutChannelState.OPENED_R2A8W:
        tell_it(machine, rts(out_t, pdus.OutR2A4(NEW_OUT_CHANNEL)))
    return machine


def client(
    state: ClientState = ClientState.OPENED,
    in_state: ClientInState = ClientInState.OPENED,
    out_state: ClientOutState = ClientOutState.OPENED,
    *,
    settings: ClientSettings | None = None,
) -> ClientConnection:
    """A client in these states."""
    machine = ClientConnection(settings or ClientSettings(), _cookies(in_state), now=0.0)
    machine.start()
    if state is ClientState.CHANNELS_WAIT:
        return machine
    steps: tuple[tuple[ClientState, Event], ...] = (
        (ClientState.CHANNELS_WAIT, ChannelReady(machine.in_h)),
        (ClientState.OUT_CHANNEL_WAIT, ChannelReady(machine.out_h)),
        (ClientState.WAIT_A3W, ChannelAccepted(machine.out_h)),
        (ClientState.WAIT_C2, rts(machine.out_h, CONN_A3)),
        (ClientState.OPENED, rts(machine.out_h, CONN_C2)),
        (ClientState.CLOSED, LegClosed(machine.out_h)),
    )
    for reached, event in steps:
        tell_it(machine, event)
        if machine.state is state is reached:
            break
    if state is ClientState.OPENED:
        _recycle_in(machine, in_state)
        _recycle_out(machine, out_state)
    return machine


def _recycle_in(machine: ClientConnection, state: ClientInState) -> None:
    if state is ClientInState.OPENED:
        return
    use_up(machine, left=3000)
    tell_it(machine, Submit(CALL))
    if state is ClientInState.OPENED_A4W:
        tell_it(machine, ChannelReady(machine.legs()[2]))


def _recycle_out(machine: ClientConnection, state: ClientOutState) -> None:
    if state is ClientOutState.OPENED:
        return
    tell_it(machine, rts(machine.out_h, OUT_A2))
    if state is ClientOutState.OPENING:
        return
    tell_it(machine, ChannelReady(machine.legs()[-1]))
    if state is ClientOutState.OPENED_A10W:
        tell_it(machine, rts(machine.out_h, OUT_A6))
    if state is ClientOutState.B3W:
        tell_it(machine, rts(machine.out_h, pdus.OutR2A6(TO_CLIENT, Ance())))


def _cookies(in_state: ClientInState) -> Iterator[bytes]:
    """The names a client gives, in the order in which it needs them."""
    yield CONNECTION.value
    yield OUT_CHANNEL.value
    yield IN_CHANNEL.value
    if in_state is not ClientInState.OPENED:
        yield NEW_IN_CHANNEL.value
    yield NEW_OUT_CHANNEL.value
    number = 0
    while True:
        number += 1
        yield number.to_bytes(16, "little")
