"""Takes out of captured PDUs what nobody else may learn: whole cookies, and security tokens.

Who knows a cookie may join a virtual connection, and a token of NTLM gives a password away to whoever has
time. Sizes and everything else stay as they were, so that what is masked still decodes.
"""

from __future__ import annotations

import struct

from rpch.dcerpc.framing import HEADER_SIZE, Bytes, pdu_size
from rpch.errors import RemoteProtocolError
from rpch.rts.commands import AssociationGroupId, Cookie, FlowControlAck, RtsCommand, read_command
from rpch.rts.pdus import HEADER, RTS
from rpch.wire import Reader

SHOWN = 4
COOKIE_SIZE = 16
_LITTLE, _BIG = struct.Struct("<H"), struct.Struct(">H")


def masked(run: Bytes) -> bytes:
    """The same PDUs with four bytes of each cookie left, and tokens of zeros. What is no PDU is all zeros."""
    data, at, done = bytes(run), 0, bytearray()
    while len(data) - at >= HEADER_SIZE and data[at] == 5:
        try:
            size = pdu_size(data, at)
        except RemoteProtocolError:
            break
        if len(data) - at < size:
            break
        pdu = data[at : at + size]
        done += _masked_rts(pdu) if pdu[2] == RTS else _masked_rpc(pdu)
        at += size
    return bytes(done) + bytes(len(data) - at)


def _masked_rpc(pdu: bytes) -> bytes:
    order = _LITTLE if pdu[4] & 0x10 else _BIG
    (token,) = order.unpack_from(pdu, 10)
    kept = max(len(pdu) - token, HEADER_SIZE)
    return pdu[:kept] + bytes(len(pdu) - kept)


def _masked_rts(pdu: bytes) -> bytes:
    reader, data = Reader(pdu), bytearray(pdu)
    try:
        reader.take(HEADER.size)
        while reader.remaining:
            command = read_command(reader)
            if _ends_in_a_cookie(command):
                data[reader.at - COOKIE_SIZE + SHOWN : reader.at] = bytes(COOKIE_SIZE - SHOWN)
    except RemoteProtocolError:
        data[reader.at :] = bytes(len(data) - reader.at)
    return bytes(data)


def _ends_in_a_cookie(command: RtsCommand) -> bool:
    return isinstance(command, Cookie | AssociationGroupId | FlowControlAck)
