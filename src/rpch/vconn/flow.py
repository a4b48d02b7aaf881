"""Flow control: what a sender may still send, what a receiver has taken.  MS-RPCH 3.2.1.4, 3.2.1.5

Only RPC PDUs count, each with its whole length; RTS PDUs, HTTP heads and the banner never do. Every
hop counts for itself, and every instance of a channel begins anew.

    Inlet   the receiving end of a leg: a window, and where its acknowledgements go
    Outlet  the sending end of a virtual channel: a queue, a window, and perhaps a lifetime

A queue holds runs of RPC PDUs and markers. A marker is what must leave behind the PDUs queued before
it and not a byte earlier: IN_R1/B1, OUT_R1/A10, OUT_R2/B3. Other RTS PDUs wait for a plug only, never
for a window, so they are held apart: were they queued, a later one would overtake them as soon as the
plug is pulled, and an old acknowledgement that comes after a new one is a false one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from rpch.dcerpc.framing import Bytes, longest_prefix, pdu_size
from rpch.errors import RemoteProtocolError
from rpch.rts.commands import FlowControlAck
from rpch.vconn.events import Action, Forward, Leg

MODULUS = 1 << 32
UNBOUNDED = 1 << 62  # bytes that may be sent to a peer whose window is not counted
EAGER_BELOW = 8192  # a window smaller than two fragments of this size is acknowledged eagerly


class WindowViolated(RemoteProtocolError):
    """The peer sent more than its window, or acknowledged what cannot be."""


class Inlet:
    """The receiving end of one leg.

    An acknowledgement is due when less than half the window is left on offer. Two rules keep that
    from going wrong: a window that is small beside a fragment counts as half used earlier, or a
    large PDU behind a small one would wait for ever; and with a backlog an acknowledgement must
    offer an eighth of the window at least, or each PDU would cost one.
    """

    __slots__ = (
        "_acknowledge",
        "_limit",
        "advertised",
        "cookie",
        "due_below",
        "mute",
        "queued",
        "received",
        "size",
    )

    def __init__(
        self,
        size: int,
        cookie: bytes,
        acknowledge: Callable[[FlowControlAck], list[Action]],
        *,
        strict: bool,
        burst: int = 0,
    ) -> None:
        """A tolerant inlet takes two windows, and a `burst` besides. A `mute` one acknowledges nothing."""
        self.size, self.cookie = size, cookie
        self.queued = self.received = 0
        self.advertised = size
        self.mute = False
        self._acknowledge = acknowledge
        self.due_below = max(size // 2, min(size, EAGER_BELOW))
        self._limit = size if strict else 2 * size + burst

    def arrived(self, size: int) -> None:
        """RPC PDUs came in; they occupy the window until they are consumed."""
        self.queued += size
        self.received += size
        self.advertised -= size
        if self.queued > self._limit:
            raise WindowViolated(f"{self.queued} bytes in a receive window of {self.size}")

    @property
    def overrun(self) -> bool:
        """Whether there is more than the window was for."""
        return self.queued > self.size

    def consumed(self, size: int) -> list[Action]:
        """RPC PDUs have gone on to the next hop, or to the RPC layer."""
        self.queued -= size
        return self.acknowledge() if self.advertised < self.due_below else []

    def acknowledge(self) -> list[Action]:
        """Less is on offer than should be: say what may be sent, if that is worth a PDU."""
        free = self.size - self.queued
        if self.mute or free <= self.advertised or (self.queued and free - self.advertised < self.size // 8):
            return []
        self.advertised = free
        return self._acknowledge(FlowControlAck(self.received % MODULUS, max(free, 0), self.cookie))


class SendWindow:
    """What may still be sent to one receiver.  MS-RPCH 3.2.1.5.1

    What a receiver announces is believed, however much it is: one that acknowledges at half its window
    would wait for ever behind a smaller bound of ours. What may pile up here is bounded by `Congested`.
    """

    __slots__ = ("_base", "_strict", "available", "cookies", "sent", "size")

    def __init__(self, size: int, cookie: bytes, *, strict: bool) -> None:
        self.size = self.available = size
        self.sent = 0
        self.cookies: tuple[bytes, ...] = (cookie,)
        self._base = 0
        self._strict = strict

    def rename(self, cookie: bytes) -> None:
        """The leg stays, its channel is called differently from now on; both names are good.

        Whether the peer's counter starts again at the switch is not said. We let ours run on, and
        follow a peer that restarts as soon as its numbers show it.
        """
        self.cookies = (self.cookies[-1], cookie)
        self._base = self.sent

    def acknowledge(self, ack: FlowControlAck) -> None:
        """Take over what the receiver says it can take."""
        offered = ack.available_window
        in_flight = (self.sent - ack.bytes_received) % MODULUS
        if not in_flight <= offered <= self.size:
            in_flight, offered = self._impossible(ack)
        self.available = max(offered - in_flight, 0)

    def waive(self) -> None:
        """Let TCP alone say how much may be sent, until the receiver acknowledges after all."""
        self.available = UNBOUNDED

    def _impossible(self, ack: FlowControlAck) -> tuple[int, int]:
        """What to make of numbers that cannot be: bytes in flight, and the window on offer."""
        offered = ack.available_window
        restarted = (self.sent - self._base - ack.bytes_received) % MODULUS
        if self._base and ack.channel == self.cookies[-1] and restarted <= offered <= self.size:
            self.sent -= self._base  # the peer counts from the switch
            self._base = 0
            return restarted, offered
        if self._strict:
            raise WindowViolated(
                f"acknowledged {ack.bytes_received} of {self.sent} bytes, window {offered} of {self.size}"
            )
        in_flight = (self.sent - ack.bytes_received) % MODULUS
        return min(in_flight, self.size) if in_flight <= MODULUS // 2 else 0, min(offered, self.size)


class Lifetime:
    """How many bytes one channel may still carry.  MS-RPCH 3.2.2.4.2, 3.2.5.4.1"""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    @property
    def left(self) -> int:
        return self.limit - self.used


@dataclass(frozen=True, slots=True)
class Marker:
    """Actions that leave only behind what was queued before them."""

    actions: Callable[[], list[Action]]


class Outlet:
    """The sending end of a virtual channel: what waits, and whether it may leave.

    `reserve` is the part of a lifetime that belongs to RTS PDUs: no RPC PDU enters it. While its leg is
    `congested` no RPC PDU leaves; RTS PDUs do.
    """

    __slots__ = ("congested", "held", "leg", "lifetime", "parting", "plugged", "queue", "reserve", "window")

    def __init__(self, leg: Leg, window: SendWindow, *, plugged: bool = False, reserve: int = 0) -> None:
        self.leg, self.window, self.plugged, self.reserve = leg, window, plugged, reserve
        self.congested = False
        self.lifetime: Lifetime | None = None
        # Nothing is there that holds nothing: most channels are idle, and an empty deque has 760 bytes.
        self.queue: deque[tuple[Bytes, Inlet | None] | Marker] | None = None
        self.held: tuple[bytes, ...] = ()  # RTS PDUs that wait for the plug to be pulled
        self.parting = False  # its last word is queued: what comes now belongs to its successor

    def relay(self, run: Bytes, inlet: Inlet) -> list[Action]:
        """Send on RPC PDUs that have just arrived at an inlet: it is told of both.

        Nearly every run goes as it comes. This is then all that a relay does about it, so it is written
        out here: `arrived`, `submit` and `consumed` in one step.
        """
        size, window, lifetime = len(run), self.window, self.lifetime
        left = inlet.advertised - size
        if (
            left >= 0
            and size <= window.available
            and not self.plugged
            and not self.congested
            and not self.queue
            and (lifetime is None or size + self.reserve <= lifetime.limit - lifetime.used)
        ):
            inlet.advertised = left
            inlet.received += size
            window.available -= size
            window.sent += size
            if lifetime is not None:
                lifetime.used += size
            if left >= inlet.due_below:
                return [Forward(self.leg, run)]
            return [Forward(self.leg, run), *inlet.acknowledge()]
        inlet.arrived(size)
        return self.submit(run, inlet)

    def submit(self, run: Bytes, origin: Inlet | None) -> list[Action]:
        """Send RPC PDUs, now or when the window allows it. `origin` is told when they have left."""
        size = len(run)
        window, lifetime = self.window, self.lifetime
        if (
            not self.queue
            and not self.plugged
            and not self.congested
            and size <= window.available
            and (lifetime is None or size + self.reserve <= lifetime.left)
        ):
            window.available -= size
            window.sent += size
            if lifetime is not None:
                lifetime.used += size
            actions: list[Action] = [Forward(self.leg, run)]
            if origin is not None:
                actions += origin.consumed(size)
            return actions
        return self._wait((run, origin))

    def mark(self, actions: Callable[[], list[Action]]) -> list[Action]:
        """Let these actions leave behind everything queued so far."""
        return self._wait(Marker(actions))

    def unplug(self, write: Callable[[Leg, bytes], list[Action]]) -> list[Action]:
        """Let everything go: first the RTS PDUs that were held, then what the window allows."""
        self.plugged = False
        held, self.held = self.held, ()
        actions = [action for data in held for action in write(self.leg, data)]
        return [*actions, *self.pump()]

    def take_over(self, predecessor: Outlet) -> None:
        """Become the outlet of what waits in a predecessor."""
        self.queue, predecessor.queue = predecessor.queue, None
        self.held, predecessor.held = predecessor.held, ()

    def pump(self) -> list[Action]:
        """What may leave now."""
        actions: list[Action] = []
        while self.queue and not self.plugged and not self.congested:
            entry = self.queue[0]
            if isinstance(entry, Marker):
                self.queue.popleft()
                actions += entry.actions()
                continue
            run, origin = entry
            size = longest_prefix(run, self._room())
            if not size and len(run):
                if (least := pdu_size(run)) > self.window.size:
                    raise WindowViolated(f"a PDU of {least} bytes for a window of {self.window.size}")
                break
            self.window.available -= size
            self.window.sent += size
            if self.lifetime is not None:
                self.lifetime.used += size
            if size == len(run):
                self.queue.popleft()
                actions.append(Forward(self.leg, run))
            else:
                view = memoryview(run)
                self.queue[0] = (view[size:], origin)
                actions.append(Forward(self.leg, view[:size]))
            if origin is not None:
                actions += origin.consumed(size)
        self.queue = self.queue or None
        return actions

    @property
    def waiting(self) -> int:
        """Bytes of RPC PDUs that may not leave yet."""
        return sum(len(entry[0]) for entry in self.queue or () if not isinstance(entry, Marker))

    @property
    def short_of_window(self) -> bool:
        """Whether nothing but the peer's window keeps what waits in front."""
        free = not self.plugged and not self.congested
        return free and self.next_size() > self.window.available

    def next_size(self) -> int:
        """The size of the PDU that waits in front, or 0."""
        if self.queue and not isinstance(entry := self.queue[0], Marker):
            return pdu_size(entry[0])
        return 0

    def _wait(self, entry: tuple[Bytes, Inlet | None] | Marker) -> list[Action]:
        if self.queue is None:
            self.queue = deque()
        self.queue.append(entry)
        return self.pump()

    def _room(self) -> int:
        if self.lifetime is None:
            return self.window.available
        return min(self.window.available, self.lifetime.left - self.reserve)
