"""A relay's header says where the client is; anything else is no header."""

import pytest

from rpch.errors import RemoteProtocolError
from rpch.http.proxy_protocol import Relayed, read_proxy_header

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
# Made by the specification's rules: signature, version and command, family, length, addresses.
V2_TCP4 = SIGNATURE + bytes.fromhex("21 11 000c c6336407 7f000001 c350 01bb")
V2_TCP6 = SIGNATURE + bytes.fromhex(
    "21 21 0024 20010db8000000000000000000000001 00000000000000000000000000000001 c350 01bb"
)
V2_LOCAL = SIGNATURE + bytes.fromhex("20 00 0000")
V2_WITH_MORE = SIGNATURE + bytes.fromhex("21 11 000f c6336407 7f000001 c350 01bb 04 0000")
V1 = b"PROXY TCP4 198.51.100.7 127.0.0.1 50000 443\r\n"
V1_TCP6 = b"PROXY TCP6 2001:db8::1 ::1 50000 443\r\n"
WHOLE = [
    (V1, "198.51.100.7"),
    (V1_TCP6, "2001:db8::1"),
    (b"PROXY UNKNOWN\r\n", None),
    (V2_TCP4, "198.51.100.7"),
    (V2_TCP6, "2001:db8::1"),
    (V2_LOCAL, None),
    (V2_WITH_MORE, "198.51.100.7"),
]


@pytest.mark.parametrize(("header", "client"), WHOLE)
def test_a_header_is_read_to_its_end_and_no_further(header: bytes, client: str | None) -> None:
    assert read_proxy_header(header + b"GET /") == (Relayed(client), len(header))


@pytest.mark.parametrize(("header", "client"), WHOLE)
def test_a_header_cut_short_anywhere_is_waited_for(header: bytes, client: str | None) -> None:
    assert [read_proxy_header(header[:size]) for size in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 nowhere 127.0.0.1 1 2\r\n",
        b"PROXY TCP6 198.51.100.7 ::1 1 2\r\n",
        b"PROXY TCP4 198.51.100.7\r\n",
        b"PROXY " + b"x" * 101,
        SIGNATURE + bytes.fromhex("11 11 000c"),
        SIGNATURE + bytes.fromhex("22 11 000c"),
        SIGNATURE + bytes.fromhex("21 11 ffff"),
        SIGNATURE + bytes.fromhex("21 31 0000"),
        SIGNATURE + bytes.fromhex("21 11 0004 c6336407"),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_proxy_header(data)
