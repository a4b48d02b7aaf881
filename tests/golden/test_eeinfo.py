"""Extended error information as others lay it out, hand-annotated.

The first blob is derived from the IDL of MS-EERR 2.2.2 and MS-RPCE 2.2.6. The records of the others were
packed by Samba 4.17 (`drsblobs.ExtendedErrorInfo`, `ndr_pack`), which has no pointer around the first
record: that pointer, the two headers and the padding at the end were added, and each referent id is 4
more than Samba's.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

import pytest

from rpch.http.eeinfo import (
    ErrorParameter,
    ErrorRecord,
    ParameterKind,
    decode_eeinfo,
    encode_eeinfo,
)
from rpch.testing.codecs import check_codec

RECORD = ErrorRecord(
    generating_component=0x0E,
    status=0x6BA,
    detection_location=0x5A0,
    process_id=0x1234,
    timestamp=0x01DB_0000_0000_0000,
)

HEADERS = (
    "01 10 08 00 cc cc cc cc"  # common header: version 1, little-endian, length 8, filler
    "{size:02x} 00 00 00 00 00 00 00"  # private header: length of what follows, filler
)

MINIMAL = HEADERS.format(size=48) + (
    "00 00 02 00"  # pointer to the first record
    "00 00 00 00"  # Params: 0 elements
    "00 00 00 00"  # Next: none
    "02 00 02 00"  # ComputerName: not present; union tag
    "34 12 00 00 00 00 00 00"  # ProcessID; to the boundary of 8
    "00 00 00 00 00 00 db 01"  # TimeStamp
    "0e 00 00 00"  # GeneratingComponent: RPC proxy
    "ba 06 00 00"  # Status: RPC_S_SERVER_UNAVAILABLE
    "a0 05"  # DetectionLocation: connect failed
    "00 00"  # Flags
    "00 00"  # nLen
    "00 00"  # padding
)

NAMED = HEADERS.format(size=72) + (
    "00 00 02 00"  # pointer to the first record
    "00 00 00 00"  # Params: 0 elements
    "00 00 00 00"  # Next: none
    "01 00 01 00"  # ComputerName: present; union tag
    "05 00 00 00"  # nLength: 5 characters with the NUL; padding
    "04 00 02 00"  # pString
    "34 12 00 00 00 00 00 00"  # ProcessID; to the boundary of 8
    "00 00 00 00 00 00 db 01"  # TimeStamp
    "0e 00 00 00 ba 06 00 00"  # GeneratingComponent, Status
    "a0 05 00 00 00 00 00 00"  # DetectionLocation, Flags, nLen, padding
    "05 00 00 00"  # ComputerName: 5 elements
    "65 00 78 00 30 00 31 00 00 00"  # ex01, NUL
    "00 00"  # padding
)

NUMBERS = HEADERS.format(size=64) + (
    "00 00 02 00"  # pointer to the first record
    "02 00 00 00"  # Params: 2 elements
    "00 00 00 00 02 00 02 00"  # Next: none; ComputerName: not present
    "34 12 00 00 00 00 00 00 00 00 00 00 00 00 db 01"  # ProcessID, TimeStamp
    "0e 00 00 00 ba 06 00 00"  # GeneratingComponent, Status
    "a0 05 00 00 02 00 00 00"  # DetectionLocation, Flags, nLen 2, to the boundary of 8
    "03 00 03 00 44 33 22 11"  # long 0x11223344
    "04 00 04 00 66 55"  # short 0x5566
    "00 00"  # padding
)

WIDE_NUMBERS = HEADERS.format(size=72) + (
    "00 00 02 00"  # pointer to the first record
    "02 00 00 00"  # Params: 2 elements
    "00 00 00 00 02 00 02 00"  # Next: none; ComputerName: not present
    "34 12 00 00 00 00 00 00 00 00 00 00 00 00 db 01"  # ProcessID, TimeStamp
    "0e 00 00 00 ba 06 00 00"  # GeneratingComponent, Status
    "a0 05 00 00 02 00 00 00"  # DetectionLocation, Flags, nLen 2, to the boundary of 8
    "05 00 05 00 00 00 00 00"  # __int64, to the boundary of 8
    "88 77 66 55 44 33 22 11"  # 0x1122334455667788
    "06 00 06 00"  # none
    "00 00 00 00"  # padding
)

TEXTS = HEADERS.format(size=96) + (
    "00 00 02 00"  # pointer to the first record
    "02 00 00 00"  # Params: 2 elements
    "00 00 00 00 02 00 02 00"  # Next: none; ComputerName: not present
    "34 12 00 00 00 00 00 00 00 00 00 00 00 00 db 01"  # ProcessID, TimeStamp
    "0e 00 00 00 ba 06 00 00"  # GeneratingComponent, Status
    "a0 05 00 00 02 00 00 00"  # DetectionLocation, Flags, nLen 2, to the boundary of 8
    "01 00 01 00 04 00 00 00 04 00 02 00"  # ANSI text: 4 bytes with the NUL, pString
    "00 00 00 00"  # to the boundary of 8
    "02 00 02 00 04 00 00 00 08 00 02 00"  # Unicode text: 4 characters with the NUL, pString
    "04 00 00 00 61 62 63 00"  # 4 elements: abc, NUL
    "04 00 00 00 78 00 79 00 7a 00 00 00"  # 4 elements: xyz, NUL
)

BINARY = HEADERS.format(size=72) + (
    "00 00 02 00"  # pointer to the first record
    "01 00 00 00"  # Params: 1 element
    "00 00 00 00 02 00 02 00"  # Next: none; ComputerName: not present
    "34 12 00 00 00 00 00 00 00 00 00 00 00 00 db 01"  # ProcessID, TimeStamp
    "0e 00 00 00 ba 06 00 00"  # GeneratingComponent, Status
    "a0 05 00 00 01 00 00 00"  # DetectionLocation, Flags, nLen 1, to the boundary of 8
    "07 00 07 00 03 00 00 00 04 00 02 00"  # blob: 3 bytes, pBlob
    "03 00 00 00 01 02 03"  # 3 elements
    "00 00 00 00 00"  # padding
)

CHAIN = HEADERS.format(size=112) + (
    "00 00 02 00"  # pointer to the first record
    "00 00 00 00"  # Params: 0 elements
    "04 00 02 00"  # Next
    "01 00 01 00 02 00 00 00 08 00 02 00"  # ComputerName: 2 characters with the NUL, pString
    "34 12 00 00 00 00 00 00 00 00 00 00 00 00 db 01"  # ProcessID, TimeStamp
    "0e 00 00 00 ba 06 00 00"  # GeneratingComponent, Status
    "a0 05 00 00 00 00 00 00"  # DetectionLocation, Flags, nLen, to the boundary of 4
    # the second record comes before the first one's name
    "00 00 00 00"  # Params: 0 elements
    "00 00 00 00"  # to the boundary of 8
    "00 00 00 00 02 00 02 00"  # Next: none; ComputerName: not present
    "07 00 00 00 00 00 00 00 00 00 00 00 00 00 db 01"  # ProcessID, TimeStamp
    "0e 00 00 00 d9 06 00 00"  # GeneratingComponent, Status
    "a0 05 00 00 00 00 00 00"  # DetectionLocation, Flags, nLen, to the boundary of 4
    "02 00 00 00 61 00 00 00"  # ComputerName: 2 elements: a, NUL
)


@dataclass(frozen=True)
class Blob:
    """Records that know their bytes."""

    records: tuple[ErrorRecord, ...]

    def encode(self) -> bytes:
        return encode_eeinfo(self.records)


def with_parameters(*parameters: tuple[ParameterKind, str | int | bytes | None]) -> ErrorRecord:
    return replace(RECORD, parameters=tuple(ErrorParameter(kind, value) for kind, value in parameters))


@pytest.mark.parametrize(
    ("wire", "records"),
    [
        (MINIMAL, (RECORD,)),
        (NAMED, (replace(RECORD, computer_name="ex01"),)),
        (NUMBERS, (with_parameters((ParameterKind.LONG, 0x1122_3344), (ParameterKind.SHORT, 0x5566)),)),
        (
            WIDE_NUMBERS,
            (with_parameters((ParameterKind.INT64, 0x1122_3344_5566_7788), (ParameterKind.NONE, None)),),
        ),
        (TEXTS, (with_parameters((ParameterKind.ANSI, "abc"), (ParameterKind.UNICODE, "xyz")),)),
        (BINARY, (with_parameters((ParameterKind.BINARY, b"\x01\x02\x03")),)),
        (CHAIN, (replace(RECORD, computer_name="a"), replace(RECORD, process_id=7, status=0x6D9))),
    ],
    ids=["minimal", "named", "numbers", "wide numbers", "texts", "binary", "chain"],
)
def test_blobs_as_others_lay_them_out(wire: str, records: tuple[ErrorRecord, ...]) -> None:
    check_codec(lambda data: Blob(decode_eeinfo(data)), Blob(records), bytes.fromhex(wire))


def test_the_minimal_blob_in_base64() -> None:
    # as MS-RPCH 2.1.2.1.3 carries it in a reason phrase
    assert base64.b64encode(bytes.fromhex(MINIMAL)) == (
        b"ARAIAMzMzMwwAAAAAAAAAAAAAgAAAAAAAAAAAAIAAgA0EgAAAAAAAAAAAAAAANsBDgAAALoGAACgBQAAAAAAAA=="
    )
