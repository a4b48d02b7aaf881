"""Cutting a byte stream into PDUs, in one pass over their headers.  C706 12.6.3.1

A relay must not understand the RPC PDUs it carries. So what comes out is not PDUs but pieces: each
unbroken run of RPC PDUs is one slice of the buffer it arrived in, and each RTS PDU is a piece of
its own. Only a PDU that two reads have torn apart is copied.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from rpch.errors import DecodeError

HEADER_SIZE = 16
RPC_VERSION = 5
RTS = 20

_HEAD = struct.Struct("<BxBxBxxxH")  # rpc_vers, PTYPE, packed_drep, frag_length if little-endian
_BIG = struct.Struct(">H")
_LITTLE_ENDIAN = 0x10

Bytes = bytes | memoryview


class Piece(NamedTuple):
    """One RTS PDU, or an unbroken run of whole RPC PDUs."""

    rts: bool
    data: Bytes


class BrokenStream(DecodeError):
    """Behind these pieces there is no PDU, and where the next one begins nobody knows."""

    def __init__(self, error: DecodeError, pieces: list[Piece]) -> None:
        super().__init__(error.reason, at=error.at)
        self.pieces = pieces


def pdu_size(data: Bytes, at: int = 0) -> int:
    """The frag_length of the PDU whose 16-byte header begins at `at`, in its own byte order."""
    size: int
    _, kind, drep, size = _HEAD.unpack_from(data, at)
    if not drep & _LITTLE_ENDIAN:
        if kind == RTS:  # it has no other order: a length that is read wrongly would be waited for
            raise DecodeError("an RTS PDU that is not little-endian", at=at + 4)
        size = _BIG.unpack_from(data, at + 8)[0]
    if size < HEADER_SIZE:
        raise DecodeError(f"frag_length {size}", at=at + 8)
    return size


def pdus_in(run: Bytes) -> Iterator[memoryview]:
    """The PDUs of a run, one by one."""
    view, at = memoryview(run), 0
    while at < len(view):
        size = pdu_size(view, at)
        yield view[at : at + size]
        at += size


def longest_prefix(run: Bytes, limit: int) -> int:
    """How many bytes of a run's leading whole PDUs fit into `limit`."""
    if len(run) <= limit:
        return len(run)
    at = 0
    while (end := at + pdu_size(run, at)) <= limit:
        at = end
    return at


class PduCutter:
    """Cuts what arrives on one leg. It keeps at most one torn PDU: 65,535 bytes.

    With `any_version` a wrong rpc_vers is left for the receiver to answer; without, it is an error
    at once, since a peer that speaks something else sends anything.
    """

    __slots__ = ("_any_version", "_torn")

    def __init__(self, *, any_version: bool = False) -> None:
        self._any_version = any_version
        self._torn = b""

    @property
    def held(self) -> int:
        """Bytes of a torn PDU that wait for the rest."""
        return len(self._torn)

    def single(self, data: bytes) -> int | None:
        """The PTYPE if this read is exactly one PDU, as it mostly is; None asks for `feed`.

        It answers without making an object, and only in the usual case: nothing torn, little-endian.
        """
        if self._torn or len(data) < HEADER_SIZE:
            return None
        version, kind, drep, size = _HEAD.unpack_from(data)
        if size == len(data) and version == RPC_VERSION and drep & _LITTLE_ENDIAN:
            return int(kind)
        return None

    def feed(self, data: bytes) -> list[Piece]:
        """What is complete now; `BrokenStream`, with what came before, when this is no stream of PDUs."""
        return self._mend(data) if self._torn else self._cut(data)

    def pieces(self, data: bytes) -> Iterator[Piece]:
        """The same one by one, so that what came before is dealt with when `BrokenStream` is raised."""
        try:
            yield from self.feed(data)
        except BrokenStream as broken:
            yield from broken.pieces
            raise

    def _mend(self, data: bytes) -> list[Piece]:
        torn, at, pieces = self._torn, 0, list[Piece]()
        if len(torn) < HEADER_SIZE:
            at = HEADER_SIZE - len(torn)
            torn += data[:at]
        if len(torn) >= HEADER_SIZE:
            try:
                size = pdu_size(torn)
            except DecodeError as error:
                raise BrokenStream(error, pieces) from None
            end = at + size - len(torn)
            torn += data[at:end]
            if len(torn) == size:
                self._torn = b""
                return self._cut(data, end, [Piece(torn[2] == RTS, torn)])
        self._torn = torn
        return pieces

    def _cut(self, data: bytes, at: int = 0, before: list[Piece] | None = None) -> list[Piece]:
        pieces = before or []
        end, run, broken = len(data), at, None
        try:
            while end - at >= HEADER_SIZE:
                # Written out here and not called: this loop sees every PDU of a bulk transfer.
                version, kind, drep, size = _HEAD.unpack_from(data, at)
                if version != RPC_VERSION or size < HEADER_SIZE or not drep & _LITTLE_ENDIAN:
                    self._check(data, at)
                    size = pdu_size(data, at)
                if end - at < size:
                    break
                if kind == RTS:
                    if run < at:
                        pieces.append(Piece(False, memoryview(data)[run:at]))
                    pieces.append(Piece(True, data if size == end else memoryview(data)[at : at + size]))
                    run = at + size
                at += size
            if at < end:
                self._check(data, at)
        except DecodeError as error:
            broken = error
        if run < at:  # a transport writes bytes quicker than a view of them
            pieces.append(Piece(False, data if at - run == end else memoryview(data)[run:at]))
        if broken is not None:
            raise BrokenStream(broken, pieces)
        if at < end:
            self._torn = data[at:]
        return pieces

    def _check(self, data: bytes, at: int) -> None:
        if data[at] != RPC_VERSION and not self._any_version:
            raise DecodeError(f"rpc_vers {data[at]}: this is not RPC", at=at)
