"""The RPC proxy of one process: its rules, its tables, and what it says about its work.

It keeps no state that another process would need: IN, OUT and every successor may land on any proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from rpch.aio.driver import Driver
from rpch.auth.accounts import Identity
from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.http_authenticator import HttpAuthenticator
from rpch.auth.outcomes import Failure
from rpch.errors import AccessDenied, RpchError
from rpch.http.answers import Framing
from rpch.http.channels import MAX_DRAINED, ChannelRequest
from rpch.http.heads import HeadLimits
from rpch.http.rpc_error import RpcError
from rpch.proxy.answers import refusal_of
from rpch.proxy.client_certificates import CertificateRules
from rpch.proxy.limits import Ledger, ProxyLimits
from rpch.proxy.policy import Denied, Policy, UserRule
from rpch.trace import Tracer
from rpch.vconn.inbound import SERVER_UNAVAILABLE, InboundProxy
from rpch.vconn.machine import Machine
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.settings import ProxySettings
from rpch.vconn.tables import VirtualConnections

if TYPE_CHECKING:
    from rpch.proxy.channels import ChannelOpening

log = structlog.get_logger("rpch.proxy")
audit = structlog.get_logger("rpch.audit")

HEAD_TIMEOUT: Final = 10.0  # seconds for a head to come whole, and for an idle connection to be used
FAREWELL: Final = 0.5  # seconds for clients to read on IN why their connection ends, before OUT ends too


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """What an administrator may set besides the rules. Times in seconds."""

    settings: ProxySettings = field(default_factory=ProxySettings)
    connect_timeout: float = 10.0
    first_pdu_timeout: float = 15.0
    framing: Framing = Framing.LENGTH
    limits: ProxyLimits = field(default_factory=ProxyLimits)
    proxy_protocol: bool = False
    bind_cookies: bool = False
    heads: HeadLimits = field(default_factory=HeadLimits)
    head_timeout: float = HEAD_TIMEOUT
    short_body: int = MAX_DRAINED
    certificates: CertificateRules = field(default_factory=CertificateRules)


class RpcProxy:
    """Takes channels for one process. `tasks` owns whatever it starts."""

    def __init__(
        self,
        authenticator: HttpAuthenticator,
        policy: Policy,
        tasks: asyncio.TaskGroup,
        *,
        bindings: tuple[ChannelBinding, ...] = (),
        options: ProxyOptions | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.authenticator, self.policy, self.tracer = authenticator, policy, tracer
        self.options = options or ProxyOptions()
        self.bindings = bindings
        self.ledger = Ledger(self.options.limits)
        self.inbound: VirtualConnections[InboundProxy] = VirtualConnections()
        self.outbound: VirtualConnections[OutboundProxy] = VirtualConnections()
        self.drivers: dict[Machine, Driver] = {}
        self._users: dict[Machine, Identity] = {}  # whose each of them is, but anybody's
        self.openings: set[ChannelOpening] = set()  # whose first PDU has not come
        self.draining = False
        self.user_rule: UserRule | None = None
        self.refresh: Callable[[], Awaitable[None]] | None = None
        """Looks, before a connection's first request, whether other rules hold by now."""
        self._tasks = tasks
        self._empty: asyncio.Event | None = None

    def follow(
        self,
        authenticator: HttpAuthenticator,
        policy: Policy,
        bindings: tuple[ChannelBinding, ...],
        options: ProxyOptions,
    ) -> None:
        """Go by new rules from the next request on. Channels that are open stay as they were let in."""
        self.authenticator, self.policy = authenticator, policy
        self.bindings, self.options = bindings, options
        self.ledger.limits = options.limits

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run work that must wait for something. One that fails must not end the others."""
        task = self._tasks.create_task(_guarded(work))
        task.add_done_callback(lambda _: work.close())  # it may have been cancelled before it began
        return task

    def enter(self, machine: Machine, driver: Driver, identity: Identity | None) -> None:
        """A machine has begun, for this user."""
        self.drivers[machine] = driver
        if identity is not None:
            self._users[machine] = identity

    def forget(self, machine: Machine) -> None:
        """A machine has ended."""
        self.drivers.pop(machine, None)
        self._users.pop(machine, None)
        self._look_whether_empty()

    def decided(self, opening: ChannelOpening) -> None:
        """A channel has shown what it is, or has ended before that."""
        self.openings.discard(opening)
        self._look_whether_empty()

    def end_all(self, why: RpchError | None) -> None:
        """End every virtual connection on this node; the other parties see it at once."""
        self._end_inbound(why, self._inbound_machines())
        for driver in list(self.drivers.values()):
            driver.perform(driver.machine.abort(why))

    @property
    def users(self) -> set[Identity]:
        """Who has channels here, open ones and such as have not begun."""
        waiting = (opening.identity for opening in self.openings)
        return {*self._users.values(), *(identity for identity in waiting if identity is not None)}

    def end_user(self, identity: Identity, denied: Denied) -> None:
        """End every channel of a user who may have none any more."""
        why = AccessDenied(denied.rule, denied.detail)
        theirs = [machine for machine, user in self._users.items() if user == identity]
        openings = [opening for opening in self.openings if opening.identity == identity]
        audit.warning(
            "ended",
            user=str(identity),
            rule=denied.rule,
            detail=denied.detail,
            channels=len(theirs + openings),
        )
        for opening in openings:
            opening.refuse_user(why)
        self._end_inbound(why, [machine for machine in theirs if isinstance(machine, InboundProxy)])
        for machine in theirs:
            if (driver := self.drivers.get(machine)) is not None:
                driver.perform(machine.abort(why))

    async def drain(self, grace: float) -> None:
        """Take no new virtual connection, give those that are here time to end or to move, then end them.

        A virtual connection moves by recycling: its successors arrive wherever somebody listens. Successors
        that are here already, and all that a predecessor still has to say, are served as ever.
        """
        self.draining = True
        log.info("draining", channels=len(self.drivers), grace=grace)
        await self._until_empty(grace)
        if self.drivers or self.openings:
            log.warning("ending what has not moved", channels=len(self.drivers))
            for opening in list(self.openings):
                opening.refuse_draining()
            if inbound := self._inbound_machines():
                self._end_inbound(None, inbound)
                await self._until_empty(FAREWELL)
        self.end_all(None)

    def _inbound_machines(self) -> list[InboundProxy]:
        return [machine for machine in self.drivers if isinstance(machine, InboundProxy)]

    def _end_inbound(self, why: RpchError | None, inbound: Sequence[InboundProxy]) -> None:
        """On IN channels nothing was answered yet, so their clients are told why.  MS-RPCH 2.1.2.1.3"""
        rule = why.rule if isinstance(why, AccessDenied) else "Draining"
        farewell = refusal_of(RpcError(SERVER_UNAVAILABLE), rule)
        for machine in inbound:
            driver = self.drivers[machine]
            if (told := driver.legs.pop(machine.in_h, None)) is not None:
                told.refuse(farewell)
            driver.perform(machine.abort(why))

    async def _until_empty(self, seconds: float) -> None:
        self._empty = asyncio.Event()
        self._look_whether_empty()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), seconds)

    def _look_whether_empty(self) -> None:
        if self._empty is not None and not self.drivers and not self.openings:
            self._empty.set()

    # What an auditor reads: each authentication, and each refusal with its rule

    def report_authenticated(
        self, client: str, identity: Identity, *, scheme: str | None, target: str | None
    ) -> None:
        """A client has shown who it is."""
        audit.info("authenticated", client=client, user=str(identity), scheme=scheme, target=target)

    def report_failure(
        self,
        client: str,
        failure: Failure,
        *,
        scheme: str | None,
        target: str | None = None,
        identity: Identity | None = None,
    ) -> None:
        """A client has tried to show who it is, in vain; `identity` is who a certificate says it is."""
        user = str(identity) if identity else None
        facts = {"client": client, "user": user, "scheme": scheme, "target": target}
        audit.warning("authentication failed", **facts, rule=failure.rule, detail=failure.detail)

    def report_refusal(
        self,
        client: str,
        request: ChannelRequest | None,
        rule: str,
        detail: str,
        identity: Identity | None = None,
    ) -> None:
        """A request was refused, and by which rule."""
        target = str(request.target) if request and request.target else None
        user = str(identity) if identity else None
        self.report_refused_channel(client, user, target, rule, detail)

    def report_refused_channel(
        self, client: str, user: str | None, target: str | None, rule: str, detail: str
    ) -> None:
        """The same, where only its names are known by now."""
        audit.warning("refused", client=client, user=user, target=target, rule=rule, detail=detail)


async def _guarded(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except Exception:  # our own mistake: it is told, and everybody else is served on
        log.exception("a task failed")
