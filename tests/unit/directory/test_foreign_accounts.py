"""Accounts of others beside a database: they say who signs in, the database counts and knows the people."""

from __future__ import annotations

from rpch.auth.accounts import AccountRegister, Identity, MemoryAccounts, NtlmProof, Standing
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.directory.foreign_accounts import accounts_beside
from rpch.proxy.accounts import StoredAccounts
from tests.unit.directory.conftest import Directory

ALICE = Identity("alice", "LAB")
CLAIM = NtlmClaim("alice", "LAB", bytes(8), bytes(48))


class Others(MemoryAccounts):
    """Alice's account, elsewhere."""

    domain = "LAB"

    def __init__(self) -> None:
        super().__init__({ALICE: "theirs"})


class Silent:
    """Others who say nothing of what becomes of accounts."""

    domain = "LAB"

    async def verify_password(self, name: str, password: str) -> Identity | None:
        return ALICE if password == "theirs" else None

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        return NtlmProof(ALICE, bytes(16))


async def test_they_say_who_signs_in_and_accounts_here_sign_nobody_in(directory: Directory) -> None:
    stored = directory.accounts
    directory.store.add(ALICE, "ours")
    for others in (Others(), Silent()):
        accounts = accounts_beside(others, stored)
        shared: object = accounts
        assert isinstance(shared, StoredAccounts)
        assert await accounts.verify_password(r"LAB\alice", "theirs") == ALICE
        assert await accounts.verify_password(r"LAB\alice", "ours") is None
        assert (accounts.database, accounts.counters) == (directory.database, stored.counters)
        assert accounts.domain() == "LAB"
        accounts.close()
    assert await accounts_beside(Silent(), stored).verify_ntlm(CLAIM) == NtlmProof(ALICE, bytes(16))


async def test_they_say_what_became_of_an_account_if_they_can(directory: Directory) -> None:
    knowing = accounts_beside(Others(), directory.accounts)
    assert isinstance(knowing, AccountRegister)
    assert await knowing.standing(ALICE) is Standing.GOOD
    assert await knowing.standing(Identity("bob", "LAB")) is Standing.UNKNOWN
    assert not isinstance(accounts_beside(Silent(), directory.accounts), AccountRegister)
