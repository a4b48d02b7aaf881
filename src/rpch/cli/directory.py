"""`rpch directory`: the address book, in files and on servers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from rpch.cli.directory_entries import add, list_, members, remove, set_, show
from rpch.cli.directory_lookup import lookup
from rpch.cli.directory_sync import sync
from rpch.cli.output import print_event, print_line, warn
from rpch.cli.progress import watched
from rpch.cli.shared_options import DATA, Data, Json, Url, WhatIf, opened_database
from rpch.directory.transfer.exporting import count_entries, export_records
from rpch.directory.transfer.formats import Format, read_records, write_records
from rpch.directory.transfer.importing import Importer
from rpch.directory.transfer.records import BadRecord, Record
from rpch.errors import ConfigError

directory = typer.Typer(
    help="The address book: show, change, import, export, mirror, look up.", no_args_is_help=True
)

LARGE: Final = 2000  # entries; below, there is nothing to watch
LINE: Final = 50  # bytes that an entry takes at least

Chosen = Annotated[Format | None, typer.Option("--format", help="By the name of the file, if not said.")]


@directory.callback()
def about() -> None:
    """The address book: show, change, import, export, mirror, look up."""


directory.command()(lookup)
directory.command()(sync)
directory.command("list")(list_)
directory.command()(show)
directory.command()(add)
directory.command("set")(set_)
directory.command()(remove)
directory.command()(members)


@directory.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, LDIF or vCard; - is standard input.")],
    chosen: Chosen = None,
    domain: Annotated[
        str, typer.Option(help="Of what people sign in as by LDAP or winbind: sAMAccountName, or uid.")
    ] = "",
    what_if: WhatIf = False,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Enter people, groups, rooms and contacts, and change those that are there already.

    Entries are known by GUID, DN or mail address. What the file does not mention stays. The exit status is 1
    when something in the file could not be imported.
    """
    how = chosen or _format_of(file)
    with opened_database(data, database) as opened, _reading(file) as source:
        importer = Importer(opened, domain=domain, what_if=what_if)
        size = file.stat().st_size if file != Path("-") else 0
        with (
            _in_file(file),
            watched("importing", quiet=json or size < LARGE * LINE) as advance,
        ):
            outcome = importer.run(read_records(how, source), progress=advance)
    for problem in outcome.problems:
        warn(f"{file}, {problem}")
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
    with opened_database(data, database) as opened:
        total = count_entries(opened)
        with (
            _writing(file) as target,
            watched("exporting", total=total, quiet=json or total < LARGE) as advance,
        ):
            write_records(how, opened, _counted(export_records(opened), advance), target)
    if json:
        print_event("exported", entries=total, file=str(file))
    elif file != Path("-"):
        print_line(f"{total} entries in {file}")


def _counted(records: Iterator[Record], advance: Callable[[int], None]) -> Iterator[Record]:
    for record in records:
        yield record
        advance(1)


def _format_of(file: Path) -> Format:
    try:
        return Format(file.suffix.lstrip(".").lower())
    except ValueError:
        raise ConfigError(
            "--format", f"is missing: {file.name} does not say it; use csv, ldif or vcf"
        ) from None


@contextmanager
def _in_file(file: Path) -> Iterator[None]:
    """What is wrong with a whole file, with its name."""
    try:
        yield
    except BadRecord as problem:
        raise BadRecord(f"{file}, {problem.where}", problem.problem) from problem


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
