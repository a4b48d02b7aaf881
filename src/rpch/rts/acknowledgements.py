"""Acknowledgements, read and written in one step.  MS-RPCH 2.2.4.50, 2.2.4.51

They come for every half window of a bulk transfer, on every hop, and to take them apart command by command
would be most of what a relay does there. All but their values never differs, so one comparison knows them.
What looks any different is left to those who read any PDU.
"""

from __future__ import annotations

import struct
from typing import Final

from rpch.rts.commands import Destination, FlowControlAck

SIZE: Final = 48
SIZE_WITH_DESTINATION: Final = 56

_HEAD: Final = bytes.fromhex(
    "05 00 14 03 10 00 00 00"  # RTS, one fragment, little-endian
    "30 00 00 00 00 00 00 00"  # 48 bytes, no authentication, call id 0
    "02 00 01 00"  # flags OTHER_CMD, 1 command
    "01 00 00 00"  # FlowControlAck
)
_HEAD_WITH_DESTINATION: Final = bytes.fromhex(
    "05 00 14 03 10 00 00 00"  # RTS, one fragment, little-endian
    "38 00 00 00 00 00 00 00"  # 56 bytes, no authentication, call id 0
    "02 00 02 00"  # flags OTHER_CMD, 2 commands
    "0d 00 00 00"  # Destination; whom it names follows
)
_ACK: Final = bytes.fromhex("01 00 00 00")  # FlowControlAck
_LAYOUT: Final = struct.Struct("<24sII16s")
_LAYOUT_WITH_DESTINATION: Final = struct.Struct("<24sI4sII16s")


def read(data: bytes) -> tuple[FlowControlAck] | tuple[Destination, FlowControlAck] | None:
    """The commands of an acknowledgement; None when this is anything else."""
    if len(data) == SIZE_WITH_DESTINATION:
        head, party, kind, received, window, channel = _LAYOUT_WITH_DESTINATION.unpack(data)
        if head == _HEAD_WITH_DESTINATION and kind == _ACK:
            return Destination(party), FlowControlAck(received, window, channel)
    elif len(data) == SIZE:
        head, received, window, channel = _LAYOUT.unpack(data)
        if head == _HEAD:
            return (FlowControlAck(received, window, channel),)
    return None


def encode(ack: FlowControlAck, destination: Destination | None = None) -> bytes:
    """One whole PDU."""
    if len(ack.channel) != 16:
        raise ValueError(f"need 16 bytes, have {len(ack.channel)}")
    values = (ack.bytes_received, ack.available_window, ack.channel)
    if destination is None:
        return _LAYOUT.pack(_HEAD, *values)
    return _LAYOUT_WITH_DESTINATION.pack(_HEAD_WITH_DESTINATION, destination.party, _ACK, *values)
