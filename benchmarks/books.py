"""Address books to read from: filled with people, and served by `rpch up`."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from rpch.directory.entries import EntryKind, NewEntry, Value
from rpch.directory.links import MEMBER
from rpch.front.lab import lab_directory, lab_users
from tests.interop.laboratory import Laboratory, laboratory

BATCH: Final = 5000
FIRST: Final = ("Anna", "Ben", "Carla", "David", "Eva", "Frank", "Greta", "Hans", "Ida", "Klara", "Zoë")
LAST: Final = ("Müller", "Schmidt", "Novák", "García", "Rossi", "Andersson", "Dubois", "Smith", "Tanaka")
PARTS: Final = ("Sales", "Development", "Finance", "Support", "Legal", "Marketing")
TITLES: Final = ("Engineer", "Manager", "Clerk")


def fill(folder: Path, start: int, wanted: int) -> None:
    """Enter people from a number to another, and a group for every batch of them."""
    rng = random.Random(wanted)
    with closing(lab_directory(folder / "data", lab_users(folder / "data"))) as directory:
        entries, links = directory.entries, directory.links
        for number in range(start, wanted, BATCH):
            made = entries.add(*(_person(rng, n) for n in range(number, min(number + BATCH, wanted))))
            (group,) = entries.add(NewEntry(EntryKind.GROUP, f"Group {number // BATCH}"))
            links.add(group.id, MEMBER, *(entry.id for entry in made[::10]))


def _person(rng: random.Random, number: int) -> NewEntry:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    attributes: dict[str, Value] = {
        "givenName": first,
        "sn": last,
        "title": rng.choice(TITLES),
        "department": rng.choice(PARTS),
        "company": "Example",
        "l": "Berlin",
        "telephoneNumber": f"+49 30 {number:07}",
    }
    alias = f"u{number}"
    return NewEntry(
        EntryKind.USER,
        f"{first} {last} {number}",
        alias=alias,
        mail=f"{alias}@lab.example",
        attributes=attributes,
    )


@contextmanager
def serving(folder: Path) -> Iterator[Laboratory]:
    """`rpch up` on the book in this folder. Meanwhile what is printed is lost."""
    with contextlib.redirect_stdout(io.StringIO()), laboratory(folder) as running:
        yield running
