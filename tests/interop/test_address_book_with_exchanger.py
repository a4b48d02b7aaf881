"""impacket's `exchanger.py` and `rpcmap.py`, as people run them, against the book behind our proxy."""

import base64
import re
from pathlib import Path
from typing import Final

import pytest

from rpch.directory.entries import Entry
from rpch.exchange.nspi.book.objects import mid_of
from tests.interop.book_laboratory import CERTIFICATES, PEOPLE, PHOTO, BookLaboratory

SCHEMES: Final = ("Basic", "NTLM")
BOOK: Final = PEOPLE + 11  # with the laboratory's ten, and a team
OWN: Final = ("alice", "bob", "carol", "dave")
NSPI: Final = "F5CC5A18-4264-101A-8C59-08002B2F8426 v56.0"
RFR: Final = "1544F5E0-613C-11D1-93DF-00C04FD7BD09 v1.0"
MANAGEMENT: Final = "AFA8BD80-7D8A-11C9-BEF4-08002B102989 v1.0"
UNDERLINE: Final = "======================="
Record = dict[str, str]


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def records(printed: str) -> list[Record]:
    """What it printed of each object: values by the names that impacket gives properties."""
    assert "[-]" not in printed
    found = []
    for block in printed.split("\n\n", 1)[-1].split(UNDERLINE):
        lines = [line for line in block.strip().splitlines() if not line.startswith(("[*]", "# MIds"))]
        if lines:
            found.append(dict(line.split(": ", 1) for line in lines))
    return found


def by_mail(found: list[Record]) -> dict[str, Record]:
    return {each["mail"]: each for each in found if "mail" in each}


def guids(printed: str) -> list[str]:
    return re.findall(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", printed, re.MULTILINE)


def is_dns_name_of(record: Record, entry: Entry) -> bool:
    return record["PR_ENTRYID"] == entry.dn and record["cn"] == entry.display_name


def test_the_hierarchy_is_listed_with_its_counts(book_lab: BookLaboratory, scheme: str) -> None:
    printed = book_lab.exchanger(scheme, "list-tables", "-count")
    lists = re.findall(r"^( *)(\S.*)\n *TotalRecs: (\d+)\n *Guid: (\S+)", printed, re.MULTILINE)
    known = {name: (len(indent) // 4, int(count), guid) for indent, name, count, guid in lists}
    assert known["Default Global Address List"] == (0, BOOK, "None")
    assert known["All Users"][:2] == (0, 4)
    assert known["All Distribution Lists"][:2] == (0, 3)
    assert known["Partners"][:2] == (0, 2)
    region, office = book_lab.entries["region"], book_lab.entries["office"]
    assert known["Region"] == (0, 0, str(region.guid))
    assert known["Office"] == (1, PEOPLE, str(office.guid))
    assert "parentless" not in printed


def test_ids_and_flags_of_the_hierarchy_are_read(book_lab: BookLaboratory) -> None:
    printed = book_lab.exchanger("Basic", "list-tables", debug=True)
    (inner,) = re.findall(r"^    Office\n(?:    .*\n)+", printed, re.MULTILINE)
    mid = mid_of(book_lab.entries["office"].id)
    assert f"Assigned MId: 0x{mid:08X} ({mid})" in inner
    assert "AB_RECIPIENTS" in inner
    assert "AB_SUBCONTAINERS" not in inner
    (outer,) = re.findall(r"^Region\n(?:.+\n)+", printed, re.MULTILINE)
    assert "AB_SUBCONTAINERS" in outer


def test_a_minimal_dump_has_everybody(book_lab: BookLaboratory, scheme: str) -> None:
    found = records(book_lab.exchanger(scheme, "dump-tables", "-name", "GAL"))
    assert len(found) == BOOK
    people = by_mail(found)
    assert {f"person{number}@lab.example" for number in range(PEOPLE)} < set(people)
    for name in OWN:
        mine = people[f"{name}@lab.example"]
        assert (mine["mailNickname"], mine["objectGUID"]) == (name, str(book_lab.entries[name].guid))
        assert mine["whenCreated"][:4] == mine["whenChanged"][:4] > "2020"


def test_an_extended_dump_has_particulars_in_every_script(book_lab: BookLaboratory, scheme: str) -> None:
    people = by_mail(
        records(book_lab.exchanger(scheme, "dump-tables", "-name", "GAL", "-lookup-type", "EXTENDED"))
    )
    assert len(people) == BOOK - 1  # the team has no address
    dave, first = people["dave@lab.example"], people["person0@lab.example"]
    assert (dave["sn"], dave["displayNamePrintable"]) == ("Dörfler", "Dave Dorfler")
    assert (dave["title"], dave["streetAddress"]) == ("Accountant", "Chausseestraße 1")
    assert dave["proxyAddresses"] == "['SMTP:dave@lab.example']"
    assert is_dns_name_of(dave, book_lab.entries["dave"])
    assert people["taro@partner.example"]["PR_DISPLAY_NAME"] == "山田 太郎"
    assert first["description"] == "['one', '日本']"
    assert first["userCertificate"] == str(list(CERTIFICATES))
    assert first["targetAddress"] == "SMTP:person0@lab.example"
    assert int(first["PR_INSTANCE_KEY"]) == mid_of(book_lab.entries["first"].id)
    assert people["room1@lab.example"]["PR_DISPLAY_TYPE"] == "0"
    assert people["everyone@lab.example"]["PR_OBJECT_TYPE"] == "8"


def test_a_full_dump_asks_for_every_property_and_understands_all(
    book_lab: BookLaboratory, scheme: str
) -> None:
    found = records(book_lab.exchanger(scheme, "dump-tables", "-name", "GAL", "-lookup-type", "FULL"))
    assert len(found) == BOOK
    people = by_mail(found)
    alice, entry = people["alice@lab.example"], book_lab.entries["alice"]
    assert alice["PR_EMAIL_ADDRESS"] == entry.dn
    assert alice["PR_SEARCH_KEY"] == f"EX:{entry.dn.upper()}"
    assert alice["homeMDB"].endswith(f"/cn={entry.guid}@lab.example/cn=Microsoft Private MDB")
    assert alice["PR_MAPPING_SIGNATURE"] == "c840a7dc-42c0-1a10-b4b9-08002b2fe182"
    assert people["person0@lab.example"]["thumbnailPhoto"] == f"0x{PHOTO.hex()}"
    assert people["bob@lab.example"]["PR_MANAGER_NAME"] == "Alice Adams"


def test_a_dump_of_guids_is_in_the_order_of_names(book_lab: BookLaboratory, scheme: str) -> None:
    printed = book_lab.exchanger(scheme, "dump-tables", "-name", "GAL", "-lookup-type", "GUIDS")
    found = guids(printed)
    assert len(found) == len(set(found)) == BOOK
    assert found[:4] == [str(book_lab.entries[name].guid) for name in OWN]
    assert found[-2] == str(book_lab.entries["last"].guid)  # 山田 comes behind all that is Latin


@pytest.mark.parametrize("rows", [1, 7, 50, 1000])
def test_pages_of_any_size_come_to_the_same(book_lab: BookLaboratory, rows: int) -> None:
    printed = book_lab.exchanger(
        "Basic", "dump-tables", "-name", "Office", "-lookup-type", "GUIDS", "-rows-per-request", str(rows)
    )
    found = guids(printed)
    assert len(set(found)) == len(found) == PEOPLE
    assert (found[0], found[-1]) == tuple(str(book_lab.entries[name].guid) for name in ("first", "last"))


def test_a_list_is_dumped_by_its_guid_and_to_a_file(book_lab: BookLaboratory, tmp_path: Path) -> None:
    office, target = book_lab.entries["office"], tmp_path / "dump.txt"
    printed = book_lab.exchanger(
        "Basic",
        *("dump-tables", "-guid", str(office.guid), "-lookup-type", "FULL"),
        *("-output-type", "base64", "-output-file", str(target)),
    )
    assert "Lookuping Office" in printed
    people = by_mail(records("\n\n" + target.read_text("utf-8")))
    assert len(people) == PEOPLE
    assert base64.b64decode(people["person0@lab.example"]["thumbnailPhoto"]) == PHOTO


def test_a_list_that_is_not_there_is_not_found(book_lab: BookLaboratory) -> None:
    with pytest.raises(AssertionError, match="Specified address book not found"):
        book_lab.exchanger("Basic", "dump-tables", "-name", "Nowhere")


@pytest.mark.parametrize("lookup", ["MINIMAL", "EXTENDED", "FULL"])
def test_an_object_is_known_by_its_guid(book_lab: BookLaboratory, scheme: str, lookup: str) -> None:
    carol = book_lab.entries["carol"]
    printed = book_lab.exchanger(scheme, "guid-known", "-guid", str(carol.guid), "-lookup-type", lookup)
    (found,) = records(printed)
    assert (found["objectGUID"], found["mail"]) == (str(carol.guid), "carol@lab.example")
    assert ("title" in found) == (lookup != "MINIMAL")


def test_objects_are_known_by_a_list_of_guids(book_lab: BookLaboratory, tmp_path: Path) -> None:
    wanted, listed = [book_lab.entries[name] for name in ("bob", "first", "last")], tmp_path / "guids"
    unknown = "00000000-1111-2222-3333-444444444444"
    # Observed: it reads the first line of the file and throws it away.
    listed.write_text("\n".join(["# people", *(str(each.guid) for each in wanted), unknown, ""]), "ascii")
    found = records(
        book_lab.exchanger("NTLM", "guid-known", "-guid-file", str(listed), "-lookup-type", "EXTENDED")
    )
    assert [each["cn"] for each in found] == [each.display_name for each in wanted]


def test_a_guid_of_nobody_is_not_found(book_lab: BookLaboratory) -> None:
    printed = book_lab.exchanger("Basic", "guid-known", "-guid", "00000000-1111-2222-3333-444444444444")
    assert "Object with specified GUID not found!" in printed


@pytest.mark.parametrize("lookup", ["GUIDS", "EXTENDED", "FULL"])
def test_ids_are_walked_upwards_past_those_of_nobody(
    book_lab: BookLaboratory, scheme: str, lookup: str
) -> None:
    first, last = mid_of(book_lab.entries["first"].id), mid_of(book_lab.entries["last"].id)
    span = ("-start-dnt", str(first), "-stop-dnt", str(last + 100), "-rows-per-request", "50")
    printed = book_lab.exchanger(scheme, "dnt-lookup", *span, "-lookup-type", lookup)
    assert f"# MIds {first}-{first + 49}:" in printed
    if lookup == "GUIDS":
        found = guids(printed)
    else:
        found = [each["objectGUID"] for each in records(printed)]
    assert len(found) == PEOPLE + 1  # the team was entered last
    assert found[0] == str(book_lab.entries["first"].guid)
    assert found[-1] == str(book_lab.entries["team"].guid)


def test_no_more_rows_come_than_were_counted(book_lab: BookLaboratory) -> None:
    """Left alone, it names 350 objects and counts 50 rows, and no more may come.  MS-NSPI 3.1.4.8"""
    first = mid_of(book_lab.entries["first"].id)
    span = ("-start-dnt", str(first), "-stop-dnt", str(first + 349), "-lookup-type", "GUIDS")
    printed = book_lab.exchanger("Basic", "dnt-lookup", *span)
    assert f"# MIds {first}-{first + 349}:" in printed
    assert len(guids(printed)) == 50


def test_ids_are_walked_downwards(book_lab: BookLaboratory) -> None:
    alice, dave = (mid_of(book_lab.entries[name].id) for name in ("alice", "dave"))
    span = ("-start-dnt", str(dave), "-stop-dnt", str(alice), "-rows-per-request", "2")
    printed = book_lab.exchanger("Basic", "dnt-lookup", *span, "-lookup-type", "GUIDS")
    assert guids(printed) == [str(book_lab.entries[name].guid) for name in reversed(OWN)]


def test_rpcmap_needs_the_right_password_of_the_server_too(book_lab: BookLaboratory, scheme: str) -> None:
    printed = book_lab.rpcmap(scheme, 6004, rpc_password="wrong")
    assert "rpc_s_access_denied" in printed
    assert "UUID" not in printed


def test_rpcmap_lists_what_a_port_offers(book_lab: BookLaboratory, scheme: str) -> None:
    printed = book_lab.rpcmap(scheme, 6004)
    assert "[-]" not in printed
    assert f"UUID: {NSPI}" in printed
    assert f"UUID: {RFR}" in printed
    assert re.search(r"Protocol: .*\(NSPI\) Protocol\b", printed)


def test_rpcmap_maps_the_mapper(book_lab: BookLaboratory, scheme: str) -> None:
    printed = book_lab.rpcmap(scheme, 593)
    assert "UUID: E1AF8308-5D1F-11C9-91A4-08002B14A0FA v3.0" in printed
    assert "[-]" not in printed


def test_rpcmap_finds_the_same_by_trying_what_it_knows(book_lab: BookLaboratory, scheme: str) -> None:
    printed = book_lab.rpcmap(scheme, 6002, "-uuid", "1544f5e0-613c-11d1-93df-00c04fd7bd09:1.0")
    assert f"UUID: {RFR}".lower() in printed.lower()


def test_rpcmap_tries_every_interface_that_it_knows_of(book_lab: BookLaboratory) -> None:
    printed = book_lab.rpcmap("NTLM", 6004, "-brute-uuids", "-auth-level", "1")
    assert "[-]" not in printed
    assert set(re.findall(r"^UUID: (.*)$", printed, re.MULTILINE)) == {NSPI, RFR, MANAGEMENT}
    assert int(re.findall(r"Tested (\d+) UUID", printed)[0]) > 100


def test_rpcmap_tries_every_operation_and_the_server_goes_on(book_lab: BookLaboratory, scheme: str) -> None:
    wanted = ("-uuid", "f5cc5a18-4264-101a-8c59-08002b2f8426:56.0", "-brute-opnums", "-opnum-max", "23")
    said = dict(re.findall(r"^Opnums? (\S+): (.*)$", book_lab.rpcmap(scheme, 6004, *wanted), re.MULTILINE))
    for known in (0, 3, 7, 16, 20):  # an empty stub is no request of theirs
        assert "op_rng" not in said[str(known)]
        assert "success" not in said[str(known)]
    for unknown in ("15", "17", "18"):
        assert "nca_s_op_rng_error" in said[unknown]
    assert "nca_s_op_rng_error" in said["21-23"]
    assert (
        len(guids(book_lab.exchanger(scheme, "dump-tables", "-name", "GAL", "-lookup-type", "GUIDS"))) == BOOK
    )


def test_rpcmap_tries_versions(book_lab: BookLaboratory) -> None:
    wanted = ("-uuid", "1544f5e0-613c-11d1-93df-00c04fd7bd09:1.0", "-brute-versions", "-version-max", "3")
    printed = book_lab.rpcmap("Basic", 6002, *wanted)
    assert re.search(r"^Versions 1: success$", printed, re.MULTILINE)
    assert re.search(r"^Versions 2-3: abstract_syntax_not_supported", printed, re.MULTILINE)
