"""What the database says about a user, asked by the RPC proxy for each request."""

from __future__ import annotations

from rpch.auth.accounts import AccountRegister, Identity, Standing
from rpch.auth.http_authenticator import STANDING_RULES
from rpch.front.databases import database_of
from rpch.proxy.policy import Denied, Rule, UserRule
from rpch.proxy.service import RpcProxy


def user_rule(proxy: RpcProxy) -> UserRule:
    """Refuses users who are disabled by now, or whose RPC over HTTP is switched off.

    It asks whichever accounts the proxy has by then.
    """

    async def ask(identity: Identity) -> Denied | None:
        if (database := database_of(proxy)) is None:
            return None
        from rpch.exchange.switches import blocks_rpc_http  # the library takes long to load

        accounts = proxy.authenticator.accounts
        if isinstance(accounts, AccountRegister):
            standing = await accounts.standing(identity)
            has_ticket = standing is Standing.UNKNOWN and proxy.authenticator.kerberos is not None
            if standing is not Standing.GOOD and not has_ticket:
                # It was proven a while ago, on this connection or with credentials that are remembered.
                return Denied(STANDING_RULES[standing], 403, f"user {str(identity)!r}")
        if await database.run(blocks_rpc_http, database, identity):
            return Denied(Rule.BLOCKED_USER, 403, f"RPC over HTTP is switched off for {identity}")
        return None

    return ask
