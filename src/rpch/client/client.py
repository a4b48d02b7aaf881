"""Calls to one server, over whichever way leads there, and again where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from rpch.client.calls import Calls
from rpch.client.policy import ConnectionPolicy, NotTaken, Path, first_to_answer
from rpch.client.retry import Retry
from rpch.client.rpc import RpcConnection
from rpch.client.security import RpcCredentials, credentials_for
from rpch.client.ways import Way
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import Interface
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.errors import ConfigError


class RpcClient(Calls):
    """Calls to one server. Made by `connect`.

    A connection that breaks is replaced when the next call needs one. Where there are several ways they
    are tried anew then: the network may be another.
    """

    def __init__(
        self, ways: Sequence[Way], policy: ConnectionPolicy | None = None, retry: Retry | None = None
    ) -> None:
        """`ways` stand in the order in which they are tried."""
        super().__init__(retry or Retry(attempts=1))
        self._ways, self._policy = ways, policy or ConnectionPolicy()
        self._way = ways[0]
        self._not_taken: tuple[NotTaken, ...] = ()
        self._opening = asyncio.Lock()

    @property
    def binding(self) -> StringBinding:
        """The string binding of the way that was taken."""
        return self._way.binding

    @property
    def object_uuid(self) -> UUID | None:
        """The object of calls that name none: that of the binding."""
        return self.binding.object_uuid

    @property
    def path(self) -> Path:
        """Which way was taken, and why no other."""
        way = self._way
        return Path(way.binding.transport, str(way), tuple(way.notes), self._not_taken)

    def as_user(
        self,
        user: str | None,
        password: str = "",
        *,
        auth_level: AuthLevel | None = None,
        auth_type: AuthType | None = None,
    ) -> RpcUser:
        """Calls of somebody else, or at another level, over the connections of this client.

        The parameters are those of `connect` for the RPC server, `rpc_user` and so on. Each connection gets a
        security context for this user with the first call that needs one; calls of others go on meanwhile.
        MS-RPCE 3.3.1.5.4
        """
        caller = credentials_for(self.binding, user, password, level=auth_level, auth_type=auth_type)
        if caller is None:
            raise ConfigError("user", "is missing: say who calls; only Kerberos knows who has signed in")
        return RpcUser(self, caller, self._retry)

    async def open(self) -> None:
        """Take the way that answers first; nothing where there is only one, and no port to ask for."""
        async with self._opening:
            if len(self._ways) > 1:
                await self._choose()
            elif self._way.binding.port is not None:
                await self._way.reach()

    async def way_for(
        self, interface: Interface, caller: RpcCredentials | None = None
    ) -> tuple[RpcConnection, int | None]:
        """The connection to an interface, and the security context on it of whoever is not its own user."""
        connection = await self.connection_for(interface)
        return connection, await self._way.context_for(connection, interface, caller)

    async def connection_for(self, interface: Interface) -> RpcConnection:
        """The connection to the port where an interface is, opened if need be."""
        if (standing := self._way.standing(interface)) is not None:
            return standing
        async with self._opening:
            if len(self._ways) > 1 and not self._way.open:
                await self._choose()
            return await self._way.connection_for(interface)

    def close(self) -> None:
        """End every connection."""
        for way in self._ways:
            way.close()

    async def closed(self) -> None:
        """Wait until nothing is left of what was closed."""
        for way in self._ways:
            await way.closed()

    async def _choose(self) -> None:
        self._way, self._not_taken = await first_to_answer(self._ways, self._policy)


class RpcUser(Calls):
    """The calls of one user over the connections of a client. Made by `RpcClient.as_user`.

    With a server that takes one security context a connection every call is `CannotOpen`. Wrong credentials
    are `AuthenticationFailed`, or by NTLM alone fault 5 of the first call. Most servers end the connection
    then, which costs others the calls that were under way.
    """

    def __init__(self, client: RpcClient, credentials: RpcCredentials, retry: Retry) -> None:
        super().__init__(retry)
        self._client, self._credentials = client, credentials

    @property
    def object_uuid(self) -> UUID | None:
        """The object of calls that name none."""
        return self._client.object_uuid

    async def way_for(self, interface: Interface) -> tuple[RpcConnection, int | None]:
        """The connection to an interface, and this user's security context on it."""
        return await self._client.way_for(interface, self._credentials)
