"""Which database a proxy asks: of its accounts, or beside them. It may be another one after a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rpch.proxy.accounts import StoredAccounts
from rpch.proxy.service import RpcProxy

if TYPE_CHECKING:
    from rpch.directory.database import Database


def database_of(proxy: RpcProxy) -> Database | None:
    """The database; None where there is none."""
    accounts = proxy.authenticator.accounts
    if not isinstance(accounts, StoredAccounts):
        return None
    from rpch.directory.database_accounts import DatabaseAccounts  # the library takes long to load
    from rpch.directory.foreign_accounts import ForeignAccounts

    return accounts.database if isinstance(accounts, DatabaseAccounts | ForeignAccounts) else None


def revision_of(database: Database) -> int:
    """The number of the last change of its entries and accounts."""
    from rpch.directory.entries import Entries  # the database library takes long to load

    return Entries(database).revision()
