"""What an entry of the other directory says, made fit for the book.

What people typed there may hold anything: what the book cannot keep is left out or cut, and the rest kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from rpch.directory.entries import PROXY_ADDRESSES, Value
from rpch.directory.links import MANAGER, MEMBER, OWNER
from rpch.directory.mirror.ldap_tree import Listed, name_of
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.sign_in_names import PEOPLE, SignInName, sign_in_names
from rpch.directory.tables import DN_SIZE, NAME_SIZE
from rpch.directory.transfer.ldap_records import record_of
from rpch.directory.transfer.ldif import LdapEntry
from rpch.directory.transfer.records import BadRecord, Record

KEPT_LINKS: Final = (MEMBER, MANAGER, OWNER)  # delegates are rights to mailboxes, and those are ours
LONGEST_TEXT: Final = 4096
MOST_TEXTS: Final = 500
_LINES: Final = "\n\t"  # what a text of several lines may hold
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry: what it is known by, what it says, and what of that could not be kept."""

    listed: Listed
    record: Record
    problems: tuple[str, ...] = ()
    sign_in_names: frozenset[SignInName] = frozenset()

    @property
    def guid(self) -> UUID:
        """Its name in both directories."""
        return self.listed.guid


def read_entry(entry: LdapEntry, settings: MirrorSettings) -> Reading | None:
    """What an entry says; None when it is nobody. `BadRecord` when it makes no entry of the book."""
    listed = name_of(entry, settings)
    record = record_of(_renamed(entry, settings.attributes))
    if record is None:
        return None
    name = _name(record.display_name)
    if not name:
        raise BadRecord(entry.dn, "has no name that can be shown")
    problems: list[str] = []
    mail = _mail(record.mail, problems.append)
    attributes = {
        key: value for key in record.attributes if (value := _value(key, record.attributes[key])) is not None
    }
    dialect = settings.dialect
    for known in ("distinguishedName", dialect.guid, dialect.stamp, dialect.upn):
        attributes.pop(known, None)
    return Reading(
        listed,
        replace(
            record,
            guid=listed.guid,
            display_name=name,
            alias=_name(record.alias),
            mail=mail,
            dn=record.dn if _is_dn(record.dn) else "",
            parent="",
            attributes=attributes,
            binaries=_binaries(record.binaries, settings.largest_binary, problems.append),
            links={link: record.links[link] for link in KEPT_LINKS if record.links.get(link)},
        ),
        tuple(problems),
        _sign_in_names(entry, settings) if record.kind in PEOPLE else frozenset(),
    )


def _sign_in_names(entry: LdapEntry, settings: MirrorSettings) -> frozenset[SignInName]:
    """As whom somebody signs in: every value of the attribute, of which a bind may name any."""
    values = {name.casefold(): found for name, found in entry.attributes.items()}

    def texts(name: str) -> list[str]:
        return [value.decode("utf-8", "replace").strip() for value in values.get(name.casefold(), ())]

    return sign_in_names(settings.domain, texts(settings.name), texts(settings.dialect.upn))


def _renamed(entry: LdapEntry, names: Mapping[str, str]) -> LdapEntry:
    """The entry with attributes called as the settings say; one that is called nothing is left out."""
    if not names:
        return entry
    ours = {theirs.casefold(): name for theirs, name in names.items()}
    attributes: dict[str, Sequence[bytes]] = {}
    for name, values in entry.attributes.items():
        if wanted := ours.get(name.casefold(), ""):
            attributes[wanted] = values
        elif name.casefold() not in ours:
            attributes.setdefault(name, values)
    return LdapEntry(entry.dn, attributes, entry.where)


def _name(text: str) -> str:
    """A text of one line without control characters, as long as a name may be."""
    return _SPACES.sub(" ", _without_controls(text, "")).strip()[:NAME_SIZE].strip()


def _mail(mail: str | None, says: Callable[[str], None]) -> str | None:
    if not mail:
        return None
    if len(mail) > NAME_SIZE or _without_controls(mail, "") != mail:
        says("its mail address is too long, or holds control characters")
        return None
    return mail


def _value(name: str, value: Value) -> Value | None:
    """An attribute's value, cut; nothing when there is nothing left of it."""
    if isinstance(value, bool | int):
        return value
    texts = value if isinstance(value, list) else [value]
    kept = [_without_controls(text, _LINES)[:LONGEST_TEXT].strip() for text in texts[:MOST_TEXTS]]
    kept = [text for text in kept if text]
    if not isinstance(value, list):
        return kept[0] if kept else None
    if name == PROXY_ADDRESSES:
        kept = [text for text in kept if len(text) <= NAME_SIZE]
    return kept or None


def _binaries(
    binaries: Mapping[str, Sequence[bytes]], largest: int, says: Callable[[str], None]
) -> dict[str, Sequence[bytes]]:
    kept = {name: [data for data in values if len(data) <= largest] for name, values in binaries.items()}
    for name, values in binaries.items():
        if len(kept[name]) < len(values):
            says(f"a {name} of more than {largest} bytes is left out")
    return {name: values for name, values in kept.items() if values}


def _without_controls(text: str, but: str) -> str:
    return "".join(" " if unicodedata.category(char) == "Cc" and char not in but else char for char in text)


def _is_dn(dn: str) -> bool:
    return dn.startswith("/") and len(dn) <= DN_SIZE and _without_controls(dn, "") == dn
