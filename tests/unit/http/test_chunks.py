"""Chunked OUT channels, whole and split at every point."""

from __future__ import annotations

import pytest

from rpch.errors import DecodeError
from rpch.http.chunks import LAST_CHUNK, ChunkDecoder, encode_chunk
from rpch.testing.codecs import every_split, one_at_a_time

CONTENT = b"A3" * 9 + b"C2\r\n" * 5
BODY = (
    encode_chunk(CONTENT[:18])
    + b"0F ; name=value\r\n"
    + CONTENT[18:33]
    + b"\r\n"
    + encode_chunk(CONTENT[33:])
)


def decoded(*parts: bytes) -> bytes:
    decoder = ChunkDecoder()
    return b"".join(decoder.feed(part) for part in parts)


def test_a_chunk() -> None:
    assert encode_chunk(b"x" * 28) == b"1c\r\n" + b"x" * 28 + b"\r\n"


def test_nothing_is_no_chunk_because_that_would_end_the_body() -> None:
    assert encode_chunk(b"") == b""


def test_chunks_are_joined_however_they_come() -> None:
    whole = BODY + LAST_CHUNK
    assert decoded(whole) == CONTENT
    assert decoded(*one_at_a_time(whole)) == CONTENT
    for first, second in every_split(whole):
        assert decoded(first, second) == CONTENT


def test_content_is_given_before_its_chunk_ends() -> None:
    decoder = ChunkDecoder()
    assert decoder.feed(b"64\r\nhalf") == b"half"
    assert not decoder.finished


def test_a_trailer_is_left_out() -> None:
    decoder = ChunkDecoder()
    assert decoder.feed(b"1\r\nx\r\n0\r\nX: y\r\n\r") == b"x"
    assert not decoder.finished
    assert decoder.feed(b"\n") == b""
    assert decoder.finished


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"100000000\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx\n\n",
        LAST_CHUNK + b"x",
        b"1" * 4_096,
        b"0\r\n" + b"X" * 4_096,
    ],
)
def test_what_is_not_chunked_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decoded(data)
    with pytest.raises(DecodeError):
        decoded(*one_at_a_time(data))


def test_an_error_written_raw_into_the_stream_passes_unchanged() -> None:
    error = b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n"
    assert decoded(BODY + error) == CONTENT + error
    assert decoded(*one_at_a_time(BODY + error)) == CONTENT + error
