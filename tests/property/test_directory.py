"""The directory, for every name and every secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpch.auth.accounts import Identity
from rpch.auth.names import UserName, fold
from rpch.directory.account_store import AccountStore
from rpch.directory.database import Database
from rpch.directory.database_accounts import DatabaseAccounts
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.passwords import HashingCost, Passwords
from rpch.directory.vault import CannotOpen, Vault
from rpch.errors import ConfigError

KEYS = st.binary(min_size=32, max_size=32)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
ONE_DATABASE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    file: Path = tmp_path_factory.mktemp("directory") / "rpch.sqlite3"
    opened = Database.open(str(file))
    yield opened
    opened.close()


@given(KEYS, st.binary(max_size=200), st.binary(max_size=40), st.binary(max_size=40))
def test_whatever_is_sealed_opens_for_its_owner_alone(
    key: bytes, secret: bytes, owner: bytes, other: bytes
) -> None:
    vault = Vault([key])
    sealed = vault.seal(secret, owner)
    assert vault.open(sealed, owner) == secret
    if other != owner:
        with pytest.raises(CannotOpen):
            vault.open(sealed, other)


@given(KEYS, st.binary(max_size=80))
def test_whatever_is_not_sealed_does_not_open(key: bytes, junk: bytes) -> None:
    with pytest.raises(CannotOpen):
        Vault([key]).open(junk, b"")


@ONE_DATABASE
@given(TEXTS, TEXTS, TEXTS)
async def test_whoever_can_be_added_can_sign_in(
    database: Database, name: str, domain: str, password: str
) -> None:
    vault, passwords = Vault([bytes(32)]), Passwords(HashingCost(passes=1, memory=8, lanes=1))
    store = AccountStore(database, vault, passwords)
    accounts = DatabaseAccounts(database, vault, passwords)
    identity = Identity(name, domain)
    try:
        store.add(identity, password)
    except ConfigError:
        assert not name or not password or not domain.isalnum() or not name.isalnum()
        return
    try:
        asked = str(identity) if domain or "@" in name else name
        found = await accounts.verify_password(asked, password)
        assert found == identity or UserName.parse(asked).user != name
        assert await accounts.verify_password(asked, password + "x") is None
    finally:
        store.remove(str(identity) if domain else name)
        passwords.close()


@ONE_DATABASE
@given(TEXTS.filter(bool), st.integers(1, 40))
def test_every_beginning_of_a_name_finds_it(database: Database, name: str, cut: int) -> None:
    entries = Entries(database)
    (made,) = entries.add(NewEntry(EntryKind.CONTACT, name))
    beginning = fold(name)[:cut]
    assert made in entries.named(name)
    if fold(beginning) == beginning:
        assert made in entries.named(beginning, begins=True)
    entries.remove(made.id)
    assert made not in entries.named(name)


@ONE_DATABASE
@given(st.text(max_size=60), st.text(max_size=20))
async def test_no_name_breaks_the_look_up(database: Database, name: str, password: str) -> None:
    passwords = Passwords(HashingCost(passes=1, memory=8, lanes=1))
    accounts = DatabaseAccounts(database, Vault([bytes(32)]), passwords)
    assert await accounts.verify_password(name, password) is None
    passwords.close()
