"""A directory, open: its database, its key and everything over them."""

from __future__ import annotations

from pathlib import Path

from rpch.directory.account_store import AccountStore, default_key_file, vault_of
from rpch.directory.database import Database
from rpch.directory.database_accounts import DatabaseAccounts
from rpch.directory.entries import Entries
from rpch.directory.links import Links
from rpch.directory.organisation import OrganisationSettings
from rpch.directory.passwords import HashingCost, Passwords
from rpch.directory.vault import Vault


class Directory:
    """What one process has of a directory. Made by `Directory.open`; its threads and connections are few."""

    def __init__(self, database: Database, vault: Vault, passwords: Passwords) -> None:
        self.database = database
        self.store = AccountStore(database, vault, passwords)
        self.entries = Entries(database)
        self.links = Links(database)
        self.settings = OrganisationSettings(database)
        self.accounts = DatabaseAccounts(database, vault, passwords)
        self.counters = self.accounts.counters

    def __repr__(self) -> str:
        return f"<Directory {self.database.name}>"

    @classmethod
    def open(
        cls,
        url: str,
        key_file: Path | None = None,
        *,
        cost: HashingCost | None = None,
        setting: str = "database",
        key_setting: str = "key-file",
    ) -> Directory:
        """Open a database, making and bringing up to date what is needed; its key is beside it by default."""
        file = default_key_file(url, setting=setting) if key_file is None else key_file
        database = Database.open(url, setting=setting)
        try:
            return cls(database, vault_of(database, file, setting=key_setting), Passwords(cost))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Give back threads and connections."""
        self.accounts.close()
