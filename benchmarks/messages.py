"""The RPC PDUs that every way carries: small calls, and calls of a megabyte either way."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from rpch.dcerpc.pdus import PfcFlags, Request, Response

CALL_SIZE: Final = 200  # bytes of a small call's request, and of its response
FRAGMENT_SIZE: Final = 5_840  # what Windows peers agree on
FRAGMENTS: Final = 180  # of one bulk call
BULK_SIZE: Final = FRAGMENT_SIZE * FRAGMENTS
HEADER_SIZE: Final = 24  # of requests and responses alike
OPNUM_AT: Final = 22  # where a request has its opnum


class Opnum(IntEnum):
    """What a request asks of the back end."""

    CALL = 0
    UPLOAD = 1
    DOWNLOAD = 2


def _fragments(first: bytes, between: bytes, last: bytes) -> bytes:
    return first + between * (FRAGMENTS - 2) + last


def _uploaded(flags: PfcFlags) -> bytes:
    return Request(1, 0, Opnum.UPLOAD, bytes(FRAGMENT_SIZE - HEADER_SIZE), flags=flags).encode()


def _downloaded(flags: PfcFlags) -> bytes:
    return Response(1, 0, bytes(FRAGMENT_SIZE - HEADER_SIZE), flags=flags).encode()


NO_FLAGS: Final = PfcFlags(0)
CALL: Final = Request(1, 0, Opnum.CALL, bytes(CALL_SIZE - HEADER_SIZE)).encode()
ANSWER: Final = Response(1, 0, bytes(CALL_SIZE - HEADER_SIZE)).encode()
ASK_DOWNLOAD: Final = Request(1, 0, Opnum.DOWNLOAD, bytes(CALL_SIZE - HEADER_SIZE)).encode()
UPLOAD: Final = _fragments(*map(_uploaded, (PfcFlags.FIRST_FRAG, NO_FLAGS, PfcFlags.LAST_FRAG)))
DOWNLOAD: Final = _fragments(*map(_downloaded, (PfcFlags.FIRST_FRAG, NO_FLAGS, PfcFlags.LAST_FRAG)))
