"""Users, addresses and DNs lead to entries, and delegates to mailboxes."""

from __future__ import annotations

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import DELEGATE, MEMBER, Links
from rpch.directory.mailboxes import entry_of_address, entry_of_dn, entry_of_user, may_open
from tests.unit.directory.conftest import Directory


def test_a_user_has_an_entry_in_any_case_of_its_name(directory: Directory) -> None:
    made = directory.store.add(Identity("alice", "LAB"), "secret")
    with directory.database.read() as connection:
        found = entry_of_user(connection, Identity("ALICE", "lab"))
        assert found is not None
        assert found.id == made.entry_id
        assert entry_of_user(connection, Identity("alice", "OTHER")) is None


@pytest.mark.parametrize("address", ["Jane@Contoso.com", "JD@contoso.com"])
def test_addresses_are_primary_or_other(directory: Directory, address: str) -> None:
    more = {"proxyAddresses": ["SMTP:jane@contoso.com", "smtp:jd@contoso.com"]}
    (jane,) = directory.entries.add(
        NewEntry(EntryKind.USER, "Jane", mail="jane@contoso.com", attributes=more)
    )
    with directory.database.read() as connection:
        assert entry_of_address(connection, address) == jane
        assert entry_of_dn(connection, jane.dn.upper()) == jane


@pytest.mark.parametrize("address", ["", "Jane", "x" * 300, "nobody@contoso.com"])
def test_what_is_no_address_leads_nowhere(directory: Directory, address: str) -> None:
    directory.entries.add(NewEntry(EntryKind.USER, "Jane", alias="jane"))
    with directory.database.read() as connection:
        assert entry_of_address(connection, address) is None
        assert entry_of_dn(connection, address) is None


def test_an_address_of_two_is_nobodys_unless_it_is_ones_primary(directory: Directory) -> None:
    add = directory.entries.add
    (one,) = add(NewEntry(EntryKind.USER, "A", attributes={"proxyAddresses": ["smtp:us@contoso.com"]}))
    add(NewEntry(EntryKind.USER, "B", attributes={"proxyAddresses": ["smtp:us@contoso.com"]}))
    with directory.database.read() as connection:
        assert entry_of_address(connection, "us@contoso.com") is None
    (third,) = add(NewEntry(EntryKind.USER, "C", mail="us@contoso.com"))
    with directory.database.read() as connection:
        assert entry_of_address(connection, "us@contoso.com") == third
        assert not may_open(connection, one.id, third.id)


def test_owners_delegates_and_their_groups_may_open_a_mailbox(directory: Directory) -> None:
    add = directory.entries.add
    (owner, user, other) = add(*(NewEntry(EntryKind.USER, name) for name in ("owner", "user", "other")))
    (group,) = add(NewEntry(EntryKind.GROUP, "group"))
    links = Links(directory.database)
    links.add(owner.id, DELEGATE, group.id, group.id)
    links.add(group.id, MEMBER, user.id, group.id)
    with directory.database.read() as connection:
        assert may_open(connection, owner.id, owner.id)
        assert may_open(connection, user.id, owner.id)
        assert not may_open(connection, other.id, owner.id)
        assert not may_open(connection, owner.id, user.id)
