"""The responses of NTLM."""

from __future__ import annotations

import pytest

from rpch.auth.ntlm.av_pairs import AvPairs
from rpch.auth.ntlm.response import Ntlmv2Response, ResponseKind, kind_of
from rpch.errors import DecodeError

WIRE = bytes.fromhex(
    "68cd0ab851e51c96aabc927bebef6a1c"  # proof
    "0101 000000000000"  # versions; reserved
    "0011223344556677 aaaaaaaaaaaaaaaa 00000000"  # time, challenge, reserved
    "0200 0200 4100 0000 0000"  # NETBIOS_DOMAIN "A"; the end
    "00000000"  # bytes of the client's own
)


def test_a_response_on_the_wire() -> None:
    response = Ntlmv2Response.decode(WIRE)
    assert response == Ntlmv2Response(
        proof=WIRE[:16],
        timestamp=bytes.fromhex("0011223344556677"),
        client_challenge=b"\xaa" * 8,
        av_pairs=AvPairs(((2, b"A\0"),)),
        trailing=bytes(4),
    )
    assert response.encode() == WIRE
    assert response.covered == WIRE[16:]


@pytest.mark.parametrize("size", [0, 4, 8, 64])
def test_a_response_may_end_in_any_bytes(size: int) -> None:
    assert Ntlmv2Response.decode(WIRE[:-4] + bytes(size)).trailing == bytes(size)


def test_a_response_cut_short_is_refused() -> None:
    for cut in range(len(WIRE) - 4):
        with pytest.raises(DecodeError):
            Ntlmv2Response.decode(WIRE[:cut])


def test_another_version_is_refused() -> None:
    with pytest.raises(DecodeError, match="another version"):
        Ntlmv2Response.decode(WIRE[:16] + b"\x02" + WIRE[17:])


@pytest.mark.parametrize(
    ("nt", "lm", "kind"),
    [
        (48, 24, ResponseKind.NTLMV2),
        (500, 0, ResponseKind.NTLMV2),
        (24, 24, ResponseKind.NTLMV1),
        (24, 0, ResponseKind.NTLMV1),
        (0, 24, ResponseKind.LM),
        (0, 1, ResponseKind.EMPTY),
        (0, 0, ResponseKind.EMPTY),
    ],
)
def test_the_forms_are_told_apart_by_their_lengths(nt: int, lm: int, kind: ResponseKind) -> None:
    assert kind_of(bytes(nt), bytes(lm)) is kind


@pytest.mark.parametrize("nt", [1, 16, 23, 25, 47])
def test_lengths_between_the_forms_are_refused(nt: int) -> None:
    with pytest.raises(DecodeError):
        kind_of(bytes(nt), bytes(24))


def test_a_single_lm_byte_that_is_not_zero_is_no_anonymous_one() -> None:
    assert kind_of(b"", b"\x01") is ResponseKind.LM


def test_the_proof_is_not_shown() -> None:
    assert "xcd" not in repr(Ntlmv2Response.decode(WIRE))
