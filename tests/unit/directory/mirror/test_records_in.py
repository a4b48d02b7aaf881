"""Readings into the database; `test_synchroniser.py` has whole rounds."""

from __future__ import annotations

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.mirror.mirror_store import UNFINISHED, key_of, known_entries, mirror_named
from rpch.directory.mirror.reading import Reading, read_entry
from rpch.directory.mirror.records_in import Applied, apply_readings
from tests.unit.directory.conftest import Directory
from tests.unit.directory.mirror.fake_tree import BASE, SETTINGS, SOURCE, entry


def reading(number: int, cn: str, **values: str) -> Reading:
    found = read_entry(entry(number, cn, **values), SETTINGS)
    assert found is not None
    return found


def apply(directory: Directory, *readings: Reading) -> tuple[Applied, list[str]]:
    applied, said = Applied(), list[str]()
    with directory.database.write() as connection:
        mirror = mirror_named(connection, SOURCE).id
        apply_readings(connection, mirror, readings, 1.0, applied, lambda _, problem: said.append(problem))
    return applied, said


def test_what_came_to_be_is_counted_and_what_is_to_be_linked_told(directory: Directory) -> None:
    team = reading(1, "Team", objectClass="groupOfNames", member="cn=a")
    applied, said = apply(directory, team, reading(2, "Bob"))
    ids = {each.display_name: each.id for each in directory.entries.changes().entries}
    assert (applied.added, applied.changed, said) == (2, 0, [])
    assert applied.sources == {ids["Team"], ids["Bob"]}
    assert applied.keys == {key_of(f"cn=Team,{BASE}"), key_of(f"cn=Bob,{BASE}")}
    again, _ = apply(directory, team, reading(2, "Bob"))
    assert (again.added, again.changed, again.sources, again.keys) == (0, 0, set(), set())


def test_the_same_entry_twice_is_the_last(directory: Directory) -> None:
    applied, _ = apply(directory, reading(1, "Old"), reading(1, "New"))
    assert applied.added == 1
    assert [each.display_name for each in directory.entries.changes().entries] == ["New"]


def test_two_that_want_one_address_or_dn_are_told_apart(directory: Directory) -> None:
    own = "/o=x/cn=a"
    _, said = apply(
        directory,
        reading(1, "One", mail="a@x", legacyExchangeDN=own),
        reading(2, "Two", mail="A@x", legacyExchangeDN=own.upper()),
    )
    assert said == [
        "its mail address A@x belongs to another entry",
        "its legacyExchangeDN belongs to another entry",
    ]
    with directory.database.write() as connection:
        known = known_entries(connection, mirror_named(connection, SOURCE).id)
    assert sorted(each.stamp for each in known.values()) == [UNFINISHED, "1"]
    assert [each.dn == own for each in directory.entries.changes().entries] == [True, False]


def test_an_alias_is_made_where_none_is_given(directory: Directory) -> None:
    apply(directory, reading(1, "A B", mail="ab@x"), reading(2, "C D"), reading(3, "E", uid="e1"))
    assert [each.alias for each in directory.entries.changes().entries] == ["ab", "C D", "e1"]


def test_an_entry_of_ours_with_the_guid_becomes_mirrored(directory: Directory) -> None:
    (mine,) = directory.entries.add(NewEntry(EntryKind.CONTACT, "Mine", guid=reading(1, "x").guid))
    applied, _ = apply(directory, reading(1, "Theirs"))
    assert (applied.added, applied.changed, applied.sources) == (0, 1, {mine.id})
