"""The body of a refusal: worth waiting for a moment, since it may say more than the head, but not for long.

Its end may be the connection's, and a proxy that never closes, or never stops, must not keep a caller from
hearing what the head has said already.  MS-RPCH 2.1.2.1.3
"""

from __future__ import annotations

from typing import Final

from rpch.errors import DecodeError
from rpch.http.chunks import ChunkDecoder
from rpch.http.outcomes import BodyExtent

ERROR_BODY_LIMIT: Final = 16 * 1024
ERROR_BODY_WITHIN: Final = 2.0  # seconds for all of it


class ErrorBody:
    """Collects what comes of one body."""

    __slots__ = ("_chunks", "_wanted", "content", "enough")

    def __init__(self, extent: BodyExtent) -> None:
        self._chunks = ChunkDecoder() if extent.chunked else None
        self._wanted = ERROR_BODY_LIMIT if extent.length is None else min(extent.length, ERROR_BODY_LIMIT)
        self.content = b""
        self.enough = self._wanted == 0  # nothing more is needed of it

    def feed(self, data: bytes) -> None:
        """More of it came."""
        if self._chunks is not None:
            try:
                data = self._chunks.feed(data)
            except DecodeError:
                self.enough = True
                return
            self.enough = self._chunks.finished
        self.content += data[: self._wanted - len(self.content)]
        self.enough |= len(self.content) >= self._wanted
