"""The files that the book goes to and comes from, by the endings of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final, TextIO

from rpch.directory.database import Database
from rpch.directory.transfer.csv_files import read_csv, write_csv
from rpch.directory.transfer.exporting import attribute_names
from rpch.directory.transfer.ldap_records import entry_of, record_of
from rpch.directory.transfer.ldif import read_ldif, write_ldif
from rpch.directory.transfer.records import BadRecord, Record
from rpch.directory.transfer.vcards import read_vcards, write_vcards


class Format(StrEnum):
    """The files that can be read and written."""

    CSV = "csv"
    LDIF = "ldif"
    VCARD = "vcf"


def read_records(how: Format, source: TextIO) -> Iterator[Record | BadRecord]:
    """The entries of a file; what makes none comes as what is wrong with it."""
    return _READERS[how](source)


def write_records(how: Format, database: Database, records: Iterable[Record], target: TextIO) -> None:
    """A file of these entries of a database."""
    match how:
        case Format.CSV:
            write_csv(records, target, attribute_names(database))
        case Format.LDIF:
            write_ldif(map(entry_of, records), target)
        case Format.VCARD:
            write_vcards(records, target)


def _ldif_records(source: TextIO) -> Iterator[Record | BadRecord]:
    """The entries of an LDIF file that are somebody."""
    for entry in read_ldif(source):
        if isinstance(entry, BadRecord):
            yield entry
            continue
        try:
            record = record_of(entry)
        except BadRecord as problem:
            yield problem
        else:
            if record is not None:
                yield record


_READERS: Final[dict[Format, Callable[[TextIO], Iterator[Record | BadRecord]]]] = {
    Format.CSV: read_csv,
    Format.LDIF: _ldif_records,
    Format.VCARD: read_vcards,
}
