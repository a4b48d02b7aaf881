"""The proxy of one process: what it runs, what it tells, and how it comes to an end."""

import asyncio

from structlog.testing import capture_logs

from rpch.aio.driver import Driver
from rpch.aio.leg import LegConnection
from rpch.auth.accounts import Identity
from rpch.auth.outcomes import Failure
from rpch.http.channels import read_channel_request
from rpch.http.heads import RequestHead
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy
from rpch.testing.situations import inbound, outbound
from rpch.vconn.events import Action, Closed, Leg
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.inbound_states import InState
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.outbound_states import OutState
from tests.memory_transport import MemoryTransport
from tests.raw_peer import until

REQUEST = read_channel_request(
    RequestHead(
        "RPC_IN_DATA",
        "/rpc/rpcproxy.dll?ex01:6001",
        "1.1",
        (("host", "p"), ("content-length", "131072"), ("authorization", "Basic secret")),
    )
)


def proxy_in(tasks: asyncio.TaskGroup) -> RpcProxy:
    """A proxy without targets."""
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    return settings.proxy(tasks, settings.accounts())


async def test_a_task_that_fails_is_told_and_ends_no_other() -> None:
    done = asyncio.Event()

    async def fails() -> None:
        raise LookupError("our own mistake")

    async def goes_on() -> None:
        done.set()

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            proxy = proxy_in(tasks)
            proxy.spawn(fails())
            proxy.spawn(goes_on())
    assert done.is_set()
    assert [(line["event"], line["log_level"]) for line in lines] == [("a task failed", "error")]


async def test_a_task_that_is_cancelled_before_it_begins_leaves_nothing() -> None:
    async def never() -> None:
        raise AssertionError("nobody waits for this")

    async with asyncio.TaskGroup() as tasks:
        proxy_in(tasks).spawn(never()).cancel()


async def test_an_empty_proxy_drains_at_once() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = proxy_in(tasks)
        async with asyncio.timeout(0.5):
            await proxy.drain(60.0)
        assert proxy.draining


class Seen:
    """A channel in memory: what was written to it, and when its leg was closed."""

    def __init__(self, proxy: RpcProxy, machine: InboundProxy | OutboundProxy, leg: Leg) -> None:
        self.transport, self.machine = MemoryTransport(), machine
        driver = proxy.drivers[machine] = Driver(machine, self._carry_out)
        connection = LegConnection(leg, driver.feed)
        connection.connection_made(self.transport)
        driver.attach(connection)
        self._proxy = proxy

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Closed):
            self._proxy.forget(self.machine)


def inbound_and_outbound(proxy: RpcProxy) -> tuple[Seen, Seen]:
    """One channel of each kind."""
    inward, outward = inbound(InState.OPENED), outbound(OutState.OPENED)
    return Seen(proxy, inward, inward.in_h), Seen(proxy, outward, outward.out_h)


async def test_a_drain_ends_when_the_last_channel_has() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = proxy_in(tasks)
        inward, outward = inbound_and_outbound(proxy)
        draining = asyncio.create_task(proxy.drain(60.0))
        for channel in (inward, outward):
            await asyncio.sleep(0)
            assert proxy.draining
            assert not draining.done()
            proxy.forget(channel.machine)
        async with asyncio.timeout(0.5):
            await draining
        assert inward.transport.take() == outward.transport.take() == b""


async def test_clients_are_told_on_in_before_out_ends() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = proxy_in(tasks)
        inward, outward = inbound_and_outbound(proxy)
        draining = asyncio.create_task(proxy.drain(0.01))
        await until(lambda: inward.machine not in proxy.drivers)
        assert inward.transport.take().startswith(b"HTTP/1.0 503 RPC Error: 6ba\r\n")
        assert outward.machine in proxy.drivers
        assert not outward.transport.is_ended()
        await draining
        assert outward.transport.take() == b""
        assert outward.transport.is_ended()
        assert not proxy.drivers


async def test_where_nobody_can_be_told_the_end_comes_at_once() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = proxy_in(tasks)
        machine = outbound(OutState.OPENED)
        Seen(proxy, machine, machine.out_h)
        async with asyncio.timeout(0.3):
            await proxy.drain(0.01)
        assert machine.finished


async def test_refusals_name_client_user_target_and_rule_and_no_secret() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = proxy_in(tasks)
        with capture_logs() as lines:
            proxy.report_refusal("192.0.2.7", REQUEST, "ValidPorts", "not listed", Identity("alice", "LAB"))
            proxy.report_refusal("192.0.2.7", None, "Grammar", "no head")
    first, second = lines
    facts = ("192.0.2.7", r"LAB\alice", "ex01:6001", "ValidPorts", "not listed")
    assert tuple(first[name] for name in ("client", "user", "target", "rule", "detail")) == facts
    assert second["target"] is second["user"] is None
    assert "secret" not in str(lines)


async def test_who_has_authenticated_or_tried_to_is_named_with_scheme_and_target() -> None:
    alice, failure = Identity("alice", "LAB"), Failure("WrongCredentials", "user 'alice'")
    async with asyncio.TaskGroup() as tasks:
        proxy = proxy_in(tasks)
        with capture_logs() as lines:
            proxy.report_authenticated("192.0.2.7", alice, scheme="Basic", target="ex01:6001")
            proxy.report_failure("192.0.2.7", failure, scheme="Basic", target="ex01:6001")
            proxy.report_failure("192.0.2.7", failure, scheme="Certificate", identity=alice)
    known = {"client": "192.0.2.7", "scheme": "Basic", "target": "ex01:6001"}
    tried = {"event": "authentication failed", "rule": "WrongCredentials", "detail": "user 'alice'"}
    assert [{name: line[name] for name in line if name != "log_level"} for line in lines] == [
        {"event": "authenticated", "user": r"LAB\alice", **known},
        {"user": None, **known, **tried},
        {**known, **tried, "user": r"LAB\alice", "scheme": "Certificate", "target": None},
    ]
