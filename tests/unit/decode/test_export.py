"""What is decoded can be written as a capture, without its secrets."""

from io import BytesIO

import pytest

from rpch.dcerpc.pdus import AuthLevel, AuthType, Request, SecTrailer
from rpch.decode.conversations import Seen
from rpch.decode.export import Exporter, harmless
from rpch.decode.messages import Kind, Message
from rpch.decode.pcapng import PcapngWriter
from rpch.decode.sources import decode_source
from rpch.decode.streams import BANNER
from rpch.testing.captures import BIND, BIND_ACK, NAMES, PASSWORD, RTS, opening_capture

COOKIE = bytes(range(0x10, 0x20))
TOKEN = b"NTLMSSP\0password"
SECURED = Request(7, 0, 3, b"stub", auth=SecTrailer(AuthType.NTLM, AuthLevel.CONNECT, 1, TOKEN)).encode()


def exported(data: bytes, *, whole: bool = False) -> bytes:
    """The capture that is made of some input."""
    sink = BytesIO()
    exporter = Exporter(PcapngWriter(sink), whole=whole)
    for seen in decode_source(BytesIO(data)):
        exporter.add(seen)
    exporter.close()
    return sink.getvalue()


def decoded(data: bytes) -> list[Seen]:
    """What a capture shows."""
    return list(decode_source(BytesIO(data)))


def test_a_capture_shows_the_same_after_export() -> None:
    before, after = decoded(opening_capture()), decoded(exported(opening_capture()))
    assert [seen.message.name for seen in after] == list(NAMES)
    for one, other in zip(before, after, strict=True):
        assert (one.time, one.place, one.message.about) == (other.time, other.place, other.message.about)
        assert (one.source, one.target) == (other.source, other.target)


def test_secrets_are_left_out_unless_asked_for() -> None:
    safe, whole = exported(opening_capture()), exported(opening_capture(), whole=True)
    for secret in (PASSWORD.encode(), COOKIE):
        assert secret not in safe
        assert secret in whole
    assert len(safe) == len(whole)
    assert TOKEN not in exported(SECURED)
    assert TOKEN in exported(SECURED, whole=True)


@pytest.mark.parametrize("stream", [RTS["CONN/A1"] + BIND, BIND_ACK, BANNER + RTS["CONN/C1"]])
def test_bytes_without_a_direction_get_a_connection_of_their_own(stream: bytes) -> None:
    seen = decoded(exported(stream))
    assert b"".join(len(one.message.data) * b"." for one in seen) == b"." * len(stream)
    assert {str(one.source).startswith("192.0.2.") for one in seen} == {True}


def test_what_only_servers_say_comes_from_the_server() -> None:
    assert [one.from_client for one in decoded(exported(BIND))] == [True]
    assert [one.from_client for one in decoded(exported(BIND_ACK))] == [False]
    assert [one.from_client for one in decoded(exported(BANNER))] == [False]
    assert [
        one.from_client for one in decoded(exported(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    ] == [False]


def test_bodies_become_zeros_and_notes_leave_nothing() -> None:
    assert harmless(Message(Kind.BODY, "body", 0, b"secret")) == bytes(6)
    assert harmless(Message(Kind.BANNER, "banner", 0, BANNER)) == BANNER
    sink = BytesIO()
    exporter = Exporter(PcapngWriter(sink))
    empty = len(sink.getvalue())
    exporter.add(Seen(Message(Kind.NOTE, "lost", 0, b"secret", problem="lost")))
    exporter.close()
    assert len(sink.getvalue()) == empty
