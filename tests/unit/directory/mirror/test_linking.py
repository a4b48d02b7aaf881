"""Links of mirrored entries; `test_synchroniser.py` has whole rounds."""

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import DELEGATE, MEMBER, Links
from rpch.directory.mirror.linking import forget_entries, relink, sources_naming
from rpch.directory.mirror.mirror_store import key_of, mirror_named
from rpch.directory.mirror.records_in import Applied, apply_readings
from tests.unit.directory.conftest import Directory
from tests.unit.directory.mirror.fake_tree import BASE
from tests.unit.directory.mirror.test_records_in import apply, reading


def test_links_follow_the_names_of_one_mirror(directory: Directory) -> None:
    applied, _ = apply(
        directory, reading(1, "Team", objectClass="groupOfNames", member=f"cn=Bob,{BASE}"), reading(2, "Bob")
    )
    (team,), (bob,) = directory.entries.named("Team"), directory.entries.named("Bob")
    (mine,) = directory.entries.add(NewEntry(EntryKind.CONTACT, "Mine"))
    links = Links(directory.database)
    links.add(team.id, DELEGATE, mine.id)
    with directory.database.write() as connection:
        assert sources_naming(connection, {key_of(f"CN=Bob,{BASE}")}) == {team.id}
        assert relink(connection, sorted(applied.sources), 2.0) == 1
        assert relink(connection, sorted(applied.sources), 3.0) == 0
    assert links.targets(team.id, MEMBER) == [bob]
    assert links.targets(team.id, DELEGATE) == [mine]


def test_the_same_name_in_another_mirror_is_somebody_else(directory: Directory) -> None:
    applied, _ = apply(directory, reading(1, "Team", objectClass="groupOfNames", member=f"cn=Bob,{BASE}"))
    with directory.database.write() as connection:
        other = mirror_named(connection, "other").id
        apply_readings(connection, other, [reading(2, "Bob")], 1.0, Applied(), lambda *_: None)
        assert relink(connection, sorted(applied.sources), 2.0) == 0


def test_who_goes_is_removed_and_nobody_else(directory: Directory) -> None:
    apply(directory, reading(1, "A"), reading(2, "B"))
    (gone,) = directory.entries.named("A")
    with directory.database.write() as connection:
        assert forget_entries(connection, [gone.id], 2.0) == 1
        assert forget_entries(connection, [], 2.0) == 0
    assert [each.display_name for each in directory.entries.changes().entries] == ["B"]
