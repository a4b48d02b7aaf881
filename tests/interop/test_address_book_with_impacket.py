"""impacket's own NDR for every operation of the address book and of the referral.

Sealed by NTLM, over TCP, and over HTTP and TLS through the proxy.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import pytest
from impacket.dcerpc.v5 import nspi, oxabref
from impacket.dcerpc.v5.rpcrt import DCERPCException

from rpch.exchange.nspi.book.objects import mid_of
from rpch.exchange.nspi.book.schema import PROPERTIES
from tests.interop import impacket_address_book as book
from tests.interop.book_laboratory import PEOPLE, PHOTO, BookLaboratory
from tests.interop.impacket_client import PACKETS_SEALED, over_http, over_tcp

NAME, NAME_8, TITLE, ANR = 0x3001001F, 0x3001001E, 0x3A17001F, 0x360C001F
INSTANCE_KEY, MAIL, PHOTO_TAG, MEMBER = 0x0FF60102, 0x39FE001F, 0x8C9E0102, 0x8009000D
DISPLAY_TYPE, HOME_MDB = 0x39000003, 0x8006001F
ACCESS_DENIED, ERRORS_RETURNED = 0x80070005, 0x00040380
FULL_STRING, SUBSTRING_ANY_CASE, EQUAL = 0, 0x10001, 4
PORTS: Final = {"directory": 6004, "referral": 6002}


def reach(lab: BookLaboratory, way: str, service: str) -> AbstractContextManager[Any]:
    """An association with a service, sealed, that is not yet bound."""
    domain, user, password = lab.lab.account
    who: dict[str, Any] = {"user": user, "password": password, "domain": domain, "level": PACKETS_SEALED}
    if way == "tcp":
        host, _, port = lab.lab.place(f"{service}_tcp").rpartition(":")
        return over_tcp(host, int(port), **who)
    return over_http(lab.lab.url, "localhost", PORTS[service], **who)


@pytest.fixture(params=["tcp", "http"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def session(lab: BookLaboratory, way: str) -> Iterator[tuple[Any, Any]]:
    """An association and the handle of a session on it, which ends as it should."""
    with reach(lab, way, "directory") as association:
        association.bind(nspi.MSRPC_UUID_NSPI)
        bound = nspi.hNspiBind(association, book.stat())
        assert bound["ErrorCode"] == 0
        assert len(bound["pServerGuid"]) == 16
        yield association, bound["contextHandle"]
        ended = nspi.hNspiUnbind(association, bound["contextHandle"])
        assert ended["ErrorCode"] == 1
        assert ended["contextHandle"].isNull()


def mid(lab: BookLaboratory, name: str) -> int:
    return mid_of(lab.entries[name].id)


def test_browsing(book_lab: BookLaboratory, way: str) -> None:
    with session(book_lab, way) as (association, handle):
        moved = nspi.hNspiUpdateStat(association, handle, book.stat(Delta=3), plDelta=99)
        assert (moved["pStat"]["NumPos"], moved["pStat"]["TotalRecs"]) == (3, PEOPLE + 11)
        assert (moved["pStat"]["CurrentRec"], moved["plDelta"]) == (mid(book_lab, "dave"), 3)
        page = nspi.hNspiQueryRows(
            association, handle, pStat=moved["pStat"], Count=2, pPropTags=[NAME, TITLE]
        )
        assert nspi.simplifyPropertyRowSet(page["ppRows"]) == [
            {NAME: "Dave Dörfler", TITLE: "Accountant"},
            {NAME: "Development Team", TITLE & ~0xFFFF | 0xA: 0x8004010F},
        ]
        assert page["pStat"]["NumPos"] == 5
        default = nspi.hNspiQueryRows(association, handle, pStat=book.stat(), Count=1)
        (first,) = nspi.simplifyPropertyRowSet(default["ppRows"])
        assert first[NAME_8] == "Alice Adams"
        assert len(first) == 7
        position, rows = book.seek(association, handle, "dave", [NAME])
        assert (position["CurrentRec"], position["NumPos"]) == (mid(book_lab, "dave"), 3)
        assert rows[0] == {NAME: "Dave Dörfler"}


def test_order(book_lab: BookLaboratory, way: str) -> None:
    alice, bob, carol = (mid(book_lab, name) for name in ("alice", "bob", "carol"))
    with session(book_lab, way) as (association, handle):
        assert book.resorted(association, handle, [carol, 5, alice, bob]) == [alice, bob, carol]
        assert book.compared(association, handle, alice, carol) < 0
        assert book.compared(association, handle, carol, bob) > 0
        assert book.compared(association, handle, bob, bob) == 0


def test_the_hierarchy(book_lab: BookLaboratory, way: str) -> None:
    with session(book_lab, way) as (association, handle):
        answer = nspi.hNspiGetSpecialTable(association, handle)
        rows = nspi.simplifyPropertyRowSet(answer["ppRows"])
    names = [row[NAME] for row in rows]
    assert names[0] == "Global Address List"
    assert names[-2:] == ["Region", "Office"]
    entry_ids = [row[0x0FFF0102] for row in rows]
    assert str(entry_ids[0]) == "/"
    assert nspi.get_guid_from_dn(entry_ids[-1]) == book_lab.entries["office"].guid.bytes_le
    assert str(rows[-1][0xFFFC0102]) == str(entry_ids[-2])


def test_properties_of_an_object(book_lab: BookLaboratory, way: str) -> None:
    first = mid(book_lab, "first")
    with session(book_lab, way) as (association, handle):
        status, row = book.get_props(association, handle, first, [NAME, PHOTO_TAG])
        assert (status, row) == (0, {NAME: "Zoë Person 000", PHOTO_TAG: PHOTO})
        status, row = book.get_props(association, handle, first, [NAME, TITLE])
        assert (status, set(row)) == (ERRORS_RETURNED, {NAME, TITLE & ~0xFFFF | 0xA})
        listed = nspi.hNspiGetPropList(association, handle, dwMId=first)
        tags = [each["Data"] for each in listed["ppOutMIds"]["aulPropTag"]]
        assert {NAME_8, PHOTO_TAG} < set(tags)
        assert {tag & 0xFFFF for tag in tags}.isdisjoint({0x1F, 0x101F})
        columns = nspi.hNspiQueryColumns(association, handle)
        assert len(columns["ppColumns"]["aulPropTag"]) == len(PROPERTIES)


def test_names(book_lab: BookLaboratory, way: str) -> None:
    alice, carol = book_lab.entries["alice"], book_lab.entries["carol"]
    with session(book_lab, way) as (association, handle):
        ids = nspi.hNspiDNToMId(association, handle, [alice.dn, "/o=none", carol.dn.upper(), "/"])
        assert [each["Data"] for each in ids["ppOutMIds"]["aulPropTag"]] == [
            mid(book_lab, "alice"),
            0,
            mid(book_lab, "carol"),
            0,
        ]
        asked = ["alice", "zoë", "nobody", "=SMTP:bob@lab.example", "山田", ""]
        wide = nspi.hNspiResolveNamesW(association, handle, pPropTags=[NAME], paStr=asked)
        assert [each["Data"] for each in wide["ppMIds"]["aulPropTag"]] == [2, 1, 0, 2, 2, 0]
        rows = [row[NAME] for row in nspi.simplifyPropertyRowSet(wide["ppRows"])]
        assert rows == ["Alice Adams", "Bob Brown", "山田 太郎"]
        narrow = nspi.hNspiResolveNames(association, handle, pPropTags=[NAME_8], paStr=["carol", "zo"])
        assert [each["Data"] for each in narrow["ppMIds"]["aulPropTag"]] == [2, 1]
        assert nspi.simplifyPropertyRowSet(narrow["ppRows"]) == [{NAME_8: "Carol Clark"}]


def test_searches(book_lab: BookLaboratory, way: str) -> None:
    engineer = book.text_restriction(4, EQUAL, TITLE, "engineer")
    person = book.text_restriction(3, SUBSTRING_ANY_CASE, NAME, "PERSON 01")
    anr = book.both(book.text_restriction(4, EQUAL, ANR, "dave"), book.exists(HOME_MDB))
    at_team = book.stat(CurrentRec=mid(book_lab, "team"), ContainerID=MEMBER)
    with session(book_lab, way) as (association, handle):
        found = book.matches(association, handle, engineer, [NAME])
        assert [row[NAME] for row in found] == ["Bob Brown", "Carol Clark"]
        assert len(book.matches(association, handle, person, [NAME, DISPLAY_TYPE])) == 10
        assert book.matches(association, handle, anr, [MAIL]) == [{MAIL: "dave@lab.example"}]
        members = book.matches(association, handle, None, [INSTANCE_KEY], at_team)
        assert [row[INSTANCE_KEY] for row in members] == [mid(book_lab, "first"), mid(book_lab, "second")]


def test_templates(book_lab: BookLaboratory, way: str) -> None:
    with session(book_lab, way) as (association, handle):
        answer = nspi.hNspiGetTemplateInfo(
            association, handle, pDN=nspi.NULL, ulType=0, dwLocaleID=0x409, dwCodePage=1252, dwFlags=1
        )
        ((tag, template),) = nspi.simplifyPropertyRow(answer["ppData"]).items()
    assert tag == 0x00010102
    assert template[:4] == b"\1\0\0\0"


def test_changes(book_lab: BookLaboratory, way: str) -> None:
    alice, mobile = mid(book_lab, "alice"), 0x3A1C001F
    with session(book_lab, way) as (association, handle):
        assert book.mod_props(association, handle, alice, mobile, f"+49 170 {way}") == 0
        assert book.get_props(association, handle, alice, [mobile]) == (0, {mobile: f"+49 170 {way}"})
        assert book.mod_props(association, handle, alice, TITLE, "Queen") == ACCESS_DENIED
        assert book.mod_props(association, handle, mid(book_lab, "bob"), mobile, "x") == ACCESS_DENIED
        bob = nspi.EphemeralEntryID()
        bob["ProviderUID"] = nspi.hNspiBind(association)["pServerGuid"]
        bob["DisplayType"], bob["MId"] = 0, mid(book_lab, "bob")
        with pytest.raises(DCERPCException) as denied:
            nspi.hNspiModLinkAtt(association, handle, 0, MEMBER, mid(book_lab, "team"), [bob])
        assert denied.value.get_error_code() == ACCESS_DENIED
        assert nspi.hNspiModLinkAtt(association, handle, 0, 0x8015000D, alice, [bob])["ErrorCode"] == 0


def test_what_only_domain_controllers_do_is_a_fault(book_lab: BookLaboratory, way: str) -> None:
    with session(book_lab, way) as (association, handle):
        with pytest.raises(DCERPCException, match="nca_s_op_rng_error"):
            nspi.hNspiGetNamesFromIDs(association, handle)
        assert nspi.hNspiUpdateStat(association, handle, book.stat())["ErrorCode"] == 0


def test_the_referral(book_lab: BookLaboratory, way: str) -> None:
    alice = book_lab.entries["alice"]
    mailbox = f"{alice.guid}@lab.example"
    with session(book_lab, way) as (association, handle):
        _, row = book.get_props(association, handle, mid(book_lab, "alice"), [HOME_MDB])
    with reach(book_lab, way, "referral") as association:
        association.bind(oxabref.MSRPC_UUID_OXABREF)
        named = {
            "mine": oxabref.hRfrGetNewDSA(association)["ppszServer"],
            "hers": oxabref.hRfrGetNewDSA(association, alice.dn)["ppszServer"],
            "database's": oxabref.hRfrGetFQDNFromServerDN(association, row[HOME_MDB])["ppszServerFQDN"],
        }
        with pytest.raises(DCERPCException):
            oxabref.hRfrGetFQDNFromServerDN(association, "/o=Other/ou=x/cn=Configuration/cn=Servers/cn=y")
    if way == "http":
        assert named == dict.fromkeys(named, mailbox)
    else:  # a client without a proxy has to find the machine by itself
        assert len(set(named.values())) == 1
        assert "@" not in named["mine"]
