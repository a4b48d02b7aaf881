"""The proxy asks the database about each user, whichever database it has by then."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.counters import MemoryCounters
from rpch.auth.kerberos import KerberosSettings
from rpch.auth.keytab import Keytab
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.exchange.switches import set_user_switches
from rpch.front.user_rules import user_rule
from rpch.proxy.configuration import ProxyConfiguration

ALICE = Identity("alice", "LAB")


class Elsewhere(MemoryAccounts):
    """Accounts that others share, but no database of ours."""

    def __init__(self) -> None:
        super().__init__({ALICE: "pw"})
        self.counters = MemoryCounters()

    def domain(self) -> str:
        return "LAB"

    def close(self) -> None:
        """It holds nothing."""


async def test_a_blocked_or_disabled_user_is_refused_from_then_on(tmp_path: Path) -> None:
    cost = HashingCost(passes=1, memory=8, lanes=1)
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    with closing(Directory.open(str(tmp_path / "rpch.sqlite3"), cost=cost)) as directory:
        made = directory.store.add(ALICE, "secret")
        async with asyncio.TaskGroup() as tasks:
            proxy = settings.proxy(tasks, directory.accounts)
            rule = user_rule(proxy)
            assert await rule(ALICE) is None
            set_user_switches(directory.settings, made.entry_id, {"MAPIBlockOutlookRpcHttp": "true"})
            denied = await rule(ALICE)
            assert denied is not None
            assert (denied.rule, denied.status) == ("MAPIBlockOutlookRpcHttp", 403)
            set_user_switches(directory.settings, made.entry_id, {"MAPIBlockOutlookRpcHttp": "false"})
            directory.store.set_enabled(r"LAB\alice", enabled=False)
            denied = await rule(ALICE)
            assert denied is not None
            assert (denied.rule, denied.status) == ("AccountDisabled", 403)
            denied = await rule(Identity("bob", "LAB"))
            assert denied is not None
            assert denied.rule == "NoSuchAccount"
            proxy.authenticator.kerberos = KerberosSettings(
                Keytab(tmp_path / "keytab"), {"LAB.EXAMPLE": "LAB"}
            )
            assert await rule(Identity("bob", "LAB")) is None  # a ticket proves it, wherever the account is
            proxy.authenticator.accounts = Elsewhere()
            assert await rule(ALICE) is None
            proxy.authenticator.accounts = MemoryAccounts({ALICE: "pw"})
            assert await rule(ALICE) is None
