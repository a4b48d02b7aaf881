"""A book that goes into a file and comes out of it is the same book, in each format."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpch.directory.database import Database
from rpch.directory.entries import Entries, Entry, EntryKind, NewEntry, Value
from rpch.directory.links import DELEGATE, MANAGER, MEMBER, OWNER, Links
from rpch.directory.transfer.exporting import export_records
from rpch.directory.transfer.formats import Format, read_records, write_records
from rpch.directory.transfer.importing import Importer
from rpch.directory.transfer.records import BINARY_ATTRIBUTES, LISTS, NUMBERS, TRUTHS

LINES = "\r\n\t\x0b\x0c\x85\u2028"


def stripped(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """As every way into the book makes them."""
    return texts.map(str.strip).filter(bool)


ANY = st.characters(exclude_categories=["Cs"])
TRICKY = st.sampled_from(
    [
        "a|b",
        "\\|",
        "a\\",
        "\\\\|\\",
        '"',
        "''",
        ";",
        ",",
        "a;b\\,c",
        "=3D=",
        "x:=",
        "quoted-printable=",
        " :<",
        "data:,",
        "mailto:a@b",
        "urn:uuid:",
        "BEGIN:VCARD",
        "#x",
        "\ufeffx",
        "👩‍💻",
        "a\rb",
        "a\r\nb",
        "a\0b",
        "山" * 80,
    ]
)
TEXTS = stripped(
    st.text(ANY, max_size=30) | st.text(st.sampled_from(f"a;|,\\\"':= {LINES}"), max_size=12) | TRICKY
)
NAMES = stripped(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
    | st.sampled_from(["a|b", "\\", "x;y,z"])
)
ATTRIBUTES = st.sampled_from(
    [
        "givenName",
        "sn",
        "title",
        "company",
        "department",
        "telephoneNumber",
        "mobile",
        "homePhone",
        "pager",
        "info",
        "physicalDeliveryOfficeName",
        "streetAddress",
        "l",
        "st",
        "postalCode",
        "co",
        "wWWHomePage",
        "cn",
        "uid",
        "o",
        "facsimileTelephoneNumber",
        "extensionAttribute1",
        "x-own",
        "msDS-PhoneticDisplayName",
        "distinguishedName",
        "jpegPhoto",
        "name",
        "street",
    ]
)
VALUES: dict[str, st.SearchStrategy[Value]] = {
    **{name: st.lists(TEXTS, min_size=1, max_size=3) for name in sorted(LISTS)},
    **{name: st.integers(-(2**31), 2**31) for name in sorted(NUMBERS)},
    **{name: st.booleans() for name in sorted(TRUTHS)},
}


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in draw(st.lists(ATTRIBUTES, max_size=5, unique=True)):
        several = name != "distinguishedName" and draw(st.integers(0, 4)) == 0
        found[name] = draw(st.lists(TEXTS, min_size=2, max_size=3)) if several else draw(TEXTS)
    for name in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True)):
        found[name] = draw(VALUES[name])
    addresses = draw(st.lists(st.sampled_from(["SMTP:p@x", "smtp:o@x", "X500:/o=a", "plain@x"]), max_size=3))
    return found | ({"proxyAddresses": addresses} if addresses else {})


@st.composite
def entries(draw: st.DrawFn, number: int) -> tuple[NewEntry, dict[str, list[bytes]]]:
    mail = st.just(f"{number}@x") | NAMES.map(lambda name: f"{name}-{number}@x") | st.just(f"no at {number}")
    entry = NewEntry(
        draw(st.sampled_from(EntryKind)),
        draw(NAMES),
        alias=draw(NAMES | st.just("")),
        mail=draw(st.none() | mail),
        attributes=draw(attributes()),
        hidden=draw(st.booleans()),
        dn=draw(st.just("") | st.just(f"/o=a;b\\,|/cn={number}")),
        guid=UUID(int=number + 1),
    )
    octets = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=2)
    return entry, draw(st.dictionaries(st.sampled_from(BINARY_ATTRIBUTES), octets, max_size=2))


@st.composite
def books(
    draw: st.DrawFn,
) -> tuple[list[tuple[NewEntry, dict[str, list[bytes]]]], list[tuple[int, str, int]], dict[int, int]]:
    """Entries with their binaries, links from one to another by number, and who lies in which container."""
    some = [draw(entries(number)) for number in range(draw(st.integers(1, 5)))]
    number = st.integers(0, len(some) - 1)
    link = st.sampled_from([MEMBER, MANAGER, DELEGATE, OWNER])
    links = draw(st.lists(st.tuples(number, link, number), max_size=6))
    containers = [at for at, (entry, _) in enumerate(some) if entry.kind is EntryKind.CONTAINER]
    homes = {
        at: home
        for at in range(len(some))
        if containers and (home := draw(st.sampled_from(containers))) < at and draw(st.booleans())
    }
    return some, links, homes


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "rpch.sqlite3"
    Database.open(str(file)).close()
    return file


@contextmanager
def empty_database(template: Path) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(shutil.copy(template, folder))
        with closing(Database.open(str(file))) as database:
            yield database


def contents(database: Database) -> dict[UUID, Any]:
    """Everything that a book says of its entries."""
    store, links = Entries(database), Links(database)
    everybody = store.changes().entries
    guids = {entry.id: entry.guid for entry in everybody}
    return {
        entry.guid: (
            entry.kind,
            entry.display_name,
            entry.alias,
            entry.mail,
            entry.dn,
            entry.hidden,
            entry.parent_id and guids[entry.parent_id],
            entry.attributes,
            {name: data for name in BINARY_ATTRIBUTES if (data := store.binary(entry.id, name))},
            {
                name: {each.guid for each in links.targets(entry.id, name)}
                for name in (MEMBER, MANAGER, DELEGATE, OWNER)
            },
        )
        for entry in everybody
    }


@pytest.mark.slow
@pytest.mark.parametrize("how", Format)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(book=books())
def test_what_is_exported_comes_back(how: Format, template: Path, book: Any) -> None:
    some, linked, homes = book
    with empty_database(template) as before, empty_database(template) as after:
        store, links = Entries(before), Links(before)
        made: list[Entry] = []
        for at, (entry, binaries) in enumerate(some):
            parent = made[homes[at]].id if at in homes else None
            (own,) = store.add(NewEntry(**{**_fields(entry), "parent_id": parent}))
            made.append(own)
            for name, values in binaries.items():
                store.set_binary(own.id, name, values)
        for source, link, target in linked:
            links.add(made[source].id, link, made[target].id)
        target_file = io.StringIO(newline="")
        write_records(how, before, export_records(before), target_file)
        outcome = Importer(after).run(read_records(how, io.StringIO(target_file.getvalue(), newline="")))
        assert outcome.problems == []
        assert contents(after) == contents(before)
        again = Importer(after).run(read_records(how, io.StringIO(target_file.getvalue(), newline="")))
        assert (again.added, again.changed, again.linked) == (0, 0, 0)


def _fields(entry: NewEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__slots__}
