"""Writes decoded messages as a capture, without credentials, so that it may be shown to others."""

from __future__ import annotations

from typing import Final

from rpch.decode.conversations import Seen
from rpch.decode.heads import masked_head
from rpch.decode.messages import Kind, Message
from rpch.decode.packets import Endpoint
from rpch.decode.pcapng import CLIENT, SERVER, PcapngWriter, TcpStream
from rpch.rts.masking import masked

# What only a server says, for input that does not tell its direction.
_ANSWERS: Final = frozenset({"bind_ack", "bind_nak", "alter_context_resp", "response", "fault", "shutdown"})


class Exporter:
    """Puts each stream of messages into a TCP connection of its own; `whole` leaves secrets in."""

    def __init__(self, writer: PcapngWriter, *, whole: bool = False) -> None:
        self._writer, self._whole = writer, whole
        self._streams: dict[int, TcpStream] = {}
        self._time = 0.0

    def add(self, seen: Seen) -> None:
        """One message; notes are not on the wire and leave no packet."""
        if seen.message.kind is Kind.NOTE:
            return
        self._time = self._time if seen.time is None else seen.time
        if seen.number not in self._streams:
            self._streams[seen.number] = TcpStream(self._writer, *_ends(seen), self._time)
        data = seen.message.data if self._whole else harmless(seen.message)
        self._streams[seen.number].send(data, self._time, from_client=_from_client(seen))

    def close(self) -> None:
        """End every connection."""
        for stream in self._streams.values():
            stream.close(self._time)


def harmless(message: Message) -> bytes:
    """The bytes of a message without credentials, tokens and whole cookies, in the same size."""
    match message.kind:
        case Kind.HEAD:
            return masked_head(message.data)
        case Kind.RTS | Kind.RPC:
            return masked(message.data)
        case Kind.BANNER:
            return message.data
    return bytes(len(message.data))


def _ends(seen: Seen) -> tuple[Endpoint, Endpoint]:
    """The two ends of a stream, the client's first; made-up ones for what came without."""
    if seen.source is None or seen.target is None:
        return Endpoint(CLIENT.address, CLIENT.port + seen.number), SERVER
    return (seen.target, seen.source) if seen.from_client is False else (seen.source, seen.target)


def _from_client(seen: Seen) -> bool:
    if seen.from_client is not None:
        return seen.from_client
    message = seen.message
    return not (
        message.name in _ANSWERS
        or message.kind is Kind.BANNER
        or (message.kind is Kind.HEAD and message.name.startswith("HTTP/"))
    )
