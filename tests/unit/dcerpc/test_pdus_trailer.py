from __future__ import annotations

import pytest

from rpch.dcerpc.pdus_trailer import AuthLevel, AuthType, SecTrailer
from rpch.errors import DecodeError

NTLM = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 0x12345678, b"TOKN", pad_length=12)


def test_a_trailer_travels_both_ways_in_both_byte_orders() -> None:
    little = bytes.fromhex("0a 06 0c 00 78563412") + b"TOKN"
    big = bytes.fromhex("0a 06 0c 00 12345678") + b"TOKN"
    assert NTLM.encode() == little
    assert NTLM.encode(little_endian=False) == big
    assert SecTrailer.decode(little, little_endian=True) == NTLM
    assert SecTrailer.decode(big, little_endian=False) == NTLM


def test_a_trailer_cut_short_is_refused() -> None:
    for cut in range(SecTrailer.SIZE):
        with pytest.raises(DecodeError):
            SecTrailer.decode(NTLM.encode()[:cut], little_endian=True)


def test_unknown_types_and_levels_are_kept_and_print_their_number() -> None:
    trailer = SecTrailer.decode(bytes.fromhex("6f 6f 6f 6f 6f000000"), little_endian=True)
    assert (trailer.auth_type, trailer.auth_level, trailer.context_id) == (111, 111, 111)
    assert (trailer.auth_type.name, trailer.auth_level.name) == ("UNKNOWN_111", "UNKNOWN_111")
    assert trailer.reserved == 111


@pytest.mark.parametrize("value", [-1, 256])
def test_what_does_not_fit_in_a_byte_is_no_type(value: int) -> None:
    with pytest.raises(ValueError, match="is not a valid AuthType"):
        AuthType(value)
