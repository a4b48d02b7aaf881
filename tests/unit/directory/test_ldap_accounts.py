"""Accounts of an LDAP server, behind a server made of a table."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rpch.auth.accounts import Identity, Standing
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.directory.ldap_accounts import ACTIVE_DIRECTORY, LdapAccounts, escape
from rpch.directory.ldap_server import FoundEntry
from rpch.errors import AccessDenied, ConfigError

BASE = "ou=people,dc=lab,dc=example"
DN = f"uid=Alice,{BASE}"


class Table:
    """A server that finds what is written down for a filter, and notes what it is asked."""

    def __init__(self, found: dict[str, list[FoundEntry]] | None = None) -> None:
        self.found = found or {}
        self.asked: list[str] = []
        self.bound: list[tuple[str, str]] = []

    async def search(self, base: str, query: str, attributes: Sequence[str]) -> list[FoundEntry]:
        assert (base, attributes[0]) == (BASE, "uid")
        self.asked.append(query)
        return self.found.get(query, [])

    async def proves(self, dn: str, password: str) -> bool:
        self.bound.append((dn, password))
        return (dn, password) == (DN, "secret")


ALICE = FoundEntry(DN, {"uid": ["Alice", "other"]})


def lab(table: Table, *, foreign_domains: bool = True) -> LdapAccounts:
    return LdapAccounts(
        table,
        BASE,
        query="(uid={user})",
        domain="LAB",
        aliases=["lab.example"],
        foreign_domains=foreign_domains,
    )


async def test_a_password_is_proven_by_binding_with_it() -> None:
    table = Table({"(uid=alice)": [ALICE]})
    assert await lab(table).verify_password(r"LAB\alice", "secret") == Identity("Alice", "LAB")
    assert await lab(table).verify_password("alice", "wrong") is None
    assert table.bound == [(DN, "secret"), (DN, "wrong")]


async def test_an_empty_password_is_never_tried() -> None:
    """A server takes it for an anonymous bind, which succeeds.  RFC 4513 5.1.2"""
    table = Table({"(uid=alice)": [ALICE]})
    assert await lab(table).verify_password("alice", "") is None
    assert table.bound == []


@pytest.mark.parametrize("found", [[], [ALICE, ALICE]], ids=["unknown", "ambiguous"])
async def test_for_users_that_do_not_exist_a_bind_is_tried_too(found: list[FoundEntry]) -> None:
    table = Table({"(uid=alice)": found})
    assert await lab(table).verify_password("alice", "secret") is None
    ((dn, password),) = table.bound
    assert dn.endswith(f",{BASE}")
    assert dn != DN
    assert password == "secret"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("alice", True),
        (r"lab\alice", True),
        (r".\alice", True),
        ("alice@LAB.example", True),
        (r"PC\alice", False),
        ("alice@elsewhere.example", False),
    ],
)
async def test_other_domains_are_taken_or_not(name: str, known: bool) -> None:
    table = Table({"(uid=alice)": [ALICE]})
    assert (await lab(table, foreign_domains=False).verify_password(name, "secret") is not None) == known
    assert await lab(table).verify_password(name, "secret") is not None


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("*", r"(|(sAMAccountName=\2a)(userPrincipalName=\2a))"),
        (")(uid=*", r"(|(sAMAccountName=\29\28uid=\2a)(userPrincipalName=\29\28uid=\2a))"),
        ("ü@x", "(|(sAMAccountName=ü)(userPrincipalName=ü@x))"),
        ("{user}", "(|(sAMAccountName={user})(userPrincipalName={user}))"),
        (r"D\a", r"(|(sAMAccountName=a)(userPrincipalName=D\5ca))"),
    ],
)
async def test_names_mean_nothing_but_themselves_in_a_filter(name: str, query: str) -> None:
    table = Table()
    await LdapAccounts(table, BASE, query=ACTIVE_DIRECTORY).verify_password(name, "secret")
    assert table.asked == [query]


async def test_a_name_with_controls_is_nobodys() -> None:
    table = Table()
    assert await lab(table).verify_password("a\0b", "secret") is None
    assert table.asked == []
    assert escape("a\0") == r"a\00"


async def test_ntlm_cannot_be_offered() -> None:
    with pytest.raises(AccessDenied, match="NtlmUnavailable"):
        await lab(Table()).verify_ntlm(NtlmClaim("alice", "LAB", bytes(8), bytes(48)))


@pytest.mark.parametrize(
    "query", ["", "uid={user}", "(uid=alice)", "(uid={password})", "(uid={user)", "(uid={})"]
)
def test_a_query_that_finds_nobody_is_refused(query: str) -> None:
    with pytest.raises(ConfigError, match="is no filter"):
        LdapAccounts(Table(), BASE, query=query)


@pytest.mark.parametrize(
    ("attributes", "standing"),
    [
        ({}, Standing.GOOD),
        ({"userAccountControl": ["512"]}, Standing.GOOD),
        ({"userAccountControl": ["514"]}, Standing.DISABLED),
        ({"nsAccountLock": ["TRUE"]}, Standing.DISABLED),
        ({"msDS-User-Account-Control-Computed": ["16"]}, Standing.LOCKED),
        ({"pwdAccountLockedTime": ["000001010000Z"]}, Standing.LOCKED),
        ({"userAccountControl": ["nonsense"]}, Standing.GOOD),
    ],
)
async def test_what_the_server_says_about_an_account(
    attributes: dict[str, list[str | bytes]], standing: Standing
) -> None:
    table = Table({"(uid=alice)": [FoundEntry(DN, {"uid": ["Alice"], **attributes})]})
    assert await lab(table).standing(Identity("alice", "LAB")) is standing
    assert table.bound == []


NOT_THERE = [Identity("bob", "LAB"), Identity("alice", "OTHER"), Identity("al\0ice", "LAB")]


@pytest.mark.parametrize("who", NOT_THERE, ids=["unknown", "another domain's", "no name"])
async def test_who_is_not_there_has_no_standing(who: Identity) -> None:
    assert await lab(Table({"(uid=alice)": [ALICE]})).standing(who) is Standing.UNKNOWN


async def test_a_name_of_two_has_no_standing() -> None:
    table = Table({"(uid=alice)": [ALICE, ALICE]})
    assert await lab(table).standing(Identity("alice", "LAB")) is Standing.UNKNOWN


async def test_who_has_no_name_there_is_not_taken_for_who_is_called_so() -> None:
    """Found by mail address, say: in front of the @ it may be somebody else's name."""
    table = Table({"(uid=bob)": [FoundEntry(DN, {"mail": ["bob@lab.example"]})]})
    proven = await lab(table).verify_password("bob@lab.example", "secret")
    assert proven is not None
    assert (proven, proven.upn) == (Identity("bob", "LAB"), "bob@lab.example")
