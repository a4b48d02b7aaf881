"""A small capture of one virtual connection, seen between client and proxy: opening, bind, one call."""

from __future__ import annotations

from io import BytesIO
from ipaddress import IPv4Address
from typing import Final
from uuid import UUID

from rpch.dcerpc.pdus import (
    NDR20,
    Bind,
    BindAck,
    ContextElement,
    ContextResult,
    Request,
    Response,
    SyntaxId,
)
from rpch.decode.packets import Endpoint
from rpch.decode.pcapng import PcapngWriter, TcpStream
from rpch.testing.rts_samples import SAMPLES

PASSWORD: Final = "c2VjcmV0OnNlY3JldA=="  # noqa: S105 a canary, in no other use
EMSMDB: Final = SyntaxId(UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81)
RTS: Final = {sample.NAME: sample.encode() for sample in SAMPLES}
BIND: Final = Bind(1, (ContextElement(0, EMSMDB, (NDR20,)),)).encode()
BIND_ACK: Final = BindAck(
    1, (ContextResult(0, 0, NDR20),), assoc_group_id=5, secondary_address="6001"
).encode()
REQUEST: Final = Request(2, 0, 10, b"connect me").encode()
RESPONSE: Final = Response(2, 0, b"connected").encode()
OUT_ACCEPTED: Final = (
    b"HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824\r\n\r\n"
)

PROXY: Final = Endpoint(IPv4Address("192.0.2.9"), 80)
IN_CLIENT: Final = Endpoint(IPv4Address("192.0.2.1"), 50_001)
OUT_CLIENT: Final = Endpoint(IPv4Address("192.0.2.1"), 50_002)

# What `opening_capture` shows, in order.
NAMES: Final = (
    "RPC_OUT_DATA /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1",
    "CONN/A1",
    "RPC_IN_DATA /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1",
    "CONN/B1",
    "HTTP/1.1 200 Success",
    "CONN/A3",
    "CONN/C2",
    "bind",
    "bind_ack",
    "request",
    "response",
    "IN_R2/A4",
)


def channel_head(method: str, content_length: int) -> bytes:
    """The head of a channel's request, with Basic credentials."""
    return (
        f"{method} /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1\r\nHost: proxy\r\n"
        f"Content-Length: {content_length}\r\nAuthorization: Basic {PASSWORD}\r\n\r\n"
    ).encode()


def opening_capture() -> bytes:
    """The capture, as pcapng."""
    sink = BytesIO()
    writer = PcapngWriter(sink)
    inward = TcpStream(writer, IN_CLIENT, PROXY, 1000.0)
    outward = TcpStream(writer, OUT_CLIENT, PROXY, 1000.1)
    outward.send(channel_head("RPC_OUT_DATA", 76) + RTS["CONN/A1"], 1000.2, from_client=True)
    inward.send(channel_head("RPC_IN_DATA", 1 << 30) + RTS["CONN/B1"], 1000.3, from_client=True)
    outward.send(OUT_ACCEPTED + RTS["CONN/A3"] + RTS["CONN/C2"], 1000.4, from_client=False)
    inward.send(BIND, 1000.5, from_client=True)
    outward.send(BIND_ACK, 1000.6, from_client=False)
    inward.send(REQUEST, 1000.7, from_client=True)
    outward.send(RESPONSE + RTS["IN_R2/A4"], 1000.8, from_client=False)
    inward.close(1001.0)
    outward.close(1001.0)
    return sink.getvalue()
