"""What a server answered, as a client reads it.  MS-OXDSCLI 2.2.4

Servers differ in namespaces and order as clients do, and their documents are no more trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from rpch.errors import DecodeError
from rpch.exchange.autodiscover.hostile_xml import child, children, local_name, read_xml, text_of


@dataclass(frozen=True, slots=True)
class ProtocolSettings:
    """One way to the mailbox: its kind, and what was said about it by the names of the document."""

    kind: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """Where a mailbox is and how to get there."""

    display_name: str
    legacy_dn: str
    address: str
    protocols: tuple[ProtocolSettings, ...] = ()

    def facts(self) -> dict[str, Any]:
        """All of it, for programs."""
        protocols = [{"type": each.kind, **each.values} for each in self.protocols]
        return {
            "display_name": self.display_name,
            "legacy_dn": self.legacy_dn,
            "address": self.address,
            "protocols": protocols,
        }


@dataclass(frozen=True, slots=True)
class AskWith:
    """Begin again with another address."""

    address: str


@dataclass(frozen=True, slots=True)
class AskAt:
    """Ask again at another URL."""

    url: str


@dataclass(frozen=True, slots=True)
class NoSettings:
    """An error document."""

    code: str
    message: str


PoxOutcome = MailboxSettings | AskWith | AskAt | NoSettings


def read_answer(data: bytes) -> PoxOutcome:
    """What a document says; `DecodeError` when it is none of Autodiscover's."""
    root = read_xml(data)
    response = child(root, "response") if local_name(root) == "autodiscover" else None
    if response is None:
        raise DecodeError("no document of Autodiscover", at=0)
    if (error := child(response, "error")) is not None:
        return NoSettings(text_of(error, "errorcode"), text_of(error, "message"))
    account = child(response, "account")
    if account is None:
        raise DecodeError("an answer without an account", at=0)
    match text_of(account, "action").lower():
        case "redirectaddr":
            return AskWith(text_of(account, "redirectaddr"))
        case "redirecturl":
            return AskAt(text_of(account, "redirecturl"))
        case "settings":
            return _settings(response, account)
        case action:
            raise DecodeError(f"no action that is known: {action[:40]!r}", at=0)


def _settings(response: Element, account: Element) -> MailboxSettings:
    user = child(response, "user")
    found = {} if user is None else {local_name(each): (each.text or "").strip() for each in user}
    return MailboxSettings(
        found.get("displayname", ""),
        found.get("legacydn", ""),
        found.get("autodiscoversmtpaddress", ""),
        tuple(_protocol(each) for each in children(account, "protocol")),
    )


def _protocol(element: Element) -> ProtocolSettings:
    """Values by name; what is inside others is named by both."""
    values: dict[str, str] = {}
    for each in element:
        name = _name(each)
        if len(each):
            values |= {f"{name}.{_name(inner)}": (inner.text or "").strip() for inner in each}
        elif name.lower() != "type":
            values[name] = (each.text or "").strip()
    return ProtocolSettings(text_of(element, "type") or element.get("Type", ""), values)


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
