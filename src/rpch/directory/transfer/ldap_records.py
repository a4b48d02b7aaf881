"""What an entry of an LDAP directory says about somebody, and how ours are said to LDAP.

The classes and attributes are those of Active Directory and of `inetOrgPerson` (RFC 2798). Entries that are
nobody, such as domains, computers and the containers of directory servers, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from rpch.directory.entries import PROXY_ADDRESSES, EntryKind, Value
from rpch.directory.transfer.ldif import LdapEntry
from rpch.directory.transfer.records import (
    BINARY_ATTRIBUTES,
    LINK_ATTRIBUTES,
    NAMES,
    UPN,
    BadRecord,
    Record,
    attribute_texts,
    attribute_value,
    truth,
)

KIND: Final = "rpchKind"  # ours, where classes do not say it all
_SUFFIX: Final = "cn=recipients"
_CLASSES: Final[Mapping[str, EntryKind]] = {
    "user": EntryKind.USER,
    "inetorgperson": EntryKind.USER,
    "room": EntryKind.ROOM,  # RFC 4524 3.9
    "organizationalperson": EntryKind.USER,
    "person": EntryKind.USER,
    "posixaccount": EntryKind.USER,
    "contact": EntryKind.CONTACT,
    "group": EntryKind.GROUP,
    "groupofnames": EntryKind.GROUP,
    "groupofuniquenames": EntryKind.GROUP,
}
# What a contact or a room is besides a person.
_STRONGER: Final = (EntryKind.CONTACT, EntryKind.GROUP, EntryKind.ROOM)
_RESOURCES: Final = {"7": EntryKind.ROOM, "8": EntryKind.EQUIPMENT}
_OBJECT_CLASS: Final[Mapping[EntryKind, tuple[str, ...]]] = {
    EntryKind.USER: ("top", "person", "organizationalPerson", "inetOrgPerson"),
    EntryKind.ROOM: ("top", "person", "organizationalPerson", "inetOrgPerson"),
    EntryKind.EQUIPMENT: ("top", "person", "organizationalPerson", "inetOrgPerson"),
    EntryKind.CONTACT: ("top", "person", "organizationalPerson", "contact"),
    EntryKind.GROUP: ("top", "group"),
    EntryKind.CONTAINER: ("top", "container"),
}
# Other names of the same: what directories without Exchange's attributes have.
_SAME: Final = {
    "uid": "mailNickname",
    "samaccountname": "mailNickname",
    "surname": "sn",
    "gn": "givenName",
    "o": "company",
    "departmentnumber": "department",
    "roomnumber": "physicalDeliveryOfficeName",
    "street": "streetAddress",
    "jpegphoto": "thumbnailPhoto",
    "usercertificate;binary": "userCertificate",
    "uniquemember": "member",
    "owner": "managedBy",
    "labeleduri": "wWWHomePage",
    "mailalternateaddress": "proxyAddresses",
    "entryuuid": "entryUUID",
}
_SHOWN: Final = (
    "givenName",
    "sn",
    "initials",
    "title",
    "company",
    "department",
    "physicalDeliveryOfficeName",
    "telephoneNumber",
    "otherTelephone",
    "homePhone",
    "otherHomePhone",
    "mobile",
    "pager",
    "facsimileTelephoneNumber",
    "telephoneAssistant",
    "msExchAssistantName",
    "streetAddress",
    "l",
    "st",
    "postalCode",
    "postOfficeBox",
    "co",
    "c",
    "ou",
    "name",
    "homePostalAddress",
    "wWWHomePage",
    "info",
    "description",
    "proxyAddresses",
    "msExchResourceCapacity",
    "msExchResourceDisplay",
    "msDS-PhoneticFirstName",
    "msDS-PhoneticLastName",
    "msDS-PhoneticDepartment",
    "msDS-PhoneticCompanyName",
    "msDS-PhoneticDisplayName",
    "msDS-HABSeniorityIndex",
    "msExchSenderHintTranslations",
    "msExchEnableModeration",
    "msOrg-IsOrganizational",
    *(f"extensionAttribute{at}" for at in range(1, 16)),
)
_TELLING: Final = (
    "objectClass",
    "cn",
    "displayName",
    "mailNickname",
    "mail",
    "legacyExchangeDN",
    "msExchHideFromAddressLists",
    "msExchRecipientDisplayType",
)
READ_ATTRIBUTES: Final = (
    *_TELLING,
    *_SHOWN,
    *LINK_ATTRIBUTES,
    *BINARY_ATTRIBUTES,
    *(name for name in _SAME if name != "entryuuid"),
)
"""Everything of an LDAP entry that can be read here."""
_NOT_ATTRIBUTES: Final = frozenset(
    name.casefold()
    for name in (
        "objectClass",
        "objectCategory",
        "displayName",
        "mailNickname",
        "mail",
        "legacyExchangeDN",
        "objectGUID",
        "entryUUID",
        "msExchHideFromAddressLists",
        "msExchRecipientDisplayType",
        "parent",
        "memberOf",
        KIND,
        "userPassword",
        "unicodePwd",
        *LINK_ATTRIBUTES,
        *BINARY_ATTRIBUTES,
    )
)
_KNOWN: Final = {name.casefold(): name for name in (*_SHOWN, *LINK_ATTRIBUTES, *BINARY_ATTRIBUTES)}
_PRIMARY: Final = "SMTP:"  # in front of an address that mail goes to; others have small letters


def record_of(entry: LdapEntry) -> Record | None:
    """What an entry says; None when it is nobody. `BadRecord` when it cannot be told."""
    values = _by_name(entry)
    kind = _kind(values)
    if kind is None:
        return None
    given = {name.casefold(): found for name, found in entry.attributes.items()}
    where, texts = entry.where, {name: _texts(found) for name, found in values.items()}

    def first(*names: str) -> str:
        return next((text for name in names for text in texts.get(name.casefold(), ()) if text), "")

    name = first("displayName", "cn", "name", "ou")
    if not name:
        raise BadRecord(where, f"{entry.dn} has no name")
    ours = KIND.casefold() in values
    mails = list(texts.get("mail", ())) if ours else _addresses(texts)
    has_no_other_dn = ours and entry.dn.casefold().endswith(_SUFFIX)
    attributes: dict[str, Value] = {} if has_no_other_dn else {"distinguishedName": entry.dn}
    for folded, (spelled, _) in _spelled(entry).items():
        value = attribute_value(spelled, texts[folded], where) if folded not in _NOT_ATTRIBUTES else None
        if value is not None:
            attributes[spelled] = value
    if not ours and (others := _other_addresses(texts, mails)):
        attributes[PROXY_ADDRESSES] = others
    return Record(
        kind=kind,
        display_name=name,
        alias=first("mailNickname"),
        mail=next(iter(mails), None),
        dn=first("legacyExchangeDN"),
        guid=_guid(values, texts),
        hidden=truth(first("msExchHideFromAddressLists"), where),
        parent=first("parent"),
        attributes=attributes,
        binaries={name: values[name.casefold()] for name in BINARY_ATTRIBUTES if name.casefold() in values},
        links={
            link: texts[name.casefold()] for name, link in LINK_ATTRIBUTES.items() if name.casefold() in texts
        },
        names=tuple(_texts(next((given[name] for name in map(str.casefold, NAMES) if given.get(name)), ()))),
        upns=tuple(_texts(given.get(UPN.casefold(), ()))),
        where=where,
    )


def entry_of(record: Record) -> LdapEntry:
    """A record as directory servers and other programs take it."""
    guid = record.guid or UUID(int=0)
    attributes: dict[str, list[str]] = {
        "objectClass": list(_OBJECT_CLASS[record.kind]),
        KIND: [record.kind.value],
        "displayName": [record.display_name],
        "mailNickname": [record.alias],
        "mail": [record.mail] if record.mail else [],
        "legacyExchangeDN": [record.dn],
        "msExchHideFromAddressLists": ["TRUE"] if record.hidden else [],
        "parent": [record.parent] if record.parent else [],
    }
    attributes |= {
        name: attribute_texts(value)
        for name, value in record.attributes.items()
        if name != "distinguishedName"
    }
    named = {link: name for name, link in LINK_ATTRIBUTES.items()}
    attributes |= {named[link]: list(others) for link, others in record.links.items() if link in named}
    values: dict[str, Sequence[bytes]] = {
        name: [text.encode() for text in texts] for name, texts in attributes.items() if texts
    }
    values["objectGUID"] = [guid.bytes_le]
    values |= {name: list(found) for name, found in record.binaries.items() if found}
    own = record.attributes.get("distinguishedName")
    return LdapEntry(own if isinstance(own, str) else f"cn={guid},{_SUFFIX}", values)


def _spelled(entry: LdapEntry) -> dict[str, tuple[str, Sequence[bytes]]]:
    """Attributes by their folded names, in our spelling. Our own names win over others for the same."""
    given = {name.casefold(): (name, values) for name, values in entry.attributes.items()}
    if KIND.casefold() in given:  # ours, by our names only
        return {folded: (_KNOWN.get(folded, name), values) for folded, (name, values) in given.items()}
    found: dict[str, tuple[str, Sequence[bytes]]] = {}
    for folded, (name, values) in given.items():
        if folded not in _SAME and ";" not in folded:
            found[folded] = (_KNOWN.get(folded, name), values)
    for other, ours in _SAME.items():
        if other in given:
            found.setdefault(ours.casefold(), (ours, given[other][1]))
    return found


def _by_name(entry: LdapEntry) -> dict[str, Sequence[bytes]]:
    return {folded: values for folded, (_, values) in _spelled(entry).items()}


def _kind(values: Mapping[str, Sequence[bytes]]) -> EntryKind | None:
    own = _texts(values.get(KIND.casefold(), ()))
    if own and own[0] in set(EntryKind):
        return EntryKind(own[0])
    classes = {text.casefold() for text in _texts(values.get("objectclass", ()))}
    if "computer" in classes:
        return None
    kinds = {_CLASSES[each] for each in classes if each in _CLASSES}
    for stronger in _STRONGER:
        if stronger in kinds:
            return stronger
    shown = _texts(values.get("msexchrecipientdisplaytype", ()))
    if EntryKind.USER in kinds and shown and shown[0] in _RESOURCES:
        return _RESOURCES[shown[0]]
    return next(iter(kinds), None)


def _addresses(texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Mail addresses that the entry names as such; else the one that other addresses say mail goes to."""
    found = [text for text in texts.get("mail", ()) if text]
    others = texts.get(PROXY_ADDRESSES.casefold(), ())
    return found or [text.removeprefix(_PRIMARY) for text in others if text.startswith(_PRIMARY)][:1]


def _other_addresses(texts: Mapping[str, Sequence[str]], mails: Sequence[str]) -> list[str]:
    """All addresses besides, with their types; `inetOrgPerson` has several of its one kind."""
    others = [
        text if ":" in text else f"smtp:{text}" for text in texts.get(PROXY_ADDRESSES.casefold(), ()) if text
    ]
    return list(dict.fromkeys([*others, *(f"smtp:{mail}" for mail in mails[1:])]))


def _texts(values: Sequence[bytes]) -> list[str]:
    return [value.decode("utf-8", "replace").strip() for value in values]


def _guid(values: Mapping[str, Sequence[bytes]], texts: Mapping[str, Sequence[str]]) -> UUID | None:
    """Active Directory's is binary, that of others is text.  RFC 4530"""
    for value in values.get("objectguid", ()):
        if len(value) == 16:
            return UUID(bytes_le=bytes(value))
    for text in texts.get("entryuuid", ()):
        try:
            return UUID(text)
        except ValueError:
            continue
    return None
