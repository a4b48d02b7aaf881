"""Accounts of others, of whose owners a database of ours knows the rest: entries, switches, wrong guesses.

The accounts in that database sign nobody in meanwhile: accounts are in one place.
"""

from __future__ import annotations

from typing import Protocol

from rpch.auth.accounts import AccountRegister, AccountSource, Identity, NtlmProof, Standing
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.directory.database_accounts import DatabaseAccounts


class ForeignSource(AccountSource, Protocol):
    """Accounts that are all of one domain."""

    domain: str


class ForeignAccounts:
    """An `AccountSource` that asks others, beside a database. Made by `accounts_beside`."""

    def __init__(self, source: ForeignSource, stored: DatabaseAccounts) -> None:
        self.source, self._stored = source, stored
        self.database, self.counters = stored.database, stored.counters

    def domain(self) -> str:
        """The domain of all of them."""
        return self.source.domain

    def close(self) -> None:
        """Give back the database."""
        self._stored.close()

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is, as the others say."""
        return await self.source.verify_password(name, password)

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Who proved this, as the others say."""
        return await self.source.verify_ntlm(claim)


class ForeignRegister(ForeignAccounts):
    """The same, of others who can say what became of an account."""

    def __init__(self, source: ForeignSource, stored: DatabaseAccounts, register: AccountRegister) -> None:
        super().__init__(source, stored)
        self._register = register

    async def standing(self, identity: Identity) -> Standing:
        """Whether the account is there and may be used, as the others say."""
        return await self._register.standing(identity)


def accounts_beside(source: ForeignSource, stored: DatabaseAccounts) -> ForeignAccounts:
    """The accounts of others, beside a database; they can say no more than those themselves."""
    if isinstance(source, AccountRegister):
        return ForeignRegister(source, stored, source)
    return ForeignAccounts(source, stored)
