"""What `rpch ping` is tried on: a whole system in one process, and everything that can be wrong with one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import trustme

from rpch.auth.accounts import MemoryAccounts
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.client.credentials import Credentials
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.probe.ladder import Outcome, Report, StepResult
from rpch.probe.steps import ping
from rpch.probe.target import ping_target
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from rpch.server.demo import Demo
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.server.runtime import RpcServer
from rpch.server.security import RpcAuthenticator

LOOPBACK = "127.0.0.1"
USER, CALLER, PASSWORD = r"LAB\alice", r"LAB\bob", "Passw0rd!"  # at the proxy, and at the server
ALICE = Credentials(USER, PASSWORD)
QUICK = 0.4  # seconds to wait for who will not answer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Laboratory:
    """Real services behind real proxies, on ports that the system chose."""

    plain: int
    """The proxy without TLS."""
    secure: int
    """The same with TLS, under the name `localhost`."""
    mapper: int
    mapper_tcp: int
    demo_tcp: int
    authority: trustme.CA

    def trust(self) -> ssl.SSLContext:
        """TLS of a client that knows our authority."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@asynccontextmanager
async def laboratory(
    valid_ports: str = "localhost:593;localhost:6001;localhost:7001-7002",
    behind: int = 1,
    *,
    open_to_all: bool = False,
    channel_lifetime: int = 1 << 30,
) -> AsyncIterator[Laboratory]:
    """Everything in order. 7001 is permitted, and nothing is there; 7002 leads to the port `behind`."""
    http, tcp = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP
    registrations = Registrations()
    mapper, demo = Mapper(registrations), Demo()
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        callers = MemoryAccounts.from_options([f"{CALLER}:{PASSWORD}"], setting="user")
        ntlm = NtlmSettings.standalone("server", domain="LAB")
        server = RpcServer(tasks, security=RpcAuthenticator(callers, ntlm=ntlm))
        mapper_http = await server.listen(http, LOOPBACK, 0, [mapper])
        demo_http = await server.listen(http, LOOPBACK, 0, [demo])
        mapper_tcp = await server.listen(tcp, LOOPBACK, 0, [mapper])
        demo_tcp = await server.listen(tcp, LOOPBACK, 0, [demo])
        registrations.insert(Registration(interface_of(demo).syntax, http, 6001, "demo"))
        routes = {593: mapper_http, 6001: demo_http, 7001: 1, 7002: behind}
        proxy = ProxyConfiguration(
            no_tls=True,
            user=[f"{USER}:{PASSWORD}"],
            valid_ports=valid_ports,
            allow_anonymous=open_to_all,
            channel_lifetime=channel_lifetime,
            route=[f"*:{known}={LOOPBACK}:{real}" for known, real in routes.items()],
        )
        served = proxy.proxy(tasks, proxy.accounts())
        authority = trustme.CA()
        plain = await stack.enter_async_context(listening(lambda: ProxyConnection(served)))
        own = tls_of(authority, "localhost", LOOPBACK)
        secure = await stack.enter_async_context(listening(lambda: ProxyConnection(served), own))
        try:
            yield Laboratory(plain, secure, mapper_http, mapper_tcp, demo_tcp, authority)
        finally:
            served.end_all(None)
            await server.close()


def tls_of(authority: trustme.CA, *names: str, **more: Any) -> ssl.SSLContext:
    """TLS of a server that has a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, common_name=names[0], **more).configure_cert(context)
    return context


@asynccontextmanager
async def listening(
    make: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A port that the system chose."""
    listener = await asyncio.get_running_loop().create_server(make, LOOPBACK, 0, ssl=tls)
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port where each connection is served by a few lines; what still runs at the end is cancelled."""
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await serve(reader, writer)
        finally:
            running.discard(task)
            writer.transport.abort()

    listener = await asyncio.start_server(connected, LOOPBACK, 0, ssl=tls)
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def answering(answer: bytes) -> Serve:
    """Answers every request with the same bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(answer)

    return serve


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    while await reader.read(4096):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads a little and goes."""
    await reader.read(1)


async def tls_alert(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks TLS, and agrees on nothing: a fatal alert, handshake_failure.  RFC 5246 7.2"""
    await reader.read(1)
    writer.write(bytes.fromhex("15 0303 0002 02 28"))


def buffering(port: int, *, requests: bool = False, responses: bool = False) -> Serve:
    """A reverse proxy that waits for the whole of a request, or of a response, before it passes any on.

    Echoes are whole at once and pass; channels never are.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        channel = b"\r\nContent-Length: 4\r\n" not in head and b"\r\nContent-Length: 0\r\n" not in head
        if channel and requests and head.startswith(b"RPC_IN_DATA"):
            await mute(reader, writer)
            return
        back_reader, back_writer = await asyncio.open_connection(LOOPBACK, port)
        back_writer.write(head)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, back_writer))
                if not (channel and responses):
                    both.create_task(_pump(back_reader, writer))
        finally:
            back_writer.transport.abort()

    return serve


def first_of_in(port: int, instead: Serve) -> Serve:
    """A relay that passes the first IN channel to each target, and does something else with successors."""
    seen: set[bytes] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.partition(b"\r\n")[0]
        if line.startswith(b"RPC_IN_DATA") and b"\r\nContent-Length: 1073741824\r\n" in head:
            if line in seen:
                await instead(reader, writer)
                return
            seen.add(line)
        back_reader, back_writer = await asyncio.open_connection(LOOPBACK, port)
        back_writer.write(head)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, back_writer))
                both.create_task(_pump(back_reader, writer))
        finally:
            back_writer.transport.abort()

    return serve


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


async def try_it(
    binding: str,
    *,
    credentials: Credentials | None = ALICE,
    tls: ssl.SSLContext | None = None,
    timeout: float = 5.0,  # noqa: ASYNC109 - it is the one of each answer
    **more: Any,
) -> Report:
    """Climb a ladder."""
    target = ping_target(
        StringBinding.parse(binding),
        credentials=credentials,
        tls=tls,
        timeout=timeout,
        **more,
    )
    return await ping(target)


def outcomes(report: Report) -> dict[str, str]:
    """How each step ended, by its name."""
    return {result.step.name: result.outcome.value for result in report.results}


def failure(report: Report) -> StepResult:
    """The step that failed, which must be the only one."""
    (failed,) = [result for result in report.results if result.outcome is Outcome.FAILED]
    assert failed.explanation is not None
    return failed
