"""From an allowed HTTP request to a running channel.

The first PDU decides what the channel is: the beginning of a virtual connection, or the successor of
one that is here. Only then is the server connected to, never before.  MS-RPCH 3.2.3.5, 3.2.4.5
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from sys import intern
from typing import TYPE_CHECKING, Final

import structlog

from rpch.aio.driver import Driver
from rpch.aio.leg import LegConnection
from rpch.auth.accounts import Identity
from rpch.auth.outcomes import Headers
from rpch.errors import AccessDenied, RemoteProtocolError, RpchError, TransportError
from rpch.http.answers import Framing, connect_head, framing_for, success_head
from rpch.http.channels import ChannelKind, ChannelRequest
from rpch.http.rpc_error import RpcError, connect_failed
from rpch.proxy.answers import refusal_of
from rpch.proxy.dialling import ServerLeg, dial
from rpch.proxy.limits import SERVER_TOO_BUSY, Admission
from rpch.proxy.policy import Allowed, Arrival, folded
from rpch.rts.pdus import ConnA1, ConnB1, read_message
from rpch.vconn.arrivals import Begun, Joined, Placement, Refused, place_inbound, place_outbound
from rpch.vconn.events import (
    AcceptChannel,
    Action,
    Closed,
    Connect,
    Connected,
    ConnectFailed,
    Event,
    Leg,
    LegClosed,
    NonsenseArrived,
    Opened,
    Place,
    RefuseChannel,
    RpcArrived,
    RtsArrived,
    WindowWaived,
)
from rpch.vconn.inbound import SERVER_UNAVAILABLE, InboundProxy
from rpch.vconn.mixed import MixedProxy
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.settings import UNKNOWN_CLIENT, ProxySettings
from rpch.vconn.tables import Owner

if TYPE_CHECKING:
    from rpch.proxy.service import RpcProxy

log = structlog.get_logger("rpch.proxy")

FILETIME_OF_1970: Final = 116_444_736_000_000_000
PROTOCOL_ERROR: Final = 0x6C0
ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True, slots=True)
class Entry:
    """What let a channel in. `headers` end the client's authentication and belong on the answer."""

    request: ChannelRequest
    arrival: Arrival
    identity: Identity | None
    allowed: Allowed
    admission: Admission
    headers: Headers = ()


class ChannelOpening:
    """One channel until its first PDU, and what its machine needs of the outside after that."""

    __slots__ = (
        "_admission",
        "_allowed",
        "_arrival",
        "_bound_to",
        "_connecting",
        "_connection",
        "_driver",
        "_framing",
        "_headers",
        "_http_1_0",
        "_identity",
        "_kind",
        "_length",
        "_min_timeout",
        "_on_lost",
        "_owner",
        "_proxy",
        "_server",
        "_timer",
        "_user",
    )

    def __init__(self, proxy: RpcProxy, entry: Entry) -> None:
        request, self._arrival, self._allowed = entry.request, entry.arrival, entry.allowed
        self._proxy, self._admission, self._headers = proxy, entry.admission, entry.headers
        # Of the request only what is needed is kept: it holds credentials, and a channel lives for days.
        self._kind, self._length = request.kind, request.content_length
        self._min_timeout = request.pragmas.min_connection_timeout
        # Few users and targets have all the channels: each name is kept once.
        self._user = intern(str(entry.identity or ANONYMOUS))
        self._identity = None if entry.identity is None else _once(entry.identity)
        # The same for a user of all nodes and spellings: a server joins what is called alike.
        bound_to = entry.identity if proxy.options.bind_cookies else None
        self._bound_to = "" if bound_to is None else intern(str(folded(bound_to)))
        self._owner = Owner(self._user, intern(str(entry.allowed.address)))
        self._http_1_0 = request.version == "1.0"
        self._framing = framing_for(request.version, proxy.options.framing)
        self._on_lost: Callable[[], None] | None = None
        self._connection: LegConnection
        self._driver: Driver
        self._connecting: asyncio.Task[None] | None = None
        self._server: ServerLeg | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.Transport, rest: bytes, on_lost: Callable[[], None] | None) -> None:
        """Wait for the first PDU, not for long; version 1 waits for nothing."""
        self._on_lost = on_lost
        if self._mixed:
            self._begin_mixed(transport, rest)
            return
        place = Place.IN_H if self._inbound else Place.OUT_H
        self._connection = LegConnection(
            Leg(place),
            self._first,
            body=self._length,
            excess_ignored=not self._inbound and not self._proxy.options.settings.strict,
            chunked=self._framing is Framing.CHUNKED and not self._inbound,
        )
        self._connection.on_lost = self._lost
        self._proxy.openings.add(self)
        late = self._proxy.options.first_pdu_timeout
        self._timer = asyncio.get_running_loop().call_later(late, self._late)
        self._connection.adopt(transport, rest)

    @property
    def identity(self) -> Identity | None:
        """Whose channel it is; None for anybody's."""
        return self._identity

    @property
    def _inbound(self) -> bool:
        return self._kind is ChannelKind.IN

    @property
    def _mixed(self) -> bool:
        return self._kind is ChannelKind.CONNECT

    def _lost(self) -> None:
        """The client's connection is gone."""
        self._admission.closed()
        if self._on_lost is not None:
            self._on_lost()

    def _begin_mixed(self, transport: asyncio.Transport, rest: bytes) -> None:
        """Version 1: connect at once, and answer when the server has shown its banner.  MS-RPCH 3.1.2"""
        leg, now = Leg(Place.IN_H), asyncio.get_running_loop().time()
        machine = MixedProxy(leg, secrets.token_bytes(16), self._settings(), now=now)
        self._driver = Driver(machine, self._carry_out, self._proxy.tracer)
        self._proxy.enter(machine, self._driver, self._identity)
        self._connection = LegConnection(leg, self._driver.feed)
        self._connection.on_lost = self._lost
        self._driver.attach(self._connection)
        self._driver.start(machine.start())
        self._connection.adopt(transport, rest)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._give_up(PROTOCOL_ERROR, "FirstPduTimeout", TransportError("no PDU came on the channel"))

    def _first(self, event: Event) -> None:
        """The first PDU; anything else ends the channel before it began."""
        self._disarm()
        match event:
            case RtsArrived(data=data) if self._proxy.draining and _begins_anew(bytes(data)):
                self.refuse_draining()
            case RtsArrived(leg=leg, data=data):
                self._place(leg, bytes(data))
            case NonsenseArrived(why=why):
                self._refuse(PROTOCOL_ERROR, "FirstPdu", why)
            case RpcArrived():
                why = RemoteProtocolError("an RPC PDU before the channel was opened")
                self._refuse(PROTOCOL_ERROR, "FirstPdu", why)
            case LegClosed():
                self._connection.close()
        self._proxy.decided(self)

    def refuse_draining(self) -> None:
        """This process is about to end: a new virtual connection would not live long here."""
        self._give_up(SERVER_TOO_BUSY, "Draining", TransportError("this proxy takes no new connections"))

    def refuse_user(self, why: AccessDenied) -> None:
        """Whoever opened it may not use it any more."""
        self._give_up(SERVER_UNAVAILABLE, why.rule, why)

    def _give_up(self, status: int, rule: str, why: RpchError) -> None:
        self._disarm()
        self._proxy.decided(self)
        self._refuse(status, rule, why)

    def _place(self, leg: Leg, data: bytes) -> None:
        settings = self._settings()
        placement: Placement[InboundProxy] | Placement[OutboundProxy]
        if self._inbound:
            placement = place_inbound(leg, data, self._proxy.inbound, self._owner, settings)
        else:
            wanted = self._min_timeout
            timeout = float(wanted) if wanted else None
            placement = place_outbound(
                leg, data, self._proxy.outbound, self._owner, settings, timeout=timeout
            )
        match placement:
            case Begun(machine=machine, actions=actions):
                self._driver = Driver(machine, self._carry_out, self._proxy.tracer)
                self._proxy.enter(machine, self._driver, self._identity)
                self._driver.attach(self._connection)
                self._driver.start(actions)
            case Joined(machine=machine, event=joined):
                self._admission.opened()
                self._driver = self._proxy.drivers[machine]
                self._driver.attach(self._connection)
                self._log("recycled", None)
                self._driver.feed(joined)
            case Refused(rpc_status=status, why=why):
                rule = why.rule if isinstance(why, AccessDenied) else "FirstPdu"
                self._refuse(status, rule, why)

    def _settings(self) -> ProxySettings:
        settings, client = self._proxy.options.settings, self._arrival.client
        return _settings_for(settings, client, self._bound_to, http_1_0=self._http_1_0)

    def _refuse(self, status: int, rule: str, why: RpchError) -> None:
        if isinstance(why, AccessDenied):
            self._report(why)
        else:
            log.warning("refused", client=self._arrival.client, user=self._user, rule=rule, detail=str(why))
        self._connection.refuse(refusal_of(RpcError(status), rule))

    def _report(self, denied: AccessDenied) -> None:
        """A rule has refused it, and not some mishap: somebody else's cookie, or a target's address."""
        target = str(self._allowed.address)
        self._proxy.report_refused_channel(
            self._arrival.client, self._user, target, denied.rule, denied.detail
        )

    # What the machine orders

    def _carry_out(self, action: Action) -> None:
        driver = self._driver
        match action:
            case Connect(leg=leg):
                self._connecting = self._proxy.spawn(self._connect(leg))
            case AcceptChannel(leg=leg):
                if (connection := driver.legs.get(leg)) is not None:
                    connection.write(self._success_head())
            case RefuseChannel(leg=leg, rpc_status=status, why=why):
                if (connection := driver.legs.pop(leg, None)) is not None:
                    rule = why.rule if isinstance(why, AccessDenied) else "TargetUnreachable"
                    connection.refuse(refusal_of(_connect_error(status), rule))
                if isinstance(why, AccessDenied):
                    self._report(why)
                else:
                    self._log("target unreachable", why)
            case Opened():
                self._admission.opened()
                self._log("opened", None)
            case WindowWaived():
                self._log("client never acknowledges", None)
            case Closed(why=why):
                self._closed(why)

    def _success_head(self) -> bytes:
        if self._mixed:
            return connect_head()
        lifetime, headers = self._proxy.options.settings.channel_lifetime, self._headers
        return success_head(lifetime, framing=self._framing, fields=headers)

    def _closed(self, why: RpchError | None) -> None:
        machine = self._driver.machine
        if isinstance(machine, InboundProxy):
            self._proxy.inbound.remove(machine.virtual_connection, machine)
        elif isinstance(machine, OutboundProxy):
            self._proxy.outbound.remove(machine.virtual_connection, machine)
        self._proxy.forget(machine)
        if self._connecting is not None:
            self._connecting.cancel()  # nobody waits for that connection any more
        if why is None and self._server is not None and self._server.ended_there:
            why = TransportError("the server closed the connection")
        self._log("closed", why)

    def _log(self, what: str, why: RpchError | None) -> None:
        channel = self._kind.name
        tell = log.warning if why else log.info
        machine = self._driver.machine
        tell(
            what,
            channel=channel,
            connection=machine.virtual_connection.hex()[:8],
            client=self._arrival.client,
            user=self._user,
            target=str(self._allowed.address),
            **({"why": str(why)} if why else {}),
        )

    async def _connect(self, leg: Leg) -> None:
        """Open the server leg: by the name that was allowed, to an address that is allowed."""
        driver = self._driver
        connection = self._server = ServerLeg(leg, driver.feed, announce=self._mixed)
        try:
            async with asyncio.timeout(self._proxy.options.connect_timeout):
                await dial(self._allowed, self._proxy.policy.check_address, connection)
        except TimeoutError:
            driver.feed(ConnectFailed(leg, TransportError(f"{self._allowed.address} did not answer in time")))
        except (OSError, RpchError) as error:
            why = (
                error if isinstance(error, RpchError) else TransportError(f"{self._allowed.address}: {error}")
            )
            driver.feed(ConnectFailed(leg, why))
        else:
            if driver.machine.finished:
                connection.close()
                return
            driver.attach(connection)
            driver.feed(Connected(leg))
        finally:
            self._connecting = None  # or a task would live as long as its channel


@lru_cache(maxsize=4096)  # few users have all the channels
def _once(identity: Identity) -> Identity:
    return identity


@lru_cache(maxsize=256)  # a client opens many channels, and they may share this
def _settings_for(own: ProxySettings, client: str, bound_to: str, *, http_1_0: bool) -> ProxySettings:
    return replace(own, client=_address(client), bound_to=bound_to, http_1_0=http_1_0)


def _begins_anew(data: bytes) -> bool:
    """Whether a first PDU asks for a new virtual connection, and is no successor."""
    try:
        message = read_message(data)
    except RemoteProtocolError:
        return False  # it is refused for what it is
    return message.is_a(ConnA1) or message.is_a(ConnB1)


def _connect_error(status: int) -> RpcError:
    timestamp = time.time_ns() // 100 + FILETIME_OF_1970
    return connect_failed(status, process_id=os.getpid(), timestamp=timestamp)


def _address(client: str) -> IPv4Address | IPv6Address:
    """The client's address as CONN/B2 carries it, or the unknown one.  MS-RPCH 2.2.3.5.12"""
    try:
        return ip_address(client.partition("%")[0])
    except ValueError:
        return UNKNOWN_CLIENT
