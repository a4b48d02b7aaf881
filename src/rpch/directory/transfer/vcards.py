"""vCards, as telephones and mail programs keep people.  RFC 6350; versions 2.1 and 3.0 are read as well

A person's card has their names, addresses, numbers and picture; a group's names its members by their UID or
by mail address. What vCard has no words for is in `vcard_extras.py`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TextIO
from uuid import UUID

from rpch.directory.entries import EntryKind, Value
from rpch.directory.links import MANAGER, MEMBER
from rpch.directory.transfer.records import BadRecord, Record, attribute_texts
from rpch.directory.transfer.vcard_extras import extra_lines, with_extras
from rpch.directory.transfer.vcard_lines import CardLine, escaped, folded, parse_line, read_cards

_KINDS: Final = {
    "individual": EntryKind.USER,
    "group": EntryKind.GROUP,
    "org": EntryKind.CONTACT,
    "location": EntryKind.ROOM,
    "x-contact": EntryKind.CONTACT,
    "x-equipment": EntryKind.EQUIPMENT,
    "x-container": EntryKind.CONTAINER,
}
_KIND_NAMES: Final = {
    EntryKind.USER: "individual",
    EntryKind.GROUP: "group",
    EntryKind.ROOM: "location",
    EntryKind.CONTACT: "x-contact",
    EntryKind.EQUIPMENT: "x-equipment",
    EntryKind.CONTAINER: "x-container",
}
# Which attribute a number is, by the types it must have; the first that fits.
_NUMBERS: Final[Sequence[tuple[frozenset[str], str]]] = (
    (frozenset({"fax"}), "facsimileTelephoneNumber"),
    (frozenset({"pager"}), "pager"),
    (frozenset({"cell"}), "mobile"),
    (frozenset({"home"}), "homePhone"),
    (frozenset(), "telephoneNumber"),
)
_NUMBER_TYPES: Final = {
    "telephoneNumber": "work,voice",
    "homePhone": "home,voice",
    "mobile": "cell",
    "pager": "pager",
    "facsimileTelephoneNumber": "work,fax",
}
_TEXTS: Final = {
    "TITLE": "title",
    "NOTE": "info",
    "URL": "wWWHomePage",
    "X-PHONETIC-DISPLAY-NAME": "msDS-PhoneticDisplayName",
}
_ADDRESS: Final = (
    "postOfficeBox",
    "physicalDeliveryOfficeName",
    "streetAddress",
    "l",
    "st",
    "postalCode",
    "co",
)
_UUID: Final = "urn:uuid:"


def read_vcards(source: TextIO) -> Iterator[Record | BadRecord]:
    """The people of a file; a card that makes none comes as what is wrong with it."""
    for number, lines in read_cards(source):
        where = f"line {number}"
        try:
            yield _record([parse_line(line, where) for line in lines], where)
        except BadRecord as problem:
            yield problem


def write_vcards(records: Iterable[Record], target: TextIO) -> None:
    """A file of cards, version 4."""
    for record in records:
        usual = list(_usual(record))
        told = _record([parse_line(line, "") for line in usual], "")
        card = ["BEGIN:VCARD", "VERSION:4.0", *usual, *extra_lines(record, told), "END:VCARD"]
        target.writelines(folded(line) + "\r\n" for line in card)


def _record(lines: Sequence[CardLine], where: str) -> Record:
    first = {line.name: line for line in reversed(lines)}
    names = first["N"].parts if "N" in first else []
    last, given = [*names, "", ""][:2]
    name = first["FN"].text if "FN" in first else " ".join(filter(None, (given, last)))
    if not name.strip():
        raise BadRecord(where, "a card without a name")
    kind = _KINDS.get(first["KIND"].text.lower(), EntryKind.USER) if "KIND" in first else EntryKind.CONTACT
    mails = [line.text.strip() for line in lines if line.name == "EMAIL" and line.text.strip()]
    attributes: dict[str, Value] = {
        **_texts(first),
        **_organisation(first),
        **_numbers(lines),
        **_address(lines),
        **({"givenName": given} if given else {}),
        **({"sn": last} if last else {}),
        **({"proxyAddresses": [f"smtp:{mail}" for mail in mails[1:]]} if len(mails) > 1 else {}),
    }
    links: dict[str, list[str]] = {}
    for line in lines:
        if line.name == "MEMBER":
            links.setdefault(MEMBER, []).append(_reference(line.text))
        elif line.name == "RELATED" and "x-manager" in line.types:
            links.setdefault(MANAGER, []).append(_reference(line.text))
    told = Record(
        kind=kind,
        display_name=name.strip(),
        alias=first["X-ALIAS"].text if "X-ALIAS" in first else "",
        mail=mails[0] if mails else None,
        dn=first["X-LEGACY-EXCHANGE-DN"].text if "X-LEGACY-EXCHANGE-DN" in first else "",
        guid=_guid(first["UID"].text) if "UID" in first else None,
        attributes=attributes,
        binaries={
            attribute: found
            for name, attribute in (("PHOTO", "thumbnailPhoto"), ("KEY", "userSMIMECertificate"))
            if (found := [data for line in lines if line.name == name and (data := _data(line, where))])
        },
        links=links,
        where=where,
    )
    return with_extras(told, lines)


def _texts(first: Mapping[str, CardLine]) -> dict[str, Value]:
    return {name: first[key].text for key, name in _TEXTS.items() if key in first and first[key].text}


def _organisation(first: Mapping[str, CardLine]) -> dict[str, Value]:
    parts = first["ORG"].parts if "ORG" in first else []
    return {name: part for name, part in zip(("company", "department"), parts, strict=False) if part}


def _numbers(lines: Sequence[CardLine]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for line in lines:
        if line.name == "TEL" and (number := line.text.removeprefix("tel:").strip()):
            attribute = next(name for types, name in _NUMBERS if types <= line.types)
            found.setdefault(attribute, number)
    return found


def _address(lines: Sequence[CardLine]) -> dict[str, Value]:
    """The address at work, if there is one, else any."""
    addresses = [line for line in lines if line.name == "ADR"]
    chosen = next((line for line in addresses if "work" in line.types), next(iter(addresses), None))
    if chosen is None:
        return {}
    parts = zip(_ADDRESS, chosen.parts, strict=False)
    return {name: [part] if name == "postOfficeBox" else part for name, part in parts if part}


def _data(line: CardLine, where: str) -> bytes | None:
    """A picture or a key that is in the card itself; None for one elsewhere."""
    head, comma, rest = line.value.partition(",")
    if head.startswith("data:"):
        encoded = rest if comma and head.endswith(";base64") else ""
    elif line.parameters.get("ENCODING", "").lower() in ("b", "base64") or "base64" in line.types:
        encoded = line.value
    else:
        return None
    try:
        return base64.b64decode("".join(encoded.split()), validate=True) or None
    except ValueError as error:  # also of what is no ASCII
        raise BadRecord(where, f"{line.name} is no Base64: {error}") from None


def _reference(text: str) -> str:
    """Somebody else, by GUID or by mail address."""
    return text.removeprefix("mailto:").removeprefix(_UUID)


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text.strip().removeprefix(_UUID))
    except ValueError:
        return None


def _usual(record: Record) -> Iterator[str]:
    """What every program that knows vCard reads."""
    attributes = record.attributes
    yield f"KIND:{_KIND_NAMES[record.kind]}"
    if record.guid is not None:
        yield f"UID:{_UUID}{record.guid}"
    yield f"FN:{escaped(record.display_name)}"
    names = [_one(attributes, "sn"), _one(attributes, "givenName")]
    if any(names):
        yield f"N:{';'.join(map(escaped, names))};;;"
    if record.alias:
        yield f"X-ALIAS:{escaped(record.alias)}"
    if record.dn:
        yield f"X-LEGACY-EXCHANGE-DN:{escaped(record.dn)}"
    if record.mail:
        yield f"EMAIL;PREF=1:{escaped(record.mail)}"
    for address in attribute_texts(attributes.get("proxyAddresses", [])):
        kind, _, other = address.partition(":")
        if record.mail and kind.lower() == "smtp" and other and other != record.mail:
            yield f"EMAIL:{escaped(other)}"
    organisation = [_one(attributes, "company"), _one(attributes, "department")]
    if any(organisation):
        yield f"ORG:{';'.join(map(escaped, organisation))}"
    for attribute, types in _NUMBER_TYPES.items():
        if number := _one(attributes, attribute):
            yield f'TEL;TYPE="{types}":{escaped(number)}'
    address_parts = [_one(attributes, name) for name in _ADDRESS]
    if any(address_parts):
        yield f"ADR;TYPE=work:{';'.join(map(escaped, address_parts))}"
    for key, name in _TEXTS.items():
        if text := _one(attributes, name):
            yield f"{key}:{escaped(text)}"
    yield from _attachments(record)


def _attachments(record: Record) -> Iterator[str]:
    for data in record.binaries.get("thumbnailPhoto", ()):
        yield f"PHOTO:data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
    for data in record.binaries.get("userSMIMECertificate", ()):
        yield f"KEY:data:application/pkix-cert;base64,{base64.b64encode(data).decode('ascii')}"
    for other in record.links.get(MEMBER, ()):
        yield f"MEMBER:{_reference_uri(other)}"
    for other in record.links.get(MANAGER, ()):
        yield f"RELATED;TYPE=x-manager:{_reference_uri(other)}"


def _reference_uri(other: str) -> str:
    if "@" in other:
        return f"mailto:{escaped(other)}"
    return f"{_UUID}{other}" if _guid(other) else escaped(other)


def _one(attributes: Mapping[str, Value], name: str) -> str:
    value = attributes.get(name)
    return "" if value is None else next(iter(attribute_texts(value)), "")
