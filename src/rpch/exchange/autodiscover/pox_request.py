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

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from rpch.errors import DecodeError, RemoteProtocolError
from rpch.exchange.autodiscover.hostile_xml import child, local_name, read_xml, text_of, written

REQUEST_SCHEMA: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
OUTLOOK_SCHEMA: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
CAPABILITY: Final = "x-mapihttpcapability"
CAN_HANDLE: Final = "x-clientcanhandle"


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
        # The DN MUST be used where both are (3.2.5).
        return cls(legacy_dn=legacy_dn) if legacy_dn else cls(address)


def _is_outlook(schema: str) -> bool:
    """Some documents print `https:`, and clients follow them."""
    return schema.lower().partition("://")[2] == OUTLOOK_SCHEMA.partition("://")[2]


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a client says that it can: MAPI over HTTP of this version (0: not at all), other things by name.

    MS-OXDSCLI 2.2.2.1, and `X-ClientCanHandle` as Exchange reads it since 15.0.995
    """

    mapi_http: int = 0
    handles: frozenset[str] = frozenset()

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Abilities:
        """From the headers of a request, whose names are folded."""
        version = headers.get(CAPABILITY, "").strip()
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
        names = headers.get(CAN_HANDLE, "").lower().split(",")
        return cls(number, frozenset(name.strip() for name in names))

    @property
    def negotiate(self) -> bool:
        """Whether it knows the authentication package of that name."""
        return "negotiate" in self.handles

    @property
    def exhttp(self) -> bool:
        """Whether it knows the protocol sections of that type."""
        return "exhttpinfo" in self.handles
