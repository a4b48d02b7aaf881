"""The book as a table: one entry a line, one attribute a column, by LDAP's names.  RFC 4180

    kind,displayName,mailNickname,mail,givenName,sn,telephoneNumber,member
    user,Alice Adams,alice,alice@example.com,Alice,Adams,+49 30 1,
    group,Everyone,everyone,everyone@example.com,,,,alice@example.com|bob@example.com

Several values of one attribute are separated by `|`, and binary ones are in Base64. A bar that is part of a
value has a backslash before it, and so has each backslash directly before a bar; all others mean nothing.
Columns may come in any order, in capital or small letters, and apart by commas, semicolons (as spreadsheets
write them where the comma is in numbers) or tabs. One that nobody knows is an attribute of its own; some have
other names besides, such as those that Exchange's cmdlets use.
"""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, TextIO

from rpch.directory.entries import Value
from rpch.directory.transfer.ldap_records import READ_ATTRIBUTES
from rpch.directory.transfer.records import (
    BINARY_ATTRIBUTES,
    LINK_ATTRIBUTES,
    NAMES,
    UPN,
    BadRecord,
    Record,
    attribute_texts,
    attribute_value,
    guid_of,
    kind_named,
    truth,
)

SEPARATOR: Final = "|"
LARGEST_FIELD: Final = 16 * 1024 * 1024
_NAMED: Final = (
    "kind",
    "displayName",
    "mailNickname",
    "mail",
    "legacyExchangeDN",
    "objectGUID",
    "msExchHideFromAddressLists",
    "parent",
)
_PIECES: Final = re.compile(r"\\*\||\\+|[^\\|]+")
_BAR: Final = re.compile(r"(\\*)\|")
_NAME: Final = "displayName"
_DELIMITERS: Final = (",", ";", "\t")
_TYPE_LINE: Final = "#TYPE "  # what Windows PowerShell's Export-Csv writes before the names
# What other programs call the same.
_ALIASES: Final = {
    **{name.casefold(): name for name in (*READ_ATTRIBUTES, *_NAMED, *NAMES, UPN)},
    "display name": _NAME,
    "alias": "mailNickname",
    "e-mail": "mail",
    "email": "mail",
    "guid": "objectGUID",
    # Exchange's cmdlets
    "primarysmtpaddress": "mail",
    "exchangeguid": "objectGUID",
    "recipienttypedetails": "kind",
    "hiddenfromaddresslistsenabled": "msExchHideFromAddressLists",
    "firstname": "givenName",
    "lastname": "sn",
    "office": "physicalDeliveryOfficeName",
    "phone": "telephoneNumber",
    "mobilephone": "mobile",
    "fax": "facsimileTelephoneNumber",
    "city": "l",
    "stateorprovince": "st",
    "countryorregion": "co",
    "notes": "info",
    "members": "member",
}


def read_csv(source: TextIO) -> Iterator[Record | BadRecord]:
    """The entries of a table; what makes none comes as what is wrong with it."""
    csv.field_size_limit(LARGEST_FIELD)
    first, skipped = next(source, ""), 0
    if first.startswith(_TYPE_LINE):
        first, skipped = next(source, ""), 1
    reader = csv.reader(chain([first], source), delimiter=_delimiter(first))

    def line() -> int:
        return reader.line_num + skipped

    try:
        header = _header(next(reader, []), f"line {skipped + 1}")
        begin = line() + 1
        for row in reader:
            if any(row):
                yield _record_or_problem(header, row, f"line {begin}")
            begin = line() + 1
    except csv.Error as error:
        raise BadRecord(f"line {line()}", str(error)) from error


def _delimiter(first: str) -> str:
    """What stands between the names in the first line: that which is most often there."""
    return max(_DELIMITERS, key=first.count)


def _header(names: Sequence[str], where: str) -> list[str]:
    """What each column is, in our spelling. In our own exports attributes are called as they are."""
    header = [name.strip() for name in names]
    if not set(_NAMED) <= set(header):
        header = [_ALIASES.get(name.casefold(), name) for name in header]
    if _NAME not in header:
        raise BadRecord(where, f"there is no column {_NAME}; the first line names the columns")
    for at, name in enumerate(header):
        if name and name in header[:at]:
            raise BadRecord(where, f"{names[header.index(name)]} and {names[at]} both mean {name}; keep one")
    return header


def write_csv(records: Iterable[Record], target: TextIO, attributes: Sequence[str]) -> None:
    """A table of these entries, with a column for each of these attributes besides the usual ones."""
    columns = [*_NAMED, *attributes, *BINARY_ATTRIBUTES, *LINK_ATTRIBUTES]
    writer = csv.writer(target, lineterminator="\r\n")  # and so everything that ends lines is quoted
    writer.writerow(columns)
    for record in records:
        values = _texts(record)
        writer.writerow([_joined(values.get(column, ())) for column in columns])


def _record_or_problem(header: Sequence[str], row: Sequence[str], where: str) -> Record | BadRecord:
    try:
        return _record(header, row, where)
    except BadRecord as problem:
        return problem


def _record(header: Sequence[str], row: Sequence[str], where: str) -> Record:
    if len(row) > len(header):
        raise BadRecord(where, f"{len(row)} values for {len(header)} columns")
    given = dict(zip(header, row, strict=False))
    plain = {name: SEPARATOR.join(_split(given.pop(name, ""))) for name in _NAMED}
    if not plain[_NAME]:
        raise BadRecord(where, f"{_NAME} is empty")
    links = {LINK_ATTRIBUTES[name]: _split(given.pop(name)) for name in LINK_ATTRIBUTES if name in given}
    binaries: dict[str, Sequence[bytes]] = {}
    for name in BINARY_ATTRIBUTES:
        if name in given:
            binaries[name] = _decoded(given.pop(name), where)
    attributes: dict[str, Value] = {}
    for name, text in given.items():
        value = attribute_value(name, _split(text), where) if name else None
        if value is not None:
            attributes[name] = value
    return Record(
        kind=kind_named(plain["kind"], where),
        display_name=plain[_NAME],
        alias=plain["mailNickname"],
        mail=plain["mail"] or None,
        dn=plain["legacyExchangeDN"],
        guid=guid_of(plain["objectGUID"], where),
        hidden=truth(plain["msExchHideFromAddressLists"], where),
        parent=plain["parent"],
        attributes=attributes,
        binaries=binaries,
        links=links,
        names=tuple(_split(next((given[name] for name in NAMES if given.get(name)), ""))),
        upns=tuple(_split(given.get(UPN, ""))),
        where=where,
    )


def _texts(record: Record) -> dict[str, list[str]]:
    """What stands in each column."""
    found = {name: attribute_texts(value) for name, value in record.attributes.items()}
    found |= {
        "kind": [record.kind.value],
        _NAME: [record.display_name],
        "mailNickname": [record.alias],
        "mail": [record.mail or ""],
        "legacyExchangeDN": [record.dn],
        "objectGUID": [str(record.guid or "")],
        "msExchHideFromAddressLists": ["TRUE" if record.hidden else "FALSE"],
        "parent": [record.parent],
    }
    found |= {
        name: [base64.b64encode(data).decode("ascii") for data in values]
        for name, values in record.binaries.items()
    }
    named = {link: name for name, link in LINK_ATTRIBUTES.items()}
    found |= {named[link]: list(others) for link, others in record.links.items() if link in named}
    return found


def _split(text: str) -> list[str]:
    """The values in a field. Backslashes before a bar come in pairs, but for one that belongs to the bar."""
    if SEPARATOR not in text:
        return [each] if (each := text.strip()) else []
    values, value = [], ""
    for piece in _PIECES.findall(text):
        slashes = len(piece) - len(piece.lstrip("\\"))
        if not piece.endswith(SEPARATOR):
            value += piece
        elif slashes % 2:
            value += "\\" * (slashes // 2) + SEPARATOR
        else:
            values.append(value + "\\" * (slashes // 2))
            value = ""
    return [each for value in (*values, value) if (each := value.strip())]


def _joined(values: Sequence[str]) -> str:
    """A field of several values."""
    field = ""
    for value in values:
        if field:
            ending = len(field) - len(field.rstrip("\\"))
            field += "\\" * ending + SEPARATOR
        field += _BAR.sub(lambda found: found[1] * 2 + "\\" + SEPARATOR, value)
    return field


def _decoded(text: str, where: str) -> list[bytes]:
    try:
        return [base64.b64decode(part, validate=True) for part in _split(text)]
    except ValueError as error:  # also of what is no ASCII
        raise BadRecord(where, f"no Base64: {error}") from None
