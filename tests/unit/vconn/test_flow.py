"""Flow control: windows, acknowledgements, lifetimes and queues."""

from __future__ import annotations

from typing import Any

import pytest

from rpch.rts.commands import FlowControlAck
from rpch.testing.talks import rpc_pdu
from rpch.vconn.events import Action, CloseLeg, Forward, Leg, PassOn, Place
from rpch.vconn.flow import MODULUS, Inlet, Lifetime, Outlet, SendWindow, WindowViolated

OLD, NEW, OTHER = bytes(16), bytes([1]) * 16, bytes([2]) * 16
LEG = Leg(Place.IN_T)


class Acknowledged:
    """Collects what an inlet acknowledges."""

    def __init__(self) -> None:
        self.acks: list[FlowControlAck] = []

    def __call__(self, ack: FlowControlAck) -> list[Action]:
        self.acks.append(ack)
        return []

    def numbers(self) -> list[tuple[int, int]]:
        return [(ack.bytes_received, ack.available_window) for ack in self.acks]


def inlet(size: int, *, strict: bool = True) -> tuple[Inlet, Acknowledged]:
    """An inlet and what it acknowledges."""
    acknowledged = Acknowledged()
    return Inlet(size, OLD, acknowledged, strict=strict), acknowledged


def window(size: int, *, strict: bool = True) -> SendWindow:
    """A window to send into."""
    return SendWindow(size, OLD, strict=strict)


def ack(received: int, available: int, channel: bytes = OLD) -> FlowControlAck:
    """An acknowledgement."""
    return FlowControlAck(received, available, channel)


def send(sender: SendWindow, size: int) -> None:
    """Send that much, as an outlet does."""
    assert size <= sender.available
    sender.available -= size
    sender.sent += size


def outlet(
    size: int = 65_536,
    *,
    plugged: bool = False,
    congested: bool = False,
    lifetime: int | None = None,
    reserve: int = 0,
) -> Outlet:
    """An outlet with a window, and perhaps a lifetime."""
    made = Outlet(LEG, window(size), plugged=plugged, reserve=reserve)
    made.congested = congested
    made.lifetime = Lifetime(lifetime) if lifetime is not None else None
    return made


def pdus(*sizes: int) -> bytes:
    """A run of PDUs of these sizes."""
    return b"".join(rpc_pdu(0, number, size) for number, size in enumerate(sizes))


def nothing(leg: Leg, data: bytes) -> list[Action]:
    """A writer that writes nothing."""
    return []


def forwarded(actions: list[Action]) -> list[int]:
    """The sizes of the runs that left."""
    return [len(action.run) for action in actions if isinstance(action, Forward)]


# Receiving


@pytest.mark.conformance(55)
def test_nothing_is_acknowledged_above_half_the_window() -> None:
    receiver, acknowledged = inlet(65_536)
    for _ in range(8):
        receiver.arrived(4096)
        receiver.consumed(4096)
    assert acknowledged.acks == []
    assert receiver.advertised == 65_536 // 2


@pytest.mark.conformance(55)
def test_below_half_the_window_one_acknowledgement_offers_all_of_it_again() -> None:
    receiver, acknowledged = inlet(65_536)
    for _ in range(9):
        receiver.arrived(4096)
        receiver.consumed(4096)
    assert acknowledged.numbers() == [(36_864, 65_536)]
    assert receiver.advertised == 65_536


@pytest.mark.conformance(55)
def test_a_large_pdu_behind_a_small_one_does_not_wait_for_ever() -> None:
    receiver, acknowledged = inlet(8192)
    sender = window(8192)
    send(sender, 100)
    receiver.arrived(100)
    receiver.consumed(100)
    assert acknowledged.numbers() == [(100, 8192)]
    sender.acknowledge(acknowledged.acks[0])
    assert sender.available == 8192


@pytest.mark.conformance(55)
def test_a_backlog_does_not_cost_an_acknowledgement_for_each_pdu() -> None:
    receiver, acknowledged = inlet(65_536)
    receiver.arrived(65_536)
    for _ in range(64):
        receiver.consumed(1024)
    assert len(acknowledged.acks) <= 8
    assert acknowledged.numbers()[-1][1] >= 65_536 // 2


@pytest.mark.conformance(55)
@pytest.mark.parametrize("size", [8192, 16_384, 65_536, 262_144])
@pytest.mark.parametrize("piece", [16, 100, 1024, 5840, 8192])
def test_sender_and_receiver_never_wait_for_each_other(size: int, piece: int) -> None:
    receiver, acknowledged = inlet(size)
    sender = window(size)
    for _ in range(4 * size // piece):
        assert piece <= sender.available
        send(sender, piece)
        receiver.arrived(piece)
        receiver.consumed(piece)
        while acknowledged.acks:
            sender.acknowledge(acknowledged.acks.pop(0))


def test_a_strict_receiver_accepts_its_window_and_not_a_byte_more() -> None:
    receiver, _ = inlet(8192)
    receiver.arrived(8192)
    with pytest.raises(WindowViolated):
        receiver.arrived(16)


def test_a_tolerant_receiver_accepts_two_windows() -> None:
    receiver, _ = inlet(8192, strict=False)
    receiver.arrived(16_384)
    with pytest.raises(WindowViolated):
        receiver.arrived(16)


def test_an_overrun_receiver_offers_nothing_rather_than_less() -> None:
    receiver, acknowledged = inlet(8192, strict=False)
    receiver.arrived(16_000)
    receiver.consumed(1024)
    receiver.consumed(4096)
    assert all(available >= 0 for _, available in acknowledged.numbers())


def test_what_was_received_is_counted_modulo_the_size_of_the_field() -> None:
    receiver, acknowledged = inlet(65_536)
    receiver.received = MODULUS - 10_000
    receiver.arrived(40_000)
    receiver.consumed(40_000)
    assert acknowledged.numbers() == [(30_000, 65_536)]


# Sending


@pytest.mark.conformance(51)
def test_the_worked_example_of_the_specification() -> None:
    """Section 4.2: a window of 1,000 bytes. The receiver's numbers are given, not ours."""
    sender = window(1000)
    send(sender, 250)
    assert sender.available == 750
    send(sender, 500)  # on the way, while the receiver acknowledges the first 250 bytes
    sender.acknowledge(ack(250, 850))
    assert sender.available == 350
    sender.acknowledge(ack(750, 550))
    assert sender.available == 550
    sender.acknowledge(ack(750, 1000))
    assert sender.available == 1000


@pytest.mark.conformance(53)
@pytest.mark.parametrize(
    ("received", "available"),
    [(0, 1200), (0, 100), (800, 1000), (600, 1001)],
    ids=["more than the window", "less than is in flight", "more than was sent", "one byte too many"],
)
def test_a_strict_sender_does_not_take_numbers_that_cannot_be(received: int, available: int) -> None:
    sender = window(1000)
    send(sender, 600)
    with pytest.raises(WindowViolated):
        sender.acknowledge(ack(received, available))


@pytest.mark.conformance(53)
@pytest.mark.parametrize(
    ("received", "offered", "left"),
    [(0, 1200, 400), (0, 100, 0), (800, 1000, 1000), (600, 1001, 1000), (600, 0xFFFFFFFF, 1000)],
)
def test_a_tolerant_sender_brings_them_into_range(received: int, offered: int, left: int) -> None:
    sender = window(1000, strict=False)
    send(sender, 600)
    sender.acknowledge(ack(received, offered))
    assert sender.available == left


@pytest.mark.conformance(51)
def test_counters_wrap_around() -> None:
    sender = window(65_536)
    sender.sent = MODULUS - 1000
    send(sender, 3000)
    sender.acknowledge(ack(MODULUS - 1000, 65_536))
    assert sender.available == 65_536 - 3000
    sender.acknowledge(ack(2000, 65_536))
    assert sender.available == 65_536


def test_a_huge_window_is_believed() -> None:
    sender = window(1 << 24)
    assert sender.available == 1 << 24
    send(sender, 100_000)
    sender.acknowledge(ack(50_000, 1 << 24))
    assert sender.available == (1 << 24) - 50_000


@pytest.mark.parametrize("size", [524_289, 1 << 20, 1 << 24, (1 << 32) - 1])
def test_a_receiver_that_acknowledges_at_half_of_a_huge_window_is_not_kept_waiting(size: int) -> None:
    receiver, acks = inlet(size)
    sender = window(size)
    while not acks.acks:
        step = min(sender.available, 1 << 22)
        assert step, "both wait for ever"
        send(sender, step)
        receiver.arrived(step)
        receiver.consumed(step)
    sender.acknowledge(acks.acks[-1])
    assert sender.available == size


def test_a_waived_window_lets_everything_pass_until_it_is_acknowledged_after_all() -> None:
    sender = outlet(8192)
    sender.window = window(8192, strict=False)
    assert forwarded(sender.submit(pdus(8000, 8000), None)) == [8000]
    short = [sender.short_of_window]
    sender.window.waive()
    short.append(sender.short_of_window)
    assert short == [True, False]
    assert forwarded(sender.pump()) == [8000]
    assert forwarded(sender.submit(pdus(*[8000] * 20), None)) == [160_000]
    sender.window.acknowledge(ack(8000, 8192))
    assert sender.window.available == 0
    assert forwarded(sender.submit(pdus(100), None)) == []
    sender.window.acknowledge(ack(sender.window.sent, 8192))
    assert forwarded(sender.pump()) == [100]


@pytest.mark.conformance(60, 62)
def test_a_renamed_leg_counts_on_and_answers_to_both_names() -> None:
    sender = window(65_536)
    send(sender, 30_000)
    sender.rename(NEW)
    assert sender.cookies == (OLD, NEW)
    sender.acknowledge(ack(10_000, 50_000))
    assert sender.available == 30_000
    sender.acknowledge(ack(30_000, 65_536, NEW))
    assert sender.available == 65_536
    sender.rename(OTHER)
    assert sender.cookies == (NEW, OTHER)


@pytest.mark.conformance(60, 62)
def test_a_peer_that_counts_anew_on_a_renamed_leg_is_understood() -> None:
    sender = window(65_536)
    send(sender, 60_000)
    sender.acknowledge(ack(60_000, 65_536))
    send(sender, 60_000)
    sender.acknowledge(ack(120_000, 65_536))
    sender.rename(NEW)
    send(sender, 20_000)
    sender.acknowledge(ack(5000, 60_536, NEW))  # 5,000 since the switch, 15,000 on the way
    assert sender.available == 45_536
    sender.acknowledge(ack(20_000, 65_536, NEW))
    assert sender.available == 65_536


def test_only_the_new_name_may_count_anew() -> None:
    sender = window(65_536)
    send(sender, 60_000)
    sender.acknowledge(ack(60_000, 65_536))
    send(sender, 60_000)
    sender.acknowledge(ack(120_000, 65_536))
    sender.rename(NEW)
    with pytest.raises(WindowViolated):
        sender.acknowledge(ack(5000, 60_536, OLD))


# Lifetimes


def test_a_lifetime_is_what_is_left_of_a_content_length() -> None:
    lifetime = Lifetime(1000)
    lifetime.used += 400
    assert lifetime.left == 600


# Sending through an outlet


def test_what_fits_leaves_at_once_as_one_run() -> None:
    sender = outlet()
    run = pdus(100, 200, 300)
    assert sender.submit(run, None) == [Forward(LEG, run)]
    assert sender.window.sent == 600


@pytest.mark.conformance(50)
def test_a_run_is_cut_between_pdus_where_the_window_ends() -> None:
    sender = outlet(1000)
    assert forwarded(sender.submit(pdus(400, 400, 400), None)) == [800]
    assert sender.waiting == 400
    sender.window.acknowledge(ack(400, 1000))
    assert forwarded(sender.pump()) == [400]
    assert sender.waiting == 0


@pytest.mark.conformance(50)
def test_nothing_overtakes_what_waits_for_a_window() -> None:
    sender = outlet(1000)
    sender.submit(pdus(900), None)
    assert sender.submit(pdus(200), None) == []
    assert sender.submit(pdus(50), None) == []
    sender.window.acknowledge(ack(900, 1000))
    assert forwarded(sender.pump()) == [200, 50]


@pytest.mark.conformance(50)
def test_a_pdu_as_large_as_the_window_leaves() -> None:
    sender = outlet(1000)
    assert forwarded(sender.submit(pdus(1000), None)) == [1000]


def test_a_pdu_larger_than_the_window_is_an_error_and_not_a_wait() -> None:
    sender = outlet(1000)
    with pytest.raises(WindowViolated):
        sender.submit(pdus(1001), None)


def test_an_empty_run_does_not_block_what_follows() -> None:
    sender = outlet(1000, plugged=True)
    sender.submit(b"", None)
    sender.submit(pdus(100), None)
    assert forwarded(sender.unplug(nothing)) == [0, 100]


def test_a_plugged_outlet_holds_everything() -> None:
    sender = outlet(plugged=True)
    assert sender.submit(pdus(100), None) == []
    sender.held += (b"first",)
    sender.held += (b"second",)

    def write(leg: Leg, data: bytes) -> list[Action]:
        return [PassOn(leg, data)]

    first, second, run = sender.unplug(write)
    assert [first, second] == [PassOn(LEG, b"first"), PassOn(LEG, b"second")]
    assert isinstance(run, Forward)
    assert not sender.held


def test_a_congested_outlet_keeps_rpc_pdus_and_markers_whatever_the_window_says() -> None:
    sender = outlet()
    receiver, acks = inlet(65_536)
    sender.congested = True
    assert sender.relay(pdus(40_000), receiver) == []
    assert sender.submit(pdus(200), None) == []
    assert sender.mark(lambda: [CloseLeg(LEG)]) == []
    assert not sender.short_of_window
    assert not acks.acks  # its sender sees that nothing leaves
    sender.congested = False
    *runs, last = sender.pump()
    assert forwarded(runs) == [40_000, 200]
    assert last == CloseLeg(LEG)
    assert acks.numbers() == [(40_000, 65_536)]


@pytest.mark.conformance(49)
def test_held_rts_pdus_do_not_wait_for_a_window() -> None:
    sender = outlet(100, plugged=True)
    sender.submit(pdus(90), None)
    sender.submit(pdus(90), None)
    sender.held += (b"an acknowledgement",)
    actions = sender.unplug(lambda leg, data: [PassOn(leg, data)])
    assert actions[0] == PassOn(LEG, b"an acknowledgement")
    assert forwarded(actions) == [90]


@pytest.mark.conformance(61, 63)
def test_a_marker_leaves_behind_what_was_queued_before_it() -> None:
    sender = outlet(1000)
    last: list[Action] = [CloseLeg(LEG)]
    sender.submit(pdus(900), None)
    sender.submit(pdus(900), None)
    assert sender.mark(lambda: last) == []
    sender.window.acknowledge(ack(900, 1000))
    assert sender.pump()[-1:] == last


def test_a_marker_with_nothing_before_it_leaves_at_once() -> None:
    last: list[Action] = [CloseLeg(LEG)]
    assert outlet().mark(lambda: last) == last


@pytest.mark.conformance(72)
def test_rpc_pdus_keep_out_of_the_reserve_of_a_lifetime() -> None:
    sender = outlet(lifetime=2000, reserve=500)
    assert forwarded(sender.submit(pdus(700, 700, 200), None)) == [1400]
    assert sender.lifetime is not None
    assert sender.lifetime.left == 600
    assert sender.next_size() == 200
    assert sender.submit(pdus(16), None) == []


@pytest.mark.conformance(72)
def test_the_last_byte_that_is_not_reserved_may_be_used() -> None:
    sender = outlet(lifetime=2000, reserve=500)
    assert forwarded(sender.submit(pdus(1500), None)) == [1500]


def test_the_origin_learns_what_has_left() -> None:
    receiver, acknowledged = inlet(8192)
    sender = outlet(1000)
    receiver.arrived(1800)
    sender.submit(pdus(900, 900), receiver)
    assert receiver.queued == 900
    sender.window.acknowledge(ack(900, 1000))
    sender.pump()
    assert receiver.queued == 0
    assert acknowledged.acks


def test_a_successor_takes_over_what_waits() -> None:
    old, new = outlet(1000, plugged=True), outlet(1000, plugged=True)
    old.submit(pdus(300), None)
    old.held += (b"held",)
    new.take_over(old)
    assert not old.queue
    assert not old.held
    assert forwarded(new.unplug(nothing)) == [300]


def test_the_size_of_what_is_next_is_known_only_for_pdus() -> None:
    sender = outlet(1000, plugged=True)
    assert sender.next_size() == 0
    sender.mark(list)
    sender.submit(pdus(300), None)
    assert sender.next_size() == 0
    assert sender.waiting == 300


# Relaying: arrived, sent on and consumed in one step


@pytest.mark.parametrize("window_size", [8192, 65_536])
@pytest.mark.parametrize("lifetime", [None, 60_000])
@pytest.mark.parametrize("piece", [16, 1000, 5840])
def test_relaying_is_arriving_sending_and_consuming(
    window_size: int, lifetime: int | None, piece: int
) -> None:
    """The quick way and the long way leave the same behind, whatever the windows and the lifetime say."""
    short_in, short_acks = inlet(65_536)
    long_in, long_acks = inlet(65_536)
    short_out = outlet(window_size, lifetime=lifetime, reserve=2048)
    long_out = outlet(window_size, lifetime=lifetime, reserve=2048)
    run = pdus(piece)
    for _ in range(min(60_000 // piece, 400)):
        relayed = short_out.relay(run, short_in)
        long_in.arrived(len(run))
        assert forwarded(relayed) == forwarded(long_out.submit(run, long_in))
        assert short_acks.numbers() == long_acks.numbers()
        for name in ("advertised", "queued", "received"):
            assert getattr(short_in, name) == getattr(long_in, name)
        for name in ("available", "sent"):
            assert getattr(short_out.window, name) == getattr(long_out.window, name)
        assert short_out.waiting == long_out.waiting
        if short_out.lifetime is not None and long_out.lifetime is not None:
            assert short_out.lifetime.used == long_out.lifetime.used


def test_a_plugged_relay_holds_what_arrives() -> None:
    receiver, _ = inlet(8192)
    sender = outlet(plugged=True)
    assert sender.relay(pdus(100), receiver) == []
    assert (receiver.queued, sender.waiting) == (100, 100)


# Relaying


@pytest.mark.parametrize(
    "blocked", [{}, {"plugged": True}, {"congested": True}, {"size": 9_000}, {"lifetime": 40_000}]
)
def test_relaying_is_arriving_and_sending_in_one_step(blocked: dict[str, Any]) -> None:
    (quick, quick_acks), (slow, slow_acks) = inlet(65_536), inlet(65_536)
    out, other = outlet(**blocked), outlet(**blocked)
    for size in [200, 5_840, 5_840, 8_000, 100, 5_840, 5_840, 9_000, 5_840]:
        run = pdus(size)
        slow.arrived(size)
        assert out.relay(run, quick) == other.submit(run, slow)
        assert (quick.queued, quick.received, quick.advertised) == (
            slow.queued,
            slow.received,
            slow.advertised,
        )
        assert (out.window.available, out.waiting) == (other.window.available, other.waiting)
    assert quick_acks.acks == slow_acks.acks


@pytest.mark.parametrize("blocked", [False, True])
def test_relaying_holds_the_peer_to_its_window(blocked: bool) -> None:
    receiver, _ = inlet(8_192)
    out = outlet(plugged=blocked)
    run = pdus(5_000, 5_000)
    with pytest.raises(WindowViolated):
        out.relay(run, receiver)
