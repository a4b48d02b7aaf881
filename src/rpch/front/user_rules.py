"""What the database says about a user, asked by the RPC proxy for each request."""

from __future__ import annotations

from rpch.auth.accounts import Identity
from rpch.proxy.accounts import StoredAccounts
from rpch.proxy.policy import Denied, Rule, UserRule
from rpch.proxy.service import RpcProxy


def user_rule(proxy: RpcProxy) -> UserRule:
    """Refuses users whose RPC over HTTP is switched off; asks whichever accounts the proxy has by then."""

    async def ask(identity: Identity) -> Denied | None:
        accounts = proxy.authenticator.accounts
        if not isinstance(accounts, StoredAccounts):
            return None
        from rpch.directory.database_accounts import DatabaseAccounts  # the library takes long to load
        from rpch.exchange.switches import blocks_rpc_http

        if not isinstance(accounts, DatabaseAccounts):
            return None
        if await accounts.database.run(blocks_rpc_http, accounts.database, identity):
            return Denied(Rule.BLOCKED_USER, 403, f"RPC over HTTP is switched off for {identity}")
        return None

    return ask
