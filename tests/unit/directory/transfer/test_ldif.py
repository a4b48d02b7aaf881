"""LDIF by its own examples and our own cases."""

from io import StringIO

import pytest

from rpch.directory.transfer import ldif
from rpch.directory.transfer.ldif import LdapEntry, read_ldif, write_ldif
from rpch.directory.transfer.records import BadRecord

# RFC 2849, examples 1, 2 and 3, put together and shortened.
EXAMPLES = """\
version: 1
dn: cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com
objectclass: top
objectclass: person
cn: Barbara Jensen
telephonenumber: +1 408 555 1212
description:Babs is a big sailing fan, and travels extensively in sea
 rch of perfect sailing conditions.

# a comment
#  that goes on
 here
dn: cn=Gern Jensen, ou=Product Testing, dc=airius, dc=com
description:: V2hhdCBhIGNhcmVmdWwgcmVhZGVyIHlvdSBhcmUhIA==
"""


def read(text: str) -> list[LdapEntry | BadRecord]:
    return list(read_ldif(StringIO(text)))


def test_the_examples_of_the_standard() -> None:
    first, second = read(EXAMPLES)
    assert isinstance(first, LdapEntry)
    assert first.dn == "cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com"
    assert first.attributes["objectclass"] == [b"top", b"person"]
    assert first.attributes["description"] == [
        b"Babs is a big sailing fan, and travels extensively in search of perfect sailing conditions."
    ]
    assert isinstance(second, LdapEntry)
    assert second.attributes == {"description": [b"What a careful reader you are! "]}


def test_what_is_written_is_read_again() -> None:
    values = [
        b"plain",
        b" leading",
        b"trailing ",
        b":colon",
        b"<less",
        "ä".encode(),
        b"\0\xff",
        b"",
        b"x" * 500,
        b"a\nb",
    ]
    entry = LdapEntry("cn=Ä,dc=x", {"description": values, "cn": [b"y"]})
    target = StringIO()
    write_ldif([entry, entry], target)
    assert all(len(line) <= 76 for line in target.getvalue().splitlines())
    found = read(target.getvalue())
    assert len(found) == 2
    for back in found:
        assert isinstance(back, LdapEntry)
        assert (back.dn, back.attributes) == (entry.dn, entry.attributes)


def test_additions_are_contents_too() -> None:
    (entry,) = read("dn: cn=x\ncontrol: 1.2.3 true\nchangetype: add\nuserCertificate;binary:: AAE=\n")
    assert isinstance(entry, LdapEntry)
    assert entry.attributes == {"userCertificate": [b"\0\1"]}


@pytest.mark.parametrize(
    "bad",
    [
        "dn: cn=x\nchangetype: delete",
        "cn: x",
        "dn: cn=x\nnonsense",
        "dn: cn=x\n: nameless",
        "dn: cn=x\ncn:: ***",
        "dn: cn=x\ncn:: AAE\u00e9",
        "dn: cn=x\njpegPhoto:< file:///etc/passwd",
        "dn:: /w==",
    ],
)
def test_a_bad_entry_is_told_and_the_others_are_read(bad: str) -> None:
    problem, entry = read(f"version: 1\n\n{bad}\n\ndn: cn=y\ncn: y\n")
    assert isinstance(problem, BadRecord)
    assert problem.where == "line 3"
    assert isinstance(entry, LdapEntry)


def test_an_entry_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldif, "LARGEST_ENTRY", 100)
    with pytest.raises(BadRecord):
        read("dn: cn=x\n" + " x" * 200 + "\n" + "a: b\n" * 100)
