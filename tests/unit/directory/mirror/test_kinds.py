"""What kinds of servers call the same things."""

from uuid import UUID

import pytest

from rpch.directory.mirror.kinds import DIALECTS, ServerKind, wanted_attributes
from rpch.exchange.nspi.book.attributes import ATTRIBUTES, BINARY_ATTRIBUTES

GUID = UUID("00112233-4455-6677-8899-aabbccddeeff")
OPENLDAP, AD = DIALECTS[ServerKind.OPENLDAP], DIALECTS[ServerKind.AD]


def test_a_guid_is_text_or_octets_in_windows_order() -> None:
    assert OPENLDAP.guid_of(str(GUID).encode()) == GUID
    assert AD.guid_of(GUID.bytes_le) == GUID
    assert OPENLDAP.guid_query(GUID) == f"(entryUUID={GUID})"
    octets = r"\33\22\11\00\55\44\77\66\88\99\aa\bb\cc\dd\ee\ff"
    assert AD.guid_query(GUID) == f"(objectGUID={octets})"


@pytest.mark.parametrize("junk", [b"", b"x" * 15, b"\xff" * 36])
@pytest.mark.parametrize("dialect", [OPENLDAP, AD], ids=["openldap", "ad"])
def test_what_is_no_guid_is_refused(dialect: object, junk: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - UUID's and the codec's own
        dialect.guid_of(junk)  # type: ignore[attr-defined]


def test_everything_that_clients_can_be_shown_is_asked_for() -> None:
    wanted = set(wanted_attributes(OPENLDAP, {"employeeNumber": "x"}))
    shown = {*ATTRIBUTES.values(), *BINARY_ATTRIBUTES.values()}
    assert shown <= wanted
    assert {"employeeNumber", "entryUUID", "entryCSN", "member", "manager", "uid", "jpegphoto"} <= wanted
    assert not {"userPassword", "unicodePwd", "*"} & wanted
