"""The catalogue of RTS PDUs: flags, commands in order, sizes; and what no RTS PDU may look like."""

import pytest

from rpch.errors import DecodeError, UnrecognisedPdu
from rpch.rts import pdus
from rpch.rts.commands import Cookie, Destination, Empty, Padding, ReceiveWindowSize, RtsCommand, Version
from rpch.rts.pdus import CATALOGUE, RtsFlags, RtsMessage, RtsPdu, decode, encode, read_message, recognise
from rpch.testing.codecs import check_codec, check_refuses
from rpch.testing.rts_samples import (
    CLIENT_V6,
    CONNECTION,
    GROUP,
    IN_CHANNEL,
    SAMPLES,
    TIMEOUT,
    VERSION,
    WINDOW,
)

# Bytes in all, flags, name: commands in order.  MS-RPCH 2.2.4.2 to 2.2.4.51
TABLE = """
     76 00 CONN/A1: Version Cookie Cookie ReceiveWindowSize
     84 10 CONN/A2: Version Cookie Cookie ChannelLifetime ReceiveWindowSize
     28 00 CONN/A3: ConnectionTimeout
    104 00 CONN/B1: Version Cookie Cookie ChannelLifetime ClientKeepalive AssociationGroupId
    128 08 CONN/B2: Version Cookie Cookie ReceiveWindowSize ConnectionTimeout AssociationGroupId ClientAddress
     36 00 CONN/B3: ReceiveWindowSize Version
     44 00 CONN/C1: Version ReceiveWindowSize ConnectionTimeout
     44 00 CONN/C2: Version ReceiveWindowSize ConnectionTimeout
     88 04 IN_R1/A1: Version Cookie Cookie Cookie
    104 0c IN_R1/A2: Version Cookie Cookie Cookie ReceiveWindowSize ConnectionTimeout
     52 00 IN_R1/A3: Destination Version ReceiveWindowSize ConnectionTimeout
     52 00 IN_R1/A4: Destination Version ReceiveWindowSize ConnectionTimeout
     40 00 IN_R1/A5: Cookie
     40 00 IN_R1/A6: Cookie
     24 00 IN_R1/B1: Empty
     28 00 IN_R1/B2: ReceiveWindowSize
     40 00 IN_R2/A2: Cookie
     28 00 IN_R2/A3: Destination
     28 00 IN_R2/A4: Destination
     40 00 IN_R2/A5: Cookie
     28 04 OUT_R1/A1: Destination
     28 04 OUT_R1/A2: Destination
     96 04 OUT_R1/A3: Version Cookie Cookie Cookie ReceiveWindowSize
    112 14 OUT_R1/A4: Version Cookie Cookie Cookie ChannelLifetime ReceiveWindowSize ConnectionTimeout
     44 10 OUT_R1/A5: Destination Version ConnectionTimeout
     44 10 OUT_R1/A6: Destination Version ConnectionTimeout
     48 10 OUT_R1/A7: Destination Cookie
     48 10 OUT_R1/A8: Destination Cookie
     24 00 OUT_R1/A9: Ance
     24 00 OUT_R1/A10: Ance
     24 00 OUT_R1/A11: Ance
     40 00 OUT_R2/A4: Cookie
     32 00 OUT_R2/A5: Destination Ance
     32 00 OUT_R2/A6: Destination Ance
     56 10 OUT_R2/A7: Destination Cookie Version
     48 10 OUT_R2/A8: Destination Cookie
     24 00 OUT_R2/B1: Ance
     24 00 OUT_R2/B2: NegativeAnce
     24 20 OUT_R2/B3: Ance
     24 01 OUT_R2/C1: Empty
     28 02 Keep-Alive: ClientKeepalive
     28 02 Ping Traffic Sent Notify: PingTrafficSentNotify
     20 40 Echo:
     20 01 Ping:
     48 02 FlowControlAck: FlowControlAck
     56 02 FlowControlAckWithDestination: Destination FlowControlAck
"""

# PDUs of the same bytes; which one it is depends on the leg and the state of the receiver.
TWINS: list[set[type[RtsPdu]]] = [
    {pdus.InR1A5, pdus.InR2A5, pdus.InR1A6, pdus.InR2A2, pdus.OutR2A4},
    {pdus.OutR1A9, pdus.OutR2B1, pdus.OutR1A10, pdus.OutR1A11},
    {pdus.OutR1A1, pdus.OutR1A2},
    {pdus.OutR1A7, pdus.OutR1A8, pdus.OutR2A8},
    {pdus.InR2A3, pdus.InR2A4},
    {pdus.InR1A3, pdus.InR1A4},
    {pdus.OutR1A5, pdus.OutR1A6},
    {pdus.OutR2A5, pdus.OutR2A6},
    {pdus.ConnC1, pdus.ConnC2},
]

PING = pdus.Ping().encode()
A1 = SAMPLES[0].encode()


def shape(kind: type[RtsPdu]) -> tuple[RtsFlags, tuple[type[RtsCommand], ...]]:
    """All that identifies a PDU in its bytes."""
    return kind.FLAGS, kind.COMMANDS


@pytest.mark.conformance(26, 29, 30)
@pytest.mark.parametrize(
    ("sample", "row"), list(zip(SAMPLES, TABLE.strip().splitlines(), strict=True)), ids=str
)
def test_every_pdu_has_the_flags_commands_and_size_of_the_catalogue(sample: RtsPdu, row: str) -> None:
    front, _, commands = row.partition(":")
    size, flags, name = front.split(maxsplit=2)
    assert name == sample.NAME
    assert int(flags, 16) == sample.FLAGS
    assert commands.split() == [kind.__name__ for kind in sample.COMMANDS]
    assert tuple(vars(sample)) == sample.ROLES
    wire = sample.encode()
    assert len(wire) == int(size) == int.from_bytes(wire[8:10], "little")
    assert len(commands.split()) == int.from_bytes(wire[18:20], "little")
    assert wire == encode(sample.FLAGS, vars(sample).values())


@pytest.mark.conformance(26, 29)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_pdu_survives_the_wire(sample: RtsPdu) -> None:
    check_codec(lambda data: decode(data, legal=[type(sample)]), sample, sample.encode())


def test_a_client_with_an_ipv6_address_makes_a_longer_b2() -> None:
    b2 = pdus.ConnB2(VERSION, CONNECTION, IN_CHANNEL, WINDOW, TIMEOUT, GROUP, CLIENT_V6)
    assert len(b2.encode()) == 140
    check_codec(lambda data: decode(data, legal=[pdus.ConnB2]), b2, b2.encode())


@pytest.mark.conformance(24)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_the_header_never_differs_but_in_its_lengths(sample: RtsPdu) -> None:
    wire = sample.encode()
    assert wire[:8].hex() == "0500140310000000"
    assert wire[10:16].hex() == "000000000000"


# Offset, replacement, what is wrong. Each makes a good PDU a bad one.
VIOLATIONS = [
    (0, "04", "rpc_vers 4"),
    (0, "06", "rpc_vers 6"),
    (1, "02", "rpc_vers_minor 2"),
    (1, "ff", "rpc_vers_minor 255"),
    (2, "13", "another PTYPE"),
    (3, "01", "FIRST_FRAG alone"),
    (3, "02", "LAST_FRAG alone"),
    (3, "83", "one pfc_flag too many"),
    (3, "00", "no pfc_flags"),
    (4, "00", "big-endian"),
    (4, "11", "EBCDIC"),
    (5, "01", "VAX floating point"),
    (7, "01", "reserved part of packed_drep"),
    (8, "4b", "frag_length one too small"),
    (8, "4d", "frag_length one too large"),
    (8, "0000", "no frag_length"),
    (10, "01", "an auth_length"),
    (12, "01", "a call_id"),
    (15, "80", "a call_id in its last byte"),
    (16, "80", "an unknown flag"),
    (17, "01", "an unknown flag in the upper byte"),
    (18, "03", "a command more than counted"),
    (18, "05", "a command fewer than counted"),
    (18, "ffff", "65535 commands"),
    (20, "0f", "an unknown command"),
]


@pytest.mark.conformance(25, 26)
@pytest.mark.parametrize(("at", "bytes_there", "what"), VIOLATIONS, ids=lambda value: str(value))
def test_a_field_of_the_header_that_is_wrong_is_an_error(at: int, bytes_there: str, what: str) -> None:
    wrong = bytes.fromhex(bytes_there)
    with pytest.raises(DecodeError) as caught:
        read_message(A1[:at] + wrong + A1[at + len(wrong) :])
    assert caught.value.at <= len(A1), what


@pytest.mark.parametrize(
    ("at", "value"), [(0, 4), (1, 2), (2, 0), (3, 7), (4, 0), (8, 9), (10, 1), (12, 1), (16, 128)]
)
def test_the_error_says_which_byte_of_the_header_is_wrong(at: int, value: int) -> None:
    wrong = bytearray(A1)
    wrong[at] = value
    with pytest.raises(DecodeError) as caught:
        read_message(bytes(wrong))
    assert caught.value.at == at


@pytest.mark.conformance(25, 26)
@pytest.mark.parametrize("size", range(20))
def test_a_pdu_without_its_whole_header_is_an_error(size: int) -> None:
    with pytest.raises(DecodeError, match="need 20 bytes"):
        read_message((PING[:8] + bytes((size, 0)) + PING[10:])[:size])


def test_minor_version_one_is_tolerated() -> None:
    assert read_message(PING[:1] + b"\x01" + PING[2:]) == RtsMessage(RtsFlags.PING, ())


@pytest.mark.conformance(26)
def test_nothing_stands_between_commands() -> None:
    padded = encode(0, [VERSION, Padding(0), CONNECTION])
    assert len(padded) == 20 + 8 + 8 + 20
    check_refuses(lambda data: decode(data, legal=CATALOGUE), padded, UnrecognisedPdu)


def test_a_view_is_decoded_like_bytes() -> None:
    assert decode(memoryview(A1), legal=[pdus.ConnA1]) == SAMPLES[0]  # type: ignore[arg-type]  # whatever has a buffer


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_only_what_is_legal_is_recognised(sample: RtsPdu) -> None:
    twins = [kind for kind in CATALOGUE if shape(kind) == shape(type(sample))]
    others = [kind for kind in CATALOGUE if kind not in twins]
    for legal in ([], others):
        with pytest.raises(UnrecognisedPdu, match=f"flags 0x{sample.FLAGS:04x} with "):
            decode(sample.encode(), legal=legal)
    for twin in twins:
        assert type(decode(sample.encode(), legal=[*others, twin])) is twin


def test_pdus_of_the_same_bytes_are_known() -> None:
    shapes = {shape(kind): {twin for twin in CATALOGUE if shape(twin) == shape(kind)} for kind in CATALOGUE}
    found = [group for group in shapes.values() if len(group) > 1]
    assert sorted(map(len, found)) == sorted(map(len, TWINS))
    assert all(group in TWINS for group in found)


@pytest.mark.parametrize("twins", TWINS, ids=lambda twins: "-".join(sorted(kind.__name__ for kind in twins)))
def test_twins_have_the_same_bytes(twins: set[type[RtsPdu]]) -> None:
    assert (
        len({sample.encode() for sample in SAMPLES if type(sample) in twins}) <= 2
    )  # new IN or new OUT cookie
    for sample in SAMPLES:
        if type(sample) in twins:
            for twin in twins:
                assert type(decode(sample.encode(), legal=[twin])) is twin


def test_the_count_tells_a_ping_from_c1() -> None:
    both = [pdus.Ping, pdus.OutR2C1]
    assert decode(PING, legal=both) == pdus.Ping()
    assert decode(pdus.OutR2C1(Empty()).encode(), legal=both) == pdus.OutR2C1(Empty())


@pytest.mark.conformance(31)
def test_c1_has_the_size_of_a11_and_no_padding_can_give_it_that() -> None:
    a11 = next(sample for sample in SAMPLES if isinstance(sample, pdus.OutR1A11))
    assert len(pdus.OutR2C1(Empty()).encode()) == len(a11.encode()) == 24
    for size in (0, 1, 4, 100):
        padded = encode(RtsFlags.PING, [Padding(size)])
        assert len(padded) != 24
        check_refuses(lambda data: decode(data, legal=CATALOGUE), padded, UnrecognisedPdu)


@pytest.mark.conformance(30)
def test_the_order_of_commands_counts() -> None:
    swapped = encode(0, [VERSION, WINDOW])
    assert recognise(read_message(encode(0, [WINDOW, VERSION])), [pdus.ConnB3]) == pdus.ConnB3(
        WINDOW, VERSION
    )
    with pytest.raises(UnrecognisedPdu, match="flags 0x0000 with Version, ReceiveWindowSize"):
        decode(swapped, legal=CATALOGUE)


@pytest.mark.conformance(32)
def test_any_version_is_accepted() -> None:
    b3 = pdus.ConnB3(WINDOW, Version(0xFFFFFFFF))
    assert decode(b3.encode(), legal=[pdus.ConnB3]) == b3


def test_the_destination_is_the_first_command_or_none() -> None:
    to_out_proxy = read_message(encode(2, [Destination(3), Cookie(bytes(16))]))
    assert to_out_proxy.destination == 3
    assert read_message(encode(0, [Destination(77)])).destination == 77
    assert read_message(encode(0, [VERSION, Destination(3)])).destination is None
    assert read_message(PING).destination is None


def test_a_message_tells_what_it_is_made_of() -> None:
    assert str(read_message(PING)) == "flags 0x0001 with no command"
    assert str(read_message(A1)) == "flags 0x0000 with Version, Cookie, Cookie, ReceiveWindowSize"


def test_a_pdu_is_sendable_when_all_its_commands_are() -> None:
    assert pdus.ConnB3(ReceiveWindowSize(0x40000), Version(1)).sendable
    assert not pdus.ConnB3(ReceiveWindowSize(0x40001), Version(1)).sendable
    assert not pdus.ConnB3(ReceiveWindowSize(0x40000), Version(2)).sendable
    assert pdus.Ping().sendable


def test_sizes_that_others_count_with_are_right() -> None:
    sizes = {type(sample): len(sample.encode()) for sample in SAMPLES}
    assert sizes[pdus.Ack] == pdus.ACK_SIZE
    assert sizes[pdus.AckWithDestination] == pdus.ACK_WITH_DESTINATION_SIZE
    assert sizes[pdus.Ping] == pdus.PING_SIZE
