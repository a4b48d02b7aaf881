"""`rpch directory`: the address book, in files and on servers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from rpch.cli.directory_lookup import lookup
from rpch.cli.directory_sync import sync
from rpch.cli.output import print_event, print_line, warn
from rpch.cli.progress import watched
from rpch.directory.database import DEFAULT_FILE, Database
from rpch.directory.transfer.csv_files import read_csv, write_csv
from rpch.directory.transfer.exporting import attribute_names, count_entries, export_records
from rpch.directory.transfer.importing import Importer
from rpch.directory.transfer.ldap_records import entry_of, record_of
from rpch.directory.transfer.ldif import read_ldif, write_ldif
from rpch.directory.transfer.records import BadRecord, Record
from rpch.directory.transfer.vcards import read_vcards, write_vcards
from rpch.errors import ConfigError

directory = typer.Typer(help="The address book: import, export, mirror, look up.", no_args_is_help=True)

DATA: Final = Path("data")
LARGE: Final = 2000  # entries; below, there is nothing to watch
LINE: Final = 50  # bytes that an entry takes at least


class Format(StrEnum):
    """The files that can be read and written."""

    CSV = "csv"
    LDIF = "ldif"
    VCARD = "vcf"


Data = Annotated[Path, typer.Option(help="Folder of `rpch up`, with the database.")]
Url = Annotated[
    str | None,
    typer.Option(envvar="RPCH_DATABASE", help="sqlite:///FILE or postgresql://USER@HOST/NAME."),
]
Chosen = Annotated[Format | None, typer.Option("--format", help="By the name of the file, if not said.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON line an event.")]


@directory.callback()
def about() -> None:
    """The address book: import, export, mirror, look up."""


directory.command()(lookup)
directory.command()(sync)


@directory.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, LDIF or vCard; - is standard input.")],
    chosen: Chosen = None,
    what_if: Annotated[bool, typer.Option("--what-if", help="Change nothing; say what would be.")] = False,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Enter people, groups, rooms and contacts, and change those that are there already.

    Entries are known by GUID, DN or mail address. What the file does not mention stays. The exit status is 1
    when something in the file could not be imported.
    """
    how = chosen or _format_of(file)
    with _database(data, database) as opened, _reading(file) as source:
        importer = Importer(opened, what_if=what_if)
        size = file.stat().st_size if file != Path("-") else 0
        with watched("importing", quiet=json or size < LARGE * LINE) as advance:
            outcome = importer.run(_READERS[how](source), progress=advance)
    for problem in outcome.problems:
        warn(str(problem))
    facts = {
        "added": outcome.added,
        "changed": outcome.changed,
        "unchanged": outcome.unchanged,
        "links": outcome.linked,
        "failed": outcome.failed,
    }
    if json:
        print_event("imported", **facts, what_if=what_if)
    else:
        said = ", ".join(f"{count} {name}" for name, count in facts.items() if count) or "nothing"
        print_line(f"would be {said}" if what_if else said)
    raise typer.Exit(1 if outcome.failed else 0)


@directory.command()
def export(
    file: Annotated[Path, typer.Argument(help="CSV, LDIF or vCard; - is standard output.")],
    chosen: Chosen = None,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Write the whole address book. Accounts and passwords are not in it."""
    how = chosen or _format_of(file)
    with _database(data, database) as opened:
        total = count_entries(opened)
        with (
            _writing(file) as target,
            watched("exporting", total=total, quiet=json or total < LARGE) as advance,
        ):
            _write(how, opened, target, advance)
    if json:
        print_event("exported", entries=total, file=str(file))
    elif file != Path("-"):
        print_line(f"{total} entries in {file}")


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


def _write(how: Format, database: Database, target: TextIO, advance: Callable[[int], None]) -> None:
    def counted() -> Iterator[Record]:
        for record in export_records(database):
            yield record
            advance(1)

    match how:
        case Format.CSV:
            write_csv(counted(), target, attribute_names(database))
        case Format.LDIF:
            write_ldif(map(entry_of, counted()), target)
        case Format.VCARD:
            write_vcards(counted(), target)


def _format_of(file: Path) -> Format:
    try:
        return Format(file.suffix.lstrip(".").lower())
    except ValueError:
        raise ConfigError(
            "--format", f"is missing: {file.name} does not say it; use csv, ldif or vcf"
        ) from None


@contextmanager
def _database(data: Path, url: str | None) -> Iterator[Database]:
    with closing(Database.open(url or str(data / DEFAULT_FILE), setting="--database")) as opened:
        yield opened


@contextmanager
def _reading(file: Path) -> Iterator[TextIO]:
    if file == Path("-"):
        yield sys.stdin
        return
    try:
        source = file.open(encoding="utf-8-sig", errors="replace", newline="")
    except OSError as error:
        raise ConfigError("FILE", f"{file} cannot be read: {error.strerror}") from error
    with source:
        yield source


@contextmanager
def _writing(file: Path) -> Iterator[TextIO]:
    if file == Path("-"):
        yield sys.stdout
        return
    try:
        target = file.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigError("FILE", f"{file} cannot be written: {error.strerror}") from error
    with target:
        yield target
