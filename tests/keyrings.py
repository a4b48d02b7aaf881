"""A keyring in memory, in place of the one of whoever runs the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import keyring
from keyring.backend import KeyringBackend


class KnownPasswords(KeyringBackend):
    """What it knows it was given: passwords by service and name."""

    def __init__(self, known: Mapping[tuple[str, str], str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library has no types there
        self._known = known

    def get_password(self, service: str, username: str) -> str | None:
        return self._known.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


@contextmanager
def using(backend: KeyringBackend) -> Iterator[None]:
    """For the time of a test."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)
