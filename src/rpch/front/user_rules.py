"""What is said of a user by now: asked for each request, and again while channels are open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from rpch.auth.accounts import AccountRegister, Identity, Standing
from rpch.auth.http_authenticator import STANDING_RULES
from rpch.errors import RpchError
from rpch.front.databases import database_of, revision_of
from rpch.proxy.policy import Denied, Rule, UserRule
from rpch.proxy.service import RpcProxy

if TYPE_CHECKING:
    from rpch.directory.database import Database

log = structlog.get_logger("rpch.front")

LOOK_EVERY: Final = 10.0  # seconds


def account_rule(proxy: RpcProxy) -> UserRule:
    """Refuses users whose account is disabled or gone by now, however and whenever they proved who they are.

    It asks whichever accounts the proxy has by then.
    """

    async def ask(identity: Identity) -> Denied | None:
        accounts = proxy.authenticator.accounts
        if not isinstance(accounts, AccountRegister):
            return None
        standing = await accounts.standing(identity)
        has_ticket = standing is Standing.UNKNOWN and proxy.authenticator.kerberos is not None
        if standing is Standing.GOOD or has_ticket:
            return None
        return Denied(STANDING_RULES[standing], 403, f"user {str(identity)!r}")

    return ask


def user_rule(proxy: RpcProxy) -> UserRule:
    """Refuses, besides, users whose RPC over HTTP is switched off."""
    ask_account = account_rule(proxy)

    async def ask(identity: Identity) -> Denied | None:
        if denied := await ask_account(identity):
            return denied
        if (database := database_of(proxy)) is None:
            return None
        from rpch.exchange.switches import blocks_rpc_http  # the library takes long to load

        if await database.run(blocks_rpc_http, database, identity):
            return Denied(Rule.BLOCKED_USER, 403, f"RPC over HTTP is switched off for {identity}")
        return None

    return ask


async def watch_users(proxy: RpcProxy, *, every: float = LOOK_EVERY) -> None:
    """End the channels of whoever may not sign in any more; for ever.

    A channel lives for hours and asks for nothing meanwhile, so somebody else must ask. The database is asked
    about each user only where something in it has changed.
    """
    rule = account_rule(proxy)
    seen: tuple[Database, int] | None = None
    while True:
        await asyncio.sleep(every)
        if (database := database_of(proxy)) is None:
            continue
        try:
            found = database, await database.run(revision_of, database)
            if found != seen:
                await _end_refused(proxy, rule)
                seen = found
        except RpchError as error:
            log.warning("accounts cannot be looked at, channels stay open", why=str(error))


async def _end_refused(proxy: RpcProxy, rule: UserRule) -> None:
    for identity in proxy.users:
        if denied := await rule(identity):
            proxy.end_user(identity, denied)
