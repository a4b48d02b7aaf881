"""The documents that are answered: settings, redirections, errors.  MS-OXDSCLI 2.2.4

The outer namespace and that of the response differ, and Outlook insists on both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement

from rpch.exchange.autodiscover.hostile_xml import written
from rpch.exchange.autodiscover.pox_request import OUTLOOK_SCHEMA, ErrorCode

ANSWER_SCHEMA: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
MEDIA_TYPE: Final = "text/xml; charset=utf-8"
NO_PRINCIPAL: Final = "None"  # as a name in a certificate: none is asked for
SERVER_ID: Final = 2477272013  # any number that stays the same

_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class User:
    """Whose settings these are. `legacy_dn` is how the client will name the mailbox."""

    display_name: str
    legacy_dn: str
    address: str
    deployment: UUID


@dataclass(frozen=True, slots=True)
class MapiHttp:
    """MAPI over HTTP, by its URLs from inside and outside; empty where there is none."""

    internal: str
    external: str
    mailbox: str


@dataclass(frozen=True, slots=True)
class Services:
    """Beside RPC: Exchange's web services, which serve free/busy and absence; empty for none."""

    ews: str = ""


@dataclass(frozen=True, slots=True)
class Exch:
    """The RPC server of a mailbox."""

    server: str
    server_dn: str
    database_dn: str
    version: str
    services: Services = Services()


@dataclass(frozen=True, slots=True)
class Front:
    """How an RPC proxy is reached. Its certificate may hold any name that TLS accepts."""

    host: str
    tls: bool
    method: str
    services: Services = Services()


class Expr(Front):
    """The RPC proxy before the server."""

    __slots__ = ()


class ExHttp(Front):
    """Server and proxy in one section, for clients that know it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Web:
    """Where mail is in a browser, from inside and outside; empty where it is nowhere."""

    internal: str
    external: str


Protocol = MapiHttp | Exch | Front | Web


def settings_document(user: User, protocols: Sequence[Protocol]) -> bytes:
    """The settings of a mailbox."""
    root, response = _frame(OUTLOOK_SCHEMA)
    told = SubElement(response, "User")
    _text(told, "DisplayName", user.display_name)
    _text(told, "LegacyDN", user.legacy_dn)
    if user.address:
        _text(told, "AutoDiscoverSMTPAddress", user.address)
    _text(told, "DeploymentId", str(user.deployment))
    account = _account(response, "settings")
    _text(account, "MicrosoftOnline", "False")
    _text(account, "ConsumerMailbox", "False")
    for protocol in protocols:
        _protocol(account, protocol)
    return written(root)


def redirect_address_document(address: str) -> bytes:
    """Begin again with another address."""
    root, response = _frame(OUTLOOK_SCHEMA)
    _text(_account(response, "redirectAddr"), "RedirectAddr", address)
    return written(root)


def redirect_url_document(url: str) -> bytes:
    """Ask elsewhere."""
    root, response = _frame(OUTLOOK_SCHEMA)
    _text(_account(response, "redirectUrl"), "RedirectUrl", url)
    return written(root)


def error_document(code: ErrorCode, message: str, now: datetime) -> bytes:
    """Why there are no settings; the status of HTTP is 200 all the same."""
    root, response = _frame(None)
    error = SubElement(response, "Error", Time=f"{now:%H:%M:%S.%f}0", Id=str(SERVER_ID))
    _text(error, "ErrorCode", str(int(code)))
    _text(error, "Message", message)
    SubElement(error, "DebugData")
    return written(root)


def _frame(schema: str | None) -> tuple[Element, Element]:
    root = Element("Autodiscover", xmlns=ANSWER_SCHEMA)
    return root, SubElement(root, "Response", {"xmlns": schema} if schema else {})


def _account(response: Element, action: str) -> Element:
    account = SubElement(response, "Account")
    _text(account, "AccountType", "email")
    _text(account, "Action", action)
    return account


def _protocol(account: Element, protocol: Protocol) -> None:
    match protocol:
        case MapiHttp():
            element = SubElement(account, "Protocol", Type="mapiHttp", Version="1")
            for kind, path in (("MailStore", "emsmdb"), ("AddressBook", "nspi")):
                urls = SubElement(element, kind)
                for name, base in (("InternalUrl", protocol.internal), ("ExternalUrl", protocol.external)):
                    if base:
                        _text(urls, name, f"{base}/{path}/?MailboxId={protocol.mailbox}")
        case Exch():
            element = _typed(account, "EXCH")
            _text(element, "Server", protocol.server)
            _text(element, "ServerDN", protocol.server_dn)
            _text(element, "ServerVersion", protocol.version)
            _text(element, "MdbDN", protocol.database_dn)
            _text(element, "AuthPackage", "anonymous")
            _text(element, "ServerExclusiveConnect", "off")
            _services(element, protocol.services)
        case Front():
            element = _typed(account, "EXPR" if isinstance(protocol, Expr) else "EXHTTP")
            _text(element, "Server", protocol.host)
            _text(element, "SSL", "On" if protocol.tls else "Off")
            _text(element, "AuthPackage", protocol.method)
            _text(element, "CertPrincipalName", NO_PRINCIPAL)
            _text(element, "ServerExclusiveConnect", "on")
            _services(element, protocol.services)
        case Web():
            element = _typed(account, "WEB")
            for side, url in (("Internal", protocol.internal), ("External", protocol.external)):
                if url:
                    place = SubElement(SubElement(element, side), "OWAUrl", AuthenticationMethod="Basic, Fba")
                    place.text = f"{url}/"


def _services(element: Element, services: Services) -> None:
    """What is not there is not named: a client may insist on a URL that it was told."""
    if services.ews:
        for name in ("ASUrl", "EwsUrl", "OOFUrl"):
            _text(element, name, services.ews)


def _typed(account: Element, kind: str) -> Element:
    element = SubElement(account, "Protocol")
    _text(element, "Type", kind)
    return element


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _NO_XML.sub("\ufffd", text)
