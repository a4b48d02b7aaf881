"""The remote management interface, which every endpoint offers.  C706 Q, MS-RPCE 2.2.1.3"""

from abc import ABC, abstractmethod
from typing import Annotated, Final

from rpch.dcerpc.endpoint_mapper import InterfaceId
from rpch.dcerpc.interface import Call, interface, operation
from rpch.ndr import (
    Boolean32,
    ErrorStatus,
    Message,
    OutOfBand,
    Struct,
    ULong,
    conformant,
    length_of,
    narrow_string,
    ranged,
    unique,
)

MOST_STATISTICS: Final = 50
LONGEST_PRINCIPAL: Final = 4096


class Nothing(Message):
    """A request without parameters."""


class InterfaceIds(Struct):
    """The interfaces of an endpoint, rpc_if_id_vector_t.  C706 Q"""

    count: ULong = length_of("ids")
    ids: Annotated[tuple[InterfaceId | None, ...], conformant(unique(InterfaceId), size_is="count")]


class InquireInterfacesResponse(Message):
    """Which interfaces are offered here.  C706 Q"""

    interfaces: Annotated[InterfaceIds | None, unique(InterfaceIds)]
    status: ErrorStatus


class InquireStatisticsRequest(Message):
    """How many of the counters are wanted.  C706 Q"""

    count: Annotated[int, ranged(ULong, 0, MOST_STATISTICS)]


class InquireStatisticsResponse(Message):
    """Calls received, calls sent, packets received, packets sent.  C706 Q"""

    count: ULong = length_of("values")
    values: Annotated[tuple[int, ...], conformant(ULong, size_is="count")]
    status: ErrorStatus


class IsServerListeningResponse(Message):
    """Status first, answer second.  C706 Q"""

    status: ErrorStatus
    listening: Boolean32


class StopServerListeningResponse(Message):
    """Whether the server stops.  C706 Q"""

    status: ErrorStatus


class InquirePrincipalRequest(Message):
    """For which kind of authentication, and how long the name may be, NUL included.  C706 Q"""

    authn_service: ULong
    name_size: Annotated[int, ranged(ULong, 0, LONGEST_PRINCIPAL)]


class InquirePrincipalResponse(Message):
    """The name the server goes by.  C706 Q"""

    name: Annotated[str, narrow_string(size_is="name_size")]
    status: ErrorStatus
    name_size: OutOfBand


@interface("afa8bd80-7d8a-11c9-bef4-08002b102989", version=(1, 0), allow_connect=True)
class RemoteManagement(ABC):
    """What anyone may ask a server about itself.  C706 Q, MS-RPCE 2.2.1.3"""

    @operation(0)
    @abstractmethod
    def inq_if_ids(self, call: Call, request: Nothing) -> InquireInterfacesResponse:
        """Which interfaces are offered at this endpoint.  C706 Q"""

    @operation(1)
    @abstractmethod
    def inq_stats(self, call: Call, request: InquireStatisticsRequest) -> InquireStatisticsResponse:
        """How much this endpoint has done.  C706 Q"""

    @operation(2)
    @abstractmethod
    def is_server_listening(self, call: Call, request: Nothing) -> IsServerListeningResponse:
        """Whether the server takes calls.  C706 Q"""

    @operation(3)
    @abstractmethod
    def stop_server_listening(self, call: Call, request: Nothing) -> StopServerListeningResponse:
        """Ask the server to stop.  C706 Q"""

    @operation(4)
    @abstractmethod
    def inq_princ_name(self, call: Call, request: InquirePrincipalRequest) -> InquirePrincipalResponse:
        """The server's name for a kind of authentication.  C706 Q"""
