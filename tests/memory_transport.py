"""A transport without a socket: it shows what was written and how it was closed."""

from __future__ import annotations

import asyncio
from typing import Any


class MemoryTls:
    """What a transport knows of its TLS: the client's certificate in DER, if it showed one."""

    def __init__(self, certificate: bytes | None) -> None:
        self._certificate = certificate

    def getpeercert(self, binary_form: bool = False) -> bytes | None:
        return self._certificate


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory. What the peer does, a test does to the protocol."""

    def __init__(
        self,
        *,
        peer: tuple[str, int] | None = ("192.0.2.7", 50_000),
        tls: bool = False,
        closing: bool = False,
        certificate: bytes | None = None,
    ) -> None:
        super().__init__({"peername": peer, "ssl_object": MemoryTls(certificate) if tls else None})
        self.unsent = 0
        self.limits: tuple[int | None, int | None] = (None, None)
        self.protocol: asyncio.BaseProtocol | None = None
        self._written = b""
        self._reading, self._ended, self._aborted, self._closing, self._tls = True, False, False, closing, tls

    def take(self) -> bytes:
        """What was written since the last look."""
        taken, self._written = self._written, b""
        return taken

    def is_ended(self) -> bool:
        """Whether it has said that nothing more comes."""
        return self._ended

    def is_aborted(self) -> bool:
        """Whether it was closed without regard to what was on its way."""
        return self._aborted

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self._written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = high, low

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def can_write_eof(self) -> bool:
        return not self._tls

    def write_eof(self) -> None:
        self._ended = True

    def close(self) -> None:
        self._closing = True

    def abort(self) -> None:
        self._closing = self._aborted = True

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self.protocol is not None
        return self.protocol
