"""The endpoint mapper's interface: which port an interface listens on.  C706 O, MS-RPCE 2.2.1.2

The declaration that clients call and servers implement. Towers travel as opaque bytes inside; broken ones
are for whoever looks into them to judge.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Final
from uuid import UUID

from rpch.dcerpc.interface import Call, interface, operation
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.towers import LARGEST_TOWER, Tower
from rpch.errors import DecodeError
from rpch.ndr import (
    NIL_HANDLE,
    Byte,
    ContextHandle,
    ErrorStatus,
    Guid,
    Message,
    OpenEnum,
    OutOfBand,
    Struct,
    ULong,
    UShort,
    conformant,
    conformant_varying,
    full,
    length_of,
    ranged,
    v1_enum,
    varying_string,
)

MOST_TOWERS: Final = 500
LONGEST_ANNOTATION: Final = 63
ANY_OBJECT: Final = UUID(int=0)


class MapperStatus(OpenEnum):
    """What the mapper answers in `status`.  C706 N, MS-RPCE 2.2.1.2"""

    OK = 0
    NO_MEMORY = 0x16C9A012
    CANT_PERFORM = 0x16C9A0CD
    NOT_REGISTERED = 0x16C9A0D6


class InquiryType(OpenEnum):
    """Which entries a look-up wants.  MS-RPCE 2.2.1.2.2"""

    ALL = 0
    BY_INTERFACE = 1
    BY_OBJECT = 2
    BY_BOTH = 3


class VersionOption(OpenEnum):
    """Which versions of an interface a look-up wants.  MS-RPCE 2.2.1.2.2"""

    ALL = 1
    COMPATIBLE = 2
    EXACT = 3
    MAJOR_ONLY = 4
    UP_TO = 5


class TowerOctets(Struct):
    """A tower in the shape of a conformant structure, twr_t.  C706 L"""

    tower_length: Annotated[int, ranged(ULong, 0, LARGEST_TOWER)] = length_of("octets")
    octets: Annotated[bytes, conformant(Byte, size_is="tower_length")]


class InterfaceId(Struct):
    """An interface by UUID and version, RPC_IF_ID.  C706 O"""

    uuid: Guid
    major: UShort
    minor: UShort


class Entry(Struct):
    """One registration, ept_entry_t.  C706 O"""

    object_uuid: Guid
    tower: Annotated[TowerOctets | None, full(TowerOctets)]
    annotation: Annotated[str, varying_string(LONGEST_ANNOTATION + 1)]


class LookupRequest(Message):
    """Some of the registrations.  MS-RPCE 2.2.1.2.2"""

    inquiry_type: Annotated[InquiryType, v1_enum(InquiryType)]
    object_uuid: Annotated[UUID | None, full(Guid)]
    interface: Annotated[InterfaceId | None, full(InterfaceId)]
    version_option: Annotated[VersionOption, v1_enum(VersionOption)]
    entry_handle: ContextHandle
    max_entries: Annotated[int, ranged(ULong, 0, MOST_TOWERS)]


class LookupResponse(Message):
    """A run of registrations, and a handle for the next run.  MS-RPCE 2.2.1.2.2"""

    entry_handle: ContextHandle
    entry_count: ULong = length_of("entries")
    entries: Annotated[
        tuple[Entry, ...], conformant_varying(Entry, size_is="max_entries", length_is="entry_count")
    ]
    status: ErrorStatus
    max_entries: OutOfBand


class MapRequest(Message):
    """Where does this interface listen?  MS-RPCE 2.2.1.2.3"""

    object_uuid: Annotated[UUID | None, full(Guid)]
    map_tower: Annotated[TowerOctets | None, full(TowerOctets)]
    entry_handle: ContextHandle
    max_towers: Annotated[int, ranged(ULong, 0, MOST_TOWERS)]


class MapResponse(Message):
    """Towers that lead there, and a handle for more.  MS-RPCE 2.2.1.2.3"""

    entry_handle: ContextHandle
    tower_count: ULong = length_of("towers")
    towers: Annotated[
        tuple[TowerOctets | None, ...],
        conformant_varying(full(TowerOctets), size_is="max_towers", length_is="tower_count"),
    ]
    status: ErrorStatus
    max_towers: OutOfBand


class HandleFreeRequest(Message):
    """A handle that is no longer needed.  MS-RPCE 2.2.1.2.4"""

    entry_handle: ContextHandle


class HandleFreeResponse(Message):
    """The handle, which names nothing now.  MS-RPCE 2.2.1.2.4"""

    entry_handle: ContextHandle
    status: ErrorStatus


@interface("e1af8308-5d1f-11c9-91a4-08002b14a0fa", version=(3, 0), allow_connect=True)
class EndpointMapper(ABC):
    """Which port an interface listens on.  C706 O, MS-RPCE 2.2.1.2

    Registering is local: the operations for it have no remote form.
    """

    @operation(2)
    @abstractmethod
    def ept_lookup(self, call: Call, request: LookupRequest) -> LookupResponse:
        """List the registrations.  MS-RPCE 2.2.1.2.2"""

    @operation(3)
    @abstractmethod
    def ept_map(self, call: Call, request: MapRequest) -> MapResponse:
        """Find the towers for an interface.  MS-RPCE 2.2.1.2.3"""

    @operation(4)
    @abstractmethod
    def ept_lookup_handle_free(self, call: Call, request: HandleFreeRequest) -> HandleFreeResponse:
        """Give a handle back before its end.  MS-RPCE 2.2.1.2.4"""


def ask_for(interface: SyntaxId, protseq: ProtocolSequence, *, object_uuid: UUID = ANY_OBJECT) -> MapRequest:
    """What a client asks to find an interface: any port, any address.  MS-RPCE 3.1.3.5.3"""
    tower = TowerOctets(Tower(interface, protseq).encode())
    return MapRequest(object_uuid, tower, NIL_HANDLE, max_towers=4)


def port_in(response: MapResponse, protseq: ProtocolSequence) -> int | None:
    """The port of the first tower that leads there by this protocol; the host stays the one dialled."""
    for tower in response.towers:
        try:
            found = Tower.decode(tower.octets if tower is not None else b"")
        except DecodeError:
            continue
        if found.protseq is protseq and found.port:
            return found.port
    return None
