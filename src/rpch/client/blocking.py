"""The same calls for scripts that do not use asyncio.

    with connect_blocking("ncacn_ip_tcp:server[135]") as client:
        print(client.call(Demo.add, AddRequest(2, 3)))

A thread runs the event loop, so that connections stay alive between calls.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypedDict, TypeVar, Unpack
from uuid import UUID

from rpch.client.client import RpcClient, RpcUser
from rpch.client.connect import connect
from rpch.client.credentials import Credentials
from rpch.client.policy import ConnectionPolicy, Network, Path
from rpch.client.retry import Retry
from rpch.client.tls import ClientCertificate
from rpch.client.ways import HttpVersion
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import Message, Operation
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.http.pragmas import Pragmas
from rpch.vconn.settings import ClientSettings

T = TypeVar("T")
Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


class BlockingUser:
    """The calls of one user, each waiting for its answer. Made by `BlockingClient.as_user`."""

    def __init__(self, calls: RpcClient | RpcUser, loop: asyncio.AbstractEventLoop) -> None:
        self._calls, self._loop = calls, loop

    def call(
        self,
        operation: Operation[Req, Resp],
        request: Req,
        *,
        timeout: float | None = None,
        object_uuid: UUID | None = None,
        idempotent: bool = False,
    ) -> Resp:
        """Call an operation; parameters and errors are those of the asynchronous client."""
        work = self._calls.call(
            operation, request, timeout=timeout, object_uuid=object_uuid, idempotent=idempotent
        )
        return _wait(self._loop, work)

    def bind(self, interface: type[object]) -> None:
        """Make sure that the server offers an interface."""
        _wait(self._loop, self._calls.bind(interface))


class BlockingClient(BlockingUser):
    """Calls to one server, each waiting for its answer. Made by `connect_blocking`."""

    def __init__(self, client: RpcClient, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(client, loop)
        self._client = client

    @property
    def path(self) -> Path:
        """Which way was taken, and why no other."""
        return self._client.path

    def as_user(
        self,
        user: str | None,
        password: str = "",
        *,
        auth_level: AuthLevel | None = None,
        auth_type: AuthType | None = None,
    ) -> BlockingUser:
        """Calls of somebody else over the connections of this client; see `RpcClient.as_user`."""
        calls = self._client.as_user(user, password, auth_level=auth_level, auth_type=auth_type)
        return BlockingUser(calls, self._loop)


class ConnectOptions(TypedDict, total=False):
    """The parameters of `connect`, by which they are explained."""

    user: str | None
    password: str
    scheme: str
    tls: bool | ssl.SSLContext
    principal: str | None
    client_certificate: ClientCertificate
    http_proxy: str | None
    http_proxy_credentials: Credentials | None
    rpc_user: str | None
    rpc_password: str
    auth_level: AuthLevel | None
    auth_type: AuthType | None
    version: HttpVersion
    alternative: str | StringBinding | None
    policy: ConnectionPolicy | None
    network: Network
    retry: Retry | None
    timeout: float
    settings: ClientSettings | None
    pragmas: Pragmas | None


@contextmanager
def connect_blocking(
    binding: str | StringBinding, **options: Unpack[ConnectOptions]
) -> Iterator[BlockingClient]:
    """Reach an RPC server; parameters and errors are those of `connect`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=[loop], name="rpch", daemon=True)
    thread.start()
    try:
        session = _Session(connect(binding, **options))
        client = _wait(loop, session.begin())
        try:
            yield BlockingClient(client, loop)
        finally:
            _wait(loop, session.finish())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class _Session:
    """Keeps an asynchronous context open between two calls from another thread.

    One task enters and leaves it, since a task group belongs to the task that entered it.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._task: asyncio.Task[None]
        self._over: asyncio.Event

    async def begin(self) -> RpcClient:
        entered: asyncio.Future[RpcClient] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._run(entered))
        return await entered

    async def finish(self) -> None:
        self._over.set()
        await self._task

    async def _run(self, entered: asyncio.Future[RpcClient]) -> None:
        try:
            async with self._context as client:
                entered.set_result(client)
                await self._over.wait()
        except Exception as error:
            if entered.done():
                raise
            entered.set_exception(error)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """The whole life of the loop. Its end has work to do too: what was just closed is still going."""
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _wait(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result()
