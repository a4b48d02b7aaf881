"""The chunked framing of an OUT channel, for the peers that want it.  RFC 9112 7.1

The specification knows no transfer coding. Observed: one client (Ruler) reads only chunked OUT
channels, and one reverse proxy (TMG 2010, by impacket's account) makes a channel chunked.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from rpch.errors import DecodeError

LAST_CHUNK: Final = b"0\r\n\r\n"

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_LINE: Final = 4_096
_RAW: Final = b"HTTP/"


def encode_chunk(data: bytes) -> bytes:
    """One chunk; never an empty one, which would end the body.  RFC 9112 7.1"""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    FINISHED = auto()
    RAW = auto()


class ChunkDecoder:
    """Takes a chunked body as it comes and gives back what is in it.  RFC 9112 7.1

    IIS may write a raw `HTTP/1.0 503 RPC Error` where a chunk should start (MS-RPCH 2.1.2.1.4 leaves it no
    other place): from there on all bytes pass unchanged, and the reader of PDUs finds the error.
    """

    def __init__(self) -> None:
        self._state = _State.SIZE
        self._buffer = bytearray()
        self._left = 0

    @property
    def finished(self) -> bool:
        """Whether the last chunk and its trailer have come."""
        return self._state is _State.FINISHED

    def feed(self, data: bytes) -> bytes:
        """The content that `data` completes; `DecodeError` when it is not chunked."""
        self._buffer += data
        content = bytearray()
        while self._step(content):
            pass
        return bytes(content)

    def _step(self, content: bytearray) -> bool:
        """Do one part of the framing; False when it needs more bytes."""
        match self._state:
            case _State.SIZE:
                return self._read_size()
            case _State.DATA:
                taken = min(self._left, len(self._buffer))
                content += self._take(taken)
                self._left -= taken
                if not self._left:
                    self._state = _State.DATA_END
                return not self._left
            case _State.DATA_END:
                return self._read_line_end()
            case _State.TRAILER:
                line = self._take_line()
                if line == b"":
                    self._state = _State.FINISHED
                return line is not None
            case _State.RAW:
                content += self._take(len(self._buffer))
                return False
            case _State.FINISHED:
                if self._buffer:
                    raise DecodeError("bytes after the last chunk", at=0)
                return False

    def _read_size(self) -> bool:
        if self._buffer.startswith(_RAW):
            self._state = _State.RAW
            return True
        line = self._take_line()
        if line is None:
            return False
        matched = _SIZE.fullmatch(line)
        if matched is None:
            raise DecodeError("no chunk size", at=0)
        self._left = int(matched[1], 16)
        self._state = _State.DATA if self._left else _State.TRAILER
        return True

    def _read_line_end(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if self._take(2) != b"\r\n":
            raise DecodeError("a chunk longer than its size", at=0)
        self._state = _State.SIZE
        return True

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, _LINE)
        if end < 0:
            if len(self._buffer) >= _LINE:
                raise DecodeError(f"a line of more than {_LINE} bytes between chunks", at=_LINE)
            return None
        return self._take(end + 2)[:-2]

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
