"""What the database says about a user, asked by the RPC proxy for each request."""

from __future__ import annotations

from rpch.auth.accounts import Identity
from rpch.front.databases import database_of
from rpch.proxy.policy import Denied, Rule, UserRule
from rpch.proxy.service import RpcProxy


def user_rule(proxy: RpcProxy) -> UserRule:
    """Refuses users whose RPC over HTTP is switched off; asks whichever accounts the proxy has by then."""

    async def ask(identity: Identity) -> Denied | None:
        if (database := database_of(proxy)) is None:
            return None
        from rpch.exchange.switches import blocks_rpc_http  # the library takes long to load

        if await database.run(blocks_rpc_http, database, identity):
            return Denied(Rule.BLOCKED_USER, 403, f"RPC over HTTP is switched off for {identity}")
        return None

    return ask
