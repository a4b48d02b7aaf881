"""Version 1 at the mixed proxy: one HTTP request, one TCP connection, and nothing in between.  MS-RPCH 3.1.2

There are no RTS PDUs, no windows, no cookies and no recycling; both directions carry RPC PDUs until
either side closes. Nothing the client sends leaves before the server's banner has come, and neither
has the client an answer before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import ClassVar, Final

from rpch.errors import RpchError, UnexpectedMessage
from rpch.rts.commands import ForwardDestination
from rpch.rts.pdus import RtsPdu
from rpch.vconn.events import (
    AcceptChannel,
    Action,
    BannerArrived,
    Closed,
    CloseLeg,
    Connect,
    Connected,
    ConnectFailed,
    Event,
    Forward,
    Leg,
    LegClosed,
    Opened,
    Place,
    ReadOn,
    RefuseChannel,
    RpcArrived,
    StopReading,
)
from rpch.vconn.flow import Inlet, Outlet, WindowViolated
from rpch.vconn.machine import Machine, Timer
from rpch.vconn.settings import ProxySettings

SERVER_UNAVAILABLE = 0x6BA
EARLY_LIMIT = 64 * 1024  # what a client may send before the server's banner


class MixedState(Enum):
    """The mixed proxy's states, by their names in MS-RPCH 3.1.2."""

    CLIENT_OPENED = auto()
    SERVER_OPENED = auto()
    OPENED = auto()
    FINISHED = auto()


S = MixedState

# Which event is legal in which state, and where it leads.
TRANSITIONS: Final[Mapping[MixedState, Mapping[type[Event], MixedState]]] = {
    S.CLIENT_OPENED: {Connected: S.SERVER_OPENED, ConnectFailed: S.FINISHED},
    S.SERVER_OPENED: {BannerArrived: S.OPENED},
    S.OPENED: {},
    S.FINISHED: {},
}


class MixedProxy(Machine):
    """Decides for one connection of version 1."""

    ROLE = ForwardDestination.IN_PROXY
    NEXT_HOP: ClassVar[Mapping[int, Place]] = {}

    def __init__(self, leg: Leg, name: bytes, settings: ProxySettings, *, now: float) -> None:
        """`name` is ours alone, for the trace: version 1 has no cookies."""
        super().__init__()
        self.virtual_connection = name
        self.state = S.CLIENT_OPENED
        self.client, self.server = leg, Leg(Place.IN_T)
        self.set_timer(Timer.SETUP, now + settings.setup_timeout)
        self._banner = False
        self._early: list[bytes] = []

    @property
    def condition(self) -> str:
        return self.state.name

    def start(self) -> list[Action]:
        """The first order: connect to the server."""
        return [Connect(self.server)]

    def legs(self) -> list[Leg]:
        return [self.client, self.server]

    def inlets(self) -> list[Inlet]:
        return []

    def outlets(self) -> list[Outlet]:
        return []

    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        return ()

    def outlet(self, place: Place) -> None:
        return None

    def congestion(self, leg: Leg, *, congested: bool) -> list[Action]:
        """Without windows TCP alone makes a sender wait: we read no more than the other side takes."""
        source = self.server if leg is self.client else self.client
        return [StopReading(source) if congested else ReadOn(source)]

    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        raise self.unexpected(pdu)

    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        leg, run = event.leg, event.run
        if self.state is S.OPENED:
            return [Forward(self.server if leg is self.client else self.client, run)]
        if leg is not self.client:
            raise self.unexpected(event)
        self._early.append(bytes(run))
        if sum(map(len, self._early)) > EARLY_LIMIT:
            raise WindowViolated("too much before the server's banner")
        return []

    def turn(self, event: Event) -> list[Action]:
        target = TRANSITIONS[self.state].get(type(event))
        if target is not None:
            self.state = target
        match event:
            case Connected():
                return self._open() if self._banner else []
            case ConnectFailed(why=why):
                return self._refuse(why)
            case BannerArrived() if self.state is S.CLIENT_OPENED:
                self._banner = True  # it may overtake the news that the connection stands
                return []
            case BannerArrived() if target is not None:
                return self._open()
            case LegClosed(leg=leg):
                if self.state is not S.OPENED and leg is self.server:
                    return self._refuse(UnexpectedMessage("a close without a banner", state=self.condition))
                return self.abort(None)
            case _:
                raise self.unexpected(event)

    def timed_out(self, timer: Timer) -> list[Action]:
        return self._refuse(UnexpectedMessage("no banner in time", state=self.condition))

    def _open(self) -> list[Action]:
        self.state = S.OPENED
        self.stop_timer(Timer.SETUP)
        early, self._early = self._early, []
        relayed: list[Action] = [Forward(self.server, run) for run in early]
        return [AcceptChannel(self.client), Opened(), *relayed]

    def abort(self, why: RpchError | None) -> list[Action]:
        if why is not None and self.state in (S.CLIENT_OPENED, S.SERVER_OPENED):
            return self._refuse(why)
        self.state = S.FINISHED
        return super().abort(why)

    def _refuse(self, why: RpchError) -> list[Action]:
        """Nothing was answered yet, so the client can be told."""
        self.state, self.finished, self.deadline = S.FINISHED, True, None
        return [
            RefuseChannel(self.client, SERVER_UNAVAILABLE, why),
            CloseLeg(self.server),
            Closed(why),
        ]
