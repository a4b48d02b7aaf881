"""Counters that a farm shares."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.counters import Bound, Counted
from rpch.auth.throttle import Throttle, ThrottleLimits, account_of
from rpch.directory.database import Database
from rpch.directory.database_counters import SWEEP_EVERY, DatabaseCounters
from rpch.directory.tables import COUNTERS
from rpch.directory.vault import Vault
from rpch.errors import AccessDenied
from rpch.testing.counters import check_counter_store
from tests.unit.directory.conftest import Directory

HERE = "192.0.2.1"


def counters(directory: Directory) -> DatabaseCounters:
    return DatabaseCounters(directory.database, directory.vault, clock=directory.clock)


@pytest.mark.slow
async def test_it_does_what_every_store_of_counts_must(tmp_path: Path, migrated: Path) -> None:
    opened: list[Database] = []

    def make(clock: Callable[[], float]) -> DatabaseCounters:
        file = shutil.copy(migrated, tmp_path / f"{len(opened)}.sqlite3")
        opened.append(Database.open(str(file)))
        return DatabaseCounters(opened[-1], Vault([bytes(32)]), clock=clock)

    await check_counter_store(make, at_once=100)
    for database in opened:
        database.close()


@pytest.mark.slow
async def test_a_thousand_wrong_passwords_at_once_are_counted_exactly(directory: Directory) -> None:
    """Two processes of a farm, which know each other by the database alone."""
    limits = ThrottleLimits(5000, 5000, 5000, per_minute=5000)
    other = Database.open(str(directory.file))
    stores = [counters(directory), DatabaseCounters(other, directory.vault, clock=directory.clock)]
    accounts = MemoryAccounts({Identity("alice", "LAB"): "secret"})
    guarded = [Throttle(limits, store).guard(accounts, peer=HERE) for store in stores]
    await asyncio.gather(*(guarded[n % 2].verify_password("alice", str(n)) for n in range(1000)))
    assert stores[0].guesses([account_of("alice")]) == {"ALICE": 1000}
    other.close()


async def test_no_more_than_the_limit_is_verified_however_many_try_at_once(directory: Directory) -> None:
    class Counting(MemoryAccounts):
        verified = 0

        async def verify_password(self, name: str, password: str) -> Identity | None:
            self.verified += 1
            return await super().verify_password(name, password)

    accounts = Counting({Identity("alice", "LAB"): "secret"})
    guarded = Throttle(None, counters(directory)).guard(accounts, peer=HERE)
    guesses = (guarded.verify_password("alice", str(number)) for number in range(60))
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(outcome, AccessDenied) for outcome in outcomes) == 55
    assert accounts.verified == 5


async def test_neither_names_nor_addresses_are_stored(directory: Directory) -> None:
    store = counters(directory)
    await store.count([Bound(("account and source", "ALICE", "192.0.2.0/24"), 5, 900.0)])
    with directory.database.read() as connection:
        (row,) = connection.execute(select(COUNTERS)).all()
    assert "ALICE" not in str(row)
    assert "192.0.2" not in str(row)


async def test_unlocking_forgets_the_guesses_at_one_account(directory: Directory) -> None:
    store = counters(directory)
    throttle = Throttle(ThrottleLimits(per_account=2), store)
    accounts = MemoryAccounts({Identity("alice", "LAB"): "secret", Identity("bob", "LAB"): "hidden"})
    for n in range(2):
        for name in ("alice", "bob"):
            await throttle.guard(accounts, peer=f"192.0.{n}.1").verify_password(name, "wrong")
    with pytest.raises(AccessDenied):
        await throttle.guard(accounts, peer=HERE).verify_password("alice", "secret")
    assert store.guesses(["ALICE", "BOB", "CAROL"]) == {"ALICE": 2, "BOB": 2}
    store.unlock("ALICE")
    assert store.guesses(["ALICE", "BOB"]) == {"BOB": 2}
    assert await throttle.guard(accounts, peer=HERE).verify_password("alice", "secret") is not None
    with pytest.raises(AccessDenied):
        await throttle.guard(accounts, peer=HERE).verify_password("bob", "hidden")


async def test_what_no_longer_counts_is_thrown_away(directory: Directory) -> None:
    store = counters(directory)
    for number in range(5):
        await store.count([Bound(("source", str(number)), 5, 900.0)])
    assert store.size() == 5
    directory.clock.now += 900.0 + SWEEP_EVERY
    assert await store.count([Bound(("source", "new"), 5, 900.0)]) == Counted((("source", "new"),))
    assert store.size() == 1
