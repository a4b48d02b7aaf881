"""Which database a proxy asks, and that most have none."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from rpch.auth.accounts import MemoryAccounts
from rpch.directory.foreign_accounts import accounts_beside
from rpch.directory.opening import Directory
from rpch.front.databases import database_of
from rpch.proxy.configuration import ProxyConfiguration
from tests.unit.directory.test_foreign_accounts import Others
from tests.unit.front.test_user_rules import Elsewhere


async def test_it_is_that_of_the_accounts_by_then(tmp_path: Path) -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    with closing(Directory.open(str(tmp_path / "rpch.sqlite3"))) as directory:
        async with asyncio.TaskGroup() as tasks:
            proxy = settings.proxy(tasks, directory.accounts)
            assert database_of(proxy) is directory.database
            proxy.authenticator.accounts = accounts_beside(Others(), directory.accounts)
            assert database_of(proxy) is directory.database
            for accounts in (MemoryAccounts({}), Elsewhere()):
                proxy.authenticator.accounts = accounts
                assert database_of(proxy) is None
