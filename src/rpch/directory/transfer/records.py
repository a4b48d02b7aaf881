"""One entry with everything that belongs to it, in no format.

Members, managers and the like are named as files name them: by DN, by mail address, by GUID or by alias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from rpch.directory.entries import EntryKind, Value
from rpch.directory.links import DELEGATE, MANAGER, MEMBER, OWNER
from rpch.errors import ConfigError

# How links are called in files: by LDAP's names.
LINK_ATTRIBUTES: Final[Mapping[str, str]] = {
    "member": MEMBER,
    "manager": MANAGER,
    "publicDelegates": DELEGATE,
    "managedBy": OWNER,
}
BINARY_ATTRIBUTES: Final = ("thumbnailPhoto", "userCertificate", "userSMIMECertificate", "msExchUMSpokenName")
# Attributes that are numbers or truths; all others are texts.
NUMBERS: Final = frozenset({"msExchResourceCapacity", "msDS-HABSeniorityIndex"})
TRUTHS: Final = frozenset({"msExchEnableModeration", "msOrg-IsOrganizational"})
# Attributes that may have several values, and so always are lists.
LISTS: Final = frozenset(
    {
        "proxyAddresses",
        "otherTelephone",
        "otherHomePhone",
        "postOfficeBox",
        "description",
        "ou",
        "recipientKinds",
        "msExchSenderHintTranslations",
    }
)


# By what people sign in elsewhere: the first of these that there is.
NAMES: Final = ("sAMAccountName", "uid")
UPN: Final = "userPrincipalName"

# What is no attribute in any file: whoever puts passwords into one shall not have them shown to everybody.
SECRETS: Final = frozenset({"userpassword", "unicodepwd", "password", "ntpwdhistory", "sambantpassword"})


# `RecipientTypeDetails` of Exchange's cmdlets.
_RECIPIENT_TYPES: Final = {
    "usermailbox": EntryKind.USER,
    "sharedmailbox": EntryKind.USER,
    "linkedmailbox": EntryKind.USER,
    "remoteusermailbox": EntryKind.USER,
    "mailuser": EntryKind.USER,
    "mailcontact": EntryKind.CONTACT,
    "mailuniversaldistributiongroup": EntryKind.GROUP,
    "mailuniversalsecuritygroup": EntryKind.GROUP,
    "mailnonuniversalgroup": EntryKind.GROUP,
    "roommailbox": EntryKind.ROOM,
    "equipmentmailbox": EntryKind.EQUIPMENT,
}


class BadRecord(ConfigError):
    """Something in a file that makes no entry; `where` says where it begins."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where = where


@dataclass(frozen=True, slots=True)
class Record:
    """One entry as files have it. `parent` and `links` name other entries.

    `names` and `upns` are as whom somebody signs in elsewhere, in a domain that the file does not say.
    """

    kind: EntryKind
    display_name: str
    alias: str = ""
    mail: str | None = None
    dn: str = ""
    guid: UUID | None = None
    hidden: bool = False
    parent: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    binaries: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    links: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names: Sequence[str] = ()
    upns: Sequence[str] = ()
    where: str = ""  # in the file


def attribute_value(name: str, texts: Sequence[str], where: str) -> Value | None:
    """What an attribute's texts mean; None where there are none, or none that may be shown."""
    kept = [text for text in texts if text]
    if not kept or name.casefold() in SECRETS:
        return None
    if name in LISTS:
        return list(kept)
    if name in NUMBERS:
        try:
            return int(kept[0])
        except ValueError:
            raise BadRecord(where, f"{name} is no number: {kept[0]!r}") from None
    if name in TRUTHS:
        return truth(kept[0], where)
    return kept[0] if len(kept) == 1 else list(kept)


def attribute_texts(value: Value) -> list[str]:
    """An attribute's value as texts."""
    if isinstance(value, bool):
        return ["TRUE" if value else "FALSE"]
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def truth(text: str, where: str) -> bool:
    """TRUE or FALSE, in the ways that people and directories write it."""
    match text.strip().casefold():
        case "true" | "yes" | "1":
            return True
        case "false" | "no" | "0" | "":
            return False
        case _:
            raise BadRecord(where, f"{text!r} is neither TRUE nor FALSE")


def kind_named(text: str, where: str) -> EntryKind:
    """A kind of entry by its name, or by what Exchange calls it; a user where there is none."""
    name = text.strip().casefold()
    try:
        return _RECIPIENT_TYPES.get(name) or EntryKind(name or EntryKind.USER)
    except ValueError:
        known = ", ".join(EntryKind)
        raise BadRecord(where, f"{text!r} is no kind of entry; known are {known}") from None


def guid_of(text: str, where: str) -> UUID | None:
    """A GUID as text; None where there is none."""
    try:
        return UUID(text.strip()) if text.strip() else None
    except ValueError:
        raise BadRecord(where, f"{text!r} is no GUID") from None
