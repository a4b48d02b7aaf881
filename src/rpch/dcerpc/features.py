"""Bind-time features: what both ends can do beyond C706, agreed in the bind.  MS-RPCE 2.2.2.14

A client offers them as a presentation context whose first transfer syntax is no syntax but a bitmask in
the shape of one. The server answers with `negotiate_ack` and the bits it has too.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final
from uuid import UUID

from rpch.dcerpc.pdus import SyntaxId

_PREFIX: Final = bytes.fromhex("2c1cb76c12984045")


class Features(IntFlag):
    """The bits of the feature bitmask.  MS-RPCE 2.2.2.14"""

    NONE = 0
    SECURITY_CONTEXT_MULTIPLEXING = 0x1
    KEEP_CONNECTION_ON_ORPHAN = 0x2


ALL_FEATURES: Final = Features.SECURITY_CONTEXT_MULTIPLEXING | Features.KEEP_CONNECTION_ON_ORPHAN


def feature_syntax(features: Features) -> SyntaxId:
    """The transfer syntax that offers these features.  MS-RPCE 2.2.2.14"""
    return SyntaxId(UUID(bytes_le=_PREFIX + features.to_bytes(8, "little")), 1)


def offered_features(syntax: SyntaxId) -> Features | None:
    """The features that a transfer syntax offers, unknown bits left out; None when it is a real one."""
    wire = syntax.uuid.bytes_le
    if not wire.startswith(_PREFIX) or (syntax.version_major, syntax.version_minor) != (1, 0):
        return None
    return Features(int.from_bytes(wire[len(_PREFIX) :], "little") & ALL_FEATURES)
