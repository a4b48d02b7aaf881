"""Puts the bytes of a TCP connection back in order.  RFC 9293 3.4

Segments are joined by sequence number modulo 2^32. What came twice counts once, what came early waits, and
what never came is reported as missing when too much waits for it or when the connection ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rpch.decode.packets import Endpoint, Segment, TcpFlags

MOST_EARLY_BYTES: Final = 4 << 20  # kept for one direction
MOST_EARLY_SEGMENTS: Final = 1_000
_MODULUS: Final = 1 << 32
_HALF: Final = 1 << 31


@dataclass(frozen=True)
class Arrival:
    """Something new in one direction of a connection: bytes, missing bytes before them, or its end."""

    number: int  # of the connection, in order of appearance
    source: Endpoint
    target: Endpoint
    from_client: bool | None  # None where the opening was not captured
    data: bytes = b""
    missing: int = 0
    closed: bool = False


@dataclass
class _Direction:
    """What is known of one direction."""

    next_sequence: int | None = None
    first: int | None = None  # the sequence number of its SYN
    end: int | None = None  # the sequence number of its FIN
    early: dict[int, bytes] = field(default_factory=dict)
    waiting: int = 0
    closed: bool = False

    def ahead(self, sequence: int) -> int:
        """How far a sequence number is past what is expected; negative when it is behind."""
        distance = (sequence - (self.next_sequence or 0)) % _MODULUS
        return distance - _MODULUS if distance >= _HALF else distance


@dataclass
class _Connection:
    number: int
    client: Endpoint | None
    directions: dict[Endpoint, _Direction]


class Reassembler:
    """Takes segments in the order of the capture."""

    def __init__(self) -> None:
        self._connections: dict[frozenset[Endpoint], _Connection] = {}
        self._count = 0

    def feed(self, segment: Segment) -> list[Arrival]:
        """What is in order now."""
        connection, arrivals = self._connection_of(segment)
        direction = connection.directions[segment.source]
        start = segment.sequence
        if TcpFlags.SYN in segment.flags:
            start = (start + 1) % _MODULUS
            if direction.first is None:
                direction.first, direction.next_sequence = segment.sequence, start
        if direction.next_sequence is None:
            direction.next_sequence = start
        if TcpFlags.FIN in segment.flags:
            direction.end = (start + len(segment.data)) % _MODULUS
        self._keep(direction, start, segment.data)
        arrivals += self._in_order(connection, segment, direction)
        if direction.waiting > MOST_EARLY_BYTES or len(direction.early) > MOST_EARLY_SEGMENTS:
            arrivals += self._skip(connection, segment, direction)
        if TcpFlags.RST in segment.flags:
            arrivals += self._finished(connection)
        elif direction.end is not None and direction.ahead(direction.end) <= 0:
            arrivals += self._ended(connection, segment.source, segment.target)
        return arrivals

    def finish(self) -> list[Arrival]:
        """What is left when the capture ends."""
        arrivals: list[Arrival] = []
        for connection in self._connections.values():
            arrivals += self._finished(connection)
        self._connections.clear()
        return arrivals

    def _connection_of(self, segment: Segment) -> tuple[_Connection, list[Arrival]]:
        """The connection of a segment; a SYN with a number of its own starts a new one on the same ports."""
        key = frozenset({segment.source, segment.target})
        known, arrivals = self._connections.get(key), []
        opening = TcpFlags.SYN in segment.flags and TcpFlags.ACK not in segment.flags
        if known and opening and known.directions[segment.source].first != segment.sequence:
            arrivals, known = self._finished(known), None
        if known is None:
            self._count += 1
            client = segment.source if opening else None
            directions = {segment.source: _Direction(), segment.target: _Direction()}
            known = self._connections[key] = _Connection(self._count, client, directions)
        if TcpFlags.SYN in segment.flags and TcpFlags.ACK in segment.flags and known.client is None:
            known.client = segment.target
        return known, arrivals

    def _keep(self, direction: _Direction, sequence: int, data: bytes) -> None:
        behind = -direction.ahead(sequence)
        if behind > 0:  # some or all of it was there before
            sequence, data = (sequence + behind) % _MODULUS, data[behind:]
        if data and len(direction.early.get(sequence, b"")) < len(data):
            direction.waiting += len(data) - len(direction.early.get(sequence, b""))
            direction.early[sequence] = data

    def _in_order(self, connection: _Connection, segment: Segment, direction: _Direction) -> list[Arrival]:
        arrivals = []
        while (data := self._take_next(direction)) is not None:
            arrivals.append(self._arrival(connection, segment.source, segment.target, data=data))
        return arrivals

    def _take_next(self, direction: _Direction) -> bytes | None:
        """The waiting bytes that come next; overlaps are cut."""
        for sequence in [*direction.early]:
            ahead = direction.ahead(sequence)
            if ahead > 0:
                continue
            data = direction.early.pop(sequence)
            direction.waiting -= len(data)
            if fresh := data[-ahead:] if ahead else data:
                direction.next_sequence = ((direction.next_sequence or 0) + len(fresh)) % _MODULUS
                return fresh
        return None

    def _skip(self, connection: _Connection, segment: Segment, direction: _Direction) -> list[Arrival]:
        """Give up on what is missing before the earliest waiting bytes."""
        nearest = min(direction.early, key=direction.ahead)
        missing = direction.ahead(nearest)
        direction.next_sequence = nearest
        lost = self._arrival(connection, segment.source, segment.target, missing=missing)
        return [lost, *self._in_order(connection, segment, direction)]

    def _finished(self, connection: _Connection) -> list[Arrival]:
        source, target = connection.directions
        return [*self._ended(connection, source, target), *self._ended(connection, target, source)]

    def _ended(self, connection: _Connection, source: Endpoint, target: Endpoint) -> list[Arrival]:
        """The end of one direction, after whatever still waits."""
        direction, arrivals = connection.directions[source], []
        if direction.closed:
            return []
        direction.closed = True
        end = Segment(source, target, 0, TcpFlags.FIN, b"")
        while direction.early:
            arrivals += self._skip(connection, end, direction)
        return [*arrivals, self._arrival(connection, source, target, closed=True)]

    def _arrival(
        self,
        connection: _Connection,
        source: Endpoint,
        target: Endpoint,
        *,
        data: bytes = b"",
        missing: int = 0,
        closed: bool = False,
    ) -> Arrival:
        from_client = None if connection.client is None else connection.client == source
        return Arrival(connection.number, source, target, from_client, data, missing, closed)
