"""Bytes come out in order, once, whatever happened to their segments."""

import itertools
import random
from ipaddress import IPv4Address

import pytest

from rpch.decode import reassembly
from rpch.decode.packets import Endpoint, Segment, TcpFlags
from rpch.decode.reassembly import Arrival, Reassembler

CLIENT = Endpoint(IPv4Address("192.0.2.1"), 50_000)
SERVER = Endpoint(IPv4Address("192.0.2.2"), 593)
SYN, ACK, FIN, RST = TcpFlags.SYN, TcpFlags.ACK, TcpFlags.FIN, TcpFlags.RST


def sent(sequence: int, data: bytes = b"", flags: TcpFlags = ACK) -> Segment:
    """A segment from client to server."""
    return Segment(CLIENT, SERVER, sequence % (1 << 32), flags, data)


def answered(sequence: int, data: bytes = b"", flags: TcpFlags = ACK) -> Segment:
    """A segment from server to client."""
    return Segment(SERVER, CLIENT, sequence % (1 << 32), flags, data)


def fed(*segments: Segment) -> list[Arrival]:
    """What comes of these segments."""
    reassembler = Reassembler()
    return [arrival for segment in segments for arrival in reassembler.feed(segment)]


def data_of(arrivals: list[Arrival], source: Endpoint = CLIENT) -> bytes:
    """What one end sent."""
    return b"".join(arrival.data for arrival in arrivals if arrival.source == source)


def test_a_connection_knows_which_end_opened_it() -> None:
    arrivals = fed(
        sent(99, flags=SYN), answered(499, flags=SYN | ACK), sent(100, b"ask"), answered(500, b"tell")
    )
    assert arrivals == [
        Arrival(1, CLIENT, SERVER, True, b"ask"),
        Arrival(1, SERVER, CLIENT, False, b"tell"),
    ]


def test_the_answer_to_a_lost_opening_tells_it_too() -> None:
    (arrival,) = fed(answered(499, flags=SYN | ACK), sent(100, b"ask"))
    assert arrival.from_client is True


def test_without_an_opening_nobody_knows() -> None:
    (arrival,) = fed(sent(100, b"ask"))
    assert arrival == Arrival(1, CLIENT, SERVER, None, b"ask")


def test_every_order_of_segments_gives_the_same_bytes() -> None:
    parts = [sent(100, b"abc"), sent(103, b"def"), sent(106, b"ghi"), sent(109, b"jkl")]
    for order in itertools.permutations(parts):
        assert data_of(fed(sent(99, flags=SYN), *order)) == b"abcdefghijkl"


def test_what_came_twice_counts_once() -> None:
    parts = [sent(100, b"abc"), sent(100, b"abc"), sent(101, b"bcde"), sent(99, b"?"), sent(100, b"abcdef")]
    assert data_of(fed(sent(99, flags=SYN), *parts)) == b"abcdef"


@pytest.mark.parametrize("first", [0, 1 << 31, (1 << 32) - 3])
def test_sequence_numbers_begin_anew_at_their_end(first: int) -> None:
    data = bytes(range(200))
    pieces = [sent(first + 1 + at, data[at : at + 7]) for at in range(0, len(data), 5)]
    random.Random(first).shuffle(pieces)
    assert data_of(fed(sent(first, flags=SYN), *pieces)) == data


def test_an_early_segment_waits() -> None:
    reassembler = Reassembler()
    reassembler.feed(sent(99, flags=SYN))
    assert reassembler.feed(sent(103, b"def")) == []
    assert data_of(reassembler.feed(sent(100, b"abc"))) == b"abcdef"


def test_a_longer_copy_of_an_early_segment_replaces_it() -> None:
    early = [sent(103, b"d"), sent(103, b"def"), sent(103, b"de")]
    assert data_of(fed(sent(99, flags=SYN), *early, sent(100, b"abc"))) == b"abcdef"


def test_data_may_come_with_the_opening_and_the_end() -> None:
    arrivals = fed(sent(99, b"ab", SYN), sent(102, b"c", FIN | ACK))
    assert data_of(arrivals) == b"abc"
    assert [arrival.closed for arrival in arrivals] == [False, False, True]


def test_an_end_waits_for_what_is_before_it() -> None:
    reassembler = Reassembler()
    reassembler.feed(sent(99, flags=SYN))
    assert reassembler.feed(sent(103, flags=FIN | ACK)) == []
    arrivals = reassembler.feed(sent(100, b"abc"))
    assert [(arrival.data, arrival.closed) for arrival in arrivals] == [(b"abc", False), (b"", True)]
    assert reassembler.feed(sent(103, flags=FIN | ACK)) == []


def test_a_reset_ends_both_directions() -> None:
    arrivals = fed(sent(99, flags=SYN), answered(500, flags=RST))
    assert sorted(str(arrival.source) for arrival in arrivals if arrival.closed) == [str(CLIENT), str(SERVER)]


def test_what_never_came_is_reported_at_the_end() -> None:
    reassembler = Reassembler()
    for segment in (sent(99, flags=SYN), sent(103, b"def"), sent(110, b"xyz")):
        reassembler.feed(segment)
    arrivals = [arrival for arrival in reassembler.finish() if arrival.source == CLIENT]
    assert [(arrival.missing, arrival.data, arrival.closed) for arrival in arrivals] == [
        (3, b"", False),
        (0, b"def", False),
        (4, b"", False),
        (0, b"xyz", False),
        (0, b"", True),
    ]
    assert reassembler.finish() == []


def test_what_never_came_is_given_up_when_too_many_bytes_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_EARLY_BYTES", 5)
    arrivals = fed(sent(99, flags=SYN), sent(103, b"def"), sent(106, b"ghi"))
    assert [arrival.missing for arrival in arrivals] == [3, 0, 0]
    assert data_of(arrivals) == b"defghi"


def test_what_never_came_is_given_up_when_too_many_segments_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_EARLY_SEGMENTS", 2)
    segments = [sent(103, b"d"), sent(105, b"f"), sent(107, b"h")]
    assert [arrival.missing for arrival in fed(sent(99, flags=SYN), *segments)] == [3, 0]


def test_ports_may_be_used_again() -> None:
    arrivals = fed(
        sent(99, flags=SYN),
        sent(100, b"first"),
        sent(9_999, flags=SYN),
        sent(9_999, flags=SYN),
        sent(10_000, b"second"),
    )
    assert [(arrival.number, arrival.data) for arrival in arrivals if arrival.data] == [
        (1, b"first"),
        (2, b"second"),
    ]
    assert [arrival.number for arrival in arrivals if arrival.closed] == [1, 1]


def test_connections_are_kept_apart() -> None:
    other = Endpoint(CLIENT.address, 50_001)
    arrivals = fed(sent(100, b"one"), Segment(other, SERVER, 100, ACK, b"two"), sent(103, b"three"))
    assert [(arrival.number, arrival.data) for arrival in arrivals] == [
        (1, b"one"),
        (2, b"two"),
        (1, b"three"),
    ]


def test_keepalive_probes_carry_nothing() -> None:
    assert data_of(fed(sent(99, flags=SYN), sent(100, b"abc"), sent(102, b"\0"), sent(102))) == b"abc"
