"""Streams are cut into the same PDUs however they arrive."""

from collections.abc import Iterable

import pytest

from rpch.dcerpc.framing import (
    HEADER_SIZE,
    RTS,
    BrokenStream,
    PduCutter,
    Piece,
    longest_prefix,
    pdu_size,
    pdus_in,
)
from rpch.errors import DecodeError
from rpch.testing.codecs import every_split, one_at_a_time

PING = bytes.fromhex("05001403 10000000 1400 0000 00000000 01000000")  # RTS
REQUEST = bytes.fromhex("05000003 10000000 1800 0000 01000000 00000000 0000 0000")
BIG_ENDIAN = bytes.fromhex("05000003 00000000 0020 0000 00000007 00000008 0001 0004 0000000a 00000064")
CANCEL = bytes.fromhex("05001203 10000000 1000 0000 03000000")  # as small as a PDU can be
OLD = bytes.fromhex("04000003 10000000 1000 0000 01000000")  # RPC 4

STREAM = REQUEST + CANCEL + PING + PING + BIG_ENDIAN + REQUEST + PING
PIECES = [
    (False, REQUEST + CANCEL),
    (True, PING),
    (True, PING),
    (False, BIG_ENDIAN + REQUEST),
    (True, PING),
]


def cut(*reads: bytes, cutter: PduCutter | None = None) -> list[tuple[bool, bytes]]:
    """Everything that comes out of these reads."""
    cutter = cutter or PduCutter()
    return [(piece.rts, bytes(piece.data)) for read in reads for piece in cutter.feed(read)]


def joined(pieces: Iterable[tuple[bool, bytes]]) -> list[tuple[bool, bytes]]:
    """The same, with neighbouring runs of RPC PDUs put together."""
    runs: list[tuple[bool, bytes]] = []
    for rts, data in pieces:
        if runs and not rts and not runs[-1][0]:
            runs[-1] = (False, runs[-1][1] + data)
        else:
            runs.append((rts, data))
    return runs


def test_a_buffer_is_cut_into_runs_and_rts_pdus() -> None:
    assert cut(STREAM) == PIECES


def test_a_stream_may_be_torn_anywhere() -> None:
    for first, second in every_split(STREAM):
        assert joined(cut(first, second)) == PIECES


def test_a_stream_may_be_torn_twice_anywhere() -> None:
    short = REQUEST + PING + CANCEL
    for first, rest in every_split(short):
        for second, third in every_split(rest):
            assert joined(cut(first, second, third)) == [(False, REQUEST), (True, PING), (False, CANCEL)]


def test_a_stream_may_come_a_byte_at_a_time() -> None:
    cutter = PduCutter()
    assert joined(cut(*one_at_a_time(STREAM), cutter=cutter)) == PIECES
    assert cutter.held == 0


def test_every_pdu_comes_out_once_it_is_whole_and_no_later() -> None:
    cutter = PduCutter()
    for byte in one_at_a_time(REQUEST[:-1]):
        assert cutter.feed(byte) == []
    assert cutter.held == len(REQUEST) - 1
    assert cut(REQUEST[-1:], cutter=cutter) == [(False, REQUEST)]
    assert cutter.held == 0


def test_what_is_torn_comes_before_the_rest_of_its_read() -> None:
    cutter = PduCutter()
    assert cut(REQUEST[:20], cutter=cutter) == []
    assert cut(REQUEST[20:] + PING + CANCEL[:3], cutter=cutter) == [(False, REQUEST), (True, PING)]
    assert cutter.held == 3


def test_one_whole_rpc_pdu_passes_without_a_copy() -> None:
    (piece,) = PduCutter().feed(REQUEST)
    assert piece.data is REQUEST


def test_a_read_that_is_one_run_passes_without_a_copy() -> None:
    buffer = CANCEL + REQUEST
    (piece,) = PduCutter().feed(buffer)
    assert piece.data is buffer


def test_a_read_that_is_one_pdu_can_be_known_without_cutting() -> None:
    cutter = PduCutter()
    assert cutter.single(REQUEST) == 0
    assert cutter.single(PING) == RTS


@pytest.mark.parametrize("read", [b"", REQUEST[:-1], REQUEST + b"\5", REQUEST + CANCEL, BIG_ENDIAN, OLD])
def test_any_other_read_is_left_to_be_cut(read: bytes) -> None:
    assert PduCutter().single(read) is None


def test_no_read_stands_alone_behind_a_torn_pdu() -> None:
    cutter = PduCutter()
    cutter.feed(REQUEST[:3])
    assert cutter.single(REQUEST) is None


def test_a_run_is_a_slice_of_the_buffer_it_arrived_in() -> None:
    buffer = CANCEL + REQUEST + PING
    run, ping = PduCutter().feed(buffer)
    assert isinstance(run, Piece)
    assert isinstance(run.data, memoryview)
    assert run.data.obj is buffer
    assert isinstance(ping.data, memoryview)
    assert ping.data.obj is buffer


def test_nothing_gives_nothing() -> None:
    cutter = PduCutter()
    assert cutter.feed(b"") == []
    cutter.feed(PING[:5])
    assert cutter.feed(b"") == []
    assert cutter.held == 5


@pytest.mark.parametrize("size", [16, 17, 1000, 0xFFFF])
def test_pdus_of_every_size_pass(size: int) -> None:
    pdu = REQUEST[:8] + size.to_bytes(2, "little") + REQUEST[10:16] + bytes(size - 16)
    assert cut(pdu) == [(False, pdu)]
    assert cut(pdu[:-1], pdu[-1:]) == [(False, pdu)]
    assert joined(cut(PING + pdu[:16], pdu[16:] + PING)) == [(True, PING), (False, pdu), (True, PING)]


def test_at_most_one_torn_pdu_is_kept() -> None:
    largest = REQUEST[:8] + b"\xff\xff" + REQUEST[10:16] + bytes(0xFFFF - 16)
    cutter = PduCutter()
    cutter.feed(largest[:-1])
    assert cutter.held == 0xFFFE


@pytest.mark.parametrize("size", [0, 1, 15])
def test_a_pdu_smaller_than_its_header_is_an_error(size: int) -> None:
    bad = REQUEST[:8] + bytes((size, 0)) + REQUEST[10:]
    for reads in ([bad], [bad[:3], bad[3:]], list(one_at_a_time(bad)), [PING + bad]):
        with pytest.raises(DecodeError, match=f"frag_length {size}, at byte"):
            cut(*reads)


def test_the_error_counts_from_the_start_of_the_read() -> None:
    with pytest.raises(DecodeError) as caught:
        cut(PING + CANCEL[:8] + b"\x0f\0" + CANCEL[10:])
    assert caught.value.at == len(PING) + 8


@pytest.mark.parametrize("text", [b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n", b"\x16\x03\x01", b"n"])
def test_what_is_not_rpc_is_an_error_at_its_first_byte(text: bytes) -> None:
    for stream in (text, text[:1]):
        with pytest.raises(DecodeError, match="at byte"):
            cut(stream)
    with pytest.raises(DecodeError, match=f"rpc_vers {text[0]}: this is not RPC, at byte 24"):
        cut(REQUEST + text)
    with pytest.raises(DecodeError, match=f"rpc_vers {text[0]}: this is not RPC, at byte 4"):
        cut(REQUEST[:20], REQUEST[20:] + text)


@pytest.mark.parametrize("broken", [b"HTTP/1.0 503", OLD, REQUEST[:8] + b"\x0f\0" + REQUEST[10:], b"n"])
@pytest.mark.parametrize(
    ("good", "pieces"),
    [
        (b"", []),
        (REQUEST, [(False, REQUEST)]),
        (PING, [(True, PING)]),
        (REQUEST + CANCEL + PING, [(False, REQUEST + CANCEL), (True, PING)]),
        (PING + REQUEST + BIG_ENDIAN, [(True, PING), (False, REQUEST + BIG_ENDIAN)]),
    ],
)
def test_what_came_whole_before_the_error_comes_with_it(
    broken: bytes, good: bytes, pieces: list[tuple[bool, bytes]]
) -> None:
    with pytest.raises(BrokenStream) as caught:
        PduCutter().feed(good + broken)
    assert [(piece.rts, bytes(piece.data)) for piece in caught.value.pieces] == pieces
    assert caught.value.at >= len(good)
    for first, second in every_split(good):
        cutter = PduCutter()
        early = cutter.feed(first)
        with pytest.raises(BrokenStream) as caught:
            cutter.feed(second + broken)
        both = [*early, *caught.value.pieces]
        assert joined((piece.rts, bytes(piece.data)) for piece in both) == pieces


def test_pieces_come_one_by_one_and_the_error_behind_them() -> None:
    cutter, seen = PduCutter(), list[Piece]()
    seen.extend(cutter.pieces(REQUEST[:7]))
    with pytest.raises(BrokenStream, match="rpc_vers 4"):
        seen.extend(cutter.pieces(REQUEST[7:] + PING + OLD))
    assert [(piece.rts, bytes(piece.data)) for piece in seen] == [(False, REQUEST), (True, PING)]


def test_another_version_is_left_to_the_receiver_when_asked_for() -> None:
    with pytest.raises(DecodeError, match="rpc_vers 4"):
        cut(OLD)
    for reads in ([OLD], [OLD[:7], OLD[7:]], list(one_at_a_time(OLD))):
        assert cut(*reads, cutter=PduCutter(any_version=True)) == [(False, OLD)]


def test_the_size_of_a_pdu_follows_its_own_byte_order() -> None:
    assert pdu_size(REQUEST) == len(REQUEST)
    assert pdu_size(BIG_ENDIAN) == len(BIG_ENDIAN)
    assert pdu_size(REQUEST + BIG_ENDIAN, len(REQUEST)) == len(BIG_ENDIAN)
    assert pdu_size(memoryview(PING)) == len(PING)


def test_the_order_bit_alone_decides() -> None:
    ebcdic = REQUEST[:4] + b"\x11" + REQUEST[5:]
    assert pdu_size(ebcdic) == len(REQUEST)
    with pytest.raises(DecodeError, match="frag_length 5, at byte 8"):
        pdu_size(BIG_ENDIAN[:8] + b"\0\x05" + BIG_ENDIAN[10:])


def test_a_run_falls_into_its_pdus() -> None:
    run = CANCEL + BIG_ENDIAN + REQUEST
    assert [bytes(pdu) for pdu in pdus_in(run)] == [CANCEL, BIG_ENDIAN, REQUEST]
    assert list(pdus_in(b"")) == []


def test_the_longest_prefix_holds_whole_pdus_only() -> None:
    run = CANCEL + BIG_ENDIAN + REQUEST
    sizes = (len(CANCEL), len(CANCEL + BIG_ENDIAN), len(run))
    for limit in range(len(run) + 10):
        fitting = [size for size in sizes if size <= limit]
        assert longest_prefix(run, limit) == max(fitting, default=0)


def test_sizes_of_headers_agree() -> None:
    assert len(CANCEL) == HEADER_SIZE


def test_an_rts_pdu_in_another_byte_order_is_refused_before_its_length_is_believed() -> None:
    """Observed: ruler's ping says big-endian and is not; its 20 bytes would be 5120."""
    ping = PING[:4] + bytes(4) + PING[8:]
    for first, second in every_split(ping):
        with pytest.raises(DecodeError, match="little-endian"):
            cut(first, second)
