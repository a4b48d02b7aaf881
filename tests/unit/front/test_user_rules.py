"""The proxy asks the database about each user, whichever database it has by then."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from rpch.auth.accounts import Identity, MemoryAccounts, Standing
from rpch.auth.counters import MemoryCounters
from rpch.auth.kerberos import KerberosSettings
from rpch.auth.keytab import Keytab
from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.foreign_accounts import accounts_beside
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.directory.sign_in_names import keep_sign_in_names, sign_in_names
from rpch.exchange.switches import set_user_switches
from rpch.front.user_rules import user_rule
from rpch.proxy.configuration import ProxyConfiguration
from tests.unit.directory.test_foreign_accounts import Others

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


class Register(MemoryAccounts):
    """Accounts of which one may go."""

    found = Standing.GOOD

    async def standing(self, identity: Identity) -> Standing:
        return self.found


async def test_whose_account_is_gone_elsewhere_is_refused_without_any_database() -> None:
    accounts, settings = Register({ALICE: "pw"}), ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    async with asyncio.TaskGroup() as tasks:
        rule = user_rule(settings.proxy(tasks, accounts))
        assert await rule(ALICE) is None
        for found, name in (
            (Standing.LOCKED, "AccountLocked"),
            (Standing.DISABLED, "AccountDisabled"),
            (Standing.UNKNOWN, "NoSuchAccount"),
        ):
            accounts.found = found
            denied = await rule(ALICE)
            assert denied is not None
            assert (denied.rule, denied.status) == (name, 403)


async def test_switches_hold_for_who_signs_in_elsewhere(tmp_path: Path) -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    with closing(Directory.open(str(tmp_path / "rpch.sqlite3"))) as directory:
        (alice,) = directory.entries.add(NewEntry(EntryKind.USER, "Alice"))
        with directory.database.write() as connection:
            keep_sign_in_names(connection, {alice.id: sign_in_names("LAB", ["alice"])})
        async with asyncio.TaskGroup() as tasks:
            proxy = settings.proxy(tasks, accounts_beside(Others(), directory.accounts))
            rule = user_rule(proxy)
            assert await rule(ALICE) is None
            set_user_switches(directory.settings, alice.id, {"MAPIBlockOutlookRpcHttp": "true"})
            denied = await rule(ALICE)
            assert denied is not None
            assert denied.rule == "MAPIBlockOutlookRpcHttp"
