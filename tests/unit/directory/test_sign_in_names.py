"""From who signed in to whose entry it is: by account, else by name and domain, never by a namesake."""

from __future__ import annotations

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.sign_in_names import (
    SignInName,
    entry_id_of,
    identity_written,
    keep_sign_in_names,
    sign_in_names,
)
from tests.unit.directory.conftest import Directory


def known(directory: Directory, identity: Identity) -> int | None:
    with directory.database.read() as connection:
        return entry_id_of(connection, identity)


def person(directory: Directory, *names: SignInName) -> int:
    (made,) = directory.entries.add(NewEntry(EntryKind.USER, "Somebody"))
    keep(directory, made.id, *names)
    return made.id


def keep(directory: Directory, entry_id: int, *names: SignInName) -> None:
    with directory.database.write() as connection:
        keep_sign_in_names(connection, {entry_id: frozenset(names)})


def test_an_account_leads_to_its_entry_in_any_case_and_by_any_name_of_its_domain(
    directory: Directory,
) -> None:
    made = directory.store.add(Identity("alice", "LAB"), "secret")
    directory.store.add_domain_alias("lab.example", "LAB")
    for name in (r"LAB\alice", r"lab\ALICE", r"lab.example\alice"):
        assert known(directory, identity_written(name)) == made.entry_id
    assert known(directory, Identity("alice", "OTHER")) is None
    assert known(directory, Identity("")) is None


def test_who_has_no_account_is_known_by_name_and_domain(directory: Directory) -> None:
    alice = person(directory, *sign_in_names("Lab", ["alice", "aadams"]))
    for name in ("ALICE", "aadams"):
        assert known(directory, Identity(name, "LAB")) == alice
    directory.store.add_domain_alias("lab.example", "LAB")
    assert known(directory, Identity("alice", "lab.example")) == alice


@pytest.mark.parametrize(
    "identity",
    [
        Identity("alice", "OTHER"),
        Identity("alice"),
        Identity("alice@lab.example", ""),
        Identity("alice", "LAB", "alice@lab.example"),
        Identity("ali", "LAB"),
        Identity("alice\0", "LAB"),
    ],
)
def test_a_namesake_of_another_domain_is_somebody_else(directory: Directory, identity: Identity) -> None:
    person(directory, *sign_in_names("LAB", ["alice"]))
    assert known(directory, identity) is None


def test_what_was_proven_by_a_principal_name_is_nobody_elses(directory: Directory) -> None:
    """In a Windows domain the one may be called what the other is called in front of the @."""
    adams = person(directory, *sign_in_names("LAB", ["adams1"], ["adams@lab.example"]))
    namesake = person(directory, *sign_in_names("LAB", ["adams"], ["a.dam@lab.example"]))
    assert known(directory, Identity("adams", "LAB", "Adams@lab.example")) == adams
    assert known(directory, Identity("adams", "LAB")) == namesake
    directory.store.add(Identity("a.dam", "LAB"), "secret")
    assert known(directory, Identity("a.dam", "LAB", "a.dam@lab.example")) == namesake
    assert known(directory, identity_written("ADAMS@lab.example")) == adams


def test_a_name_of_two_is_nobodys(directory: Directory) -> None:
    one = person(directory, *sign_in_names("LAB", ["alice"]))
    two = person(directory, *sign_in_names("lab", ["Alice"]))
    assert known(directory, Identity("alice", "LAB")) is None
    keep(directory, two)
    assert known(directory, Identity("alice", "LAB")) == one


def test_an_account_comes_before_names(directory: Directory) -> None:
    person(directory, *sign_in_names("LAB", ["alice"]))
    made = directory.store.add(Identity("alice", "LAB"), "secret")
    assert known(directory, Identity("alice", "LAB")) == made.entry_id


def test_names_are_replaced_and_go_with_their_entry(directory: Directory) -> None:
    alice = person(directory, *sign_in_names("LAB", ["alice"]))
    keep(directory, alice, *sign_in_names("LAB", ["adams"]))
    assert known(directory, Identity("alice", "LAB")) is None
    assert known(directory, Identity("adams", "LAB")) == alice
    directory.entries.remove(alice)
    assert known(directory, Identity("adams", "LAB")) is None


def test_more_than_a_statement_can_name_are_kept(directory: Directory) -> None:
    made = directory.entries.add(*(NewEntry(EntryKind.USER, f"P{n}") for n in range(1200)))
    names = {entry.id: sign_in_names("LAB", [f"p{n}"]) for n, entry in enumerate(made)}
    for _ in range(2):
        with directory.database.write() as connection:
            keep_sign_in_names(connection, names)
    assert known(directory, Identity("p1199", "LAB")) == made[1199].id
    with directory.database.write() as connection:
        keep_sign_in_names(connection, dict.fromkeys(names, frozenset()))
    assert known(directory, Identity("p0", "LAB")) is None


def test_without_a_domain_and_beyond_what_can_be_kept_there_are_no_names() -> None:
    assert sign_in_names("", ["alice"], ["alice@lab.example"]) == frozenset()
    assert sign_in_names("LAB", ["", "x" * 257]) == frozenset()
    assert sign_in_names("lab", ["alice"], ["a@b.c"]) == {("ALICE", "LAB"), ("A@B.C", "")}
