"""Options that several commands share, and the database that some of them name."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Annotated, Final

import typer

from rpch.directory.database import DEFAULT_FILE, Database
from rpch.directory.opening import Directory

Data = Annotated[Path, typer.Option(help="Folder of `rpch up`, with its database.")]
Url = Annotated[
    str | None,
    typer.Option(envvar="RPCH_DATABASE", help="sqlite:///FILE or postgresql://USER@HOST/NAME."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(envvar="RPCH_KEY_FILE", help="The key of this database; beside it by default."),
]
WhatIf = Annotated[bool, typer.Option("--what-if", help="Change nothing; say what would change.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON line an event.")]
DATA: Final = Path("data")


def opened_database(data: Path, url: str | None) -> AbstractContextManager[Database]:
    """The database at a URL, or else that of a folder."""
    return closing(Database.open(_place(data, url), setting="--database"))


def opened_directory(data: Path, url: str | None, key_file: Path | None) -> AbstractContextManager[Directory]:
    """The same with its key, for what concerns accounts."""
    place = _place(data, url)
    return closing(Directory.open(place, key_file, setting="--database", key_setting="--key-file"))


def _place(data: Path, url: str | None) -> str:
    return url or str(data / DEFAULT_FILE)
