"""The endpoint mapper's messages, against the bytes that Samba's NDR engine writes and reads."""

from ipaddress import IPv4Address
from uuid import UUID

import pytest

from rpch.dcerpc.endpoint_mapper import (
    EndpointMapper,
    Entry,
    HandleFreeRequest,
    HandleFreeResponse,
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
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.towers import Tower
from rpch.ndr import NIL_HANDLE, ContextHandle, Message, StubError

HTTP, TCP = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP
EMSMDB = SyntaxId(UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81)
QUESTION = TowerOctets(Tower(EMSMDB, HTTP).encode())
ANSWER = TowerOctets(Tower(EMSMDB, HTTP, 6001, IPv4Address("192.0.2.10")).encode())
NIL = UUID(int=0)
NO_HANDLE = "00" * 20
HANDLE = ContextHandle(uuid=UUID("11223344-5566-7788-99aa-bbccddeeff00"))

GOLDEN: dict[str, tuple[Message, str]] = {
    "ept_map in": (
        MapRequest(NIL, QUESTION, NIL_HANDLE, max_towers=4),
        "01000000 00000000000000000000000000000000"  # object, by reference
        f"02000000 4b000000 4b000000 {QUESTION.octets.hex()} 00" + NO_HANDLE + "04000000",
    ),
    "ept_map in, without an object": (
        MapRequest(None, QUESTION, NIL_HANDLE, max_towers=4),
        f"00000000 01000000 4b000000 4b000000 {QUESTION.octets.hex()} 00" + NO_HANDLE + "04000000",
    ),
    "ept_map out": (
        MapResponse(NIL_HANDLE, (ANSWER,), MapperStatus.OK, max_towers=4),
        NO_HANDLE + "01000000  04000000 00000000 01000000"  # one of at most four
        f"01000000 4b000000 4b000000 {ANSWER.octets.hex()} 00 00000000",
    ),
    "ept_map out, nothing": (
        MapResponse(NIL_HANDLE, (), MapperStatus.NOT_REGISTERED, max_towers=4),
        NO_HANDLE + "00000000  04000000 00000000 00000000  d6a0c916",
    ),
    "ept_lookup in": (
        LookupRequest(InquiryType.ALL, None, None, VersionOption.ALL, NIL_HANDLE, max_entries=500),
        "00000000 00000000 00000000 01000000" + NO_HANDLE + "f4010000",
    ),
    "ept_lookup in, by interface": (
        LookupRequest(
            InquiryType.BY_INTERFACE,
            None,
            InterfaceId(EMSMDB.uuid, 0, 81),
            VersionOption.COMPATIBLE,
            NIL_HANDLE,
            max_entries=1,
        ),
        "01000000 00000000 01000000 00dbf1a447ca6710b31f00dd010662da 0000 5100 02000000"
        + NO_HANDLE
        + "01000000",
    ),
    "ept_lookup out": (
        LookupResponse(HANDLE, (Entry(NIL, ANSWER, "emsmdb"),), MapperStatus.OK, max_entries=500),
        (
            "00000000 44332211665588 7799aabbccddeeff00"
            "01000000  f4010000 00000000 01000000"  # one of at most 500
            "00000000000000000000000000000000 01000000 00000000 07000000 656d736d646200 00"
            f"4b000000 4b000000 {ANSWER.octets.hex()} 00 00000000"
        ),
    ),
    "ept_lookup_handle_free in": (
        HandleFreeRequest(HANDLE),
        "00000000 44332211665588 7799aabbccddeeff00",
    ),
    "ept_lookup_handle_free out": (
        HandleFreeResponse(NIL_HANDLE, MapperStatus.OK),
        NO_HANDLE + "00000000",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_messages_on_the_wire(name: str) -> None:
    message, text = GOLDEN[name]
    wire = bytes.fromhex(text)
    assert message.encode().hex(" ", 4) == wire.hex(" ", 4)
    assert type(message).decode(wire) == message
    for cut in range(len(wire)):
        with pytest.raises(StubError):
            type(message).decode(wire[:cut])


@pytest.mark.parametrize("name", GOLDEN)
def test_messages_travel_big_endian_too_and_towers_stay_as_they_are(name: str) -> None:
    message, _ = GOLDEN[name]
    wire = message.encode(little_endian=False)
    assert type(message).decode(wire, little_endian=False) == message
    tower = getattr(message, "map_tower", None)
    assert tower is None or tower.octets in wire


@pytest.mark.parametrize(
    "wire",
    [
        GOLDEN["ept_map in"][1][: -len("04000000")] + "f5010000",  # max_towers 501
        GOLDEN["ept_lookup in"][1][: -len("f4010000")] + "f5010000",  # max_ents 501
        f"00000000 01000000 d1070000 d1070000 {'00' * 2001} 000000" + NO_HANDLE + "04000000",  # tower of 2001
    ],
)
def test_ranges_are_checked(wire: str) -> None:
    kind = LookupRequest if wire.startswith("00000000 00000000 00000000") else MapRequest
    with pytest.raises(StubError) as caught:
        kind.decode(bytes.fromhex(wire))
    assert caught.value.status == 0x6F7


def test_the_interface_has_three_remote_operations() -> None:
    declared = interface_of(EndpointMapper)
    assert str(declared.syntax) == "e1af8308-5d1f-11c9-91a4-08002b14a0fa/v3.0"
    assert declared.allow_connect
    assert [(opnum, operation.name) for opnum, operation in declared.operations.items()] == [
        (2, "ept_lookup"),
        (3, "ept_map"),
        (4, "ept_lookup_handle_free"),
    ]


def test_clients_ask_for_any_port_at_any_address() -> None:
    assert ask_for(EMSMDB, HTTP) == GOLDEN["ept_map in"][0]


def test_clients_take_the_first_usable_port_and_no_address() -> None:
    towers = (
        None,
        TowerOctets(b"\5\0"),
        TowerOctets(Tower(EMSMDB, TCP, 1234).encode()),
        QUESTION,
        ANSWER,
        TowerOctets(Tower(EMSMDB, HTTP, 6002).encode()),
    )
    response = MapResponse(NIL_HANDLE, towers, MapperStatus.OK, max_towers=10)
    assert port_in(response, HTTP) == 6001
    assert port_in(response, TCP) == 1234
    assert port_in(MapResponse(NIL_HANDLE, (), MapperStatus.NOT_REGISTERED, max_towers=4), HTTP) is None
