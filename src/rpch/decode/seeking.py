"""Finds the next PDU in a stream of which a part is missing.

PDUs have no mark to look for, but a header that makes sense, with another one exactly where it ends, is no
accident.
"""

from __future__ import annotations

from typing import Final

from rpch.dcerpc.framing import HEADER_SIZE, pdu_size
from rpch.dcerpc.pdu_names import NAMES
from rpch.dcerpc.pdus_header import BIG_ENDIAN_DREP, LITTLE_ENDIAN_DREP
from rpch.errors import DecodeError

_START: Final = b"\x05\0"


def find_pdu(data: bytes, *, ended: bool = False) -> tuple[int, bool]:
    """Where the next PDU starts, and whether that is sure. What is before it is none and may be dropped.

    It is sure when another header follows it, or with `ended` when it reaches the end of `data`.
    """
    at = data.find(_START)
    while at >= 0:
        if len(data) - at < HEADER_SIZE:
            return at, False
        if (size := _plausible_size(data[at : at + HEADER_SIZE])) is not None:
            follower = data[at + size : at + size + HEADER_SIZE]
            if ended and at + size == len(data):
                return at, True
            if len(follower) < HEADER_SIZE:
                return at, False
            if _plausible_size(follower) is not None:
                return at, True
        at = data.find(_START, at + 1)
    return max(len(data) - 1, 0), False


def _plausible_size(head: bytes) -> int | None:
    """The size of the PDU behind a header, or None for a header that makes no sense."""
    if not head.startswith(_START) or head[2] not in NAMES:
        return None
    if head[4:8] not in (LITTLE_ENDIAN_DREP, BIG_ENDIAN_DREP):
        return None
    try:
        size = pdu_size(head)
    except DecodeError:
        return None
    token = int.from_bytes(head[10:12], "little" if head[4] else "big")
    return size if token <= size - HEADER_SIZE else None
