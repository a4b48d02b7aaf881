"""Cutting calls into PDUs that fit, and joining what arrives.  C706 12.6.2, MS-RPCE 3.3.1.5.4

The payload of a call is the concatenation of its fragments' stub bytes; any cut is legal. Joining is
bounded before a byte is kept: by the bytes left under the limit, and by the number of fragments that
bring none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rpch.dcerpc.pdus_call import (
    OBJECT_UUID_SIZE,
    REQUEST_HEADER_SIZE,
    RESPONSE_HEADER_SIZE,
    Request,
    Response,
)
from rpch.dcerpc.pdus_header import PfcFlags
from rpch.dcerpc.pdus_trailer import SecTrailer
from rpch.errors import LocalProtocolError, RemoteProtocolError

REQUEST_LIMIT: Final = 4 * 1024 * 1024
RESPONSE_LIMIT: Final = 64 * 1024 * 1024
EMPTY_FRAGMENTS: Final = 1024
_GRAIN: Final = 8
_PROTECTED_GRAIN: Final = 16


class StubTooLarge(RemoteProtocolError):
    """A call's stub data exceeds, or says it will exceed, what is accepted.  MS-RPCE 3.3.3.5.4"""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size, self.limit = size, limit

    def __str__(self) -> str:
        return f"{self.size} bytes of stub data exceed the limit of {self.limit}"


class TooManyEmptyFragments(RemoteProtocolError):
    """A call keeps sending fragments without stub data."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"more than {self.limit} fragments without stub data"


class Reassembly:
    """The stub bytes of one call, as its fragments arrive."""

    def __init__(self, *, limit: int = REQUEST_LIMIT, empty_limit: int = EMPTY_FRAGMENTS) -> None:
        self._limit, self._empty_limit = limit, empty_limit
        self._stub = bytearray()
        self._empty = 0

    def __len__(self) -> int:
        return len(self._stub)

    def add(self, stub: bytes, *, hint: int = 0) -> None:
        """Append one fragment's stub bytes; `hint` is what it says is still to come, itself included."""
        size = len(self._stub) + max(len(stub), hint)
        if size > self._limit:
            raise StubTooLarge(size, self._limit)
        if not stub:
            self._empty += 1
            if self._empty > self._empty_limit:
                raise TooManyEmptyFragments(self._empty_limit)
        self._stub += stub

    def finish(self) -> bytes:
        """All of it; the reassembly is empty afterwards."""
        whole = bytes(self._stub)
        self._stub = bytearray()
        return whole


def chunk_size(fragment: int, header: int, *, token: int | None = None) -> int:
    """How many stub bytes fit into each fragment but the last.  MS-RPCE 2.2.2.11

    With a security token of `token` bytes, sizes are multiples of 16 so that only the last fragment
    needs padding.
    """
    room = fragment - header
    if token is None:
        room -= room % _GRAIN
    else:
        room -= SecTrailer.SIZE + token
        room -= room % _PROTECTED_GRAIN
    if room <= 0:
        raise LocalProtocolError(f"fragments of {fragment} bytes leave no room for stub data")
    return room


def request_fragments(request: Request, *, fragment: int, token: int | None = None) -> Iterator[Request]:
    """One call as requests that fit into `fragment` bytes, object UUID and all in each.  C706 12.6.4.9"""
    header = REQUEST_HEADER_SIZE + (OBJECT_UUID_SIZE if request.object_uuid is not None else 0)
    size = chunk_size(fragment, header, token=token)
    for flags, hint, stub in _cut(request.stub, size):
        yield Request(
            request.call_id,
            request.context_id,
            request.opnum,
            stub,
            hint,
            request.object_uuid,
            request.flags & ~_ENDS | flags,
        )


def response_fragments(response: Response, *, fragment: int, token: int | None = None) -> Iterator[Response]:
    """One call's results as responses that fit into `fragment` bytes.  C706 12.6.4.10"""
    size = chunk_size(fragment, RESPONSE_HEADER_SIZE, token=token)
    for flags, hint, stub in _cut(response.stub, size):
        yield Response(
            response.call_id,
            response.context_id,
            stub,
            hint,
            response.cancel_count,
            response.flags & ~_ENDS | flags,
        )


_ENDS: Final = PfcFlags.FIRST_FRAG | PfcFlags.LAST_FRAG


def _cut(stub: bytes, size: int) -> Iterator[tuple[PfcFlags, int, bytes]]:
    """Flags, bytes still to come, and stub bytes of each fragment; each byte is copied once."""
    whole, total = memoryview(stub), len(stub)
    for at in range(0, total, size) if total else (0,):
        flags = PfcFlags.FIRST_FRAG if at == 0 else PfcFlags.NONE
        if at + size >= total:
            flags |= PfcFlags.LAST_FRAG
        yield flags, total - at, bytes(whole[at : at + size])
