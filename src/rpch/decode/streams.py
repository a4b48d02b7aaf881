"""Cuts one direction of a TCP connection into messages: HTTP heads and bodies, banner, RTS and RPC PDUs.

The two directions of a connection share a `Talk`, since what an answer carries depends on what was asked.
Where a stream cannot be followed any more (TLS, nonsense), one note says why and the rest is passed over.
Where bytes of a stream of PDUs are missing, the next whole PDU is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from rpch.dcerpc.framing import HEADER_SIZE, pdu_size
from rpch.decode.heads import END, LONGEST, Head, describe_head, split_head
from rpch.decode.messages import Kind, Message
from rpch.decode.rpc import describe_rpc
from rpch.decode.rts import describe_rts
from rpch.decode.seeking import find_pdu
from rpch.decode.sessions import Session, Sessions
from rpch.errors import DecodeError, RemoteProtocolError
from rpch.http.chunks import ChunkDecoder
from rpch.rts.commands import Cookie, ForwardDestination, Version
from rpch.rts.pdus import RTS, read_message
from rpch.trace import short

BANNER: Final = b"ncacn_http/1.0"
LARGEST_ECHO: Final = 16

_PLACES: Final = {"RPC_IN_DATA": "IN-H", "RPC_OUT_DATA": "OUT-H"}
_PROXIES: Final = {
    "IN-H": ForwardDestination.IN_PROXY,
    "IN-T": ForwardDestination.IN_PROXY,
    "OUT-H": ForwardDestination.OUT_PROXY,
    "OUT-T": ForwardDestination.OUT_PROXY,
}
# What a proxy says first on its leg to the server.
_OPENINGS: Final = {"CONN/A2": "OUT-T", "OUT_R1/A4": "OUT-T", "CONN/B2": "IN-T", "IN_R1/A2": "IN-T"}
_TUNNELS: Final = frozenset({"CONNECT", "RPC_CONNECT"})


@dataclass
class Talk:
    """What both directions of one TCP connection know of each other."""

    sessions: Sessions = field(default_factory=Sessions)
    session: Session = field(default_factory=Session)
    connection: str = ""  # the short cookie of the virtual connection, once seen
    method: str = ""
    place: str | None = None
    receiver: ForwardDestination | None = None  # who reads, when the caller says it
    whole_cookies: bool = False

    def learn(self, pdu: bytes) -> None:
        """Which virtual connection this is, if the PDU names one."""
        try:
            commands = read_message(pdu).commands
        except RemoteProtocolError:
            return
        match commands:
            case (Version(), Cookie(value=cookie), *_):
                self.connection = short(cookie)
                self.session = self.sessions.of(self.connection)


class _State(Enum):
    START = auto()
    PDUS = auto()
    OPAQUE = auto()
    SEEKING = auto()
    LOST = auto()


class StreamDecoder:
    """One direction. `from_client` is whether it comes from the end that connected; None if nobody knows."""

    def __init__(self, talk: Talk | None = None, *, from_client: bool | None = None) -> None:
        self._talk = talk or Talk()
        self._from_client = from_client
        self._state = _State.START
        self._buffer = bytearray()
        self._at = 0
        self._left: int | None = None  # what is left of a body; None when only the end ends it
        self._chunks: ChunkDecoder | None = None
        self._noted: Message | None = None

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now."""
        if self._state is _State.LOST:
            self._at += len(data)
            return []
        self._buffer += self._unchunked(data)
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def lose(self, size: int) -> list[Message]:
        """So many bytes are missing in the capture."""
        if self._state is _State.LOST:
            return []
        why = f"{size} bytes are missing in the capture"
        gone = size + len(self._buffer)
        unsure = self._state is _State.START or self._chunks is not None
        if unsure or (self._left is not None and self._left < gone):
            return [self._lost(f"{why}; the rest cannot be followed")]
        self._take(len(self._buffer))
        note = self._note(why)
        self._at += size
        if self._left is not None:
            self._left -= size
        if self._state is _State.PDUS:
            self._state = _State.SEEKING
        return [note]

    def close(self) -> list[Message]:
        """The stream has ended; what was torn is a message with a problem."""
        if self._state is _State.SEEKING:
            last = self._sought(ended=True)
            return [last] if last else []
        if not self._buffer or self._state is _State.LOST:
            return []
        return [self._torn()]

    def _next(self) -> Message | None:
        if self._noted:
            noted, self._noted = self._noted, None
            return noted
        if self._left == 0 and self._state is not _State.LOST and not self._chunks:
            self._state, self._left = _State.START, None
        match self._state:
            case _ if not self._buffer:
                return None
            case _State.START:
                return self._recognise()
            case _State.PDUS:
                return self._next_pdu()
            case _State.OPAQUE:
                return self._next_body()
            case _:
                return self._sought()

    def _recognise(self) -> Message | None:
        """What a stretch of the stream begins with."""
        start = bytes(self._buffer[: len(BANNER)])
        if start[0] == 5:
            self._state = _State.PDUS
            return self._next_pdu()
        if BANNER.startswith(start):
            return self._message(Kind.BANNER, BANNER.decode(), len(BANNER)) if start == BANNER else None
        if start[0] == 0x16 and start[1:2] in (b"", b"\x03"):
            if len(start) == 1:
                return None
            return self._lost("TLS: only its two ends can read it; capture behind the one that ends TLS")
        if not start[:1].isupper():
            return self._lost(f"neither RPC nor HTTP: it starts with {start.hex(' ')}")
        end = self._buffer.find(END)
        if end < 0:
            return self._lost("an HTTP head without an end") if len(self._buffer) > LONGEST else None
        data = self._take(end + len(END))
        self._follow(split_head(data))
        return describe_head(data, at=self._at - len(data))

    def _follow(self, head: Head) -> None:
        """Decide what the body after a head is."""
        talk = self._talk
        self._from_client = not head.is_response
        if head.is_response:
            rpc = self._follow_response(head)
        else:
            talk.method, talk.place = head.method, _PLACES.get(head.method)
            self._left = head.content_length or 0
            rpc = talk.place is not None and self._left > LARGEST_ECHO
        if talk.method in _TUNNELS and (not head.is_response or head.status // 100 == 2):
            self._left = None  # what follows is recognised anew
            return
        self._state = _State.PDUS if rpc else _State.OPAQUE
        if head.chunked:
            self._left, self._chunks = None, ChunkDecoder()
            raw = bytes(self._buffer)
            self._buffer.clear()
            self._buffer += self._unchunked(raw)

    def _follow_response(self, head: Head) -> bool:
        """Whether a response's body is made of PDUs."""
        talk = self._talk
        bodiless = head.status // 100 == 1 or head.status in (204, 304) or talk.method == "HEAD"
        self._left = 0 if bodiless else head.content_length
        if head.status != 200 or bodiless:
            return False
        if not talk.method and head.get("content-type") == "application/rpc":
            talk.place = "OUT-H"  # only half of the connection is known
            return True
        return talk.method in _PLACES

    def _unchunked(self, data: bytes) -> bytes:
        """What is in the chunks; the stream starts anew behind the last one."""
        if not (chunks := self._chunks):
            return data
        try:
            content = chunks.feed(data)
        except DecodeError as error:
            self._noted = self._lost(f"the chunks of a body cannot be followed: {error}")
            return b""
        if chunks.finished:
            self._chunks, self._left = None, len(self._buffer) + len(content)
        return content

    def _next_pdu(self) -> Message | None:
        if self._buffer.startswith(b"HTTP/"):  # a proxy may put an error into an open channel
            self._state, self._left = _State.START, None
            return self._recognise()
        if len(self._buffer) < HEADER_SIZE:
            return None
        if self._buffer[0] != 5:
            return self._lost(f"no PDU: it starts with {bytes(self._buffer[:8]).hex(' ')}")
        try:
            size = pdu_size(bytes(self._buffer[:HEADER_SIZE]))
        except DecodeError as error:
            return self._lost(f"no PDU: {error}")
        if self._left is not None and size > self._left:
            return self._lost(f"a PDU of {size} bytes in the last {self._left} bytes of a body")
        if len(self._buffer) < size:
            return None
        return self._described(self._take(size))

    def _sought(self, *, ended: bool = False) -> Message | None:
        """The first PDU after a gap."""
        body = bytes(self._buffer if self._left is None else self._buffer[: self._left])
        ended = ended or len(body) == self._left
        at, sure = find_pdu(body, ended=ended)
        self._take(len(body) if ended and not sure else at)
        if sure:
            self._state = _State.PDUS
            return self._next_pdu()
        return self._next() if self._left == 0 else None

    def _described(self, pdu: bytes) -> Message:
        talk, at = self._talk, self._at - len(pdu)
        if pdu[2] != RTS:
            return describe_rpc(pdu, talk.session, at=at)
        talk.learn(pdu)
        message = describe_rts(
            pdu, at=at, place=talk.place, receiver=self._receiver(), whole_cookies=talk.whole_cookies
        )
        if talk.place is None and message.name in _OPENINGS:
            talk.place = _OPENINGS[message.name]
        return message

    def _receiver(self) -> ForwardDestination | None:
        """Who reads this direction."""
        talk = self._talk
        if talk.receiver is not None or talk.place is None or self._from_client is None:
            return talk.receiver
        if talk.place.endswith("-H"):
            return _PROXIES[talk.place] if self._from_client else ForwardDestination.CLIENT
        return ForwardDestination.SERVER if self._from_client else _PROXIES[talk.place]

    def _next_body(self) -> Message:
        size = len(self._buffer) if self._left is None else min(self._left, len(self._buffer))
        return self._message(Kind.BODY, "body", size, about=f"{size} bytes that are no PDUs")

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._at += size
        if self._left is not None and self._state is not _State.START:
            self._left -= size
        return data

    def _message(self, kind: Kind, name: str, size: int, *, about: str = "") -> Message:
        data = self._take(size)
        return Message(kind, name, self._at - size, data, about)

    def _note(self, what: str) -> Message:
        return Message(Kind.NOTE, what, self._at, b"", problem=what)

    def _lost(self, why: str) -> Message:
        """Say why the rest of the stream is passed over."""
        note = self._note(why)
        self._state = _State.LOST
        self._at += len(self._buffer)
        self._buffer.clear()
        return note

    def _torn(self) -> Message:
        """What the end of the stream has cut off."""
        data, have = bytes(self._buffer), len(self._buffer)
        if self._state is _State.PDUS and have >= HEADER_SIZE and data[0] == 5:
            describe = describe_rts if data[2] == RTS else describe_rpc
            message = describe(data, at=self._at)
            problem = f"frag_length says {pdu_size(data)} bytes, the stream ends after {have}"
            return Message(message.kind, message.name, self._at, data, "", message.parts, problem)
        problem = f"the stream ends after {have} bytes of a message that needs more"
        return Message(Kind.NOTE, "cut off", self._at, data, problem=problem)
