"""As much of the LDAP library as rpch uses, made for tests: the real one is an extra."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

DN = "uid=alice,dc=lab"


class LDAPError(Exception):
    pass


class AuthenticationError(LDAPError):
    pass


class SizeLimitError(LDAPError):
    pass


class NoSuchObjectError(LDAPError):
    pass


class Entry(dict[str, list[str]]):
    dn = DN


class LdapLibrary(ModuleType):
    """What it was asked, and what it shall raise."""

    LDAPError, AuthenticationError, SizeLimitError = LDAPError, AuthenticationError, SizeLimitError
    NoSuchObjectError = NoSuchObjectError
    InvalidDN = UnwillingToPerform = AuthenticationError
    LDAPSearchScope = SimpleNamespace(SUB=2)

    def __init__(self) -> None:
        super().__init__("bonsai")
        self.log: list[tuple[Any, ...]] = []
        self.connecting: Exception | None = None
        self.searching: Exception | None = None

    def LDAPClient(self, url: str, tls: bool) -> Any:  # noqa: N802 - the library's name
        self.log.append((url, tls))
        return SimpleNamespace(
            set_cert_policy=lambda policy: self.log.append((policy,)),
            set_ca_cert=lambda file: self.log.append((file,)),
            set_credentials=lambda kind, user, password: self.log.append((kind, user, password)),
            set_raw_attributes=lambda names: self.log.append(("raw", *names)),
            connect=self._connect,
        )

    def _connect(self, *, timeout: float, is_async: bool = False) -> Any:
        return self._connected_soon() if is_async else self._connected()

    async def _connected_soon(self) -> Any:
        return self._connected()

    def _connected(self) -> Any:
        if self.connecting:
            raise self.connecting
        return SimpleNamespace(search=self._search, close=lambda: self.log.append(("close",)))

    async def _search(self, *asked: Any, **options: Any) -> list[Entry]:
        self.log.append((*asked, options))
        if self.searching:
            raise self.searching
        return [Entry(uid=["alice"])]


def install_ldap(monkeypatch: pytest.MonkeyPatch) -> LdapLibrary:
    """Let it stand for the real one until the test ends."""
    made = LdapLibrary()
    monkeypatch.setitem(sys.modules, "bonsai", made)
    return made
