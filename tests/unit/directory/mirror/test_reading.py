"""Entries of another directory, made fit for the book."""

from __future__ import annotations

import msgspec
import pytest

from rpch.directory.entries import EntryKind
from rpch.directory.links import MANAGER
from rpch.directory.mirror.kinds import ServerKind
from rpch.directory.mirror.reading import LONGEST_TEXT, MOST_TEXTS, Reading, read_entry
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.transfer.records import BadRecord
from tests.unit.directory.mirror.fake_tree import SETTINGS, entry


def read(cn: str = "Alice", *, settings: object = SETTINGS, **values: str | bytes | list[str]) -> Reading:
    found = read_entry(entry(1, cn, **values), settings)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_what_the_server_alone_needs_is_no_attribute() -> None:
    found = read(sn="Adams", distinguishedName="x", parent="y").record
    assert dict(found.attributes) == {"cn": "Alice", "sn": "Adams"}
    assert (found.guid, found.parent) == (read().guid, "")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Bell\a\tTab\nLine", "Bell Tab Line"),
        ("L" * 300, "L" * 256),
        ("山田 👩‍💻", "山田 👩‍💻"),
        (" a  b ", "a b"),
    ],
)
def test_names_are_of_one_line_and_not_too_long(given: str, kept: str) -> None:
    assert read(given).record.display_name == kept
    assert read(uid=given).record.alias == kept


def test_who_has_no_name_is_nobody_of_ours() -> None:
    with pytest.raises(BadRecord, match="no name that can be shown"):
        read("\a\a")
    assert read_entry(entry(1, "Printer", objectClass="device"), SETTINGS) is None


@pytest.mark.parametrize("mail", ["x" * 300 + "@x", "a\a@x"])
def test_an_address_that_cannot_be_kept_is_said(mail: str) -> None:
    found = read(mail=mail)
    assert (found.record.mail, len(found.problems)) == (None, 1)


def test_texts_are_cut_and_keep_their_lines() -> None:
    found = read(
        info="one\r\ntwo\0" + "x" * LONGEST_TEXT,
        description=[f"d{at}" for at in range(MOST_TEXTS + 5)],
        title="\a",
        msExchResourceCapacity="0",
        msExchEnableModeration="FALSE",
        proxyAddresses=["smtp:a@x", "smtp:" + "y" * 300],
    ).record.attributes
    info, description = found["info"], found["description"]
    assert isinstance(info, str)
    assert isinstance(description, list)
    assert (info[:9], len(info)) == ("one \ntwo ", LONGEST_TEXT)
    assert len(description) == MOST_TEXTS
    assert (found["msExchResourceCapacity"], found["msExchEnableModeration"]) == (0, False)
    assert "title" not in found
    assert found["proxyAddresses"] == ["smtp:a@x"]


def test_pictures_of_every_size_up_to_the_largest_are_kept() -> None:
    settings = msgspec.structs.replace(SETTINGS, largest_binary=4)
    assert read(settings=settings, jpegPhoto=b"1234").record.binaries == {"thumbnailPhoto": [b"1234"]}
    found = read(settings=settings, jpegPhoto=b"12345")
    assert (found.record.binaries, found.problems) == (
        {},
        ("a thumbnailPhoto of more than 4 bytes is left out",),
    )


def test_delegates_are_not_taken_over() -> None:
    assert read(manager="cn=b", publicDelegates="cn=c").record.links == {MANAGER: ["cn=b"]}


def test_a_dn_that_is_none_is_left_out() -> None:
    assert read(legacyExchangeDN="/o=x/cn=a").record.dn == "/o=x/cn=a"
    assert read(legacyExchangeDN="cn=a").record.dn == ""
    assert read(legacyExchangeDN="/" + "x" * 2000).record.dn == ""


def test_attributes_are_called_as_the_settings_say() -> None:
    names = {"employeeNumber": "extensionAttribute1", "title": "", "l": "physicalDeliveryOfficeName"}
    settings = msgspec.structs.replace(SETTINGS, attributes=names)
    found = read(settings=settings, EMPLOYEENUMBER="7", title="Boss", l="Berlin", objectClass="room").record
    assert found.kind is EntryKind.ROOM
    assert dict(found.attributes) == {
        "cn": "Alice",
        "extensionAttribute1": "7",
        "physicalDeliveryOfficeName": "Berlin",
    }


AD = msgspec.structs.replace(SETTINGS, kind=ServerKind.AD, domain="LAB")


def named(settings: MirrorSettings, **more: str) -> Reading:
    """Somebody who has names of every kind."""
    return read(
        settings=settings,
        uid=["Alice", "aa"],
        mail="a@x",
        sAMAccountName="adams",
        userPrincipalName="a.dams@x",
        objectGUID=bytes(16),
        uSNChanged="1",
        **more,
    )


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (SETTINGS, set()),
        (msgspec.structs.replace(SETTINGS, domain="Lab"), {("ALICE", "LAB"), ("AA", "LAB")}),
        (msgspec.structs.replace(SETTINGS, domain="LAB", name_attribute="MAIL"), {("A@X", "LAB")}),
        (AD, {("ADAMS", "LAB"), ("A.DAMS@X", "")}),
    ],
)
def test_people_sign_in_by_the_attribute_of_the_settings_in_their_domain(
    settings: MirrorSettings, names: set[tuple[str, str]]
) -> None:
    assert named(settings).sign_in_names == names
    assert named(settings, objectClass="group").sign_in_names == set(), "who is no person never signs in"


def test_principal_names_are_no_attributes_of_the_book() -> None:
    assert "userPrincipalName" not in named(AD).record.attributes
