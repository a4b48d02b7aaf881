"""Hashing passwords."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rpch.directory.passwords import HashingCost, Passwords, check_new_password
from rpch.errors import ConfigError
from tests.unit.directory.conftest import CHEAP


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP)
    yield made
    made.close()


@pytest.mark.parametrize("password", ["secret", "pässwörd", "", "\ud800", "🔑" * 64])
def test_the_password_that_was_hashed_is_right_and_no_other(passwords: Passwords, password: str) -> None:
    kept = passwords.hash(password)
    assert passwords.verify(kept, password)
    assert not passwords.verify(kept, password + "x")
    assert kept != passwords.hash(password)


def test_a_hash_is_argon2id_and_carries_its_cost(passwords: Passwords) -> None:
    assert passwords.hash("secret").startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert Passwords().hash("secret").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_hashes_of_another_cost_are_right_and_outdated(passwords: Passwords) -> None:
    older = Passwords(HashingCost(passes=1, memory=16, lanes=1))
    kept = older.hash("secret")
    assert passwords.verify(kept, "secret")
    assert passwords.is_outdated(kept)
    assert not older.is_outdated(kept)
    older.close()


def test_nobody_has_a_right_password(passwords: Passwords) -> None:
    assert not passwords.verify(None, "")
    assert not passwords.verify("no hash", "no hash")


async def test_threads_hash_and_verify(passwords: Passwords) -> None:
    kept = await passwords.hashed("secret")
    assert await passwords.verified(kept, "secret")
    assert not await passwords.verified(kept, "Secret")
    assert not await passwords.verified(None, "secret")


@pytest.mark.parametrize("password", ["", "tab\t", "nul\0", "x" * 257])
def test_passwords_that_nobody_could_send_are_refused(password: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_new_password(password)
    assert not password or password not in str(caught.value)


def test_every_other_password_may_be_chosen() -> None:
    check_new_password("x")
    check_new_password("a colon: and a space")
