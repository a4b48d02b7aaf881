"""The proxy of one process: what it runs, what it tells, and how it comes to an end."""

import asyncio

from structlog.testing import capture_logs

from rpch.auth.accounts import Identity
from rpch.auth.outcomes import Failure
from rpch.http.channels import read_channel_request
from rpch.http.heads import RequestHead
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy

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


async def test_a_challenge_is_worth_a_line_only_when_somebody_had_tried() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = proxy_in(tasks)
        with capture_logs() as lines:
            proxy.report_challenge("192.0.2.7", REQUEST, None)
            proxy.report_challenge("192.0.2.7", REQUEST, Failure("WrongCredentials", "user 'alice'"))
    (line,) = lines
    assert (line["event"], line["client"], line["rule"]) == (
        "authentication failed",
        "192.0.2.7",
        "WrongCredentials",
    )
