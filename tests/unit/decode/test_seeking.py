"""After a gap the next PDU is found, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.dcerpc.pdus import Request
from rpch.decode.seeking import find_pdu
from rpch.testing.captures import BIND, REQUEST, RTS

BIG_ENDIAN = Request(7, 0, 3, b"stub").encode(little_endian=False)


@pytest.mark.parametrize("rubbish", [b"", b"tail", b"\x05\0", b"\x05" * 20, b"\x05\0\x05\0" * 9, bytes(100)])
@pytest.mark.parametrize("first", [BIND, BIG_ENDIAN, RTS["CONN/A1"]])
def test_a_pdu_with_another_behind_it_is_found(rubbish: bytes, first: bytes) -> None:
    assert find_pdu(rubbish + first + REQUEST) == (len(rubbish), True)


def test_without_a_follower_nothing_is_sure() -> None:
    assert find_pdu(b"xy" + BIND) == (2, False)
    assert find_pdu(b"xy" + BIND + REQUEST[:15]) == (2, False)
    assert find_pdu(b"xy" + BIND[:30]) == (2, False)
    assert find_pdu(b"xy" + BIND[:5]) == (2, False)


def test_at_the_end_of_a_stream_a_pdu_that_ends_there_is_sure() -> None:
    assert find_pdu(b"xy" + BIND, ended=True) == (2, True)
    assert find_pdu(b"xy" + BIND[:-1], ended=True) == (2, False)


def test_what_only_looks_like_a_header_is_passed_over() -> None:
    for at, value in ((2, 99), (3, 3), (4, 0x77), (8, 15), (10, 200)):
        broken = bytearray(REQUEST)
        broken[at] = value
        found = find_pdu(bytes(broken) + BIND + REQUEST)
        assert found == ((0 if at == 3 else len(broken)), True)


def test_a_header_without_a_header_behind_it_is_passed_over() -> None:
    assert find_pdu(REQUEST + b"?" * 16 + BIND + REQUEST) == (len(REQUEST) + 16, True)


def test_bytes_that_hold_no_start_may_all_go_but_the_last() -> None:
    assert find_pdu(b"") == (0, False)
    assert find_pdu(b"nothing") == (6, False)
    assert find_pdu(b"half a start\x05") == (12, False)


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_whatever_comes_before_a_pdu_is_found_at_last(before: bytes, after: bytes) -> None:
    at, sure = find_pdu(before + BIND + REQUEST + after)
    assert at <= len(before)
    assert sure or at < len(before)
