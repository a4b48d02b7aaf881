"""The management interface's messages, against the bytes that Samba's NDR engine writes and reads."""

from uuid import UUID

import pytest

from rpch.dcerpc.endpoint_mapper import InterfaceId
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.remote_management import (
    InquireInterfacesResponse,
    InquirePrincipalRequest,
    InquirePrincipalResponse,
    InquireStatisticsRequest,
    InquireStatisticsResponse,
    InterfaceIds,
    IsServerListeningResponse,
    Nothing,
    RemoteManagement,
    StopServerListeningResponse,
)
from rpch.ndr import Message, StubError

MAPPER = InterfaceId(UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3, 0)
EMSMDB = InterfaceId(UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81)

GOLDEN: dict[str, tuple[Message, str]] = {
    "inq_if_ids out": (
        InquireInterfacesResponse(InterfaceIds((MAPPER, EMSMDB)), 0),
        (
            "00000200  02000000 02000000  04000200 08000200"
            "0883afe11f5dc91191a408002b14a0fa 03000000  00dbf1a447ca6710b31f00dd010662da 00005100  00000000"
        ),
    ),
    "inq_stats in": (InquireStatisticsRequest(4), "04000000"),
    "inq_stats out": (
        InquireStatisticsResponse((10, 11, 12, 13), 0),
        "04000000 04000000 0a000000 0b000000 0c000000 0d000000 00000000",
    ),
    "is_server_listening out": (IsServerListeningResponse(0, listening=True), "00000000 01000000"),
    "stop_server_listening out": (StopServerListeningResponse(5), "05000000"),
    "inq_princ_name in": (InquirePrincipalRequest(10, 100), "0a000000 64000000"),
    "inq_princ_name out": (
        InquirePrincipalResponse("abc", 0, name_size=100),
        "64000000 00000000 04000000 61626300 00000000",
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
    assert type(message).decode(message.encode(little_endian=False), little_endian=False) == message


def test_the_sizes_that_callers_rely_on() -> None:
    assert len(GOLDEN["inq_stats out"][0].encode()) == 28
    assert len(GOLDEN["stop_server_listening out"][0].encode()) == 4


def test_surplus_bytes_are_tolerated() -> None:
    # Observed: Samba's clients send four more zero bytes to inq_stats
    assert InquireStatisticsRequest.decode(bytes.fromhex("04000000 00000000")) == InquireStatisticsRequest(4)
    assert Nothing.decode(bytes(5816)) == Nothing()


@pytest.mark.parametrize(
    ("kind", "wire"),
    [(InquireStatisticsRequest, "33000000"), (InquirePrincipalRequest, "0a000000 01100000")],
)
def test_ranges_are_checked(kind: type[Message], wire: str) -> None:
    with pytest.raises(StubError) as caught:
        kind.decode(bytes.fromhex(wire))
    assert caught.value.status == 0x6F7


def test_the_interface_has_five_operations() -> None:
    declared = interface_of(RemoteManagement)
    assert str(declared.syntax) == "afa8bd80-7d8a-11c9-bef4-08002b102989/v1.0"
    assert declared.allow_connect
    assert [operation.name for operation in declared.operations.values()] == [
        "inq_if_ids",
        "inq_stats",
        "is_server_listening",
        "stop_server_listening",
        "inq_princ_name",
    ]
    assert list(declared.operations) == [0, 1, 2, 3, 4]
