"""Tables, there and back."""

from io import StringIO
from uuid import UUID

import pytest

from rpch.directory.entries import EntryKind
from rpch.directory.links import MEMBER, OWNER
from rpch.directory.transfer.csv_files import read_csv, write_csv
from rpch.directory.transfer.records import BadRecord, Record

FULL = Record(
    kind=EntryKind.GROUP,
    display_name='Team "A", all',
    alias="team",
    mail="team@x.test",
    dn="/o=x/cn=team",
    guid=UUID(int=5),
    hidden=True,
    parent="Lists",
    attributes={"title": "x\ny", "description": ["a", "b"], "msExchResourceCapacity": 3},
    binaries={"thumbnailPhoto": [b"\0\xff"], "userCertificate": [b"1", b"2"]},
    links={MEMBER: ["a@x.test", "b@x.test"], OWNER: ["c"]},
)


def read(text: str) -> list[Record | BadRecord]:
    return list(read_csv(StringIO(text, newline="")))


def test_an_entry_with_everything_comes_back() -> None:
    target = StringIO(newline="")
    write_csv([FULL], target, ["description", "msExchResourceCapacity", "title"])
    (back,) = read(target.getvalue())
    assert isinstance(back, Record)
    assert (back.kind, back.display_name, back.alias, back.mail) == (
        FULL.kind,
        FULL.display_name,
        "team",
        FULL.mail,
    )
    assert (back.dn, back.guid, back.hidden, back.parent) == (FULL.dn, FULL.guid, True, "Lists")
    assert back.attributes == FULL.attributes
    assert {name: values for name, values in back.binaries.items() if values} == FULL.binaries
    assert {name: others for name, others in back.links.items() if others} == FULL.links


def test_columns_may_have_other_names_and_any_order() -> None:
    (record,) = read("E-Mail,Display Name,Alias,telephoneNumber\na@x.test,Alice,al,123\n")
    assert isinstance(record, Record)
    assert (record.mail, record.display_name, record.alias) == ("a@x.test", "Alice", "al")
    assert record.attributes == {"telephoneNumber": "123"}
    assert (record.kind, record.where) == (EntryKind.USER, "line 2")


def test_columns_of_exchange_cmdlets_are_understood() -> None:
    exported = (
        "#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.Mailbox\r\n"
        '"DisplayName","Alias","PrimarySmtpAddress","RecipientTypeDetails","ExchangeGuid","FirstName","LastName",'
        '"HiddenFromAddressListsEnabled","Office"\r\n'
        f'"Zoë Zahn","zoe","zoe@x.test","RoomMailbox","{UUID(int=9)}","Zoë","Zahn","True","4.1"\r\n'
        ',,"","","","","","",""\r\n'
        '"Bad","","","Robot","","","","",""\r\n'
    )
    record, bad = read(exported)
    assert isinstance(record, Record)
    assert (record.kind, record.display_name, record.alias) == (EntryKind.ROOM, "Zoë Zahn", "zoe")
    assert (record.mail, record.guid, record.hidden) == ("zoe@x.test", UUID(int=9), True)
    assert record.attributes == {"givenName": "Zoë", "sn": "Zahn", "physicalDeliveryOfficeName": "4.1"}
    assert record.where == "line 3"
    assert isinstance(bad, BadRecord)
    assert bad.where == "line 5"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_may_be_apart_by_what_spreadsheets_write(delimiter: str) -> None:
    lines = ("displayname", "MAIL", "Title"), ("Alice", "a@x.test", '"x,y"')
    (record,) = read("".join(delimiter.join(line) + "\n" for line in lines))
    assert isinstance(record, Record)
    assert (record.display_name, record.mail, record.attributes) == ("Alice", "a@x.test", {"title": "x,y"})


def test_two_columns_that_mean_the_same_are_refused() -> None:
    with pytest.raises(BadRecord, match="Mail and PrimarySmtpAddress both mean mail; keep one"):
        read("displayName,Mail,PrimarySmtpAddress\nAlice,a@x.test,b@x.test\n")


def test_own_exports_keep_attributes_that_are_called_as_others_call_ours() -> None:
    odd = Record(EntryKind.USER, "Alice", attributes={"l": "Berlin", "City": "none", "phone": "1"})
    target = StringIO(newline="")
    write_csv([odd], target, ["City", "l", "phone"])
    (back,) = read(target.getvalue())
    assert isinstance(back, Record)
    assert back.attributes == odd.attributes


def test_columns_that_are_not_there_say_nothing() -> None:
    (record,) = read("displayName\nAlice\n")
    assert isinstance(record, Record)
    assert (record.links, record.binaries, record.attributes) == ({}, {}, {})
    (record,) = read("displayName,member\nTeam,\n")
    assert isinstance(record, Record)
    assert record.links == {MEMBER: []}


def test_short_and_empty_lines_are_no_mistake() -> None:
    assert len(read("displayName,title,mail\nAlice\n\n,,\nBob,x\n")) == 2


@pytest.mark.parametrize(
    "line",
    [
        ",user",
        "Alice,robot",
        "Alice,user,too,many",
    ],
)
def test_a_bad_line_is_told_and_the_others_are_read(line: str) -> None:
    bad, good = read(f"displayName,kind\n{line}\nBob,user\n")
    assert isinstance(bad, BadRecord)
    assert bad.where == "line 2"
    assert isinstance(good, Record)


@pytest.mark.parametrize("text", ["***", "AAE\u00e9"])
def test_bad_base64_is_told(text: str) -> None:
    (bad,) = read(f"displayName,thumbnailPhoto\nAlice,{text}\n")
    assert isinstance(bad, BadRecord)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", 'displayName\n"' + "x" * (17 * 1024 * 1024)])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(BadRecord):
        read(text)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (r"a|b", ["a", "b"]),
        (r"a\|b", ["a|b"]),
        (r"a\\|b", ["a\\", "b"]),
        (r"a\\\|b", ["a\\|b"]),
        (r"\\server\share", [r"\\server\share"]),
        (r"c:\|d", ["c:|d"]),
        ("a\\", ["a\\"]),
        (r" a | | b ", ["a", "b"]),
    ],
)
def test_bars_in_values_have_backslashes(field: str, values: list[str]) -> None:
    (found,) = read_csv(StringIO(f'displayName,description\nx,"{field}"\n'))
    assert isinstance(found, Record)
    assert found.attributes["description"] == values
    target = StringIO()
    write_csv([found], target, ["description"])
    (again,) = read_csv(StringIO(target.getvalue(), newline=""))
    assert isinstance(again, Record)
    assert again.attributes == found.attributes


def test_a_problem_is_where_its_entry_begins() -> None:
    text = 'displayName,info\na,"two\nlines"\n,"no\nname"\n'
    problems = [each for each in read_csv(StringIO(text)) if isinstance(each, BadRecord)]
    assert [problem.where for problem in problems] == ["line 4"]


def test_columns_say_as_whom_somebody_signs_in() -> None:
    table = "displayName,uid,SamAccountName,UserPrincipalName\nA,u1|u2,sam,a@x\nB,u3,,\nC,,,\n"
    found = [(each.names, each.upns) for each in read(table) if isinstance(each, Record)]
    assert found == [(("sam",), ("a@x",)), (("u3",), ()), ((), ())]
