"""One round of a mirror after another, with a directory in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from rpch.auth.accounts import Identity
from rpch.directory.entries import Entry, EntryKind, NewEntry
from rpch.directory.links import DELEGATE, MANAGER, MEMBER, Links
from rpch.directory.mailboxes import entry_of_user
from rpch.directory.mirror.kinds import ServerKind
from rpch.directory.mirror.ldap_tree import Listed
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.mirror.synchroniser import FEW, PACE, Round, Synchroniser
from rpch.directory.mirrored_entries import KeptElsewhere
from rpch.errors import TransportError
from tests.unit.directory.conftest import Directory
from tests.unit.directory.mirror.fake_tree import BASE, SETTINGS, FakeTree


@dataclass
class Mirror:
    """A mirror of a directory in memory."""

    here: Directory
    tree: FakeTree = field(default_factory=FakeTree)
    settings: MirrorSettings = SETTINGS
    progress: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.synchroniser = self.started()

    def started(self, *, remove_many: bool = False) -> Synchroniser:
        return Synchroniser(
            self.here.database,
            self.settings,
            clock=self.here.clock,
            progress=self.progress.append,
            remove_many=remove_many,
        )

    def round(self) -> Round:
        return self.synchroniser.round(self.tree)

    def named(self, name: str) -> Entry:
        (found,) = self.here.entries.named(name)
        return found

    def members(self, name: str, link: str = MEMBER) -> list[str]:
        links = Links(self.here.database)
        return [each.display_name for each in links.targets(self.named(name).id, link)]


@pytest.fixture
def mirror(directory: Directory) -> Mirror:
    made = Mirror(directory)
    made.tree.put(1, "Alice", mail="alice@x", title="Boss", jpegPhoto=b"\xff\xd8")
    made.tree.put(2, "Bob", mail="bob@x", manager=f"cn=Alice,{BASE}")
    made.tree.put(3, "Team", objectClass="groupOfNames", member=[f"cn=alice, {BASE}", f"cn=Carol,{BASE}"])
    return made


def counts(done: Round) -> tuple[int, int, int, int]:
    return (done.added, done.changed, done.removed, done.linked)


def test_everything_is_read_the_first_time_and_nothing_the_second(mirror: Mirror) -> None:
    assert counts(mirror.round()) == (3, 0, 0, 2)
    assert sum(mirror.progress) == 3
    alice = mirror.named("alice@x")
    assert (alice.guid.int, alice.kind, alice.attributes["title"]) == (1, EntryKind.USER, "Boss")
    assert mirror.here.entries.binary(alice.id, "thumbnailPhoto") == [b"\xff\xd8"]
    assert (mirror.members("Team"), mirror.members("Bob", MANAGER)) == (["Alice"], ["Alice"])
    revision = mirror.here.entries.revision()
    again = mirror.round()
    assert (counts(again), again.did_something) == ((0, 0, 0, 0), False)
    assert mirror.tree.asked == ["state", "entries", "state"]
    assert mirror.here.entries.revision() == revision


@pytest.mark.parametrize("keeps_state", [True, False])
def test_what_changes_there_changes_here(mirror: Mirror, *, keeps_state: bool) -> None:
    mirror.tree.keeps_state = keeps_state
    mirror.round()
    before = mirror.named("alice@x")
    mirror.tree.put(1, "Alice Adams", mail="adams@x", dn=f"cn=Alice,{BASE}")
    mirror.tree.put(4, "Carol", mail="carol@x")
    mirror.tree.drop(2)
    assert counts(mirror.round()) == (1, 1, 1, 1)
    after = mirror.named("adams@x")
    assert (after.id, after.dn, after.display_name) == (before.id, before.dn, "Alice Adams")
    assert "title" not in after.attributes
    assert mirror.here.entries.binary(after.id, "thumbnailPhoto") == []
    assert mirror.members("Team") == ["Alice Adams", "Carol"]
    assert mirror.here.entries.named("bob@x") == []


def test_a_picture_alone_is_a_change(mirror: Mirror) -> None:
    mirror.round()
    revision = mirror.here.entries.revision()
    mirror.tree.put(1, "Alice", mail="alice@x", title="Boss", jpegPhoto=b"other")
    mirror.round()
    assert mirror.here.entries.binary(mirror.named("Alice").id, "thumbnailPhoto") == [b"other"]
    assert mirror.here.entries.revision() > revision


def test_who_takes_a_name_is_linked_and_who_gives_it_up_is_not(mirror: Mirror) -> None:
    mirror.round()
    mirror.tree.put(4, "Dora", dn=f"cn=Carol,{BASE}")
    mirror.round()
    assert mirror.members("Team") == ["Alice", "Dora"]
    mirror.tree.move(1, f"cn=Alice,ou=elsewhere,{BASE}")
    mirror.round()
    assert (mirror.members("Team"), mirror.members("Bob", MANAGER)) == (["Dora"], [])
    mirror.tree.move(1, f"cn=Alice,{BASE}")
    mirror.round()
    assert mirror.members("Team") == ["Alice", "Dora"]
    mirror.tree.put(3, "Team", objectClass="groupOfNames", member=f"cn=Team,{BASE}")
    mirror.round()
    assert mirror.members("Team") == ["Team"]


def test_lists_are_made_in_proportion_to_what_they_cost(mirror: Mirror) -> None:
    class Slow(FakeTree):
        def listed(self) -> Iterator[Listed]:
            mirror.here.clock.now += 3
            return super().listed()

    mirror.round()
    mirror.tree = Slow(mirror.tree.people, keeps_state=False, changes=mirror.tree.changes)
    mirror.tree.put(4, "Carol")
    mirror.round()
    mirror.tree.asked.clear()
    mirror.tree.put(5, "Dora")
    mirror.tree.drop(2)
    assert counts(mirror.round()) == (1, 0, 0, 0)
    assert mirror.tree.asked == ["state", "changed"]
    mirror.here.clock.now += 3 * PACE
    assert counts(mirror.round()) == (0, 0, 1, 0)


def test_all_is_compared_from_time_to_time_whatever_the_server_says(mirror: Mirror) -> None:
    mirror.round()
    mirror.here.clock.now += SETTINGS.list_every
    mirror.tree.asked.clear()
    mirror.round()
    assert mirror.tree.asked == ["state", "changed", "listed", "fetched 0"]


def test_another_machine_has_other_stamps(mirror: Mirror) -> None:
    mirror.round()
    mirror.tree.server = "the other"
    mirror.tree.asked.clear()
    assert counts(mirror.round()) == (0, 0, 0, 0)
    assert mirror.tree.asked == ["state", "listed", "fetched 0"]


def test_too_many_that_go_at_once_are_a_mistake(mirror: Mirror) -> None:
    for number in range(10, 10 + 2 * FEW):
        mirror.tree.put(number, f"P{number}")
    mirror.round()
    mirror.tree.drop(*mirror.tree.people)
    done = mirror.round()
    assert (done.removed, done.held_back) == (0, 2 * FEW + 3)
    assert mirror.round().held_back == done.held_back, "it is no more right the second time"
    mirror.synchroniser = mirror.started(remove_many=True)
    assert mirror.round().removed == done.held_back
    assert mirror.here.entries.changes().entries == []


def test_an_address_goes_from_one_to_another(mirror: Mirror) -> None:
    mirror.round()
    mirror.tree.put(1, "Alice", mail="bob@x")
    mirror.tree.put(2, "Bob", mail="alice@x")
    assert mirror.round().problems == []
    assert (mirror.named("bob@x").guid.int, mirror.named("alice@x").guid.int) == (1, 2)


def test_whose_address_is_taken_waits_for_it(mirror: Mirror) -> None:
    mirror.tree.put(9, "Second", mail="ALICE@x")
    done = mirror.round()
    assert done.problems == [f"cn=Second,{BASE}: its mail address ALICE@x belongs to another entry"]
    assert mirror.named("Second").mail is None
    mirror.tree.drop(1)
    assert mirror.round().problems == []
    assert mirror.named("Second").mail == "ALICE@x"


def test_our_own_entries_keep_their_addresses_and_stay(mirror: Mirror) -> None:
    mirror.here.entries.add(NewEntry(EntryKind.CONTACT, "Ours", mail="alice@x"))
    mirror.round()
    mirror.tree.drop(1, 2, 3)
    mirror.round()
    assert [each.display_name for each in mirror.here.entries.changes().entries] == ["Ours"]


def test_an_entry_with_the_same_guid_is_taken_over_and_one_with_an_account_comes_back(mirror: Mirror) -> None:
    account = mirror.here.store.add(Identity("alice", "LAB"), "password")
    mine = mirror.here.entries.get(account.entry_id)[account.entry_id]
    mirror.tree.put(mine.guid.int, "Taken Over")
    mirror.round()
    assert mirror.named("Taken Over").id == mine.id
    with pytest.raises(KeptElsewhere):
        mirror.here.store.describe("alice", display_name="Mine")
    mirror.tree.drop(mine.guid.int)
    mirror.round()
    assert mirror.here.store.describe("alice", display_name="Mine").display_name == "Mine"


def test_what_is_nobody_or_cannot_be_read_is_asked_for_once(mirror: Mirror) -> None:
    mirror.tree.put(8, "\a", objectClass="inetOrgPerson")
    mirror.tree.put(9, "Machine", objectClass="device")
    mirror.tree.keeps_state = False
    done = mirror.round()
    assert (done.added, len(done.problems)) == (3, 1)
    mirror.tree.asked.clear()
    mirror.round()
    assert mirror.tree.asked == ["state", "changed", "listed", "fetched 0"]


def test_delegates_of_mirrored_people_are_ours(mirror: Mirror) -> None:
    mirror.round()
    links, alice, bob = Links(mirror.here.database), mirror.named("Alice"), mirror.named("Bob")
    links.add(alice.id, DELEGATE, bob.id)
    with pytest.raises(KeptElsewhere, match=r"Alice is kept by ldapi://there/dc=there; change it there"):
        links.add(alice.id, MANAGER, bob.id)
    mirror.tree.put(1, "Alice", manager=f"cn=Bob,{BASE}")
    mirror.round()
    assert (mirror.members("Alice", DELEGATE), mirror.members("Alice", MANAGER)) == (["Bob"], ["Bob"])


def test_what_would_be_is_said_and_nothing_done(mirror: Mirror) -> None:
    assert counts(mirror.synchroniser.what_if(mirror.tree)) == (3, 0, 0, 0)
    assert mirror.here.entries.changes().entries == []
    mirror.round()
    mirror.tree.put(1, "Other")
    mirror.tree.drop(2)
    assert counts(mirror.synchroniser.what_if(mirror.tree)) == (0, 1, 1, 0)


def test_a_server_that_goes_leaves_what_is_there(mirror: Mirror) -> None:
    mirror.round()
    mirror.tree.away = True
    with pytest.raises(TransportError):
        mirror.round()
    assert len(mirror.here.entries.changes().entries) == 3


def test_numbers_are_compared_as_numbers(directory: Directory) -> None:
    settings = MirrorSettings(url="ldapi://there", base=BASE, kind=ServerKind.AD)
    later = Synchroniser(directory.database, settings)._later
    assert (later("9", "10"), later("", "1"), later("x", "2")) == ("10", "1", "2")


def sign_in_to(mirror: Mirror, domain: str) -> None:
    """From now on people sign in with accounts of this domain."""
    mirror.settings = replace(mirror.settings, domain=domain)
    mirror.synchroniser = mirror.started()


def signs_in(mirror: Mirror, *names: str, domain: str = "LAB") -> list[str]:
    """Whose entries these names of a domain are."""
    with mirror.here.database.read() as connection:
        found = [entry_of_user(connection, Identity(name, domain)) for name in names]
    return [each.display_name if each else "" for each in found]


def test_people_are_known_by_the_names_they_sign_in_with_while_they_are_there(mirror: Mirror) -> None:
    mirror.tree.put(1, "Alice", uid="alice")
    mirror.tree.put(2, "Bob", uid=["bob", "alice2"])
    mirror.round()
    assert signs_in(mirror, "alice", "bob") == ["", ""], "of which domain was not said"
    sign_in_to(mirror, "LAB")
    assert counts(mirror.round()) == (0, 0, 0, 0)
    assert signs_in(mirror, "alice", "BOB", "alice2") == ["Alice", "Bob", "Bob"]
    assert signs_in(mirror, "alice", domain="OTHER") == [""]
    assert counts(mirror.round()) == (0, 0, 0, 0)
    assert mirror.tree.asked[-1] == "state", "it was read once"
    mirror.tree.put(2, "Bob", uid="alice2")
    mirror.tree.put(1, "Alice", uid="alice2")
    mirror.round()
    assert signs_in(mirror, "alice", "bob", "alice2") == ["", "", ""]
    mirror.tree.drop(1)
    mirror.round()
    assert signs_in(mirror, "alice2") == ["Bob"]
    sign_in_to(mirror, "")
    mirror.round()
    assert signs_in(mirror, "alice2") == [""]


def test_who_is_gone_there_and_has_an_account_here_signs_in_by_that_alone(mirror: Mirror) -> None:
    sign_in_to(mirror, "LAB")
    made = mirror.here.store.add(Identity("carol", "HERE"), "secret")
    guid = mirror.here.entries.get(made.entry_id)[made.entry_id].guid
    mirror.tree.put(guid.int, "Carol", uid="carol", mail="carol@x")
    mirror.round()
    assert signs_in(mirror, "carol") == ["Carol"]
    mirror.tree.drop(guid.int)
    mirror.round()
    assert signs_in(mirror, "carol") == [""]
    assert signs_in(mirror, "carol", domain="HERE") == ["Carol"]
