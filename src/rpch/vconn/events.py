"""What happens to a virtual connection, and what its machines order done about it.

Events are facts, actions are orders. Both name legs: the hops of one virtual connection.

             IN-H                      IN-T
    client ────────► inbound proxy ◄────────► server
           ◄──────── outbound proxy ◄───────►
             OUT-H                     OUT-T

Recycling gives a virtual connection several legs of one kind in a row, so a leg is an object of its
own and not just its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from rpch.dcerpc.framing import Bytes
from rpch.errors import RpchError
from rpch.rts.pdus import RtsPdu


class Place(Enum):
    """Between whom a leg runs."""

    __hash__ = object.__hash__  # an Enum's own is a function in Python, and tables are read for every PDU

    IN_H = "IN-H"
    IN_T = "IN-T"
    OUT_H = "OUT-H"
    OUT_T = "OUT-T"


class Leg:
    """One TCP connection of a virtual connection. Compared by identity; its name is for people."""

    __slots__ = ("number", "place")

    def __init__(self, place: Place, number: int = 1) -> None:
        self.place, self.number = place, number

    def __repr__(self) -> str:
        return f"{self.place.value}#{self.number}"

    def successor(self) -> Leg:
        """The leg that will replace this one."""
        return Leg(self.place, self.number + 1)


# What is made for every read on the hot path is a `Struct`: making one costs a third of what making a
# dataclass does. None can be part of a cycle, so the collector need not watch them.


class RpcArrived(Struct, gc=False):
    """An unbroken run of whole RPC PDUs came in."""

    leg: Leg
    run: Bytes


class Forward(Struct, gc=False):
    """Write RPC PDUs, as they came."""

    leg: Leg
    run: Bytes


class Deliver(Struct, gc=False):
    """Hand RPC PDUs to the RPC layer of this party."""

    run: Bytes


class Submit(Struct, gc=False):
    """The RPC layer of this party sends whole RPC PDUs."""

    run: Bytes


class RtsArrived(Struct, gc=False):
    """One RTS PDU came in."""

    leg: Leg
    data: Bytes


class Send(Struct, gc=False):
    """Write an RTS PDU of our own."""

    leg: Leg
    pdu: RtsPdu


class PassOn(Struct, gc=False):
    """Write an RTS PDU meant for somebody else, byte for byte.  MS-RPCH 3.2.1.5.2"""

    leg: Leg
    data: bytes


# Events


@dataclass(frozen=True, slots=True)
class NonsenseArrived:
    """What came in is no stream of PDUs."""

    leg: Leg
    why: RpchError


@dataclass(frozen=True, slots=True)
class Connected:
    """The TCP connection that was ordered stands."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class BannerArrived:
    """The server named itself: `ncacn_http/1.0`.  MS-RPCH 2.1.1.2.1"""

    leg: Leg


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """The TCP connection that was ordered failed."""

    leg: Leg
    why: RpchError


@dataclass(frozen=True, slots=True)
class ChannelReady:
    """The HTTP request that was ordered stands: authenticated, its head sent, its body open."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class ChannelAccepted:
    """The proxy answered the OUT request with 200."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class ChannelRefused:
    """The HTTP request failed, or was answered with an error status."""

    leg: Leg
    why: RpchError


@dataclass(frozen=True, slots=True)
class SuccessorArrived:
    """A new leg came to this party with a PDU that names this virtual connection."""

    leg: Leg
    pdu: RtsPdu


@dataclass(frozen=True, slots=True)
class LegClosed:
    """The peer closed a leg, or it was lost."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Consumed:
    """The RPC layer is done with this many of the bytes delivered to it, in order."""

    size: int


@dataclass(frozen=True, slots=True)
class CloseRequested:
    """This party wants to end the virtual connection."""

    why: RpchError | None = None


@dataclass(frozen=True, slots=True)
class RecycleRequested:
    """This client wants a successor of its IN channel now, though none is due."""


@dataclass(frozen=True, slots=True)
class Congested:
    """What was written to a leg piles up on our side: TCP takes no more of it for now."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Relieved:
    """Nearly all of it has left."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


Event = (
    RpcArrived
    | Submit
    | RtsArrived
    | NonsenseArrived
    | Connected
    | BannerArrived
    | ConnectFailed
    | ChannelReady
    | ChannelAccepted
    | ChannelRefused
    | SuccessorArrived
    | LegClosed
    | Consumed
    | CloseRequested
    | RecycleRequested
    | Congested
    | Relieved
    | Tick
)


# Actions


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a TCP connection to the server."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """Make an HTTP request to the proxy with a body of this many bytes, authenticated."""

    leg: Leg
    content_length: int


@dataclass(frozen=True, slots=True)
class AcceptChannel:
    """Answer the OUT request with the 200 head.  MS-RPCH 2.1.2.1.4"""

    leg: Leg


@dataclass(frozen=True, slots=True)
class RefuseChannel:
    """Answer a request with 503 and the RPC status, and close it.  MS-RPCH 2.1.2.1.3"""

    leg: Leg
    rpc_status: int
    why: RpchError


@dataclass(frozen=True, slots=True)
class SetKeepalive:
    """Let TCP probe a silent leg at this interval, in seconds.  MS-RPCH 3.2.3.5.3"""

    leg: Leg
    interval: float


@dataclass(frozen=True, slots=True)
class StopReading:
    """Read nothing more from a leg for now: TCP makes its peer wait."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class ReadOn:
    """Read from it again."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class WindowWaived:
    """For people: this leg's peer never acknowledges, so its window is not counted any more."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class CloseLeg:
    """Close a leg after what was written to it has left."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Opened:
    """The virtual connection is open: RPC PDUs pass."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The virtual connection has ended; with a reason if it was no orderly end."""

    why: RpchError | None


Action = (
    Forward
    | Deliver
    | Send
    | PassOn
    | Connect
    | OpenChannel
    | AcceptChannel
    | RefuseChannel
    | SetKeepalive
    | StopReading
    | ReadOn
    | WindowWaived
    | CloseLeg
    | Opened
    | Closed
)
