"""What real peers do about flow control, each by its name, and what it costs them.

Observed: in the programs of Debian 12 and PyPI, and in the clients' sources.
"""

from __future__ import annotations

from rpch.rts.commands import FlowControlAck, ReceiveWindowSize
from rpch.rts.pdus import AckWithDestination, ConnA1, Ping
from rpch.testing.rts_samples import CONNECTION, OUT_CHANNEL, TO_OUT_PROXY, VERSION
from rpch.testing.situations import CALL, CONN_B3, CONN_C1, inbound, rts, tell_it
from rpch.testing.talks import rpc_pdu
from rpch.vconn.events import Connected, Forward, Leg, Place, RpcArrived
from rpch.vconn.inbound_states import InState
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.settings import ProxySettings

ANSWER = rpc_pdu(2, 1, 4096)


def proxy_of(window: int) -> OutboundProxy:
    """An outbound proxy whose client announced this window."""
    first = ConnA1(VERSION, CONNECTION, OUT_CHANNEL, ReceiveWindowSize(window))
    machine = OutboundProxy(Leg(Place.OUT_H), first, ProxySettings())
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


def test_samba_never_acknowledges_and_gets_what_its_window_holds() -> None:
    machine = proxy_of(262_144)
    assert answers(machine, 262_144) == 262_144
    assert answers(machine, 4096) == 0
    assert not machine.finished


def test_of_rulers_huge_window_only_a_part_is_used() -> None:
    machine = proxy_of(1 << 24)
    assert machine.outlets()[0].window.available == 262_144
    answers(machine, 131_072)
    acknowledge(machine, 131_072, 1 << 24)
    assert machine.outlets()[0].window.available == 262_144
