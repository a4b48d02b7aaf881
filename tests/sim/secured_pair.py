"""Both machines back to back with real mechanisms, with room for somebody between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from inspect import isawaitable
from itertools import count
from uuid import UUID

import pytest

from rpch.auth.accounts import MemoryAccounts
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.client.security import RpcCredentials
from rpch.dcerpc import client_events as to_client
from rpch.dcerpc import server_side as to_server
from rpch.dcerpc.associations import AssociationTable
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.client_side import ClientConnection
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import (
    AuthLevel,
    AuthType,
    Fault,
    decode_pdu,
)
from rpch.errors import RpchError
from rpch.server.security import RpcAuthenticator
from rpch.testing.raw_rpc import MANAGED, MAPPED, Managed, Mapped

BINDING = StringBinding.parse("ncacn_ip_tcp:server.lab.test[135]")
ACCOUNTS = MemoryAccounts.from_options([r"LAB\alice:secret", r"LAB\bob:secret2"])
SETTINGS = NtlmSettings.standalone("server.lab.test", domain="LAB")
CONNECT, PKT = AuthLevel.CONNECT, AuthLevel.PKT
SIGNS, SEALS = AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY
NTLM, SPNEGO = AuthType.NTLM, AuthType.NEGOTIATE
STUB = bytes(range(1, 61))  # a verification trailer would have it padded to a multiple of 4

Change = Callable[[bytes], list[bytes]]  # what becomes of one PDU: itself, something else, nothing, copies

assert (interface_of(Managed), interface_of(Mapped)) == (MANAGED, MAPPED)


class Pair:
    """A client that authenticates, its server, and what happens to PDUs on the way. No type is nobody's."""

    def __init__(self, auth_type: AuthType | None, level: AuthLevel) -> None:
        numbers = count(0x53F0)
        table = AssociationTable(
            new_group_id=lambda: next(numbers), new_handle=lambda: UUID(int=next(numbers))
        )
        provider = RpcAuthenticator(ACCOUNTS, ntlm=SETTINGS).provider("memory")
        endpoint = to_server.Endpoint((MANAGED, MAPPED), table, "135", provider)
        self.credentials = (
            None if auth_type is None else RpcCredentials(r"LAB\alice", "secret", level, auth_type)
        )
        self.client, self.server = ClientConnection(), to_server.ServerConnection(endpoint, identity="memory")
        self.to_server: Change = lambda pdu: [pdu]
        self.to_client: Change = lambda pdu: [pdu]
        self.said: list[to_client.Action] = []
        self.sent: list[bytes] = []
        self.answered: list[bytes] = []
        self.users: list[tuple[str | None, AuthLevel]] = []
        self.ended: RpchError | None = None
        self._way: deque[tuple[bool, bytes]] = deque()

    async def open(self) -> Pair:
        """Bind to the managed interface and take all legs."""
        auth = None if self.credentials is None else await self.credentials.begin(BINDING)
        await self.tell(to_client.Open(MANAGED.syntax, auth=auth))
        return self

    async def call(
        self,
        stub: bytes = STUB,
        interface: object = MANAGED,
        opnum: int = 0,
        security: int | None = None,
    ) -> object:
        """What one call comes to: its stub, a fault's status, or the error that the connection ended with."""
        call_id = self.client.new_call_id()
        syntax = interface_of(Mapped).syntax if interface is MAPPED else MANAGED.syntax
        before = len(self.said)
        await self.tell(to_client.Invoke(call_id, syntax, opnum, stub, security=security))
        for action in self.said[before:]:
            match action:
                case to_client.CallCompleted(call_id=answered, stub=answer) if answered == call_id:
                    return answer
                case to_client.CallFaulted(call_id=answered, status=status) if answered == call_id:
                    return status
                case to_client.CallFailed(call_id=answered, why=why) if answered == call_id:
                    return why
        return None

    async def tell(self, event: to_client.Event) -> None:
        """Tell the client, and let everything happen that follows."""
        await self._client(event)
        while self._way:
            for_server, pdu = self._way.popleft()
            for one in (self.to_server if for_server else self.to_client)(pdu):
                if for_server:
                    await self.server_hears(one)
                else:
                    await self._client(to_client.PduReceived(one))

    async def server_hears(self, pdu: bytes) -> None:
        """One PDU comes to the server, whoever sent it."""
        await self._server(to_server.PduReceived(pdu))

    async def _client(self, event: to_client.Event) -> None:
        for action in self.client.handle(event, 0.0):
            self.said.append(action)
            if isinstance(action, to_client.SendPdu):
                self.sent.append(action.data)
                self._way.append((True, action.data))
            elif isinstance(action, to_client.StepSecurity):
                step = action.mechanism.step(action.token)
                await self._client(to_client.SecurityStepped(await step if isawaitable(step) else step))

    async def _server(self, event: to_server.Event) -> None:
        for action in self.server.handle(event, 0.0):
            match action:
                case to_server.SendPdu(data=data):
                    self.answered.append(data)
                    self._way.append((False, data))
                case to_server.StepSecurity(mechanism=mechanism, token=token):
                    step = mechanism.step(token)
                    await self._server(to_server.SecurityStepped(await step if isawaitable(step) else step))
                case to_server.StartCall():
                    self.users.append((action.user, action.level))
                    await self._server(to_server.CallReturned(action.call_id, action.stub))
                case to_server.Disconnect(why=why):
                    self.ended = why

    @property
    def fault(self) -> int:
        """The status of the server's last answer."""
        answer = decode_pdu(self.answered[-1])
        assert isinstance(answer, Fault)
        return answer.status


async def opened(auth_type: AuthType | None = NTLM, level: AuthLevel = SIGNS) -> Pair:
    return await Pair(auth_type, level).open()


BOTH = pytest.mark.parametrize("auth_type", [NTLM, SPNEGO])
SIGNED = pytest.mark.parametrize("level", [PKT, SIGNS, SEALS])
