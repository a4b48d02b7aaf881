"""People as cards."""

from io import StringIO
from uuid import UUID

import pytest

from rpch.directory.entries import EntryKind
from rpch.directory.links import MANAGER, MEMBER
from rpch.directory.transfer.records import BadRecord, Record
from rpch.directory.transfer.vcards import read_vcards, write_vcards

GUID = UUID(int=77)
# RFC 6350 8, shortened.
PERREAULT = """\
BEGIN:VCARD
VERSION:4.0
FN:Simon Perreault
N:Perreault;Simon;;;ing. jr,M.Sc.
LANG;PREF=1:fr
ORG;TYPE=work:Viagenie
ADR;TYPE=work:;Suite D2-630;2875 Laurier;
 Quebec;QC;G1V 2M2;Canada
TEL;VALUE=uri;TYPE="work,voice";PREF=1:tel:+1-418-656-9254;ext=102
TEL;VALUE=uri;TYPE="work,cell,voice,video,text":tel:+1-418-262-6501
EMAIL;TYPE=work:simon.perreault@viagenie.ca
KEY;TYPE=work;VALUE=uri:http://www.viagenie.ca/simon.perreault/simon.asc
URL;TYPE=home:http://nomis80.org
END:VCARD
"""


def read(text: str) -> list[Record | BadRecord]:
    return list(read_vcards(StringIO(text)))


def one(*lines: str) -> Record:
    (found,) = read("\n".join(["BEGIN:VCARD", *lines, "END:VCARD"]))
    assert isinstance(found, Record), found
    return found


def test_the_example_of_the_standard() -> None:
    (simon,) = read(PERREAULT)
    assert isinstance(simon, Record)
    assert (simon.kind, simon.display_name, simon.mail) == (
        EntryKind.CONTACT,
        "Simon Perreault",
        "simon.perreault@viagenie.ca",
    )
    assert simon.attributes == {
        "givenName": "Simon",
        "sn": "Perreault",
        "company": "Viagenie",
        "telephoneNumber": "+1-418-656-9254;ext=102",
        "mobile": "+1-418-262-6501",
        "physicalDeliveryOfficeName": "Suite D2-630",
        "streetAddress": "2875 Laurier",
        "l": "Quebec",
        "st": "QC",
        "postalCode": "G1V 2M2",
        "co": "Canada",
        "wWWHomePage": "http://nomis80.org",
    }
    assert simon.binaries == {}


def test_everything_of_ours_comes_back() -> None:
    ours = Record(
        EntryKind.USER,
        "Älice, Adams",
        alias="alice",
        mail="alice@x.test",
        dn="/o=x/cn=alice",
        guid=GUID,
        attributes={
            "givenName": "Älice",
            "sn": "Adams; Jr",
            "proxyAddresses": ["smtp:second@x.test"],
            "company": "Example, Inc.",
            "department": "R&D",
            "telephoneNumber": "1",
            "homePhone": "2",
            "mobile": "3",
            "pager": "4",
            "facsimileTelephoneNumber": "5",
            "title": "Boss",
            "info": "first\nsecond",
            "wWWHomePage": "https://x.test",
            "postOfficeBox": ["7"],
            "streetAddress": "Street 1",
            "l": "City",
            "st": "State",
            "postalCode": "12345",
            "co": "Country",
            "physicalDeliveryOfficeName": "Office",
            "msDS-PhoneticDisplayName": "ありす",
        },
        binaries={"thumbnailPhoto": [b"\xff\xd8jpeg"], "userSMIMECertificate": [b"\1", b"\2"]},
        links={MANAGER: ["boss@x.test"]},
        where="line 1",
    )
    target = StringIO(newline="")
    write_vcards([ours], target)
    assert read(target.getvalue()) == [ours]


@pytest.mark.parametrize("kind", list(EntryKind))
def test_every_kind_comes_back(kind: EntryKind) -> None:
    target = StringIO(newline="")
    ours = Record(
        kind, "x", guid=GUID, links={MEMBER: ["a@x.test", str(UUID(int=5)), "/o=x"]}, where="line 1"
    )
    write_vcards([ours], target)
    assert read(target.getvalue()) == [ours]


def test_old_cards_are_read() -> None:
    found = one(
        "VERSION:2.1",
        "N:Müller;Erika",
        "TEL;HOME;VOICE:1",
        "TEL;WORK;FAX:2",
        "PHOTO;JPEG;ENCODING=BASE64:/9j/",
        "EMAIL;INTERNET:e@x.test",
        "EMAIL;INTERNET:f@x.test",
        "UID:not-a-uuid",
        "ADR;HOME:;;Home street;;;;",
    )
    assert (found.display_name, found.guid) == ("Erika Müller", None)
    assert found.binaries == {"thumbnailPhoto": [b"\xff\xd8\xff"]}
    assert found.attributes == {
        "givenName": "Erika",
        "sn": "Müller",
        "homePhone": "1",
        "facsimileTelephoneNumber": "2",
        "proxyAddresses": ["smtp:f@x.test"],
        "streetAddress": "Home street",
    }


def test_pictures_elsewhere_are_left_there() -> None:
    assert one("FN:x", "PHOTO:https://x.test/a.jpg", "PHOTO:data:image/png,plain").binaries == {}


@pytest.mark.parametrize(
    "line", ["TITLE:nameless", "nonsense", "FN:x\nKEY;ENCODING=b:***", "FN:x\nKEY;ENCODING=b:AAE\u00e9"]
)
def test_a_bad_card_is_told_and_the_others_are_read(line: str) -> None:
    bad, good = read(f"BEGIN:VCARD\n{line}\nEND:VCARD\nBEGIN:VCARD\nFN:y\nEND:VCARD\n")
    assert isinstance(bad, BadRecord)
    assert bad.where == "line 1"
    assert isinstance(good, Record)
