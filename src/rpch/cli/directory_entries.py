"""`rpch directory list`, `show`, `add`, `set`, `remove` and `members`: single entries of the address book."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from rpch.cli.output import print_event, print_line, print_table
from rpch.cli.shared_options import DATA, Data, Json, Url, WhatIf, opened_database
from rpch.directory.book_reader import BookReader
from rpch.directory.entries import Entries, Entry, EntryKind, NewEntry, Value
from rpch.directory.links import DELEGATE, MANAGER, MEMBER, OWNER, Links
from rpch.directory.lookup import entry_meant
from rpch.directory.mirrored_entries import source_of
from rpch.directory.transfer.records import (
    BINARY_ATTRIBUTES,
    LINK_ATTRIBUTES,
    attribute_texts,
    attribute_value,
    truth,
)
from rpch.errors import ConfigError

Name = Annotated[str, typer.Argument(help="Name, alias, mail address, DN or GUID.")]
Attributes = Annotated[
    list[str] | None,
    typer.Argument(help="attribute=value, by LDAP's names; several values apart by |; none removes it."),
]
Parent = Annotated[str | None, typer.Option("--in", help="The container it lies in; empty: none.")]
_LINKS: Final = (MEMBER, MANAGER, DELEGATE, OWNER)
_FIELDS: Final = {"displayName": "display_name", "mailNickname": "alias", "mail": "mail"}
_HIDDEN: Final = "msExchHideFromAddressLists"


def list_(
    kind: Annotated[list[EntryKind] | None, typer.Option(help="Of these kinds only.")] = None,
    begins: Annotated[str, typer.Option(help="Only names that begin so.")] = "",
    most: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Show the entries of the address book, hidden ones and containers too."""
    with _entries(data, database) as entries:
        if begins:
            found = entries.named(begins, begins=True, most=most)
        else:
            found = entries.listed(kinds=kind or (), most=most)
    found = [each for each in found if not kind or each.kind in kind]
    if json:
        for each in found:
            print_event("entry", **_facts(each))
        return
    table = Table("kind", "display name", "alias", "mail", "telephone", box=None)
    for each in found:
        number = _shown(each.attributes.get("telephoneNumber"))
        table.add_row(each.kind.value, each.display_name, each.alias, each.mail or "", number)
    print_table(table)


def show(name: Name, data: Data = DATA, database: Url = None, json: Json = False) -> None:
    """Show one entry: its attributes, whom it names, and where it is kept."""
    with _entries(data, database) as entries:
        entry = entry_meant(entries, name)
        facts = _facts(entry) | _surroundings(entries, entry)
    if json:
        print_event("entry", **facts)
        return
    for fact, value in facts.items():
        for text in _lines(value):
            print_line(f"{fact:28} {text}".rstrip())


def add(
    kind: Annotated[EntryKind, typer.Argument(help="What it is.")],
    display_name: Annotated[str, typer.Argument(help="The name that others see.")],
    attributes: Attributes = None,
    parent: Parent = None,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Enter a group, contact, room, container, or a user without an account (`rpch users add` makes one)."""
    with _entries(data, database) as entries:
        given = _given(attributes or ())
        fields = {field: given.pop(name) or "" for name, field in _FIELDS.items() if name in given}
        new = NewEntry(
            kind,
            fields.get("display_name") or display_name,
            alias=fields.get("alias", ""),
            mail=fields.get("mail") or None,
            hidden=truth(given.pop(_HIDDEN, "") or "", _HIDDEN),
            attributes=_values(given),
            parent_id=_container(entries, parent).id if parent else None,
        )
        (made,) = entries.add(new)
    _tell(json, "added", made)


def set_(
    name: Name,
    attributes: Attributes = None,
    parent: Parent = None,
    what_if: WhatIf = False,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Change an entry: displayName, mailNickname, mail, hiding, and any other attribute."""
    with _entries(data, database) as entries:
        entry = entry_meant(entries, name)
        wanted = _changed(entry, _given(attributes or ()))
        if parent is not None:
            wanted = replace(wanted, parent_id=_container(entries, parent).id if parent else None)
        if wanted != entry and not what_if:
            wanted = entries.change(wanted)
    if json:
        print_event("changed", **_facts(wanted), what_if=what_if, was=_facts(entry))
        return
    before, after = {**_facts(entry), **entry.attributes}, {**_facts(wanted), **wanted.attributes}
    for fact in sorted({*before, *after} - {"attributes", "changed"}):
        if before.get(fact) != after.get(fact):
            print_line(f"{fact}: {_shown(before.get(fact))!r} -> {_shown(after.get(fact))!r}")


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Remove an entry. One with an account is removed by `rpch users remove`."""
    with _entries(data, database) as entries:
        entry = entry_meant(entries, name)
        if entries.has_account(entry.id):
            raise ConfigError("NAME", f"{entry.display_name} has an account; use rpch users remove")
        if not yes:
            typer.confirm(f"Remove {entry.display_name} for good?", abort=True, err=True)
        entries.remove(entry.id)
    _tell(json, "removed", entry)


def members(
    name: Name,
    add: Annotated[list[str] | None, typer.Option(help="Somebody to add; may be repeated.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Somebody to take out; may be repeated.")] = None,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Show who is in a group, after adding some and taking some out."""
    with _entries(data, database) as entries:
        group, links = entry_meant(entries, name), Links(entries.database)
        if group.kind is not EntryKind.GROUP:
            raise ConfigError("NAME", f"{group.display_name} is a {group.kind.value}, not a group")
        coming = [entry_meant(entries, each) for each in add or ()]
        going = [entry_meant(entries, each) for each in remove or ()]
        for each in coming:
            if each.kind is EntryKind.CONTAINER:
                raise ConfigError("--add", f"{each.display_name} is a container, and no member of anything")
        if coming:
            links.add(group.id, MEMBER, *(each.id for each in coming))
        if going:
            links.remove(group.id, MEMBER, *(each.id for each in going))
        inside = links.targets(group.id, MEMBER)
    if json:
        for each in inside:
            print_event("member", **_facts(each))
        return
    table = Table("kind", "display name", "mail", box=None)
    for each in inside:
        table.add_row(each.kind.value, each.display_name, each.mail or "")
    print_table(table)


@contextmanager
def _entries(data: Path, url: str | None) -> Iterator[Entries]:
    with opened_database(data, url) as opened:
        yield Entries(opened)


def _given(attributes: Sequence[str]) -> dict[str, str]:
    """What was given as `attribute=value`."""
    given: dict[str, str] = {}
    for each in attributes:
        name, equals, text = each.partition("=")
        if not equals or not name.strip():
            raise ConfigError("ATTRIBUTE", f"{each!r} is no attribute=value")
        if name in LINK_ATTRIBUTES or name in BINARY_ATTRIBUTES:
            raise ConfigError("ATTRIBUTE", f"{name} is no text; use rpch directory members or import")
        given[name.strip()] = text
    return given


def _values(given: dict[str, str]) -> dict[str, Value]:
    values = {name: attribute_value(name, _texts(text), name) for name, text in given.items()}
    return {name: value for name, value in values.items() if value is not None}


def _texts(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]


def _changed(entry: Entry, given: dict[str, str]) -> Entry:
    """What an entry is to become."""
    if _HIDDEN in given:
        entry = replace(entry, hidden=truth(given.pop(_HIDDEN), _HIDDEN))
    if "displayName" in given and not given["displayName"].strip():
        raise ConfigError("displayName", "cannot be empty")
    fields: dict[str, Any] = {
        field: given.pop(name).strip() for name, field in _FIELDS.items() if name in given
    }
    if "mail" in fields:
        fields["mail"] = fields["mail"] or None
    kept = {name: value for name, value in entry.attributes.items() if name not in given}
    return replace(entry, **fields, attributes=kept | _values(given))


def _container(entries: Entries, name: str) -> Entry:
    found = entry_meant(entries, name)
    if found.kind is not EntryKind.CONTAINER:
        raise ConfigError("--in", f"{found.display_name} is a {found.kind.value}, not a container")
    return found


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "guid": str(entry.guid),
        "kind": entry.kind.value,
        "display_name": entry.display_name,
        "alias": entry.alias,
        "mail": entry.mail,
        "dn": entry.dn,
        "hidden": entry.hidden,
        "parent": entry.parent_id,
        "attributes": dict(entry.attributes),
    }


def _surroundings(entries: Entries, entry: Entry) -> dict[str, Any]:
    """What is not in the entry itself: its container, pictures, links, and who keeps it."""
    links, reader = Links(entries.database), BookReader(entries.database)
    parents = entries.get(entry.parent_id) if entry.parent_id is not None else {}
    binaries = reader.binaries([entry.id], BINARY_ATTRIBUTES)
    with entries.database.read() as connection:
        kept_by = source_of(connection, entry.id)
    named = {link: links.targets(entry.id, link) for link in _LINKS}
    groups = links.groups_of(entry.id)
    return {
        "parent": next((each.display_name for each in parents.values()), None),
        "binaries": {name: [len(data) for data in values] for (_, name), values in binaries.items()},
        "links": {
            link: [each.mail or each.display_name for each in some] for link, some in named.items() if some
        },
        "member_of": [each.display_name for each in groups],
        "kept_by": kept_by or None,
    }


def _lines(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _shown(value)
        return
    for name, each in value.items():
        yield f"{name}={_shown(each)}"


def _shown(value: Any) -> str:
    if value is None or value == {}:
        return ""
    return "|".join(attribute_texts([str(each) for each in value] if isinstance(value, list) else value))


def _tell(json: bool, event: str, entry: Entry) -> None:
    if json:
        print_event(event, **_facts(entry))
    else:
        print_line(f"{entry.display_name} was {event}")
