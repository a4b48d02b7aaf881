"""The operations of the referral interface.  MS-OXABREF 3.1.4"""

from abc import ABC, abstractmethod
from typing import Annotated, Final

from rpch.dcerpc.interface import Call, interface, operation
from rpch.ndr import AString, ErrorStatus, Message, ULong, narrow_string, ranged, unique

LONGEST_DN: Final = 1024
OptionalName = Annotated[str | None, unique(unique(AString))]


class GetNewDsaRequest(Message):
    """RfrGetNewDSA.  MS-OXABREF 3.1.4.1"""

    flags: ULong
    user_dn: AString
    unused: OptionalName
    server: OptionalName


class GetNewDsaResponse(Message):
    unused: OptionalName
    server: OptionalName
    status: ErrorStatus


class GetFqdnRequest(Message):
    """RfrGetFQDNFromServerDN.  MS-OXABREF 3.1.4.2"""

    flags: ULong
    dn_size: Annotated[int, ranged(ULong, 10, LONGEST_DN)]
    server_dn: Annotated[str, narrow_string(size_is="dn_size", padded=True)]


class GetFqdnResponse(Message):
    fqdn: Annotated[str | None, unique(AString)]
    status: ErrorStatus


@interface("1544f5e0-613c-11d1-93df-00c04fd7bd09", version=(1, 0))
class Referral(ABC):
    """Which server keeps this user's address book.  MS-OXABREF 3.1.4"""

    @operation(0)
    @abstractmethod
    async def get_new_dsa(self, call: Call, request: GetNewDsaRequest) -> GetNewDsaResponse:
        """The name of the address book server."""

    @operation(1)
    @abstractmethod
    async def get_fqdn_from_server_dn(self, call: Call, request: GetFqdnRequest) -> GetFqdnResponse:
        """The name of the mailbox server with this DN."""
