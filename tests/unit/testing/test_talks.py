"""What is said over a simulated virtual connection."""

from __future__ import annotations

from random import Random

import pytest

from rpch.dcerpc.framing import PduCutter
from rpch.testing.talks import RESPONSE, Stream, rpc_pdu, sizes


@pytest.mark.parametrize("size", [16, 17, 100, 5840])
def test_a_pdu_has_its_size_and_is_one(size: int) -> None:
    pdu = rpc_pdu(RESPONSE, 7, size)
    assert len(pdu) == size
    (piece,) = PduCutter().feed(pdu)
    assert not piece.rts


def test_pdus_can_be_told_apart() -> None:
    assert len({rpc_pdu(0, number, 16) for number in range(100)}) == 100


def test_a_stream_is_complete_when_all_has_been_heard_in_order() -> None:
    stream = Stream("up", 0, [100, 200, 300])
    first, rest = stream.take(1), stream.take(5)
    stream.hear(first)
    assert stream.heard == 1
    stream.hear(rest)
    assert stream.complete
    assert (len(first), len(rest), stream.take(1)) == (100, 500, b"")


@pytest.mark.parametrize("order", [[1, 0], [0, 0], [0, 2]], ids=["swapped", "twice", "left out"])
def test_a_stream_notices_what_is_out_of_order(order: list[int]) -> None:
    stream = Stream("up", 0, [100, 200, 300])
    pdus = [stream.take(1) for _ in range(3)]
    with pytest.raises(AssertionError):
        stream.hear(b"".join(pdus[number] for number in order))


def test_a_stream_notices_a_changed_byte() -> None:
    stream = Stream("up", 0, [100])
    data = bytearray(stream.take(1))
    data[-1] ^= 1
    with pytest.raises(AssertionError, match="PDU 0 was due"):
        stream.hear(bytes(data))


def test_a_stream_notices_what_was_never_sent() -> None:
    stream = Stream("up", 0, [100, 200])
    stream.hear(stream.take(1))
    with pytest.raises(AssertionError, match="never sent"):
        stream.hear(stream.said[1])


def test_sizes_are_mixed_and_bounded() -> None:
    drawn = sizes(Random(1), 1000, 5840)
    assert min(drawn) < 300
    assert 300 < max(drawn) <= 5840
    assert min(drawn) >= 16
