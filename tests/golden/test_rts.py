"""RTS PDUs, byte for byte.

The bytes were put together from MS-RPCH 2.2.3 and 2.2.4 with `struct`, apart from this package, and read
back by a loop of its own; CONN/A1, CONN/B1, the acknowledgement with a destination and Ping are also what
impacket's encoders make. Inputs: connection cookie 10..1f, OUT cookie 20..2f, IN cookie 30..3f, association
group 40..4f, new OUT cookie 50..5f, new IN cookie 60..6f, window 65536, lifetime 1 GiB, timeout 120000 ms,
keepalive 300000 ms.
"""

import pytest

from rpch.dcerpc.framing import PduCutter
from rpch.rts.pdus import decode
from rpch.testing.codecs import check_codec
from rpch.testing.rts_samples import SAMPLES

HEADER = "05 00 14 03 10000000"  # rpc_vers 5.0, PTYPE 20, FIRST and LAST, little-endian
REST = "0000 00000000"  # auth_length, call_id

# The commands that come again and again: type, then value.
VERSION = "06000000 01000000"
CONNECTION = "03000000 101112131415161718191a1b1c1d1e1f"
OUT = "03000000 202122232425262728292a2b2c2d2e2f"
IN = "03000000 303132333435363738393a3b3c3d3e3f"
GROUP = "0c000000 404142434445464748494a4b4c4d4e4f"
NEW_OUT = "03000000 505152535455565758595a5b5c5d5e5f"
NEW_IN = "03000000 606162636465666768696a6b6c6d6e6f"
WINDOW = "00000000 00000100"
TIMEOUT = "02000000 c0d40100"
LIFETIME = "04000000 00000040"
KEEPALIVE = "05000000 e0930400"
ADDRESS = "0b000000 00000000 010200c0 000000000000000000000000"  # 192.0.2.1, little-endian; padding
TO_CLIENT = "0d000000 00000000"
TO_SERVER = "0d000000 02000000"
TO_OUT_PROXY = "0d000000 03000000"
EMPTY, NEGATIVE_ANCE, ANCE = "07000000", "09000000", "0a000000"
RECEIVED, AVAILABLE = "00900000", "00000100"

# Name: frag_length, Flags, NumberOfCommands, commands.
GOLDEN: dict[str, tuple[str, str, str, str]] = {
    "CONN/A1": ("4c00", "0000", "0400", f"{VERSION} {CONNECTION} {OUT} {WINDOW}"),
    "CONN/A2": ("5400", "1000", "0500", f"{VERSION} {CONNECTION} {OUT} {LIFETIME} {WINDOW}"),
    "CONN/A3": ("1c00", "0000", "0100", TIMEOUT),
    "CONN/B1": ("6800", "0000", "0600", f"{VERSION} {CONNECTION} {IN} {LIFETIME} {KEEPALIVE} {GROUP}"),
    "CONN/B2": (
        "8000",
        "0800",
        "0700",
        f"{VERSION} {CONNECTION} {IN} {WINDOW} {TIMEOUT} {GROUP} {ADDRESS}",
    ),
    "CONN/B3": ("2400", "0000", "0200", f"{WINDOW} {VERSION}"),
    "CONN/C1": ("2c00", "0000", "0300", f"{VERSION} {WINDOW} {TIMEOUT}"),
    "CONN/C2": ("2c00", "0000", "0300", f"{VERSION} {WINDOW} {TIMEOUT}"),
    "IN_R1/A1": ("5800", "0400", "0400", f"{VERSION} {CONNECTION} {IN} {NEW_IN}"),
    "IN_R1/A2": ("6800", "0c00", "0600", f"{VERSION} {CONNECTION} {IN} {NEW_IN} {WINDOW} {TIMEOUT}"),
    "IN_R1/A4": ("3400", "0000", "0400", f"{TO_CLIENT} {VERSION} {WINDOW} {TIMEOUT}"),
    "IN_R1/B1": ("1800", "0000", "0100", EMPTY),
    "IN_R1/B2": ("1c00", "0000", "0100", WINDOW),
    "IN_R2/A4": ("1c00", "0000", "0100", TO_CLIENT),
    "OUT_R1/A2": ("1c00", "0400", "0100", TO_CLIENT),
    "OUT_R1/A3": ("6000", "0400", "0500", f"{VERSION} {CONNECTION} {OUT} {NEW_OUT} {WINDOW}"),
    "OUT_R1/A4": (
        "7000",
        "1400",
        "0700",
        f"{VERSION} {CONNECTION} {OUT} {NEW_OUT} {LIFETIME} {WINDOW} {TIMEOUT}",
    ),
    "OUT_R1/A6": ("2c00", "1000", "0300", f"{TO_CLIENT} {VERSION} {TIMEOUT}"),
    "OUT_R1/A7": ("3000", "1000", "0200", f"{TO_SERVER} {NEW_OUT}"),
    "OUT_R1/A9": ("1800", "0000", "0100", ANCE),
    "OUT_R1/A10": ("1800", "0000", "0100", ANCE),
    "OUT_R1/A11": ("1800", "0000", "0100", ANCE),
    "OUT_R2/A6": ("2000", "0000", "0200", f"{TO_CLIENT} {ANCE}"),
    "OUT_R2/A7": ("3800", "1000", "0300", f"{TO_SERVER} {NEW_OUT} {VERSION}"),
    "OUT_R2/B2": ("1800", "0000", "0100", NEGATIVE_ANCE),
    "OUT_R2/B3": ("1800", "2000", "0100", ANCE),
    "OUT_R2/C1": ("1800", "0100", "0100", EMPTY),
    "Keep-Alive": ("1c00", "0200", "0100", "05000000 60ea0000"),  # 60 s
    "Ping Traffic Sent Notify": ("1c00", "0200", "0100", "0e000000 10040000"),  # 1040 bytes
    "Echo": ("1400", "4000", "0000", ""),
    "Ping": ("1400", "0100", "0000", ""),
    "FlowControlAck": (
        "3000",
        "0200",
        "0100",
        f"01000000 {RECEIVED} {AVAILABLE} 303132333435363738393a3b3c3d3e3f",
    ),
    "FlowControlAckWithDestination": (
        "3800",
        "0200",
        "0200",
        f"{TO_OUT_PROXY} 01000000 {RECEIVED} {AVAILABLE} 202122232425262728292a2b2c2d2e2f",
    ),
}

BY_NAME = {sample.NAME: sample for sample in SAMPLES}


def wire_of(name: str) -> bytes:
    """The golden bytes of one PDU."""
    length, flags, count, commands = GOLDEN[name]
    return bytes.fromhex(f"{HEADER} {length} {REST} {flags} {count} {commands}")


@pytest.mark.conformance(24, 26, 27, 28, 29, 30)
@pytest.mark.parametrize("name", GOLDEN)
def test_a_pdu_has_its_golden_bytes_in_both_directions(name: str) -> None:
    sample = BY_NAME[name]
    check_codec(lambda data: decode(data, legal=[type(sample)]), sample, wire_of(name))


# Some of them whole, as they were written down first: they share no piece with the table above.
ROWS = {
    "CONN/A1": """
        05001403100000004c00000000000000 00000400060000000100000003000000 101112131415161718191a1b1c1d1e1f
        03000000202122232425262728292a2b 2c2d2e2f0000000000000100""",
    "CONN/B1": """
        05001403100000006800000000000000 00000600060000000100000003000000 101112131415161718191a1b1c1d1e1f
        03000000303132333435363738393a3b 3c3d3e3f040000000000004005000000 e09304000c0000004041424344454647
        48494a4b4c4d4e4f""",
    "CONN/B2": """
        05001403100000008000000000000000 08000700060000000100000003000000 101112131415161718191a1b1c1d1e1f
        03000000303132333435363738393a3b 3c3d3e3f000000000000010002000000 c0d401000c0000004041424344454647
        48494a4b4c4d4e4f0b00000000000000 010200c0000000000000000000000000""",
    "CONN/B3": "05001403100000002400000000000000 00000200000000000000010006000000 01000000",
    "OUT_R1/A3": """
        05001403100000006000000000000000 04000500060000000100000003000000 101112131415161718191a1b1c1d1e1f
        03000000202122232425262728292a2b 2c2d2e2f030000005051525354555657 58595a5b5c5d5e5f0000000000000100""",
    "OUT_R2/A7": """
        05001403100000003800000000000000 100003000d0000000200000003000000 505152535455565758595a5b5c5d5e5f
        0600000001000000""",
    "Echo": "0500140310000000140000000000000040000000",
    "FlowControlAckWithDestination": """
        05001403100000003800000000000000 020002000d0000000300000001000000 0090000000000100202122232425262728
        292a2b2c2d2e2f""",
}


@pytest.mark.parametrize("name", ROWS)
def test_the_table_of_pieces_says_what_the_whole_rows_say(name: str) -> None:
    assert wire_of(name) == bytes.fromhex(ROWS[name]) == BY_NAME[name].encode()


def test_every_size_is_the_one_in_the_golden_header() -> None:
    for name in GOLDEN:
        assert len(wire_of(name)) == int.from_bytes(bytes.fromhex(GOLDEN[name][0]), "little")


def test_what_has_no_golden_bytes_of_its_own_is_the_twin_of_one_that_has() -> None:
    known = {wire_of(name)[16:] for name in GOLDEN}
    cookie_alone = bytes.fromhex(f"0000 0100 {NEW_IN}")
    other = {
        "IN_R1/A5": cookie_alone,
        "IN_R1/A6": cookie_alone,
        "IN_R2/A2": cookie_alone,
        "IN_R2/A5": cookie_alone,
        "OUT_R2/A4": bytes.fromhex(f"0000 0100 {NEW_OUT}"),
        "OUT_R2/A8": bytes.fromhex(f"1000 0200 {TO_SERVER} {NEW_OUT}"),
    }
    missing = [sample for sample in SAMPLES if sample.NAME not in GOLDEN]
    for sample in missing:
        body = sample.encode()[16:]
        assert body in known or body == other[sample.NAME], sample.NAME


def test_pdus_run_together_are_found_again() -> None:
    pieces = PduCutter().feed(b"".join(wire_of(name) for name in GOLDEN))
    assert len(pieces) == len(GOLDEN)
    for name, piece in zip(GOLDEN, pieces, strict=True):
        assert decode(bytes(piece.data), legal=[type(BY_NAME[name])]) == BY_NAME[name]
