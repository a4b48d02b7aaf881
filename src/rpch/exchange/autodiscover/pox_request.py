"""What a client asks for: a mailbox, by address or DN, and the kind of answer.  MS-OXDSCLI 2.2.3

    <Autodiscover xmlns="…/outlook/requestschema/2006">
      <Request>
        <EMailAddress>user@contoso.com</EMailAddress>      or <LegacyDN>/o=…</LegacyDN>
        <AcceptableResponseSchema>…/outlook/responseschema/2006a</AcceptableResponseSchema>
      </Request>
    </Autodiscover>

Clients differ in namespace, prefix and order, and none of that means anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from rpch.errors import DecodeError, RemoteProtocolError
from rpch.exchange.autodiscover.hostile_xml import child, local_name, read_xml, text_of, written

REQUEST_SCHEMA: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
OUTLOOK_SCHEMA: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
CAPABILITY: Final = "x-mapihttpcapability"


class ErrorCode(IntEnum):
    """Why there are no settings.  MS-OXDSCLI 2.2.4.1.1.1"""

    NOT_FOUND = 500
    NO_SETTINGS = 501
    BAD_REQUEST = 600
    SCHEMA_NOT_PROVIDED = 601
    MISCONFIGURED = 602
    INTERNAL = 603


class CannotAnswer(RemoteProtocolError):
    """A request that gets an error document."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class PoxRequest:
    """Whose settings are wanted. One of the two is empty."""

    address: str = ""
    legacy_dn: str = ""

    def encode(self) -> bytes:
        """The document, as Outlook writes it."""
        root = Element("Autodiscover", xmlns=REQUEST_SCHEMA)
        request = SubElement(root, "Request")
        if self.address:
            SubElement(request, "EMailAddress").text = self.address
        if self.legacy_dn:
            SubElement(request, "LegacyDN").text = self.legacy_dn
        SubElement(request, "AcceptableResponseSchema").text = OUTLOOK_SCHEMA
        return written(root)

    @classmethod
    def decode(cls, data: bytes) -> PoxRequest:
        """What a body asks for; `CannotAnswer` says what is wrong with it."""
        try:
            root = read_xml(data)
        except DecodeError as error:
            raise CannotAnswer(ErrorCode.BAD_REQUEST, "Invalid Request") from error
        request = child(root, "request") if local_name(root) == "autodiscover" else None
        if request is None:
            raise CannotAnswer(ErrorCode.BAD_REQUEST, "Invalid Request")
        address, legacy_dn = text_of(request, "emailaddress"), text_of(request, "legacydn")
        if not address and not legacy_dn:
            raise CannotAnswer(ErrorCode.BAD_REQUEST, "Invalid Request")
        if not _is_outlook(text_of(request, "acceptableresponseschema")):
            raise CannotAnswer(ErrorCode.SCHEMA_NOT_PROVIDED, "Provider is not available")
        return cls(address) if address else cls(legacy_dn=legacy_dn)


def _is_outlook(schema: str) -> bool:
    """Some documents print `https:`, and clients follow them."""
    return schema.lower().partition("://")[2] == OUTLOOK_SCHEMA.partition("://")[2]


def capability_of(header: str | None) -> int:
    """The version of MAPI over HTTP that a client speaks; 0 for none."""
    text = (header or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
