"""What real peers do about flow control, each by its name, and what it costs them.

Observed: in the programs of Debian 12 and PyPI, and in the clients' sources.
"""

from __future__ import annotations

from typing import Any

import pytest

from rpch.rts.commands import Ance, Empty, FlowControlAck, ReceiveWindowSize
from rpch.rts.pdus import AckWithDestination, ConnA1, ConnB3, OutR2B1, OutR2C1, Ping
from rpch.testing.clock import Appointment, Clock
from rpch.testing.rts_samples import CONNECTION, OUT_CHANNEL, TO_OUT_PROXY, VERSION
from rpch.testing.situations import CALL, CONN_B3, CONN_C1, IN_A1, IN_A5, OUT_A3, inbound, rts, tell_it
from rpch.testing.talks import rpc_pdu
from rpch.vconn.events import (
    Action,
    Congested,
    Connected,
    Event,
    Forward,
    Leg,
    Place,
    Relieved,
    RpcArrived,
    Send,
    SuccessorArrived,
    Tick,
    WindowWaived,
)
from rpch.vconn.flow import UNBOUNDED
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.inbound_states import InState
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.settings import ProxySettings
from rpch.vconn.silence import SilentClients

ANSWER = rpc_pdu(2, 1, 4096)


def proxy_of(window: int, **settings: Any) -> OutboundProxy:
    """An outbound proxy whose client announced this window."""
    first = ConnA1(VERSION, CONNECTION, OUT_CHANNEL, ReceiveWindowSize(window))
    machine = OutboundProxy(Leg(Place.OUT_H), first, ProxySettings(**settings))
    tell_it(machine, Connected(machine.out_t), rts(machine.out_t, CONN_C1))
    return machine


def acknowledge(machine: OutboundProxy, received: int, available: int) -> None:
    """The client says what it has taken."""
    ack = FlowControlAck(received, available, OUT_CHANNEL.value)
    tell_it(machine, rts(machine.out_t, AckWithDestination(TO_OUT_PROXY, ack)))


def answers(machine: OutboundProxy, size: int) -> int:
    """The server sends that much; how much of it reaches the client."""
    passed = 0
    for _ in range(size // len(ANSWER)):
        for action in tell_it(machine, RpcArrived(machine.out_t, ANSWER)):
            passed += len(action.run) if isinstance(action, Forward) else 0
    return passed


def test_freerdp_counts_only_responses_and_is_served_all_the_same() -> None:
    """Its BytesReceived lags by the bind_ack, for ever; the window is that much smaller."""
    machine = proxy_of(65_536)
    tell_it(machine, RpcArrived(machine.out_t, CALL))
    for received in range(32_768, 1_000_000, 32_768):
        assert answers(machine, 32_768) == 32_768
        acknowledge(machine, received, 65_536)
        assert machine.outlets()[0].window.available == 65_536 - len(CALL)
    assert not machine.finished


def test_freerdp_does_not_wait_for_the_inbound_window() -> None:
    machine = inbound(InState.B3W)
    for _ in range(2 * 65_536 // 4096):
        tell_it(machine, RpcArrived(machine.in_h, ANSWER))
    assert len(tell_it(machine, rts(machine.in_t, CONN_B3))) > 1
    assert not machine.finished


def test_freerdps_answer_to_a_ping_is_not_answered() -> None:
    machine = inbound(InState.OPENED)
    for _ in range(10):
        assert tell_it(machine, rts(machine.in_h, Ping())) == []


def test_wine_offers_the_inbound_proxys_window_instead_of_its_own() -> None:
    machine = proxy_of(65_536)
    answers(machine, 65_536)
    acknowledge(machine, 65_536, 131_072)
    assert machine.outlets()[0].window.available == 65_536
    assert not machine.finished


def test_impacket_always_offers_all_of_its_window() -> None:
    machine = proxy_of(262_144)
    answers(machine, 131_072)
    acknowledge(machine, 65_536, 262_144)
    assert machine.outlets()[0].window.available == 262_144 - 65_536
    assert not machine.finished


class Client:
    """A client that reads at once what it gets and acknowledges nothing, on the virtual clock."""

    def __init__(self, machine: OutboundProxy) -> None:
        self.machine, self.clock = machine, Clock()
        self.got, self.calls = 0, 0
        self.waived = False
        self._tick: Appointment | None = None

    def feed(self, *events: Event) -> None:
        """Something happens at the proxy, now."""
        for event in events:
            for action in self.machine.handle(event, self.clock.now):
                self.got += len(action.run) if isinstance(action, Forward) else 0
                self.waived |= isinstance(action, WindowWaived)
        if self._tick is not None:
            self.clock.call_off(self._tick)
            self._tick = None
        if (deadline := self.machine.deadline) is not None:
            self._tick = self.clock.at(deadline, lambda: self.feed(Tick()), patient=True)

    def call(self, size: int, *, fragment: int = 4096) -> bool:
        """One call with an answer of that size, which the server sends as the windows allow."""
        self.calls += 1
        wanted = self.got + size
        for at in range(0, size, fragment):
            pdu = bytearray(rpc_pdu(2, self.calls, fragment))
            pdu[3] = 2 if at + fragment >= size else 0
            self.feed(RpcArrived(self.machine.out_t, bytes(pdu)))
        return self.got == wanted

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.run(self.clock.now + seconds)


def stalled(**settings: Any) -> Client:
    """Samba's client, whose window of 256 KiB is used up within its fifth call."""
    client = Client(proxy_of(262_144, **settings))
    assert all(client.call(57_344) for _ in range(4))
    assert not client.call(57_344)
    assert client.got == 262_144
    return client


def test_samba_never_acknowledges_and_is_let_off_its_window_after_a_moment() -> None:
    client = stalled()
    client.wait(1.9)
    assert client.got == 262_144
    client.wait(0.2)
    assert client.got == 5 * 57_344
    assert client.waived
    assert all(client.call(57_344) for _ in range(200))  # 11 MiB, and no moment more
    assert not client.machine.finished


def test_what_it_does_not_take_from_tcp_waits_and_is_bounded() -> None:
    client = stalled()
    leg = client.machine.outlets()[0].leg
    client.feed(Congested(leg))
    client.wait(60.0)
    assert (client.got, client.waived) == (262_144, False)
    client.feed(Relieved(leg))
    client.wait(2.1)
    assert client.waived
    got = client.got
    client.feed(Congested(leg))
    assert not client.call(57_344)
    assert client.got == got
    (inlet,) = client.machine.inlets()
    assert inlet.queued == 57_344  # and the server must wait for its window
    client.feed(Relieved(leg))
    assert client.got == got + 57_344


def test_a_client_that_reads_nothing_keeps_its_window() -> None:
    """Its first answer is larger than its window: that it has read any of it is not known."""
    client = Client(proxy_of(65_536))
    assert client.call(4096)
    assert not client.call(98_304)
    client.wait(3600.0)
    assert (client.got, client.waived) == (65_536, False)


def test_a_client_that_makes_several_calls_at_once_keeps_its_window() -> None:
    client = Client(proxy_of(65_536))
    client.feed(RpcArrived(client.machine.out_t, b"".join(rpc_pdu(2, call, 4096) for call in range(20))))
    client.wait(3600.0)
    assert (client.got, client.waived) == (65_536, False)


def test_a_client_that_has_ever_acknowledged_keeps_its_window() -> None:
    client = Client(proxy_of(262_144))
    assert client.call(57_344)
    acknowledge(client.machine, 57_344, 262_144)
    assert all(client.call(65_536) for _ in range(4))
    assert not client.call(65_536)
    client.wait(3600.0)
    assert not client.waived


def test_a_client_that_acknowledges_after_all_has_a_window_again() -> None:
    client = stalled()
    client.wait(2.1)
    assert all(client.call(57_344) for _ in range(20))
    acknowledge(client.machine, client.got, 262_144)
    assert all(client.call(65_536) for _ in range(4))
    assert not client.call(65_536)
    client.wait(3600.0)
    assert client.machine.outlets()[0].window.available == 0


@pytest.mark.parametrize("settings", [{"strict": True}, {"silent_clients": SilentClients.WAIT}])
def test_to_the_letter_it_gets_what_its_window_holds(settings: dict[str, Any]) -> None:
    client = stalled(**settings)
    client.wait(3600.0)
    assert (client.got, client.waived) == (262_144, False)


def test_where_all_are_let_off_one_large_answer_passes_too() -> None:
    client = Client(proxy_of(65_536, silent_clients=SilentClients.RELEASE, silence_timeout=0.5))
    assert not client.call(98_304)
    client.wait(0.6)
    assert client.got == 98_304


def test_its_successor_channel_needs_no_second_moment() -> None:
    client = stalled()
    client.wait(2.1)
    machine = client.machine
    successor = machine.out_h.successor()
    client.feed(SuccessorArrived(successor, OUT_A3), rts(machine.out_t, OutR2B1(Ance())))
    client.feed(rts(successor, OutR2C1(Empty())))
    assert machine.outlets()[0].window.available == UNBOUNDED
    assert all(client.call(57_344) for _ in range(20))


def deaf_or_not(**settings: Any) -> InboundProxy:
    """An inbound proxy before a client that asked in HTTP/1.0; the server's window never ends."""
    machine = inbound(InState.B3W, settings=ProxySettings(http_1_0=True, **settings))
    tell_it(machine, rts(machine.in_t, ConnB3(ReceiveWindowSize(1 << 30), VERSION)))
    return machine


def requests(machine: InboundProxy, count: int, *, now: float = 0.0) -> list[tuple[int, int]]:
    """The client makes so many calls of 4 KiB; the acknowledgements it gets, and what each offers."""
    said = [
        action for _ in range(count) for action in tell_it(machine, RpcArrived(machine.in_h, ANSWER), now=now)
    ]
    return offers(said)


def offers(actions: list[Action]) -> list[tuple[int, int]]:
    """What the acknowledgements among these actions say."""
    pdus = [action.pdu for action in actions if isinstance(action, Send)]
    return [
        (pdu.ack.bytes_received, pdu.ack.available_window)
        for pdu in pdus
        if isinstance(pdu, AckWithDestination)
    ]


def test_samba_is_not_told_of_its_inbound_window_which_it_does_not_heed() -> None:
    """Any RTS PDU during a call would stop its read loop."""
    machine = deaf_or_not()
    for second in range(200):
        assert requests(machine, 16, now=float(second)) == []
    assert machine.deadline is None
    assert not machine.finished


def test_a_client_of_http_1_0_that_waits_for_its_window_is_told_soon_and_from_then_on() -> None:
    machine = deaf_or_not()
    assert requests(machine, 15) == []
    assert machine.deadline == 2.0
    assert offers(tell_it(machine, Tick(), now=2.0)) == [(61_440, 65_536)]
    assert requests(machine, 9, now=3.0) == [(61_440 + 36_864, 65_536)]


def test_a_client_of_http_1_0_that_acknowledges_is_told_as_every_other() -> None:
    machine = deaf_or_not()
    assert requests(machine, 10) == []
    ack = AckWithDestination(TO_OUT_PROXY, FlowControlAck(0, 65_536, OUT_CHANNEL.value))
    assert offers(tell_it(machine, rts(machine.in_h, ack))) == [(40_960, 65_536)]
    assert machine.deadline is None
    assert requests(machine, 9) == [(40_960 + 36_864, 65_536)]


@pytest.mark.parametrize("settings", [{"strict": True}, {"silent_clients": SilentClients.WAIT}])
def test_to_the_letter_it_is_told_at_half_its_window(settings: dict[str, Any]) -> None:
    assert requests(deaf_or_not(**settings), 9) == [(36_864, 65_536)]


def test_a_successor_of_a_deaf_clients_channel_is_as_quiet() -> None:
    machine = deaf_or_not()
    requests(machine, 20)
    successor = machine.in_h.successor()
    tell_it(machine, SuccessorArrived(successor, IN_A1), rts(machine.in_h, IN_A5))
    assert machine.in_h is successor
    assert requests(machine, 100) == []


def test_rulers_huge_window_is_believed() -> None:
    machine = proxy_of(1 << 24)
    assert answers(machine, 8 << 20) == 8 << 20
    acknowledge(machine, 8 << 20, 1 << 24)
    assert machine.outlets()[0].window.available == 1 << 24
