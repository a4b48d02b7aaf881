"""Who may change what."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import insert

from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.links import DELEGATE, MANAGER, MEMBER, OWNER, Links
from rpch.directory.mirror.mirror_store import key_of, mirror_named
from rpch.directory.sign_in_names import keep_sign_in_names, sign_in_names
from rpch.directory.tables import MIRRORED
from rpch.exchange.nspi.book.fixed import SERVER_MID
from rpch.exchange.nspi.book.keeper import BookKeeper
from rpch.exchange.nspi.book.objects import mid_of
from rpch.exchange.nspi.operations.editing import DELETE, LARGEST_BINARY, LONGEST_TEXT, BookEditor
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.entryids import EphemeralId, PermanentId
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import NAMES, enter_account, stat

ALICE = r"LAB\alice"


@dataclass
class Scene:
    """Alice, Bob, and a group that is Alice's."""

    database: Database
    keeper: BookKeeper
    editor: BookEditor
    alice: int
    bob: int
    group: int
    contact: int

    @property
    def entries(self) -> Entries:
        return Entries(self.database)

    def attributes(self) -> dict[str, object]:
        return dict(self.entries.get(self.alice)[self.alice].attributes)

    def targets(self, source: int, name: str) -> list[int]:
        return [entry.id for entry in Links(self.database).targets(source, name)]

    def permanent(self, entry_id: int) -> bytes:
        return PermanentId(0, self.entries.get(entry_id)[entry_id].dn).encode()


@pytest.fixture
def scene(database: Database) -> Scene:
    entries = Entries(database)
    people = [NewEntry(EntryKind.USER, name, attributes={"title": "Boss"}) for name in ("Alice", "Bob")]
    alice, bob, group, contact = entries.add(
        *people, NewEntry(EntryKind.GROUP, "Team"), NewEntry(EntryKind.CONTACT, "Carl")
    )
    Links(database).add(group.id, OWNER, alice.id)
    enter_account(database, alice.id, "alice")
    keeper = BookKeeper(database, NAMES)
    return Scene(database, keeper, BookEditor(database, keeper), alice.id, bob.id, group.id, contact.id)


def refused(work: Callable[[], None]) -> Status:
    with pytest.raises(Refused) as refusal:
        work()
    return refusal.value.status


def test_people_keep_their_own_particulars(scene: Scene) -> None:
    where, tags = stat(current=mid_of(scene.alice)), [0x3A08_001E, Tag.MOBILE_TELEPHONE, 0x3A1B_101F]
    row: Row = [(0x3A08_001E, b"+49 \xe9"), (Tag.MOBILE_TELEPHONE, " 1 "), (0x3A1B_101F, ("2", " ", "3"))]
    scene.editor.mod_props(ALICE, where, tags, row)
    given = {"telephoneNumber": "+49 é", "mobile": "1", "otherTelephone": ["2", "3"]}
    assert scene.attributes() == {"title": "Boss", **given}
    assert scene.keeper.current().objects[mid_of(scene.alice)].attributes["mobile"] == "1"
    scene.editor.mod_props(ALICE, where, tags, [(0x3A1B_101F, ("4",))])
    assert scene.attributes() == {"title": "Boss", "otherTelephone": ["4"]}


def test_people_keep_their_pictures_and_certificates(scene: Scene) -> None:
    where = stat(current=mid_of(scene.alice))
    tags = [Tag.THUMBNAIL_PHOTO, Tag.USER_X509_CERTIFICATE]
    scene.editor.mod_props(ALICE, where, tags, [(tags[0], b"jpeg"), (tags[1], (b"one", b"two"))])
    assert scene.entries.binary(scene.alice, "thumbnailPhoto") == [b"jpeg"]
    assert scene.entries.binary(scene.alice, "userSMIMECertificate") == [b"one", b"two"]
    scene.editor.mod_props(ALICE, where, tags, [])
    assert scene.entries.binary(scene.alice, "thumbnailPhoto") == []


def test_everything_else_is_not_theirs(scene: Scene) -> None:
    own, mobile = stat(current=mid_of(scene.alice)), [Tag.MOBILE_TELEPHONE]

    def mod(user: str | None, where: int, tags: list[int] | None, value: object = "x") -> Status:
        row = [(tag, value) for tag in tags or []]
        position = stat(current=where)
        return refused(lambda: scene.editor.mod_props(user, position, tags, row))  # type: ignore[arg-type]

    assert mod(ALICE, mid_of(scene.bob), [*mobile]) is Status.ACCESS_DENIED
    assert mod(r"LAB\nobody", own.current_rec, [*mobile]) is Status.ACCESS_DENIED
    assert mod(None, own.current_rec, [*mobile]) is Status.ACCESS_DENIED
    assert mod(ALICE, own.current_rec, [Tag.TITLE]) is Status.ACCESS_DENIED
    assert mod(ALICE, own.current_rec, [0x7777_001F]) is Status.ACCESS_DENIED
    assert mod(ALICE, own.current_rec, None) is Status.INVALID_PARAMETER
    for tag, value in (  # constraint 11: what cannot be done for any other reason
        (Tag.MOBILE_TELEPHONE, 5),
        (Tag.MOBILE_TELEPHONE, "x" * (LONGEST_TEXT + 1)),
        (Tag.THUMBNAIL_PHOTO, "x"),
        (Tag.THUMBNAIL_PHOTO, bytes(LARGEST_BINARY + 1)),
        (Tag.USER_X509_CERTIFICATE, (b"x",) * 50),
        (0x3A1B_101F, ("x",) * 500),
    ):
        assert mod(ALICE, own.current_rec, [tag], value) is Status.ACCESS_DENIED
    assert mod(ALICE, 9999, [*mobile]) is Status.INVALID_PARAMETER  # constraint 6
    assert mod(ALICE, 0, [*mobile]) is Status.INVALID_PARAMETER
    for other in (mid_of(scene.group), mid_of(scene.contact), SERVER_MID):  # constraint 7
        assert mod(ALICE, other, [*mobile]) is Status.INVALID_OBJECT
    assert scene.attributes() == {"title": "Boss"}


def test_what_is_in_the_row_is_given_and_what_is_only_named_is_removed(scene: Scene) -> None:
    """MS-OXNSPI 3.1.4.1.14, constraints 8 to 10."""
    where = stat(current=mid_of(scene.alice))
    scene.editor.mod_props(ALICE, where, [], [(Tag.MOBILE_TELEPHONE, "1"), (Tag.THUMBNAIL_PHOTO, b"x")])
    assert scene.attributes() == {"title": "Boss", "mobile": "1"}
    scene.editor.mod_props(ALICE, where, [Tag.MOBILE_TELEPHONE], [(Tag.HOME_TELEPHONE, "2")])
    assert scene.attributes() == {"title": "Boss", "homePhone": "2"}
    assert scene.entries.binary(scene.alice, "thumbnailPhoto") == [b"x"]


def test_nothing_changes_when_one_of_several_is_not_theirs(scene: Scene) -> None:
    where = stat(current=mid_of(scene.alice))
    tags = [Tag.MOBILE_TELEPHONE, Tag.TITLE]
    row: Row = [(Tag.MOBILE_TELEPHONE, "1"), (Tag.TITLE, "King")]
    assert refused(lambda: scene.editor.mod_props(ALICE, where, tags, row)) is Status.ACCESS_DENIED
    assert scene.attributes() == {"title": "Boss"}


def test_owners_keep_their_members(scene: Scene) -> None:
    group = mid_of(scene.group)
    ids = [
        scene.permanent(scene.bob),
        EphemeralId(scene.keeper.current().guid, 6, mid_of(scene.contact)).encode(),
    ]
    scene.editor.mod_link_att(ALICE, 0, Tag.MEMBER, group, ids)
    assert scene.targets(scene.group, MEMBER) == [scene.bob, scene.contact]
    scene.editor.mod_link_att(ALICE, DELETE, Tag.MEMBER, group, ids[:1])
    assert scene.targets(scene.group, MEMBER) == [scene.contact]


def test_people_keep_their_delegates(scene: Scene) -> None:
    scene.editor.mod_link_att(
        ALICE, 0, Tag.PUBLIC_DELEGATES, mid_of(scene.alice), [scene.permanent(scene.bob)]
    )
    assert scene.targets(scene.alice, DELEGATE) == [scene.bob]


def test_other_links_are_not_theirs(scene: Scene) -> None:
    bob = [scene.permanent(scene.bob)]
    group, alice = mid_of(scene.group), mid_of(scene.alice)

    def mod(user: str | None, tag: int, mid: int, ids: list[bytes]) -> Status:
        return refused(lambda: scene.editor.mod_link_att(user, 0, tag, mid, ids))

    assert mod(None, Tag.MEMBER, group, bob) is Status.ACCESS_DENIED
    assert mod(ALICE, Tag.OWNER, group, bob) is Status.ACCESS_DENIED
    assert mod(ALICE, Tag.PUBLIC_DELEGATES, mid_of(scene.bob), bob) is Status.ACCESS_DENIED
    assert mod(ALICE, Tag.MANAGER, alice, bob) is Status.ACCESS_DENIED
    assert mod(ALICE, Tag.IS_MEMBER_OF_DL, alice, bob) is Status.ACCESS_DENIED
    assert mod(ALICE, Tag.TITLE, alice, bob) is Status.ACCESS_DENIED
    assert mod(ALICE, 0x7777_000D, alice, bob) is Status.NOT_FOUND  # constraint 3
    assert mod(ALICE, Tag.MEMBER, 9999, bob) is Status.INVALID_PARAMETER  # constraint 4
    assert mod(ALICE, Tag.MEMBER, alice, bob) is Status.ACCESS_DENIED  # constraint 5
    assert mod(ALICE, Tag.PUBLIC_DELEGATES, group, bob) is Status.ACCESS_DENIED
    assert mod(ALICE, Tag.MEMBER, SERVER_MID, bob) is Status.ACCESS_DENIED
    for bad in (
        b"",
        b"nonsense",
        PermanentId(0, "/o=nobody").encode(),
        EphemeralId(bytes(16), 0, alice).encode(),
    ):
        assert mod(ALICE, Tag.MEMBER, group, [*bob, bad]) is Status.ACCESS_DENIED  # constraint 8
    assert scene.targets(scene.group, MEMBER) == []


def test_people_do_not_get_members_by_having_a_manager(scene: Scene) -> None:
    """Constraint 5: only groups have members, whoever is responsible for somebody."""
    Links(scene.database).add(scene.bob, MANAGER, scene.alice)
    scene.keeper.expire()
    ids = [scene.permanent(scene.contact)]
    bob = mid_of(scene.bob)
    status = refused(lambda: scene.editor.mod_link_att(ALICE, 0, Tag.MEMBER, bob, ids))
    assert status is Status.ACCESS_DENIED


def test_who_is_no_member_is_no_mistake_to_remove(scene: Scene) -> None:
    """Constraint 6, for those that mean nobody any more too."""
    group, bob = mid_of(scene.group), scene.permanent(scene.bob)
    scene.editor.mod_link_att(ALICE, 0, Tag.MEMBER, group, [bob])
    gone = [b"nonsense", PermanentId(0, "/o=nobody").encode(), scene.permanent(scene.contact), bob]
    scene.editor.mod_link_att(ALICE, DELETE, Tag.MEMBER, group, gone)
    assert scene.targets(scene.group, MEMBER) == []


def test_those_who_went_meanwhile_cannot_be_linked_or_changed(scene: Scene) -> None:
    ids = [scene.permanent(scene.bob)]
    scene.keeper.current()
    scene.entries.remove(scene.bob)
    group = mid_of(scene.group)
    status = refused(lambda: scene.editor.mod_link_att(ALICE, 0, Tag.MEMBER, group, ids))
    assert status is Status.ACCESS_DENIED


def test_whose_account_is_elsewhere_owns_the_entry_of_that_name_and_changes_what_is_ours(
    scene: Scene,
) -> None:
    """A mirrored entry's particulars are changed where it is kept; delegates are rights to mailboxes here."""
    carla = r"CORP\carla"
    with scene.database.write() as connection:
        mirror = mirror_named(connection, "ldaps://there/dc=x", "CORP uid")
        row = {"mirror_id": mirror.id, "dn": "uid=carla", "dn_key": key_of("uid=carla"), "stamp": "1"}
        connection.execute(insert(MIRRORED), row | {"entry_id": scene.bob})
        keep_sign_in_names(connection, {scene.bob: sign_in_names("CORP", ["carla"])})
    own, mobile = stat(current=mid_of(scene.bob)), [Tag.MOBILE_TELEPHONE]
    changes: Row = [(Tag.MOBILE_TELEPHONE, "1")]
    assert refused(lambda: scene.editor.mod_props(carla, own, mobile, changes)) is Status.ACCESS_DENIED
    delegate = [scene.permanent(scene.alice)]
    for stranger in (r"LAB\carla", "carla", None):
        denied = refused(
            lambda who=stranger: scene.editor.mod_link_att(  # type: ignore[misc]  # mypy knows no such lambda
                who, 0, Tag.PUBLIC_DELEGATES, mid_of(scene.bob), delegate
            )
        )
        assert denied is Status.ACCESS_DENIED
    scene.editor.mod_link_att(carla, 0, Tag.PUBLIC_DELEGATES, mid_of(scene.bob), delegate)
    assert scene.targets(scene.bob, DELEGATE) == [scene.alice]
    other = mid_of(scene.alice)
    denied = refused(lambda: scene.editor.mod_link_att(carla, 0, Tag.PUBLIC_DELEGATES, other, delegate))
    assert denied is Status.ACCESS_DENIED
