"""Extended error information, both ways. Whole blobs of other origin are in tests/golden."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rpch.errors import DecodeError, LocalProtocolError
from rpch.http import eeinfo
from rpch.http.eeinfo import (
    MAX_RECORDS,
    RPC_PROXY,
    SERVER_CONNECT_FAILED,
    ErrorParameter,
    ErrorRecord,
    ParameterKind,
    decode_eeinfo,
    encode_eeinfo,
)

RECORD = ErrorRecord(
    generating_component=RPC_PROXY,
    status=0x6BA,
    detection_location=SERVER_CONNECT_FAILED,
    process_id=0x1234,
    timestamp=0x01DB_0000_0000_0000,
)
FULL = replace(
    RECORD,
    computer_name="prøxy01",
    flags=0x3,
    parameters=(
        ErrorParameter(ParameterKind.ANSI, "ex01.corp.example é"),
        ErrorParameter(ParameterKind.UNICODE, "ключ"),
        ErrorParameter(ParameterKind.LONG, -2),
        ErrorParameter(ParameterKind.SHORT, -1),
    ),
)
MORE = replace(
    RECORD,
    process_id=7,
    parameters=(
        ErrorParameter(ParameterKind.INT64, -(2**63)),
        ErrorParameter(ParameterKind.NONE),
        ErrorParameter(ParameterKind.BINARY, b"\0\x01\0"),
        ErrorParameter(ParameterKind.BINARY, b""),
    ),
)


@pytest.mark.parametrize(
    "records",
    [
        (RECORD,),
        (FULL,),
        (MORE,),
        (FULL, MORE),
        (MORE, FULL, RECORD),
        (replace(RECORD, computer_name=""),),
        (RECORD,) * MAX_RECORDS,
    ],
)
def test_records_there_and_back(records: tuple[ErrorRecord, ...]) -> None:
    blob = encode_eeinfo(records)
    assert len(blob) % 8 == 0
    assert decode_eeinfo(blob) == records


@pytest.mark.parametrize("records", [(RECORD,), (FULL, MORE)])
def test_a_blob_cut_short_or_lengthened_is_refused(records: tuple[ErrorRecord, ...]) -> None:
    blob = encode_eeinfo(records)
    for cut in range(len(blob)):
        with pytest.raises(DecodeError):
            decode_eeinfo(blob[:cut])
    with pytest.raises(DecodeError):
        decode_eeinfo(blob + b"\0")


def patched(offset: int, new: bytes, blob: bytes = encode_eeinfo((RECORD,))) -> bytes:
    return blob[:offset] + new + blob[offset + len(new) :]


@pytest.mark.parametrize(
    ("offset", "new"),
    [
        (0, b"\x02"),  # version of the serialization
        (1, b"\x00"),  # big-endian
        (2, b"\x0c"),  # length of the common header
        (8, b"\x38"),  # length of the object
        (8, b"\xff\xff\xff\xff"),
        (16, bytes(4)),  # no first record
        (20, b"\x01"),  # a parameter announced, none counted
        (24, b"\x04\x00\x02\x00"),  # a next record that is not there
        (28, b"\x01\x00"),  # a name in the structure, none in the union
        (28, b"\x03\x00\x03\x00"),  # an unknown kind of name
        (60, b"\x01"),  # a parameter counted, none announced
        (60, b"\xff\xff"),  # a negative count
    ],
)
def test_every_violation_ends_the_decoding(offset: int, new: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_eeinfo(patched(offset, new))


def test_an_unknown_kind_of_parameter_is_a_violation() -> None:
    blob = encode_eeinfo((replace(RECORD, parameters=(ErrorParameter(ParameterKind.NONE),)),))
    assert blob[64:68] == bytes.fromhex("0600 0600")
    with pytest.raises(DecodeError):
        decode_eeinfo(patched(64, bytes.fromhex("0800 0800"), blob))


def test_an_object_longer_than_its_records_is_a_violation() -> None:
    blob = encode_eeinfo((RECORD,))
    with pytest.raises(DecodeError, match="longer"):
        decode_eeinfo(patched(8, b"\x38", blob) + bytes(8))


def test_half_a_character_is_a_violation() -> None:
    blob = encode_eeinfo((replace(RECORD, computer_name="x"),))
    with pytest.raises(DecodeError, match="UTF-16"):
        decode_eeinfo(blob.replace(b"x\0\0\0", b"\x00\xd8\0\0"))


def test_a_text_that_is_absent_is_empty() -> None:
    blob = encode_eeinfo((replace(RECORD, computer_name=""),))
    assert blob[32:40] == bytes.fromhex("0100 0000 04000200")  # one character, and where it is
    absent = patched(32, bytes(8), blob)[:-8]  # no characters, and nowhere
    (record,) = decode_eeinfo(patched(8, bytes([len(absent) - 16]), absent))
    assert record.computer_name == ""


def test_more_records_than_anyone_needs_are_refused_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (0, MAX_RECORDS + 1):
        with pytest.raises(LocalProtocolError):
            encode_eeinfo([RECORD] * count)
    with monkeypatch.context() as patch:
        patch.setattr(eeinfo, "MAX_RECORDS", MAX_RECORDS + 1)
        blob = encode_eeinfo([RECORD] * (MAX_RECORDS + 1))
    with pytest.raises(DecodeError, match="more than"):
        decode_eeinfo(blob)


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, status=2**32),
        replace(RECORD, process_id=-1),
        replace(RECORD, timestamp=2**64),
        replace(RECORD, detection_location=2**16),
        replace(RECORD, computer_name="\ud800"),
        replace(RECORD, computer_name="x" * 0x8000),
        replace(RECORD, parameters=(ErrorParameter(ParameterKind.NONE),) * 5),
        replace(RECORD, parameters=(ErrorParameter(ParameterKind.LONG, "1"),)),
        replace(RECORD, parameters=(ErrorParameter(ParameterKind.LONG, 2**31),)),
        replace(RECORD, parameters=(ErrorParameter(ParameterKind.ANSI, "ключ"),)),
        replace(RECORD, parameters=(ErrorParameter(ParameterKind.NONE, 1),)),
        replace(RECORD, parameters=(ErrorParameter(ParameterKind.BINARY, "1"),)),
    ],
    ids=lambda record: "record",
)
def test_values_that_do_not_fit_are_our_mistake(record: ErrorRecord) -> None:
    with pytest.raises(LocalProtocolError):
        encode_eeinfo([record])
