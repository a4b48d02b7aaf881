"""The referral for clients: which server to ask for one's address book and mailbox.  MS-OXABREF 3.2"""

from __future__ import annotations

from typing import Protocol, TypeVar

from rpch.dcerpc.interface import Message, Operation
from rpch.errors import RpcFault
from rpch.exchange.rfr.interface import GetFqdnRequest, GetNewDsaRequest, Referral

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


class Caller(Protocol):
    """Whoever makes calls: `RpcClient`."""

    async def call(self, operation: Operation[Req, Resp], request: Req) -> Resp:
        """Call an operation and wait for its response."""


async def address_book_server(client: Caller, user_dn: str = "") -> str:
    """The server with the address book of a user, or one's own.  MS-OXABREF 3.1.4.1"""
    answer = await client.call(Referral.get_new_dsa, GetNewDsaRequest(0, user_dn, None, ""))
    if answer.status or not answer.server:
        raise RpcFault(answer.status)
    return answer.server


async def mailbox_server(client: Caller, server_dn: str) -> str:
    """The name by which to reach the server of a DN.  MS-OXABREF 3.1.4.2"""
    request = GetFqdnRequest(0, len(server_dn) + 1, server_dn)
    answer = await client.call(Referral.get_fqdn_from_server_dn, request)
    if answer.status or not answer.fqdn:
        raise RpcFault(answer.status)
    return answer.fqdn
