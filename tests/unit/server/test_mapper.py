"""The endpoint mapper: who finds what, in how many pages, and by whose handles."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import count
from uuid import UUID

import pytest

from rpch.dcerpc.associations import AssociationTable, Caller
from rpch.dcerpc.endpoint_mapper import (
    EndpointMapper,
    Entry,
    HandleFreeRequest,
    InquiryType,
    InterfaceId,
    LookupRequest,
    LookupResponse,
    MapperStatus,
    MapRequest,
    MapResponse,
    TowerOctets,
    VersionOption,
    ask_for,
    port_in,
)
from rpch.dcerpc.interface import Handles, interface_of
from rpch.dcerpc.pdus import NDR64, AuthLevel, SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.statuses import Status
from rpch.dcerpc.towers import Floor, Tower
from rpch.errors import RpcFault
from rpch.ndr import NIL_HANDLE, ContextHandle
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations

HTTP, TCP = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP
EMSMDB = SyntaxId(UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81)
RFR = SyntaxId(UUID("1544f5e0-613c-11d1-93df-00c04fd7bd09"), 1)
OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")

STORE = Registration(EMSMDB, HTTP, 6001, "store", address=IPv4Address("192.0.2.10"))
STORE_TCP = Registration(EMSMDB, TCP, 49152, "store")
REFERRAL = Registration(RFR, HTTP, 6002, "referral")
SPECIAL = Registration(RFR, HTTP, 6003, "special", object_uuid=OBJECT)


def handles() -> Handles:
    """The context handles of a caller with an association of its own."""
    numbers = count(1)
    groups = AssociationTable(new_group_id=lambda: 1, new_handle=lambda: UUID(int=next(numbers)))
    association = groups.create("tester")
    assert association is not None
    return association.handles_of(Caller(interface_of(EndpointMapper).syntax))


@dataclass
class Asking:
    """A call by nobody in particular."""

    association: Handles
    cancelled: bool = False
    object_uuid: UUID | None = None
    peer: str = "test"
    user: str | None = None
    level: AuthLevel = AuthLevel.NONE


def mapper(*registrations: Registration) -> Mapper:
    table = Registrations()
    for registration in registrations or (STORE, STORE_TCP, REFERRAL, SPECIAL):
        table.insert(registration)
    return Mapper(table)


def towers(response: MapResponse) -> list[Tower]:
    return [Tower.decode(tower.octets) for tower in response.towers if tower is not None]


def ask(request: MapRequest) -> MapResponse:
    return mapper().ept_map(Asking(handles()), request)


def lookup(
    kind: InquiryType = InquiryType.ALL,
    *,
    interface: InterfaceId | None = None,
    option: VersionOption = VersionOption.ALL,
    object_uuid: UUID | None = None,
    most: int = 500,
    handle: ContextHandle = NIL_HANDLE,
) -> LookupRequest:
    return LookupRequest(kind, object_uuid, interface, option, handle, max_entries=most)


def ports(response: LookupResponse) -> list[int]:
    return [Tower.decode(entry.tower.octets).port for entry in response.entries if entry.tower is not None]


@pytest.mark.parametrize(("protseq", "port"), [(HTTP, 6001), (TCP, 49152)])
def test_map_finds_the_port_of_the_protocol_asked_for(protseq: ProtocolSequence, port: int) -> None:
    response = ask(ask_for(EMSMDB, protseq))
    assert (response.status, response.entry_handle) == (MapperStatus.OK, NIL_HANDLE)
    assert port_in(response, protseq) == port
    assert len(response.towers) == 1


def test_map_answers_with_the_registered_address_and_ignores_what_was_asked() -> None:
    asked = TowerOctets(Tower(EMSMDB, HTTP, 135, IPv4Address("198.51.100.1")).encode())
    assert towers(ask(MapRequest(None, asked, NIL_HANDLE, 4))) == [STORE.tower]


@pytest.mark.parametrize(("major", "minor", "found"), [(0, 81, 1), (0, 0, 1), (0, 82, 0), (1, 0, 0)])
def test_map_serves_older_minor_versions_only(major: int, minor: int, found: int) -> None:
    assert len(ask(ask_for(SyntaxId(EMSMDB.uuid, major, minor), HTTP)).towers) == found


def test_map_with_an_object_finds_what_is_registered_for_it_and_for_all() -> None:
    for asked, expected in ((OBJECT, [6002, 6003]), (UUID(int=0), [6002]), (UUID(int=7), [6002])):
        assert [tower.port for tower in towers(ask(ask_for(RFR, HTTP, object_uuid=asked)))] == expected
    without = MapRequest(None, ask_for(RFR, HTTP).map_tower, NIL_HANDLE, 4)
    assert [tower.port for tower in towers(ask(without))] == [6002]


FLOOR = Floor(0x0D, bytes(18), bytes(2)).encode()


@pytest.mark.parametrize(
    "tower",
    [
        None,
        b"",
        b"\7\0" + FLOOR * 7,
        Tower(EMSMDB, HTTP).encode()[:-1],
        Tower(EMSMDB, HTTP).encode()[:2] + b"\xff\xff" + Tower(EMSMDB, HTTP).encode()[4:],
        Tower(EMSMDB, HTTP).encode().replace(b"\x01\x00\x1f", b"\x01\x00\x08"),  # UDP
        Tower(EMSMDB, HTTP, transfer_syntax=NDR64).encode(),
        Tower(SyntaxId(UUID(int=9), 1), HTTP).encode(),
    ],
)
def test_what_leads_nowhere_is_not_registered(tower: bytes | None) -> None:
    response = ask(MapRequest(None, None if tower is None else TowerOctets(tower), NIL_HANDLE, 4))
    assert response == MapResponse(NIL_HANDLE, (), MapperStatus.NOT_REGISTERED, max_towers=4)
    assert response.status == 0x16C9A0D6


def test_asking_for_no_towers_finds_none() -> None:
    asked = ask_for(EMSMDB, HTTP)
    response = ask(MapRequest(None, asked.map_tower, NIL_HANDLE, 0))
    assert response == MapResponse(NIL_HANDLE, (), MapperStatus.NOT_REGISTERED, max_towers=0)


def test_map_goes_on_by_its_handle() -> None:
    service, call = mapper(*(replace(STORE, port=port) for port in range(1, 6))), Asking(handles())
    asked = ask_for(EMSMDB, HTTP)
    handle, found = NIL_HANDLE, []
    for page in ([1, 2], [3, 4], [5]):
        response = service.ept_map(call, MapRequest(None, asked.map_tower, handle, 2))
        assert [tower.port for tower in towers(response)] == page
        assert response.status == MapperStatus.OK
        handle = response.entry_handle
        found.append(handle.is_nil)
    assert found == [False, False, True]


def test_lookup_lists_everything_and_its_last_page_ends_it() -> None:
    service, call = mapper(), Asking(handles())
    first = service.ept_lookup(call, lookup())
    assert first.status == MapperStatus.OK
    assert first.entry_handle.is_nil
    assert first.entries[0] == Entry(UUID(int=0), TowerOctets(STORE.tower.encode()), "store")
    assert first.entries[3].object_uuid == OBJECT
    assert ports(first) == [6001, 49152, 6002, 6003]


def test_a_lookup_handle_is_spent_with_the_last_page() -> None:
    service, call = mapper(), Asking(handles())
    first = service.ept_lookup(call, lookup(most=3))
    assert not first.entry_handle.is_nil
    last = service.ept_lookup(call, lookup(most=3, handle=first.entry_handle))
    assert last.entry_handle.is_nil
    assert ports(last) == [6003]
    with pytest.raises(RpcFault) as caught:
        service.ept_lookup(call, lookup(handle=first.entry_handle))
    assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH


def test_a_lookup_without_matches_says_so() -> None:
    empty = Mapper(Registrations()).ept_lookup(Asking(handles()), lookup())
    assert empty == LookupResponse(NIL_HANDLE, (), MapperStatus.NOT_REGISTERED, max_entries=500)


def test_lookup_goes_on_entry_by_entry_whatever_changes_meanwhile() -> None:
    table = Registrations()
    for registration in (STORE, STORE_TCP, REFERRAL):
        table.insert(registration)
    service, call = Mapper(table), Asking(handles())
    response = service.ept_lookup(call, lookup(most=1))
    assert ports(response) == [6001]
    table.delete(STORE)
    table.delete(STORE_TCP)
    table.insert(SPECIAL)
    found = []
    while not response.entry_handle.is_nil:
        response = service.ept_lookup(call, lookup(most=1, handle=response.entry_handle))
        found += ports(response)
    assert found == [6002, 6003]
    assert response.status == MapperStatus.OK


EMSMDB_ID = InterfaceId(EMSMDB.uuid, 0, 81)
VERSIONS = [(0, 80), (0, 81), (0, 90), (1, 0)]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (VersionOption.ALL, VERSIONS),
        (VersionOption.COMPATIBLE, [(0, 81), (0, 90)]),
        (VersionOption.EXACT, [(0, 81)]),
        (VersionOption.MAJOR_ONLY, [(0, 80), (0, 81), (0, 90)]),
        (VersionOption.UP_TO, [(0, 80), (0, 81)]),
        (VersionOption(0), VERSIONS),
        (VersionOption(77), VERSIONS),
    ],
)
def test_lookup_by_interface_knows_every_version_option(
    option: VersionOption, expected: list[tuple[int, int]]
) -> None:
    versions = [replace(STORE, interface=SyntaxId(EMSMDB.uuid, *version)) for version in VERSIONS]
    response = mapper(*versions, REFERRAL).ept_lookup(
        Asking(handles()), lookup(InquiryType.BY_INTERFACE, interface=EMSMDB_ID, option=option)
    )
    found = [Tower.decode(entry.tower.octets).interface for entry in response.entries if entry.tower]
    assert [(syntax.version_major, syntax.version_minor) for syntax in found] == expected


@pytest.mark.parametrize(
    ("kind", "object_uuid", "expected"),
    [
        (InquiryType.BY_OBJECT, OBJECT, [6003]),
        (InquiryType.BY_OBJECT, None, [6001, 49152, 6002]),
        (InquiryType.BY_BOTH, OBJECT, [6003]),
        (InquiryType.BY_BOTH, None, [6002]),
        (InquiryType(9), OBJECT, [6001, 49152, 6002, 6003]),
    ],
)
def test_lookup_by_object_and_by_both(
    kind: InquiryType, object_uuid: UUID | None, expected: list[int]
) -> None:
    wanted = InterfaceId(RFR.uuid, 1, 0)
    request = lookup(kind, interface=wanted, object_uuid=object_uuid)
    assert ports(mapper().ept_lookup(Asking(handles()), request)) == expected


@pytest.mark.parametrize("kind", [InquiryType.BY_INTERFACE, InquiryType.BY_BOTH])
def test_lookup_by_no_interface_cannot_be_performed(kind: InquiryType) -> None:
    response = mapper().ept_lookup(Asking(handles()), lookup(kind))
    assert response == LookupResponse(NIL_HANDLE, (), MapperStatus.CANT_PERFORM, max_entries=500)


def test_an_empty_mapper_lists_nothing() -> None:
    response = Mapper(Registrations()).ept_lookup(Asking(handles()), lookup())
    assert response == LookupResponse(NIL_HANDLE, (), MapperStatus.NOT_REGISTERED, max_entries=500)


def test_a_handle_can_be_given_back() -> None:
    service, call = mapper(), Asking(handles())
    handle = service.ept_lookup(call, lookup(most=1)).entry_handle
    freed = service.ept_lookup_handle_free(call, HandleFreeRequest(handle))
    assert (freed.entry_handle, freed.status) == (NIL_HANDLE, MapperStatus.OK)
    with pytest.raises(RpcFault) as caught:
        service.ept_lookup_handle_free(call, HandleFreeRequest(handle))
    assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH


def test_giving_back_no_handle_is_fine() -> None:
    freed = mapper().ept_lookup_handle_free(Asking(handles()), HandleFreeRequest(NIL_HANDLE))
    assert (freed.entry_handle, freed.status) == (NIL_HANDLE, MapperStatus.OK)


def test_handles_of_others_and_of_the_other_operation_are_refused() -> None:
    service, call = mapper(), Asking(handles())
    handle = service.ept_lookup(call, lookup(most=1)).entry_handle
    asked = ask_for(EMSMDB, HTTP)
    for stranger, stolen in (
        (Asking(handles()), handle),
        (call, ContextHandle(uuid=UUID(int=99))),
        (call, ContextHandle(1, handle.uuid)),
    ):
        with pytest.raises(RpcFault) as caught:
            service.ept_lookup(stranger, lookup(handle=stolen))
        assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH
    with pytest.raises(RpcFault) as caught:
        service.ept_map(call, MapRequest(None, asked.map_tower, handle, 4))
    assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH
