"""Which ways to a mailbox a client is told, by the switches, its network and what it can.

    it speaks MAPI over HTTP, and that is on for the user       mapiHttp alone, as Exchange 2019 does
    else                                                        EXCH, and EXPR with the proxy
    RPC over HTTP is blocked for the user                       neither EXCH nor EXPR

Whoever is outside is told nothing of inside.  MS-OXDSCLI 3.1.5
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rpch.directory.entries import Entry
from rpch.directory.organisation import OrganisationSettings
from rpch.exchange.autodiscover.pox_answer import Exch, Expr, MapiHttp, Protocol, Web
from rpch.exchange.autodiscover.pox_request import CannotAnswer, ErrorCode
from rpch.exchange.server_names import ServerNames
from rpch.exchange.switches import (
    BLOCK_RPC_HTTP,
    EXTERNAL_HOSTNAME,
    EXTERNAL_METHOD,
    EXTERNAL_SSL,
    INTERNAL_HOSTNAME,
    INTERNAL_METHOD,
    INTERNAL_SSL,
    MAPI_EXTERNAL_URL,
    MAPI_HTTP_ENABLED,
    MAPI_INTERNAL_URL,
    WEBMAIL_EXTERNAL_URL,
    WEBMAIL_INTERNAL_URL,
)

VERSION: Final = (15, 0, 847)


@dataclass(frozen=True, slots=True)
class Asker:
    """What is known of a client: whom it reached, whether from inside, and its version of MAPI over HTTP."""

    public: str
    inside: bool
    capability: int = 0


def packed_version(major: int, minor: int, build: int) -> str:
    """A version as `ServerVersion` has it: 4, 6, 6, 1 and 15 bits, in hex."""
    return f"{7 << 28 | major << 22 | minor << 16 | 0x8000 | build:08X}"


def protocols_for(
    settings: OrganisationSettings, names: ServerNames, mailbox: Entry, asker: Asker
) -> list[Protocol]:
    """The ways to a mailbox; `CannotAnswer` when none is left."""
    target = names.target_of(mailbox.guid, mailbox.mail)
    blocked = settings.of_user(BLOCK_RPC_HTTP, mailbox.id)
    wants_mapi = asker.capability >= 1 and settings.of_user(MAPI_HTTP_ENABLED, mailbox.id)
    found: list[Protocol] = []
    if wants_mapi and (mapi := _mapi(settings, target, asker)):
        found.append(mapi)
    if not found and not blocked:
        found = _rpc(settings, names, target, asker)
    if not found and blocked:
        raise CannotAnswer(ErrorCode.NO_SETTINGS, "No protocol is enabled for this mailbox")
    if not found:
        raise CannotAnswer(ErrorCode.MISCONFIGURED, "No protocol is configured for this network")
    internal = settings.get(WEBMAIL_INTERNAL_URL) if asker.inside else ""
    external = settings.get(WEBMAIL_EXTERNAL_URL)
    if internal or external:
        found.append(Web(internal, external))
    return found


def _mapi(settings: OrganisationSettings, target: str, asker: Asker) -> MapiHttp | None:
    external = settings.get(MAPI_EXTERNAL_URL)
    internal = (settings.get(MAPI_INTERNAL_URL) or f"https://{asker.public}/mapi") if asker.inside else ""
    return MapiHttp(internal, external, target) if internal or external else None


def _rpc(settings: OrganisationSettings, names: ServerNames, target: str, asker: Asker) -> list[Protocol]:
    if asker.inside:
        host = settings.get(INTERNAL_HOSTNAME) or asker.public
        expr = Expr(host, settings.get(INTERNAL_SSL), settings.get(INTERNAL_METHOD))
    else:
        expr = Expr(
            settings.get(EXTERNAL_HOSTNAME), settings.get(EXTERNAL_SSL), settings.get(EXTERNAL_METHOD)
        )
    if not expr.host:
        return []
    version = packed_version(*VERSION)
    return [Exch(target, names.server_dn(target), names.database_dn(target), version), expr]
