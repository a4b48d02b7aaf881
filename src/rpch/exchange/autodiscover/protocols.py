"""Which ways to a mailbox a client is told, by the switches, its network and what it can.

    it speaks MAPI over HTTP, and that is on for the user       mapiHttp alone, as Exchange 2019 does
    else                                                        EXCH, and EXPR with the proxy
    and it knows EXHTTP                                         EXHTTP besides: from inside, then from outside
    RPC over HTTP is blocked for the user                       none of the three

Whoever is outside is told nothing of inside. The method is what the switches say, else the best of what the
client's own way in offers; `Negotiate` only to those who say that they know it.  MS-OXDSCLI 3.1.5
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rpch.auth.schemes import Scheme
from rpch.directory.entries import Entry
from rpch.directory.organisation import OrganisationSettings, Setting
from rpch.exchange.autodiscover.pox_answer import Exch, ExHttp, Expr, MapiHttp, Protocol, Services, Web
from rpch.exchange.autodiscover.pox_request import Abilities, CannotAnswer, ErrorCode
from rpch.exchange.server_names import ServerNames
from rpch.exchange.switches import (
    BLOCK_RPC_HTTP,
    EWS_EXTERNAL_URL,
    EWS_INTERNAL_URL,
    EXTERNAL_HOSTNAME,
    EXTERNAL_METHOD,
    EXTERNAL_SSL,
    INTERNAL_HOSTNAME,
    INTERNAL_METHOD,
    INTERNAL_SSL,
    MAPI_EXTERNAL_URL,
    MAPI_HTTP_ENABLED,
    MAPI_INTERNAL_URL,
    METHODS,
    WEBMAIL_EXTERNAL_URL,
    WEBMAIL_INTERNAL_URL,
)

VERSION: Final = (15, 0, 847)
NONE: Final = Abilities()


@dataclass(frozen=True, slots=True)
class Asker:
    """What is known of a client: whom it reached, whether from inside, what it can, what it was offered."""

    public: str
    inside: bool
    abilities: Abilities = NONE
    offered: frozenset[Scheme] = frozenset(Scheme)


def packed_version(major: int, minor: int, build: int) -> str:
    """A version as `ServerVersion` has it: 4, 6, 6, 1 and 15 bits, in hex."""
    return f"{7 << 28 | major << 22 | minor << 16 | 0x8000 | build:08X}"


def protocols_for(
    settings: OrganisationSettings, names: ServerNames, mailbox: Entry, asker: Asker
) -> list[Protocol]:
    """The ways to a mailbox; `CannotAnswer` when none is left."""
    target = names.target_of(mailbox.guid, mailbox.mail)
    blocked = settings.of_user(BLOCK_RPC_HTTP, mailbox.id)
    wants_mapi = asker.abilities.mapi_http >= 1 and settings.of_user(MAPI_HTTP_ENABLED, mailbox.id)
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
    """Old clients are told of the proxy on their side; those who know EXHTTP of both that they may use."""
    sides = [_internal(settings, asker)] if asker.inside else []
    if external := _external(settings, asker):
        sides.append(external)
    if not sides:
        return []
    exch = Exch(
        target,
        names.server_dn(target),
        names.database_dn(target),
        packed_version(*VERSION),
        sides[0].services,
    )
    found: list[Protocol] = [exch, sides[0]]
    if asker.abilities.exhttp:
        found += [ExHttp(side.host, side.tls, side.method, side.services) for side in sides]
    return found


def _internal(settings: OrganisationSettings, asker: Asker) -> Expr:
    host = settings.get(INTERNAL_HOSTNAME) or asker.public
    method = _method(settings, INTERNAL_METHOD, asker)
    services = Services(settings.get(EWS_INTERNAL_URL) or settings.get(EWS_EXTERNAL_URL))
    return Expr(host, settings.get(INTERNAL_SSL), method, services)


def _external(settings: OrganisationSettings, asker: Asker) -> Expr | None:
    if not (host := settings.get(EXTERNAL_HOSTNAME)):
        return None
    method = _method(settings, EXTERNAL_METHOD, asker)
    return Expr(host, settings.get(EXTERNAL_SSL), method, Services(settings.get(EWS_EXTERNAL_URL)))


def _method(settings: OrganisationSettings, setting: Setting[str], asker: Asker) -> str:
    said, by_name = settings.get(setting), {scheme.upper() for scheme in asker.offered}
    choice = (said,) if said else tuple(name for name in METHODS if name.upper() in by_name)
    if choice[:1] == ("Negotiate",) and not asker.abilities.negotiate:
        choice = choice[1:] or ("Ntlm",)  # which a client that is told so may do within Negotiate, too
    return choice[0] if choice else "Basic"
