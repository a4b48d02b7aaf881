"""Talking to an LDAP server, with a library made for the test. `make interop` has a real one."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest

from rpch.directory.ldap_server import FoundEntry, LdapServer, explained, password_from
from rpch.errors import ConfigError, TransportError
from tests.ldap_library import (
    DN,
    AuthenticationError,
    LDAPError,
    LdapLibrary,
    NoSuchObjectError,
    SizeLimitError,
    install_ldap,
)

CANARY = "canary-9431"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> LdapLibrary:
    return install_ldap(monkeypatch)


SERVER = LdapServer("ldaps://ldap.lab.test", ca_file=Path("ca.pem"), bind_dn="cn=rpch", bind_password=CANARY)


async def test_a_search_is_made_as_ourselves_and_checks_the_certificate(library: LdapLibrary) -> None:
    found = await SERVER.search("dc=lab", "(uid=alice)", ["uid"])
    assert found == [FoundEntry(DN, {"uid": ["alice"]})]
    assert library.log == [
        ("ldaps://ldap.lab.test", False),
        ("demand",),
        ("ca.pem",),
        ("SIMPLE", "cn=rpch", CANARY),
        ("dc=lab", 2, "(uid=alice)", ["uid"], 5.0, {"sizelimit": 2}),
        ("close",),
    ]


async def test_a_password_is_right_when_the_bind_is(library: LdapLibrary) -> None:
    assert await SERVER.proves(DN, "secret")
    assert ("SIMPLE", DN, "secret") in library.log
    library.connecting = AuthenticationError("Invalid credentials.")
    assert not await SERVER.proves(DN, "wrong")


@pytest.mark.parametrize(("dn", "password"), [(DN, ""), ("", "secret")])
async def test_an_anonymous_bind_proves_nothing(library: LdapLibrary, dn: str, password: str) -> None:
    assert not await SERVER.proves(dn, password)
    assert library.log == []


async def test_too_many_are_none(library: LdapLibrary) -> None:
    library.searching = SizeLimitError()
    assert await SERVER.search("dc=lab", "(uid=*)", ["uid"]) == []


async def test_a_server_that_is_away_is_no_wrong_password(library: LdapLibrary) -> None:
    library.connecting = LDAPError("Can't contact LDAP server.")
    for asked in (SERVER.proves(DN, "secret"), SERVER.search("dc=lab", "(uid=a)", ["uid"])):
        with pytest.raises(TransportError, match="cannot be reached"):
            await asked


async def test_a_server_that_stops_answering_is_said(library: LdapLibrary) -> None:
    library.searching = TimeoutError()
    with pytest.raises(TransportError, match="gave no answer"):
        await SERVER.search("dc=lab", "(uid=a)", ["uid"])
    assert library.log[-1] == ("close",)


async def test_our_own_wrong_password_is_said_without_it(library: LdapLibrary) -> None:
    library.connecting = AuthenticationError("Invalid credentials.")
    with pytest.raises(TransportError, match="refuses cn=rpch") as caught:
        await SERVER.search("dc=lab", "(uid=a)", ["uid"])
    assert CANARY not in str(caught.value) + repr(SERVER)


def test_who_may_wait_gets_a_connection_whose_values_are_octets(library: LdapLibrary) -> None:
    with SERVER.connected(["jpegPhoto"]):
        assert ("raw", "jpegPhoto") in library.log
        assert ("close",) not in library.log
    assert library.log[-1] == ("close",)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (AuthenticationError("Invalid credentials."), "refuses cn=rpch"),
        (LDAPError("Can't contact LDAP server."), "cannot be reached"),
        (TimeoutError(), "cannot be reached"),
    ],
)
def test_who_waits_for_no_connection_is_told_why(library: LdapLibrary, problem: Exception, said: str) -> None:
    library.connecting = problem
    with pytest.raises(TransportError, match=said), SERVER.connected([]):
        pass


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (SizeLimitError(), "shows only some of its entries"),
        (NoSuchObjectError(), "has no such base"),
        (LDAPError("busy"), "gave no answer: busy"),
        (TimeoutError("slow"), "gave no answer: slow"),
    ],
)
def test_what_a_server_refuses_is_said_in_our_words(
    library: LdapLibrary, problem: Exception, said: str
) -> None:
    with pytest.raises(TransportError, match=f"ldaps://there {said}"), explained("ldaps://there"):
        raise problem


def test_a_password_is_what_its_file_holds_but_for_the_end_of_the_line(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("canary \r\n")
    assert password_from(file, setting="ldap.bind-password-file") == "canary "
    assert password_from(None, setting="ldap.bind-password-file") == ""
    with pytest.raises(ConfigError, match=r"bind-password-file: .*nowhere cannot be read"):
        password_from(tmp_path / "nowhere", setting="ldap.bind-password-file")


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
    library: LdapLibrary, url: str, start_tls: bool
) -> None:
    LdapServer(url, start_tls=start_tls).check()


@pytest.mark.parametrize(
    ("url", "problem"),
    [("ldap://ldap.lab.test", "in the clear"), ("https://ldap.lab.test", "is no URL"), ("ldap", "is no URL")],
)
def test_no_password_goes_anywhere_else(library: LdapLibrary, url: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        LdapServer(url).check()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bonsai", None)
    with pytest.raises(ConfigError, match="the extra ldap"):
        SERVER.check()


def test_the_first_text_of_an_attribute_counts() -> None:
    entry = FoundEntry(DN, {"uid": [b"\xff", "alice"], "none": []})
    assert (entry.first("uid"), entry.first("none"), entry.first("other")) == ("alice", "", "")


@pytest.mark.parametrize("question", ["search", "proves"])
async def test_a_question_goes_on_when_nobody_waits_for_it(
    library: LdapLibrary, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    """The library cannot be cancelled: its socket would stay with the event loop."""
    answers, asked = asyncio.Event(), asyncio.Event()

    async def connected() -> object:
        asked.set()
        await answers.wait()
        return library._connected()

    monkeypatch.setattr(library, "_connected_soon", connected)
    search, proof = partial(SERVER.search, "dc=lab", "(a=b)", ["uid"]), partial(SERVER.proves, DN, "x")
    asking = asyncio.ensure_future(search() if question == "search" else proof())
    await asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ("close",) not in library.log
    answers.set()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
    assert library.log[-1] == ("close",)
