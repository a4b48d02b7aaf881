"""What entries of directory servers say about people."""

from uuid import UUID

import pytest

from rpch.directory.entries import EntryKind
from rpch.directory.links import MANAGER, MEMBER
from rpch.directory.transfer.ldap_records import entry_of, record_of
from rpch.directory.transfer.ldif import LdapEntry
from rpch.directory.transfer.records import BadRecord, Record

GUID = UUID(int=77)


def entry(**values: str | bytes | list[str]) -> LdapEntry:
    def octets(value: str | bytes | list[str]) -> list[bytes]:
        several = value if isinstance(value, list) else [value]
        return [each if isinstance(each, bytes) else each.encode() for each in several]

    return LdapEntry("CN=x,DC=test", {name: octets(value) for name, value in values.items()}, "line 3")


def record(**values: str | bytes | list[str]) -> Record:
    found = record_of(entry(**values))
    assert found is not None
    return found


def test_a_user_of_active_directory() -> None:
    alice = record(
        objectClass=["top", "person", "organizationalPerson", "user"],
        cn="alice",
        displayName="Alice Ädams",
        sAMAccountName="alice",
        mail="alice@x.test",
        objectGUID=GUID.bytes_le,
        sn="Ädams",
        manager="CN=boss,DC=test",
        memberOf=["CN=team,DC=test"],
        thumbnailPhoto=b"\xff\xd8",
        msExchHideFromAddressLists="TRUE",
        userPassword="secret",
        proxyAddresses=["SMTP:alice@x.test"],
    )
    assert (alice.kind, alice.display_name, alice.alias, alice.mail) == (
        EntryKind.USER,
        "Alice Ädams",
        "alice",
        "alice@x.test",
    )
    assert (alice.guid, alice.hidden, alice.where) == (GUID, True, "line 3")
    assert alice.links == {MANAGER: ["CN=boss,DC=test"]}
    assert alice.binaries == {"thumbnailPhoto": [b"\xff\xd8"]}
    assert alice.attributes == {
        "distinguishedName": "CN=x,DC=test",
        "cn": "alice",
        "sn": "Ädams",
        "proxyAddresses": ["SMTP:alice@x.test"],
    }


def test_a_person_of_another_directory() -> None:
    bob = record(
        objectClass=["inetOrgPerson"],
        cn="Bob",
        uid="bob",
        surname="Brown",
        o="Example",
        entryUUID=str(GUID),
        street="x",
    )
    assert (bob.alias, bob.guid, bob.display_name) == ("bob", GUID, "Bob")
    assert bob.attributes == {
        "distinguishedName": "CN=x,DC=test",
        "cn": "Bob",
        "sn": "Brown",
        "company": "Example",
        "streetAddress": "x",
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"objectClass": ["group"]}, EntryKind.GROUP),
        ({"objectClass": ["groupOfUniqueNames"]}, EntryKind.GROUP),
        ({"objectClass": ["person", "contact"]}, EntryKind.CONTACT),
        ({"objectClass": ["user"], "msExchRecipientDisplayType": "7"}, EntryKind.ROOM),
        ({"objectClass": ["user"], "msExchRecipientDisplayType": "8"}, EntryKind.EQUIPMENT),
        ({"objectClass": ["user"], "msExchRecipientDisplayType": "0"}, EntryKind.USER),
        ({"objectClass": ["whatever"], "rpchKind": "room"}, EntryKind.ROOM),
    ],
)
def test_every_kind(values: dict[str, str | bytes | list[str]], kind: EntryKind) -> None:
    assert record(cn="x", **values).kind is kind


def test_members_of_groups_by_any_name() -> None:
    for name in ("member", "uniqueMember"):
        assert record(objectClass=["group"], cn="x", **{name: ["CN=a"]}).links == {MEMBER: ["CN=a"]}


@pytest.mark.parametrize("classes", [["domain"], ["organizationalUnit"], ["user", "computer"], []])
def test_what_is_nobody_is_left_out(classes: list[str]) -> None:
    assert record_of(entry(objectClass=classes, cn="x")) is None


def test_somebody_without_a_name_cannot_be_entered() -> None:
    with pytest.raises(BadRecord):
        record_of(entry(objectClass=["user"]))


def test_guids_that_are_none_are_no_guids() -> None:
    assert record(objectClass=["user"], cn="x", objectGUID=b"short").guid is None
    assert record(objectClass=["user"], cn="x", entryUUID="nonsense").guid is None


@pytest.mark.parametrize("kind", list(EntryKind))
def test_ours_come_back(kind: EntryKind) -> None:
    ours = Record(
        kind,
        "Ünser",
        alias="u",
        mail="u@x.test",
        dn="/o=x/cn=u",
        guid=GUID,
        hidden=True,
        parent="Lists",
        attributes={"title": "x", "description": ["a"], "msExchEnableModeration": True},
        binaries={"userCertificate": [b"\1", b"\2"]},
        links={MEMBER: ["a@x.test"]},
    )
    assert record_of(entry_of(ours)) == ours
    theirs = Record(kind, "x", guid=GUID, alias="x", attributes={"distinguishedName": "CN=y,DC=z"})
    assert record_of(entry_of(theirs)) == theirs
    assert entry_of(theirs).dn == "CN=y,DC=z"


def test_as_whom_somebody_signs_in_is_told_by_the_first_name_of_its_kind() -> None:
    both = record(objectClass="user", cn="a", uid=["u1", "u2"], samAccountName="sam", userPrincipalName="a@x")
    assert (both.names, both.upns) == (("sam",), ("a@x",))
    unix = record(objectClass="person", cn="a", uid=["u1", "u2"])
    assert (unix.names, unix.upns) == (("u1", "u2"), ())
