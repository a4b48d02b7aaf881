"""Follows every TCP connection of a capture and shows what it carried, in the order of the capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rpch.decode.capture import Packet
from rpch.decode.messages import Message
from rpch.decode.packets import KNOWN_LINKS, Endpoint, read_segment
from rpch.decode.reassembly import Arrival, Reassembler
from rpch.decode.sessions import Sessions
from rpch.decode.streams import BANNER, StreamDecoder, Talk
from rpch.errors import DecodeError


@dataclass(frozen=True)
class Seen:
    """One message, and where it was seen."""

    message: Message
    time: float | None = None
    number: int = 1  # of the TCP connection
    source: Endpoint | None = None
    target: Endpoint | None = None
    from_client: bool | None = None
    connection: str = ""  # the short cookie of the virtual connection, once known
    place: str | None = None


@dataclass
class _Conversation:
    """One TCP connection: what its ends agreed on, and a decoder for each."""

    talk: Talk
    client: Endpoint
    decoders: dict[Endpoint, StreamDecoder] = field(default_factory=dict)


class Conversations:
    """Takes the packets of a capture, and gives the messages they complete."""

    def __init__(self, *, whole_cookies: bool = False) -> None:
        self._whole_cookies = whole_cookies
        self._sessions = Sessions()
        self._reassembler = Reassembler()
        self._open: dict[int, _Conversation] = {}

    def decode(self, packets: Iterable[Packet]) -> Iterator[Seen]:
        """All messages. A broken file shows what came before the break, then raises `DecodeError`."""
        time, links, used, broken = 0.0, set(), False, None
        try:
            for packet in packets:
                time = packet.time
                links.add(packet.link)
                segment = read_segment(packet.link, packet.data)
                if segment is not None:
                    used = True
                    for arrival in self._reassembler.feed(segment):
                        yield from self._arrived(arrival, time)
        except DecodeError as error:
            broken = error
        for arrival in self._reassembler.finish():
            yield from self._arrived(arrival, time)
        if broken is not None:
            raise broken
        if links and not links & KNOWN_LINKS:
            raise DecodeError(f"no link type known here, only {sorted(links)}", at=0)
        if not used:
            raise DecodeError("no TCP in this capture", at=0)

    def _arrived(self, arrival: Arrival, time: float) -> Iterator[Seen]:
        conversation = self._open.get(arrival.number)
        if conversation is None:
            if not arrival.data and not arrival.missing:
                return
            conversation = self._begin(arrival)
        decoder = conversation.decoders[arrival.source]
        if arrival.missing:
            messages = decoder.lose(arrival.missing)
        elif arrival.closed:
            messages = decoder.close()
        else:
            messages = decoder.feed(arrival.data)
        talk = conversation.talk
        for message in messages:
            yield Seen(
                message,
                time,
                arrival.number,
                arrival.source,
                arrival.target,
                arrival.source == conversation.client,
                talk.connection,
                talk.place,
            )

    def _begin(self, arrival: Arrival) -> _Conversation:
        talk = Talk(self._sessions, whole_cookies=self._whole_cookies)
        client = arrival.source if _is_client(arrival) else arrival.target
        conversation = self._open[arrival.number] = _Conversation(talk, client)
        for end in (arrival.source, arrival.target):
            conversation.decoders[end] = StreamDecoder(talk, from_client=end == client)
        return conversation


def _is_client(arrival: Arrival) -> bool:
    """Whether the sender of a connection's first bytes is the end that connected."""
    if arrival.from_client is not None:
        return arrival.from_client
    if arrival.data.startswith((b"HTTP/", BANNER[:4])):
        return False
    if arrival.data[:1].isupper():
        return True
    return arrival.source.port >= arrival.target.port  # servers listen on low ports
