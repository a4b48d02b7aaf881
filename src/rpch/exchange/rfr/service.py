"""The referral, served: which server a user's address book and mailbox are at.  MS-OXABREF 3.1.4

Clients that come through an RPC proxy are told `<mailbox GUID>@<domain>`, which they put into the proxy's URL
as it is. Clients that come over TCP are told the machine's name, for they have to find it themselves.
"""

from __future__ import annotations

from typing import Final

import structlog

from rpch.dcerpc.interface import Call
from rpch.directory.book_reader import BookReader
from rpch.directory.database import Database
from rpch.directory.entries import Entries
from rpch.exchange.rfr.interface import (
    GetFqdnRequest,
    GetFqdnResponse,
    GetNewDsaRequest,
    GetNewDsaResponse,
    Referral,
)
from rpch.exchange.server_names import ServerNames, mailbox_of

log = structlog.get_logger("rpch.rfr")

SUCCESS: Final = 0
NOT_FOUND: Final = 0x8004_010F


class ReferralService(Referral):
    """Answers for one directory. `by_mailbox` tells proxies' clients from those of TCP."""

    def __init__(self, database: Database, names: ServerNames, *, by_mailbox: bool = True) -> None:
        self._database, self._names, self._by_mailbox = database, names, by_mailbox
        self._reader, self._entries = BookReader(database), Entries(database)

    async def get_new_dsa(self, call: Call, request: GetNewDsaRequest) -> GetNewDsaResponse:
        """The address book server of a user; an empty DN asks for oneself."""
        name = await self._database.run(self.server_of_user, request.user_dn, call.user)
        # A null pointer asks for no name, and there is no place to write it.
        return GetNewDsaResponse(None, None if request.server is None else name, SUCCESS)

    async def get_fqdn_from_server_dn(self, call: Call, request: GetFqdnRequest) -> GetFqdnResponse:
        """The name by which a client reaches the server of a DN."""
        name = await self._database.run(self.server_of_dn, request.server_dn)
        return GetFqdnResponse(name, NOT_FOUND if name is None else SUCCESS)

    def server_of_user(self, user_dn: str, caller: str | None = None) -> str:
        """The server of a user by DN, or of who calls. Somebody unknown gets the machine's name."""
        entry = None
        if user_dn:
            entry = self._entries.by_dn(user_dn)
        elif caller and (entry_id := self._reader.entry_of_account(caller)) is not None:
            entry = self._entries.get(entry_id).get(entry_id)
        if entry is None or not self._by_mailbox:
            return self._names.host
        return self._names.target_of(entry.guid, entry.mail)

    def server_of_dn(self, server_dn: str) -> str | None:
        """The server that a DN, of a server or of its database, names; None for those of others."""
        target = self._names.target_in(server_dn)
        if target is None:
            return None
        guid = mailbox_of(target)
        if guid is not None and self._entries.by_guid(guid) is not None:
            return target if self._by_mailbox else self._names.host
        return self._names.host if target.casefold() == self._names.host.casefold() else None
