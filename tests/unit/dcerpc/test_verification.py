from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from rpch.dcerpc.pdus import NDR20, SyntaxId
from rpch.dcerpc.verification import (
    SIGNATURE,
    RequestFacts,
    VerificationFailed,
    checked_stub,
    verification_trailer,
)

MGMT = SyntaxId(UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1)
FACTS = RequestFacts(5, 1, 1, MGMT, NDR20, header_signing=True)
BIG = replace(FACTS, drep=bytes(4))
STUB = bytes.fromhex("04000000 00000000")

BITMASK_AND_CONTEXT = bytes.fromhex(
    "8ae31371 02f43671"  # signature
    "0100 0400 01000000"  # bitmask: header signing is supported
    "0240 2800"  # presentation context, the last command
    "80bda8af8a7dc911bef408002b102989 01000000"  # mgmt 1.0
    "045d888aeb1cc9119fe808002b104860 02000000"  # NDR 2.0
)
ALL_THREE = bytes.fromhex(
    "8ae31371 02f43671 0100 0400 01000000 0200 2800"
    "80bda8af8a7dc911bef408002b102989 01000000 045d888aeb1cc9119fe808002b104860 02000000"
    "0340 1000"  # header 2, the last command
    "00 00 0000 10000000 05000000 0100 0100"  # request, drep, call 5, context 1, opnum 1
)


def test_trailers_are_written_as_the_examples_are() -> None:
    assert verification_trailer(FACTS, bitmask=True, contexts=True) == BITMASK_AND_CONTEXT
    assert verification_trailer(FACTS, bitmask=True, contexts=True, header=True) == ALL_THREE
    assert verification_trailer(FACTS) == b""


@pytest.mark.parametrize("facts", [FACTS, BIG])
@pytest.mark.parametrize("stub", [b"", STUB, bytes(2000)])
@pytest.mark.parametrize(
    "chosen", [{"bitmask": True}, {"contexts": True}, {"header": True}, {"bitmask": True, "header": True}]
)
def test_true_trailers_are_checked_and_cut_off(
    facts: RequestFacts, stub: bytes, chosen: dict[str, bool]
) -> None:
    assert checked_stub(stub + verification_trailer(facts, **chosen), facts) == stub


@pytest.mark.parametrize("extra", range(17))
def test_a_little_may_follow_a_trailer(extra: int) -> None:
    assert checked_stub(STUB + ALL_THREE + bytes(extra), FACTS) == STUB


def test_big_endian_numbers_are_understood_too() -> None:
    swapped = SIGNATURE + bytes.fromhex("4001 0004 00000001")
    assert checked_stub(STUB + swapped, BIG) == STUB
    assert checked_stub(STUB + swapped, FACTS) == STUB + swapped


@pytest.mark.parametrize(
    "stub",
    [
        b"",
        STUB,
        SIGNATURE,
        STUB + BITMASK_AND_CONTEXT[:-4],  # ends before its last command
        STUB + BITMASK_AND_CONTEXT + bytes(17),  # too much behind it
        b"\0" + BITMASK_AND_CONTEXT,  # not aligned
        STUB + SIGNATURE + bytes.fromhex("0140 0300 000000"),  # a length that is no multiple of 4
        BITMASK_AND_CONTEXT + bytes(2000),  # too far from the end
    ],
)
def test_what_only_looks_like_a_trailer_is_stub_data(stub: bytes) -> None:
    assert checked_stub(stub, FACTS) == stub


def test_a_signature_inside_a_trailer_does_not_hide_it() -> None:
    odd = SIGNATURE + bytes.fromhex("0500 0800") + SIGNATURE + bytes.fromhex("0140 0400 01000000")
    assert checked_stub(STUB + odd, FACTS) in (STUB, STUB + odd[:12])


@pytest.mark.parametrize(
    "other",
    [
        {"call_id": 6},
        {"context_id": 2},
        {"opnum": 2},
        {"abstract_syntax": NDR20},
        {"transfer_syntax": MGMT},
        {"header_signing": False},
    ],
)
def test_other_facts_fail(other: dict[str, object]) -> None:
    with pytest.raises(VerificationFailed, match="does not fit"):
        checked_stub(STUB + ALL_THREE, replace(FACTS, **other))  # type: ignore[arg-type]


def test_a_client_without_header_signing_says_nothing_about_ours() -> None:
    modest = verification_trailer(replace(FACTS, header_signing=False), bitmask=True)
    assert checked_stub(STUB + modest, FACTS) == STUB


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        ("0100 0400 01000000 0140 0400 01000000", "command 1 comes twice"),
        ("04c0 0400 00000000", "command 4 must be understood"),
        ("0140 0000", "bitmask"),
        ("0240 0400 00000000", "presentation context"),
        ("0340 0000", "header"),
    ],
)
def test_commands_that_cannot_be_right_fail(commands: str, complaint: str) -> None:
    with pytest.raises(VerificationFailed, match=complaint):
        checked_stub(STUB + SIGNATURE + bytes.fromhex(commands), FACTS)


def test_unknown_commands_that_need_not_be_understood_are_skipped() -> None:
    assert checked_stub(STUB + SIGNATURE + bytes.fromhex("0440 0400 00000000"), FACTS) == STUB
