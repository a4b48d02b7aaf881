"""Talking to an LDAP server, with a library made for the test. `make interop` has a real one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rpch.directory.ldap_server import LdapEntry, LdapServer
from rpch.errors import ConfigError, TransportError

CANARY = "canary-9431"
DN = "uid=alice,dc=lab"


class LDAPError(Exception):
    pass


class AuthenticationError(LDAPError):
    pass


class SizeLimitError(LDAPError):
    pass


class Entry(dict[str, list[str]]):
    dn = DN


class Library(ModuleType):
    """As much of the library as is used; what it was asked, and what it shall raise."""

    LDAPError, AuthenticationError, SizeLimitError = LDAPError, AuthenticationError, SizeLimitError
    InvalidDN = UnwillingToPerform = AuthenticationError
    LDAPSearchScope = SimpleNamespace(SUB=2)

    def __init__(self) -> None:
        super().__init__("bonsai")
        self.log: list[tuple[Any, ...]] = []
        self.connecting: Exception | None = None
        self.searching: Exception | None = None

    def LDAPClient(self, url: str, tls: bool) -> Any:  # noqa: N802 - the library's name
        self.log.append((url, tls))

        async def connect(*, is_async: bool, timeout: float) -> Any:  # noqa: ASYNC109 - the library's
            if self.connecting:
                raise self.connecting
            return SimpleNamespace(search=search, close=lambda: self.log.append(("close",)))

        async def search(*asked: Any, **options: Any) -> list[Entry]:
            self.log.append((*asked, options))
            if self.searching:
                raise self.searching
            return [Entry(uid=["alice"])]

        return SimpleNamespace(
            set_cert_policy=lambda policy: self.log.append((policy,)),
            set_ca_cert=lambda file: self.log.append((file,)),
            set_credentials=lambda kind, user, password: self.log.append((kind, user, password)),
            connect=connect,
        )


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setitem(sys.modules, "bonsai", made)
    return made


SERVER = LdapServer("ldaps://ldap.lab.test", ca_file=Path("ca.pem"), bind_dn="cn=rpch", bind_password=CANARY)


async def test_a_search_is_made_as_ourselves_and_checks_the_certificate(library: Library) -> None:
    found = await SERVER.search("dc=lab", "(uid=alice)", ["uid"])
    assert found == [LdapEntry(DN, {"uid": ["alice"]})]
    assert library.log == [
        ("ldaps://ldap.lab.test", False),
        ("demand",),
        ("ca.pem",),
        ("SIMPLE", "cn=rpch", CANARY),
        ("dc=lab", 2, "(uid=alice)", ["uid"], 5.0, {"sizelimit": 2}),
        ("close",),
    ]


async def test_a_password_is_right_when_the_bind_is(library: Library) -> None:
    assert await SERVER.proves(DN, "secret")
    assert ("SIMPLE", DN, "secret") in library.log
    library.connecting = AuthenticationError("Invalid credentials.")
    assert not await SERVER.proves(DN, "wrong")


@pytest.mark.parametrize(("dn", "password"), [(DN, ""), ("", "secret")])
async def test_an_anonymous_bind_proves_nothing(library: Library, dn: str, password: str) -> None:
    assert not await SERVER.proves(dn, password)
    assert library.log == []


async def test_too_many_are_none(library: Library) -> None:
    library.searching = SizeLimitError()
    assert await SERVER.search("dc=lab", "(uid=*)", ["uid"]) == []


async def test_a_server_that_is_away_is_no_wrong_password(library: Library) -> None:
    library.connecting = LDAPError("Can't contact LDAP server.")
    for asked in (SERVER.proves(DN, "secret"), SERVER.search("dc=lab", "(uid=a)", ["uid"])):
        with pytest.raises(TransportError, match="cannot be reached"):
            await asked


async def test_a_server_that_stops_answering_is_said(library: Library) -> None:
    library.searching = TimeoutError()
    with pytest.raises(TransportError, match="gave no answer"):
        await SERVER.search("dc=lab", "(uid=a)", ["uid"])
    assert library.log[-1] == ("close",)


async def test_our_own_wrong_password_is_said_without_it(library: Library) -> None:
    library.connecting = AuthenticationError("Invalid credentials.")
    with pytest.raises(TransportError, match="refuses cn=rpch") as caught:
        await SERVER.search("dc=lab", "(uid=a)", ["uid"])
    assert CANARY not in str(caught.value) + repr(SERVER)


@pytest.mark.parametrize(
    ("url", "start_tls"),
    [
        ("ldaps://ldap.lab.test", False),
        ("ldapi:///", False),
        ("ldap://ldap.lab.test", True),
        ("ldap://127.0.0.1:389", False),
        ("ldap://[::1]", False),
        ("ldap://localhost", False),
    ],
)
def test_passwords_go_to_servers_that_nobody_can_listen_to(
    library: Library, url: str, start_tls: bool
) -> None:
    LdapServer(url, start_tls=start_tls).check()


@pytest.mark.parametrize(
    ("url", "problem"),
    [("ldap://ldap.lab.test", "in the clear"), ("https://ldap.lab.test", "is no URL"), ("ldap", "is no URL")],
)
def test_no_password_goes_anywhere_else(library: Library, url: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        LdapServer(url).check()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bonsai", None)
    with pytest.raises(ConfigError, match="the extra ldap"):
        SERVER.check()


def test_the_first_text_of_an_attribute_counts() -> None:
    entry = LdapEntry(DN, {"uid": [b"\xff", "alice"], "none": []})
    assert (entry.first("uid"), entry.first("none"), entry.first("other")) == ("alice", "", "")
