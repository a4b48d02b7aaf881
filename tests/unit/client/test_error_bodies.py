"""How much of a refusal's body is waited for."""

from __future__ import annotations

import pytest

from rpch.client.error_bodies import ERROR_BODY_LIMIT, ErrorBody
from rpch.http.outcomes import BodyExtent

CHUNKED = BodyExtent(chunked=True)


def read(extent: BodyExtent, *parts: bytes) -> tuple[bytes, bool]:
    """What is kept of these parts, and whether it is enough."""
    body = ErrorBody(extent)
    for part in parts:
        body.feed(part)
    return body.content, body.enough


@pytest.mark.parametrize(
    ("extent", "parts", "kept", "enough"),
    [
        (BodyExtent(length=0), (), b"", True),
        (BodyExtent(length=4), (b"ab",), b"ab", False),
        (BodyExtent(length=4), (b"ab", b"cdef"), b"abcd", True),
        (BodyExtent(), (b"RPC EEInfo:",), b"RPC EEInfo:", False),
        (BodyExtent(), (bytes(ERROR_BODY_LIMIT - 1), b"xyz"), bytes(ERROR_BODY_LIMIT - 1) + b"x", True),
        (BodyExtent(length=1 << 30), (bytes(ERROR_BODY_LIMIT),), bytes(ERROR_BODY_LIMIT), True),
        (CHUNKED, (b"2\r\nab\r\n",), b"ab", False),
        (CHUNKED, (b"2\r\nab\r\n0\r\n", b"\r\n"), b"ab", True),
        (CHUNKED, (b"2\r\nab\r\n", b"nonsense\r\n"), b"ab", True),
        (CHUNKED, (b"8000\r\n" + bytes(0x8000),), bytes(ERROR_BODY_LIMIT), True),
    ],
)
def test_a_body_is_read_to_its_end_or_to_the_limit(
    extent: BodyExtent, parts: tuple[bytes, ...], kept: bytes, enough: bool
) -> None:
    assert read(extent, *parts) == (kept, enough)
