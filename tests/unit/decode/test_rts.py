"""Every RTS PDU is shown field by field, whatever is wrong with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.decode.messages import Kind, Message, Part
from rpch.decode.rts import describe_rts
from rpch.rts import pdus
from rpch.rts.commands import (
    ClientAddress,
    Destination,
    Empty,
    ForwardDestination,
    Padding,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import RtsPdu, encode
from rpch.testing.rts_samples import CLIENT_V6, SAMPLES

BY_NAME = {sample.NAME: sample for sample in SAMPLES}
A1 = BY_NAME["CONN/A1"].encode()


def check_covered(message: Message, *, size: int) -> None:
    """The fields lie one after another, without a gap, from the first byte on."""
    at = 0
    for part in message.parts:
        assert part.at == at, part
        at += part.size
    assert at == size


def values_of(message: Message, name: str) -> list[str]:
    """What all fields of a name say."""
    return [part.value for part in message.parts if part.name == name]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.NAME)
def test_every_pdu_is_shown_to_its_last_byte_under_its_name(sample: RtsPdu) -> None:
    wire = sample.encode()
    message = describe_rts(wire)
    assert message.kind is Kind.RTS
    assert sample.NAME in message.name.split(" = ")
    assert message.problem is None
    check_covered(message, size=len(wire))
    kinds = [title.partition(", ") for title in values_of(message, "CommandType")]
    assert [name for name, _, _ in kinds] == [command.__name__ for command in type(sample).COMMANDS]
    assert [role for _, _, role in kinds] == list(vars(sample))


def test_fields_are_shown_with_offset_value_and_name() -> None:
    assert describe_rts(A1).parts[:12] == (
        Part(0, 1, b"\x05", "rpc_vers", "5"),
        Part(1, 1, b"\0", "rpc_vers_minor", "0"),
        Part(2, 1, b"\x14", "PTYPE", "20 RTS"),
        Part(3, 1, b"\x03", "pfc_flags", "FIRST_FRAG|LAST_FRAG"),
        Part(4, 4, b"\x10\0\0\0", "packed_drep", "little-endian"),
        Part(8, 2, b"\x4c\0", "frag_length", "76"),
        Part(10, 2, b"\0\0", "auth_length", "0"),
        Part(12, 4, bytes(4), "call_id", "0"),
        Part(16, 2, b"\0\0", "Flags", "NONE"),
        Part(18, 2, b"\x04\0", "NumberOfCommands", "4"),
        Part(20, 4, b"\x06\0\0\0", "CommandType", "Version, version"),
        Part(24, 4, b"\x01\0\0\0", "number", "1", depth=1),
    )


def test_cookies_are_short_unless_they_are_asked_for() -> None:
    short = describe_rts(A1)
    assert values_of(short, "value") == ["10111213…", "20212223…"]
    assert [part.shown for part in short.parts if part.size == 16] == [A1[32:36], A1[52:56]]
    whole = describe_rts(A1, whole_cookies=True)
    assert values_of(whole, "value") == [A1[32:48].hex(), A1[52:68].hex()]
    assert [part.shown for part in whole.parts if part.size == 16] == [A1[32:48], A1[52:68]]


def test_the_first_line_has_the_numbers_that_matter() -> None:
    assert describe_rts(A1).about == ("virtual connection 10111213…, out channel 20212223…, window 65536")
    ack = describe_rts(BY_NAME["FlowControlAckWithDestination"].encode())
    assert ack.about == (
        "destination FDOutProxy, ack bytes_received 36864, available_window 65536, 20212223…"
    )
    assert describe_rts(BY_NAME["Ping"].encode()).about == ""
    assert describe_rts(BY_NAME["CONN/B2"].encode()).about.endswith("client 192.0.2.1")


def test_the_place_tells_twins_apart() -> None:
    wire = BY_NAME["OUT_R1/A9"].encode()
    assert describe_rts(wire).name == "OUT_R1/A9 = OUT_R1/A10 = OUT_R1/A11 = OUT_R2/B1"
    assert describe_rts(wire, place="OUT-H", receiver=ForwardDestination.CLIENT).name == "OUT_R1/A10"


def test_addresses_are_read_as_peers_write_them() -> None:
    assert values_of(describe_rts(BY_NAME["CONN/B2"].encode()), "ClientAddress") == ["192.0.2.1"]
    six = encode(0, [CLIENT_V6])
    assert values_of(describe_rts(six), "AddressType") == ["IPv6"]
    assert values_of(describe_rts(six), "ClientAddress") == ["2001:db8::1"]
    odd = bytearray(encode(0, [ClientAddress(CLIENT_V6.address)])[:44])
    odd[8], odd[24] = 44, 9
    message = describe_rts(bytes(odd))
    assert values_of(message, "AddressType") == ["9"]
    assert values_of(message, "ClientAddress") == ["20 01 0d b8"]
    assert message.problem == "address type 9, at byte 24"


def test_values_that_nobody_should_send_are_marked() -> None:
    wire = pdus.ConnB3(ReceiveWindowSize(100), Version(7)).encode()
    message = describe_rts(wire)
    assert values_of(message, "size") == ["100 (outside what may be sent)"]
    assert values_of(message, "number") == ["7 (outside what may be sent)"]
    assert message.problem is None
    assert values_of(describe_rts(encode(0, [Destination(9)])), "party") == ["9 (outside what may be sent)"]
    assert describe_rts(encode(0, [Destination(9)])).about == "destination 9"


def test_padding_is_shown_with_its_count() -> None:
    message = describe_rts(encode(0, [Padding(3), Empty()]))
    assert values_of(message, "ConformanceCount") == ["3"]
    assert values_of(message, "Padding") == ["00 00 00"]
    assert message.name == "RTS"
    assert message.problem == "no PDU of the specification: flags 0x0000 with Padding, Empty"


def test_flags_are_shown_by_name() -> None:
    assert values_of(describe_rts(encode(0x14, [])), "Flags") == ["RECYCLE_CHANNEL|OUT_CHANNEL"]
    assert values_of(describe_rts(encode(0x8001, [])), "Flags") == ["PING|0x8000"]


@pytest.mark.parametrize(
    ("at", "value", "problem"),
    [
        (2, 19, "not the header of an RTS PDU, at byte 2"),
        (3, 1, "not the header of an RTS PDU, at byte 3"),
        (4, 0, "not the header of an RTS PDU, at byte 4"),
        (8, 75, "frag_length 75 on 76 bytes, at byte 8"),
        (18, 3, "8 bytes left over, at byte 68"),
        (18, 5, "need 4 bytes, have 0, at byte 76"),
        (20, 15, "unknown RTS command 0xf, at byte 20"),
    ],
)
def test_what_is_wrong_is_said_with_its_offset_and_the_rest_is_shown(
    at: int, value: int, problem: str
) -> None:
    wire = bytearray(A1)
    wire[at] = value
    message = describe_rts(bytes(wire))
    assert message.problem == problem
    check_covered(message, size=len(wire))


@pytest.mark.parametrize("cut", range(len(A1)))
def test_a_pdu_cut_short_is_shown_as_far_as_it_goes(cut: int) -> None:
    message = describe_rts(A1[:cut])
    assert message.problem is not None
    assert "at byte" in message.problem
    assert sum(part.size for part in message.parts) <= cut


@given(st.binary(max_size=120), st.sampled_from([b"", A1[:20]]))
def test_any_bytes_can_be_described(data: bytes, head: bytes) -> None:
    message = describe_rts(head + data)
    assert sum(part.size for part in message.parts) <= len(head + data)
