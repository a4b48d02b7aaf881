"""Finds out what a file is (capture, trace, hex or raw bytes) and decodes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import BinaryIO, Final

from rpch.decode.capture import is_capture, read_packets
from rpch.decode.conversations import Conversations, Seen
from rpch.decode.hextext import parse_hex
from rpch.decode.sessions import Sessions
from rpch.decode.streams import BANNER, StreamDecoder, Talk
from rpch.decode.traces import Payload, read_payloads
from rpch.errors import DecodeError
from rpch.rts.commands import ForwardDestination

LARGEST_TEXT: Final = 64 << 20
_GZIP: Final = b"\x1f\x8b"
_TEXT: Final = frozenset(b"\t\n\r\f" + bytes(range(0x20, 0x7F)))
_RECEIVERS: Final = {party.name.lower().replace("_", "-"): party for party in ForwardDestination}
# The roles of a trace that others connect to.
_SERVERS: Final = frozenset({"SERVER", "RPC_SERVER"})


class Form(Enum):
    """What input can be."""

    AUTO = "auto"
    HEX = "hex"
    RAW = "raw"
    CAPTURE = "capture"
    TRACE = "trace"


@dataclass(frozen=True)
class Where:
    """What the caller knows about bytes that do not say it themselves."""

    leg: str | None = None  # IN-H, IN-T, OUT-H or OUT-T
    to: str | None = None  # client, in-proxy, out-proxy or server
    whole_cookies: bool = False

    def talk(self, sessions: Sessions | None = None) -> Talk:
        """What a decoder of one stream needs to know."""
        receiver = _RECEIVERS.get(self.to or "")
        return Talk(
            sessions or Sessions(), place=self.leg, receiver=receiver, whole_cookies=self.whole_cookies
        )


def decode_source(stream: BinaryIO, form: Form = Form.AUTO, where: Where | None = None) -> Iterator[Seen]:
    """Every message in a file. `DecodeError` tells where a file is broken, after what came before."""
    where = where or Where()
    start = stream.read(16)
    if not start:
        raise DecodeError("the input is empty", at=0)
    if form is Form.AUTO:
        form, start = _recognise(start, stream)
    if form is Form.CAPTURE:
        packets = read_packets(_Joined(start, stream))
        return Conversations(whole_cookies=where.whole_cookies).decode(packets)
    data = start + stream.read(LARGEST_TEXT)
    if len(data) >= LARGEST_TEXT:
        raise DecodeError(f"more than {LARGEST_TEXT >> 20} MiB that are no capture", at=LARGEST_TEXT)
    match form:
        case Form.HEX:
            return _decode_stream(parse_hex(data.decode("latin-1")), where)
        case Form.TRACE:
            return _decode_trace(data.decode("utf-8", "replace"), where)
        case _:
            return _decode_stream(data, where)


class _Joined:
    """A stream whose first bytes have been read already."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = BytesIO(start), rest

    def read(self, size: int, /) -> bytes:
        data = self._start.read(size)
        return data + self._rest.read(size - len(data)) if len(data) < size else data


def _recognise(start: bytes, stream: BinaryIO) -> tuple[Form, bytes]:
    """What a file is, by its first bytes; text needs more of them."""
    if is_capture(start):
        return Form.CAPTURE, start
    if start.startswith(_GZIP):
        raise DecodeError("a gzip file: unpack it first", at=0)
    if start[0] == 5 or start.startswith((BANNER[:4], b"HTTP/", b"RPC_")):
        return Form.RAW, start
    start += stream.read(1 << 16)
    if start.lstrip()[:1] == b"{":
        return Form.TRACE, start
    if start.startswith(b"\xef\xbb\xbf"):
        start = start[3:]
    return (Form.HEX if set(start) <= _TEXT else Form.RAW), start


def _decode_stream(data: bytes, where: Where) -> Iterator[Seen]:
    talk = where.talk()
    decoder = StreamDecoder(talk)
    for message in [*decoder.feed(data), *decoder.close()]:
        yield Seen(message, connection=talk.connection, place=talk.place)


def _decode_trace(text: str, where: Where) -> Iterator[Seen]:
    """The payloads of a trace, stream by stream as the machine saw them."""
    sessions, streams, found = Sessions(), dict[tuple[object, ...], tuple[Talk, StreamDecoder, int]](), False
    for payload in read_payloads(text.splitlines(keepends=True)):
        found = True
        key = (payload.role, payload.connection, payload.leg, payload.received)
        if key not in streams:
            talk = _talk_of(payload, where, sessions)
            streams[key] = talk, StreamDecoder(talk), len(streams) + 1
        talk, decoder, number = streams[key]
        for message in decoder.feed(payload.data):
            from_client = payload.received == (payload.role in _SERVERS)
            yield Seen(
                message,
                payload.time,
                number,
                from_client=from_client,
                connection=payload.connection or talk.connection,
                place=talk.place,
            )
    if not found:
        raise DecodeError("this trace has no payloads; record it with RPCH_TRACE_FULL=1", at=0)


def _talk_of(payload: Payload, where: Where, sessions: Sessions) -> Talk:
    talk = where.talk(sessions)
    talk.session = sessions.of(payload.connection)
    place = payload.leg.partition("#")[0]
    talk.place = place if place in ("IN-H", "IN-T", "OUT-H", "OUT-T") else talk.place
    if payload.received and talk.receiver is None:
        talk.receiver = _RECEIVERS.get(payload.role.lower().replace("_", "-"))
    return talk
