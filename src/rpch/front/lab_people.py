"""Whom the laboratory's address book has: its users with their particulars, and others to look up."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rpch.directory.entries import EntryKind, NewEntry, Value
from rpch.directory.links import DELEGATE, MANAGER, MEMBER, OWNER
from rpch.directory.opening import Directory

_COMPANY: Final = {
    "company": "Laboratory",
    "co": "Germany",
    "l": "Berlin",
    "streetAddress": "Chausseestraße 1",
}
_USERS: Final[dict[str, dict[str, Value]]] = {
    "alice": {"givenName": "Alice", "sn": "Adams", "title": "Director", "department": "Management"},
    "bob": {"givenName": "Bob", "sn": "Brown", "title": "Engineer", "department": "Development"},
    "carol": {"givenName": "Carol", "sn": "Clark", "title": "Engineer", "department": "Development"},
    "dave": {"givenName": "Dave", "sn": "Dörfler", "title": "Accountant", "department": "Finance"},
}


def fill_book(directory: Directory, mail_domain: str) -> None:
    """Give the users their particulars, and the book groups, rooms, contacts and a list of its own."""
    users = _describe_users(directory)
    entries, links = directory.entries, directory.links
    (partners,) = entries.add(NewEntry(EntryKind.CONTAINER, "Partners"))
    everyone, development, room, _, *contacts = entries.add(
        _group("Everyone", mail_domain),
        _group("Development Team", mail_domain),
        NewEntry(
            EntryKind.ROOM,
            "Meeting Room 1",
            alias="room1",
            mail=f"room1@{mail_domain}",
            attributes={"msExchResourceCapacity": 12, "physicalDeliveryOfficeName": "First floor"},
        ),
        NewEntry(EntryKind.EQUIPMENT, "Projector", alias="projector", mail=f"projector@{mail_domain}"),
        _contact("Erika", "Müller", "erika@partner.example", partners.id),
        _contact("太郎", "山田", "taro@partner.example", partners.id, phonetic="やまだ たろう"),
    )
    links.add(everyone.id, MEMBER, *users.values(), development.id)
    engineers = [users[name] for name in ("bob", "carol") if name in users]
    links.add(development.id, MEMBER, *engineers, contacts[0].id)
    if (alice := users.get("alice")) is not None:
        links.add(everyone.id, OWNER, alice)
        links.add(development.id, OWNER, alice)
        links.add(room.id, OWNER, alice)
        for mid in engineers:
            links.add(mid, MANAGER, alice)
        links.add(alice, DELEGATE, *engineers[:1])


def _describe_users(directory: Directory) -> dict[str, int]:
    """The users' entries by name."""
    found: dict[str, int] = {}
    for at, account in enumerate(directory.store.list()):
        entry = directory.entries.get(account.entry_id)[account.entry_id]
        more = (
            _USERS.get(account.identity.name, {}) | _COMPANY | {"telephoneNumber": f"+49 30 555-{at + 101}"}
        )
        name = " ".join(str(more[part]) for part in ("givenName", "sn") if part in more)
        changed = replace(entry, display_name=name or entry.display_name, attributes=more)
        found[account.identity.name] = directory.entries.change(changed).id
    return found


def _group(name: str, mail_domain: str) -> NewEntry:
    alias = name.partition(" ")[0].lower()
    return NewEntry(EntryKind.GROUP, name, alias=alias, mail=f"{alias}@{mail_domain}")


def _contact(first: str, last: str, mail: str, parent: int, *, phonetic: str = "") -> NewEntry:
    attributes: dict[str, Value] = {"givenName": first, "sn": last, "company": "Partner"}
    if phonetic:
        attributes["msDS-PhoneticDisplayName"] = phonetic
    name = f"{last} {first}" if phonetic else f"{first} {last}"
    alias = mail.partition("@")[0]
    return NewEntry(EntryKind.CONTACT, name, alias=alias, mail=mail, attributes=attributes, parent_id=parent)
