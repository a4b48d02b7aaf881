"""The answers of Autodiscover, from the directory and the switches. Only for somebody who has authenticated.

A mailbox that does not exist and one that is not the user's to open look alike.  MS-OXDSCLI 3.1.5
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select

from rpch.auth.accounts import Identity
from rpch.directory.database import Database
from rpch.directory.entries import Entry, EntryKind
from rpch.directory.mailboxes import entry_of_address, entry_of_dn, entry_of_user, may_open
from rpch.directory.organisation import OrganisationSettings
from rpch.directory.tables import DIRECTORY_STATE
from rpch.exchange.autodiscover.asking import Asking
from rpch.exchange.autodiscover.json_answer import ACTIVE_SYNC, EWS, POX
from rpch.exchange.autodiscover.pox_answer import (
    User,
    error_document,
    redirect_address_document,
    redirect_url_document,
    settings_document,
)
from rpch.exchange.autodiscover.pox_request import Abilities, CannotAnswer, ErrorCode, PoxRequest
from rpch.exchange.autodiscover.protocols import Asker, protocols_for
from rpch.exchange.server_names import ServerNames
from rpch.exchange.switches import (
    ACTIVE_SYNC_EXTERNAL_URL,
    AUTODISCOVER_REDIRECT,
    EWS_EXTERNAL_URL,
    INTERNAL_NETWORKS,
)

log = structlog.get_logger("rpch.autodiscover")

MAILBOXES: Final = frozenset({EntryKind.USER, EntryKind.ROOM, EntryKind.EQUIPMENT})
TARGET_ADDRESS: Final = "targetAddress"  # LDAP's name for where mail and clients of an entry are to go


class Autodiscover:
    """Answers for one directory. Each answer reads the switches, so changes hold from the next one on."""

    def __init__(
        self,
        database: Database,
        names: ServerNames,
        *,
        public: str,
        foreign: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`public` is what clients reach this system by: a host, with its port unless that is 443.

        `foreign` says that mailboxes are at servers of others, which are called by these' organisation.
        """
        self.database, self.public = database, public
        self._names, self._clock, self._foreign = names, clock, foreign
        self._settings = OrganisationSettings(database)

    async def answer(self, asking: Asking, body: bytes, abilities: Abilities) -> bytes:
        """The document for a request; whatever goes wrong becomes an error document."""
        facts = {"user": str(asking.identity), "client": asking.client}
        try:
            return await self.database.run(self._answer, asking, body, abilities)
        except CannotAnswer as error:
            log.info("no settings", **facts, code=int(error.code), why=error.message)
            return error_document(error.code, error.message, self._clock())
        except Exception:  # a client is told in its own language; we read what it was
            log.exception("an answer failed", **facts)
            return error_document(ErrorCode.INTERNAL, "Internal error", self._clock())

    async def urls(self) -> dict[str, str]:
        """Where each protocol of Autodiscover v2 is, for those who may be anywhere; only what there is."""
        served = {EWS: EWS_EXTERNAL_URL, ACTIVE_SYNC: ACTIVE_SYNC_EXTERNAL_URL}
        own = await self.database.run(self._settings.all_own, list(served.values()))
        found = {protocol: own[setting.key] for protocol, setting in served.items() if setting.key in own}
        return {POX: f"https://{self.public}/autodiscover/autodiscover.xml"} | found

    def _answer(self, asking: Asking, body: bytes, abilities: Abilities) -> bytes:
        mailbox = self._mailbox(asking.identity, PoxRequest.decode(body))
        if address := _redirected_address(mailbox):
            return redirect_address_document(address)
        if url := self._settings.of_user(AUTODISCOVER_REDIRECT, mailbox.id):
            return redirect_url_document(url)
        if mailbox.kind not in MAILBOXES:
            raise CannotAnswer(ErrorCode.NO_SETTINGS, "This address has no mailbox")
        inside = self._is_inside(asking.client)
        asker = Asker(self.public, inside=inside, abilities=abilities, offered=asking.offered)
        names = self._names.beside(mailbox.dn) if self._foreign else self._names
        protocols = protocols_for(self._settings, names, mailbox, asker)
        return settings_document(
            User(mailbox.display_name, mailbox.dn, mailbox.mail or "", self._deployment()), protocols
        )

    def _mailbox(self, identity: Identity, request: PoxRequest) -> Entry:
        with self.database.read() as connection:
            user = entry_of_user(connection, identity)
            if request.address:
                wanted = entry_of_address(connection, request.address)
            else:
                # A DN of former days is kept as an address, as Exchange keeps it: X500:/o=…
                wanted = entry_of_dn(connection, request.legacy_dn) or entry_of_address(
                    connection, request.legacy_dn
                )
            allowed = user is not None and wanted is not None and may_open(connection, user.id, wanted.id)
        if wanted is None or not allowed:
            raise CannotAnswer(ErrorCode.NOT_FOUND, "The e-mail address cannot be found")
        return wanted

    def _deployment(self) -> UUID:
        with self.database.read() as connection:
            guid: UUID = connection.execute(select(DIRECTORY_STATE.c.guid)).scalar_one()
        return guid

    def _is_inside(self, client: str) -> bool:
        try:
            address = ip_address(client.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        networks = self._settings.get(INTERNAL_NETWORKS)
        return any((mapped or address) in ip_network(network) for network in networks)


def _redirected_address(mailbox: Entry) -> str:
    """Where an entry's mailbox is, if it is elsewhere: `SMTP:jane@other.com`."""
    target = mailbox.attributes.get(TARGET_ADDRESS)
    if not isinstance(target, str):
        return ""
    kind, colon, address = target.partition(":")
    return address if colon and kind.upper() == "SMTP" else "" if colon else target
