"""Stubs of the endpoint mapper, the management interface and extended error information.

Mapper and management stubs were re-packed byte-identically by Samba's NDR engine, except
stop_server_listening, which follows from C706 appendix Q alone.
"""

from base64 import b64decode
from typing import Annotated
from uuid import UUID

import pytest

from rpch.errors import DecodeError
from rpch.ndr import (
    NIL_HANDLE,
    Boolean32,
    Byte,
    ContextHandle,
    ErrorStatus,
    Guid,
    Hyper,
    Message,
    OutOfBand,
    Short,
    Struct,
    ULong,
    UShort,
    conformant,
    conformant_varying,
    decode_pickle,
    encode_pickle,
    full,
    length_of,
    narrow_string,
    ranged,
    union,
    unique,
    varying_string,
)

NIL = UUID(int=0)
TOWER = bytes.fromhex(  # EMSMDB 0.81 by NDR, connection-oriented, HTTP port 0, any address
    "0500 1300 0d 00dbf1a447ca6710b31f00dd010662da 0000 0200 5100"
    "1300 0d 045d888aeb1cc9119fe808002b104860 0200 0200 0000"
    "0100 0b 0200 0000 0100 1f 0200 0000 0100 09 0400 00000000"
)


class InterfaceId(Struct):
    uuid: Guid
    major: UShort
    minor: UShort


class Tower(Struct):
    """twr_t, C706 appendix L"""

    length: Annotated[int, ranged(ULong, 0, 2000)] = length_of("octets")
    octets: Annotated[bytes, conformant(Byte, size_is="length")]


class MapRequest(Message):
    """ept_map, C706 appendix O"""

    object: Annotated[UUID | None, full(Guid)]
    tower: Annotated[Tower | None, full(Tower)]
    handle: ContextHandle
    max_towers: Annotated[int, ranged(ULong, 0, 500)]


class MapResponse(Message):
    handle: ContextHandle
    max_towers: OutOfBand
    count: ULong = length_of("towers")
    towers: Annotated[
        tuple[Tower | None, ...],
        conformant_varying(full(Tower), size_is="max_towers", length_is="count", limit=500),
    ]
    status: ErrorStatus


class LookupRequest(Message):
    """ept_lookup, C706 appendix O"""

    inquiry: ULong
    object: Annotated[UUID | None, full(Guid)]
    interface: Annotated[InterfaceId | None, full(InterfaceId)]
    version_option: ULong
    handle: ContextHandle
    max_entries: Annotated[int, ranged(ULong, 0, 500)]


class Entry(Struct):
    object: Guid
    tower: Annotated[Tower | None, full(Tower)]
    annotation: Annotated[str, varying_string(64)]


class LookupResponse(Message):
    handle: ContextHandle
    count: ULong = length_of("entries")
    max_entries: OutOfBand
    entries: Annotated[
        tuple[Entry, ...],
        conformant_varying(Entry, size_is="max_entries", length_is="count", limit=500),
    ]
    status: ErrorStatus


class InterfaceIds(Struct):
    count: ULong = length_of("ids")
    ids: Annotated[tuple[InterfaceId | None, ...], conformant(unique(InterfaceId), size_is="count")]


class InterfaceIdsResponse(Message):
    """rpc_mgmt_inq_if_ids, C706 appendix Q"""

    ids: Annotated[InterfaceIds | None, unique(InterfaceIds)]
    status: ErrorStatus


class StatisticsRequest(Message):
    count: Annotated[int, ranged(ULong, 0, 50)]


class StatisticsResponse(Message):
    count: ULong = length_of("values")
    values: Annotated[tuple[int, ...], conformant(ULong, size_is="count")]
    status: ErrorStatus


class ListeningResponse(Message):
    status: ErrorStatus
    listening: Boolean32


class StopResponse(Message):
    status: ErrorStatus


class PrincipalRequest(Message):
    authentication: ULong
    size: Annotated[int, ranged(ULong, 0, 4096)]


class PrincipalResponse(Message):
    size: OutOfBand
    name: Annotated[str, narrow_string(size_is="size", limit=4096)]
    status: ErrorStatus


class Text(Struct):
    count: Short = length_of("octets")
    octets: Annotated[bytes | None, unique(conformant(Byte, size_is="count"))]


class ComputerName(Struct):
    type: UShort
    value: Annotated[Text | None, union(UShort, {1: Text, 2: None}, switch_is="type")]


class Parameter(Struct):
    type: UShort
    value: Annotated[object, union(UShort, {3: ULong, 6: None}, switch_is="type")]


class ErrorRecord(Struct):
    """ExtendedErrorInfo, MS-EERR 2.2.1.10"""

    next: Annotated["ErrorRecord | None", unique("ErrorRecord")]
    computer: ComputerName
    process: ULong
    time: Hyper
    component: ULong
    status: ULong
    location: UShort
    flags: UShort
    count: Short = length_of("parameters")
    parameters: Annotated[tuple[Parameter, ...], conformant(Parameter, size_is="count")]


class ExtendedError(Message):
    record: Annotated[ErrorRecord | None, unique(ErrorRecord)]


STUBS: dict[str, tuple[Message, str]] = {
    "ept_map in, by object": (
        MapRequest(object=NIL, tower=Tower(octets=TOWER), handle=NIL_HANDLE, max_towers=4),
        "01000000" + "00" * 16 + f"02000000 4b000000 4b000000 {TOWER.hex()} 00" + "00" * 20 + "04000000",
    ),
    "ept_map in, no object": (
        MapRequest(object=None, tower=Tower(octets=TOWER), handle=NIL_HANDLE, max_towers=4),
        f"00000000 01000000 4b000000 4b000000 {TOWER.hex()} 00" + "00" * 20 + "04000000",
    ),
    "ept_map out, one tower": (
        MapResponse(handle=NIL_HANDLE, max_towers=4, towers=(Tower(octets=TOWER),), status=0),
        "00" * 20 + "01000000"
        "04000000 00000000 01000000"  # maximum, offset, actual
        f"01000000 4b000000 4b000000 {TOWER.hex()} 00"
        "00000000",
    ),
    "ept_map out, nothing": (
        MapResponse(handle=NIL_HANDLE, max_towers=4, towers=(), status=0x16C9A0D6),
        "00" * 20 + "00000000 04000000 00000000 00000000 d6a0c916",
    ),
    "ept_lookup in": (
        LookupRequest(
            inquiry=0, object=None, interface=None, version_option=1, handle=NIL_HANDLE, max_entries=500
        ),
        "00000000 00000000 00000000 01000000" + "00" * 20 + "f4010000",
    ),
    "ept_lookup out, one entry": (
        LookupResponse(
            handle=NIL_HANDLE,
            max_entries=500,
            entries=(Entry(NIL, Tower(octets=TOWER), "emsmdb"),),
            status=0,
        ),
        "00" * 20 + "01000000 f4010000 00000000 01000000" + "00" * 16 + "01000000"
        "00000000 07000000 656d736d646200 00"  # annotation, gap
        f"4b000000 4b000000 {TOWER.hex()} 00 00000000",
    ),
    "inq_if_ids out": (
        InterfaceIdsResponse(
            ids=InterfaceIds(
                ids=(
                    InterfaceId(UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3, 0),
                    InterfaceId(UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81),
                )
            ),
            status=0,
        ),
        (
            "00000200 02000000 02000000 04000200 08000200"
            "0883afe11f5dc91191a408002b14a0fa 03000000 00dbf1a447ca6710b31f00dd010662da 00005100 00000000"
        ),
    ),
    "inq_stats in": (StatisticsRequest(count=4), "04000000"),
    "inq_stats out": (
        StatisticsResponse(values=(10, 11, 12, 13), status=0),
        "04000000 04000000 0a000000 0b000000 0c000000 0d000000 00000000",
    ),
    "is_server_listening out": (ListeningResponse(status=0, listening=True), "00000000 01000000"),
    "stop_server_listening out": (StopResponse(status=5), "05000000"),
    "inq_princ_name in": (PrincipalRequest(authentication=10, size=100), "0a000000 64000000"),
    "inq_princ_name out": (
        PrincipalResponse(size=100, name="abc", status=0),
        "64000000 00000000 04000000 61626300 00000000",
    ),
}


@pytest.mark.parametrize("name", STUBS)
def test_stub_both_ways_and_cut_short(name: str) -> None:
    message, text = STUBS[name]
    wire = bytes.fromhex(text)
    assert message.encode() == wire
    assert type(message).decode(wire) == message
    assert type(message).decode(wire + bytes(4)) == message
    for cut in range(len(wire)):
        with pytest.raises(DecodeError):
            type(message).decode(wire[:cut])


@pytest.mark.parametrize("name", STUBS)
def test_stub_survives_the_other_byte_order(name: str) -> None:
    message, _ = STUBS[name]
    assert type(message).decode(message.encode(little_endian=False), little_endian=False) == message


def test_big_endian_tower_keeps_its_octets() -> None:
    message, _ = STUBS["ept_map in, no object"]
    wire = bytes.fromhex(f"00000000 00000001 0000004b 0000004b {TOWER.hex()} 00" + "00" * 20 + "00000004")
    assert message.encode(little_endian=False) == wire


def test_ids_of_other_servers_are_followed() -> None:
    message, text = STUBS["ept_map out, one tower"]
    wire = bytearray.fromhex(text)
    wire[36:40] = bytes.fromhex("00000200")
    assert MapResponse.decode(bytes(wire)) == message


@pytest.mark.parametrize("name", ["ept_map in, by object", "ept_lookup in"])
def test_more_than_500_wanted_is_refused(name: str) -> None:
    message, text = STUBS[name]
    wire = bytes.fromhex(text)[:-4] + bytes.fromhex("f5010000")
    with pytest.raises(DecodeError, match="501 is not within 0 and 500"):
        type(message).decode(wire)


EXTENDED_ERROR = b64decode(
    "ARAIAMzMzMwwAAAAAAAAAAAAAgAAAAAAAAAAAAIAAgA0EgAAAAAAAAAAAAAAANsBDgAAALoGAACgBQAAAAAAAA=="
)  # derived from the IDL of MS-EERR, not seen from Windows


def test_extended_error_information() -> None:
    record = ErrorRecord(
        next=None,
        computer=ComputerName(2, None),
        process=0x1234,
        time=0x01DB_0000_0000_0000,
        component=0x0E,
        status=0x6BA,
        location=0x5A0,
        flags=0,
        parameters=(),
    )
    assert decode_pickle(ExtendedError, EXTENDED_ERROR) == ExtendedError(record)
    assert encode_pickle(ExtendedError(record)) == EXTENDED_ERROR
    # the last two bytes are padding, which some writers leave out
    for cut in range(len(EXTENDED_ERROR) - 2):
        with pytest.raises(DecodeError):
            decode_pickle(ExtendedError, EXTENDED_ERROR[:cut])
