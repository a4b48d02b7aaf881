"""`rpch directory`: the address book, in files and on servers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final, TextIO

import typer

from rpch.cli.directory_entries import add, list_, members, remove, set_, show
from rpch.cli.directory_lookup import lookup
from rpch.cli.directory_sync import sync
from rpch.cli.output import print_event, print_line, warn
from rpch.cli.progress import Bar, watched
from rpch.cli.shared_options import DATA, Data, Json, Url, WhatIf, opened_database
from rpch.directory.transfer.exporting import count_entries, export_records
from rpch.directory.transfer.formats import Format, read_records, write_records
from rpch.directory.transfer.importing import Importer, Outcome
from rpch.directory.transfer.records import BadRecord, Record
from rpch.directory.transfer.text_files import text_of
from rpch.errors import ConfigError

directory = typer.Typer(
    help="The address book: show, change, import, export, mirror, look up.", no_args_is_help=True
)

STANDARD: Final = Path("-")  # input or output
LARGE: Final = 2000  # entries; below, there is nothing to watch
LINE: Final = 50  # bytes that an entry takes at least

Chosen = Annotated[Format | None, typer.Option("--format", help="By the name of the file, if not said.")]
Encoding = Annotated[
    str | None,
    typer.Option(help="What its letters are in, such as windows-1252; else UTF-8, or UTF-16 by its mark."),
]


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
    encoding: Encoding = None,
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
        outcome = _imported(importer, how, file, source, encoding, quiet=json)
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


def _imported(
    importer: Importer, how: Format, file: Path, source: BinaryIO, encoding: str | None, *, quiet: bool
) -> Outcome:
    """What an import comes to; whoever waits sees how far it is in the file, and then with the links."""
    size = file.stat().st_size if file != STANDARD else None
    with (
        _in_file(file),
        text_of(source, encoding) as text,
        watched(quiet=quiet or (size is not None and size < LARGE * LINE)) as bar,
    ):
        bar.begin("importing", size)
        linked = 0

        def linking(done: int, of: int) -> None:
            nonlocal linked
            if not linked:
                bar.begin("linking", of)
            linked += done
            bar.advance(done)

        return importer.run(
            read_records(how, text),
            progress=lambda done: bar.advance(done, None if size is None else source.tell()),
            linking=linking,
        )


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
            watched(quiet=json or total < LARGE) as bar,
        ):
            bar.begin("exporting", total)
            write_records(how, opened, _counted(export_records(opened), bar), target)
    if file == STANDARD:
        return  # where the book itself went
    if json:
        print_event("exported", entries=total, file=str(file))
    else:
        print_line(f"{total} entries in {file}")


def _counted(records: Iterator[Record], bar: Bar) -> Iterator[Record]:
    for record in records:
        yield record
        bar.advance(1)


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
def _reading(file: Path) -> Iterator[BinaryIO]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as error:
        raise ConfigError("FILE", f"{file} cannot be read: {error.strerror}") from error
    with source:
        yield source


@contextmanager
def _writing(file: Path) -> Iterator[TextIO]:
    if file == STANDARD:
        yield sys.stdout
        return
    try:
        target = file.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigError("FILE", f"{file} cannot be written: {error.strerror}") from error
    with target:
        yield target
