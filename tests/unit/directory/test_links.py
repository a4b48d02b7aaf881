"""Members, managers and groups of groups."""

from __future__ import annotations

import pytest

from rpch.directory.entries import Entry, EntryKind, NewEntry
from rpch.directory.links import MANAGER, MEMBER, Links
from rpch.errors import ConfigError
from tests.unit.directory.conftest import Directory


@pytest.fixture
def links(directory: Directory) -> Links:
    return Links(directory.database, clock=directory.clock)


@pytest.fixture
def people(directory: Directory) -> list[Entry]:
    kinds = [EntryKind.USER] * 2 + [EntryKind.GROUP] * 3
    names = ["alice", "bob", "team", "staff", "everybody"]
    return directory.entries.add(*map(NewEntry, kinds, names))


def test_a_group_has_members_and_members_have_groups(links: Links, people: list[Entry]) -> None:
    alice, bob, team, staff, _ = people
    links.add(team.id, MEMBER, alice.id, bob.id)
    links.add(staff.id, MEMBER, alice.id)
    links.add(alice.id, MANAGER, bob.id)
    assert [entry.alias for entry in links.targets(team.id, MEMBER)] == ["alice", "bob"]
    assert [entry.alias for entry in links.sources(alice.id, MEMBER)] == ["team", "staff"]
    assert [entry.alias for entry in links.sources(bob.id, MANAGER)] == ["alice"]
    assert links.targets(alice.id, MEMBER) == []


def test_links_may_be_made_and_undone_twice(links: Links, people: list[Entry]) -> None:
    alice, bob, team, *_ = people
    for _ in range(2):
        links.add(team.id, MEMBER, alice.id, bob.id)
    for _ in range(2):
        links.remove(team.id, MEMBER, alice.id)
    assert [entry.alias for entry in links.targets(team.id, MEMBER)] == ["bob"]


def test_groups_of_groups_count_and_circles_end(links: Links, people: list[Entry]) -> None:
    alice, bob, team, staff, everybody = people
    links.add(team.id, MEMBER, alice.id)
    links.add(staff.id, MEMBER, team.id, bob.id)
    links.add(everybody.id, MEMBER, staff.id)
    links.add(team.id, MEMBER, everybody.id)
    assert [group.alias for group in links.groups_of(alice.id)] == ["team", "staff", "everybody"]
    assert [group.alias for group in links.groups_of(bob.id)] == ["team", "staff", "everybody"]


def test_a_change_of_members_is_a_change_of_the_group(
    directory: Directory, links: Links, people: list[Entry]
) -> None:
    alice, _, team, *_ = people
    before = directory.entries.changes().revision
    links.add(team.id, MEMBER, alice.id)
    links.remove(team.id, MEMBER, alice.id)
    assert [entry.alias for entry in directory.entries.changes(before).entries] == ["team"]


def test_a_removed_entry_leaves_its_groups(directory: Directory, links: Links, people: list[Entry]) -> None:
    alice, _, team, *_ = people
    links.add(team.id, MEMBER, alice.id)
    directory.entries.remove(alice.id)
    assert links.targets(team.id, MEMBER) == []


def test_a_link_to_nobody_is_refused(links: Links, people: list[Entry]) -> None:
    with pytest.raises(ConfigError, match="is no entry"):
        links.add(people[2].id, MEMBER, 999)
