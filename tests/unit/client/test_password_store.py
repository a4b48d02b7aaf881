"""Passwords come from the keyring, where there is one, and its failures are said."""

from __future__ import annotations

import sys

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked

from rpch.client.password_store import stored_password
from rpch.errors import ConfigError
from tests.keyrings import KnownPasswords, using


class Locked(KnownPasswords):
    """One that nobody unlocks."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("the collection is locked")


def test_who_is_in_the_keyring_is_known_and_nobody_else() -> None:
    with using(KnownPasswords({("rpch", r"LAB\alice"): "secret", ("mail", "bob"): "other"})):
        assert stored_password(r"LAB\alice") == "secret"
        assert stored_password("bob") is None


def test_a_machine_without_a_keyring_knows_nobody() -> None:
    with using(fail.Keyring()):  # type: ignore[no-untyped-call]  # the library has no types there
        assert stored_password("alice") is None


def test_a_keyring_that_stays_locked_is_said() -> None:
    with using(Locked({})), pytest.raises(ConfigError, match=r"^-I: .*alice: the collection is locked"):
        stored_password("alice", setting="-I")


def test_without_the_library_nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert stored_password("alice") is None


def test_the_keyring_is_put_back() -> None:
    before = keyring.get_keyring()
    with using(KnownPasswords({})):
        assert isinstance(keyring.get_keyring(), KeyringBackend)
    assert keyring.get_keyring() is before
