"""What real proxies and relays do that no document says, each by its name: our client gets along with it.

Observed: in the sources of the servers, and as their clients' authors report it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from rpch.client.connect import connect
from rpch.client.rpc import CallLost
from rpch.dcerpc.framing import RTS
from rpch.errors import ProxyError, RemoteProtocolError
from rpch.http.chunks import encode_chunk
from rpch.server.demo import AddRequest, Demo
from rpch.vconn.settings import ClientSettings
from tests.e2e.farm import LOOPBACK, PASSWORD, USER, Farm, Hop, farm, traffic
from tests.e2e.raw_connections import Hands, hands

HEAD_END, ECHO = b"\r\n\r\n", b"Content-Length: 20\r\n"


@pytest.fixture
async def pair() -> AsyncIterator[Farm]:
    async with farm(2) as running:
        yield running


@pytest.fixture
async def hand() -> AsyncIterator[Hands]:
    async with hands() as opened:
        yield opened


class OtherHead(Hop):
    """Puts another head before an OUT channel."""

    HEAD = b""

    def __init__(self) -> None:
        self.seen = False

    def answer(self, method: str, data: bytes) -> bytes:
        if self.seen:
            return self.body(data)
        head, _, rest = data.partition(HEAD_END)
        if method != "RPC_OUT_DATA" or not head.startswith(b"HTTP/1.1 200 ") or ECHO in head:
            return data
        self.seen = True
        return self.HEAD + (self.body(rest) if rest else b"")

    def body(self, data: bytes) -> bytes:
        """What of the body the client reads."""
        return data


class Gromox(OtherHead):
    """Its head has fields that IIS has, or may have."""

    HEAD = (
        b"HTTP/1.1 200 Success\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nCache-Control: private\r\n"
        b"Content-Type: application/rpc\r\nPersistent-Auth: true\r\nContent-Length: 1073741824\r\n\r\n"
    )


class Whoever(OtherHead):
    """Success is status 200 and nothing else."""

    HEAD = b"HTTP/1.1 200 Alles in Ordnung\r\ncontent-length: 2147483648\r\n\r\n"


class Tmg2010(OtherHead):
    """Microsoft's gateway codes the endless answer in chunks."""

    HEAD = b"HTTP/1.1 200 Success\r\nTransfer-Encoding: chunked\r\n\r\n"

    def body(self, data: bytes) -> bytes:
        return encode_chunk(data)


class Windows2003(Hop):
    """Its outbound proxy writes bytes without meaning behind OUT_R1/A10 and OUT_R2/B3.  MS-RPCH <46>, <49>"""

    def farewell(self, method: str) -> bytes:
        return b"\x05\x00\x0e\x03 and whatever was in the buffer" if method == "RPC_OUT_DATA" else b""


class OpenChange(Hop):
    """Its inbound proxy ends an IN channel with a success that nobody asked for."""

    def farewell(self, method: str) -> bytes:
        return b"HTTP/1.1 200 Success\r\nContent-Length: 0\r\n\r\n" if method == "RPC_IN_DATA" else b""


class Nginx(Hop):
    """It makes up an answer for an IN channel that ended without one."""

    def farewell(self, method: str) -> bytes:
        answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nsad\n"
        return answer if method == "RPC_IN_DATA" else b""


class GivesUp(Hop):
    """IIS may write its refusal into the middle of an open OUT channel."""

    def answer(self, method: str, data: bytes) -> bytes:
        if method == "RPC_OUT_DATA" and data[2] != RTS and data.startswith(b"\x05\x00"):
            self.over = True
            return b"HTTP/1.0 503 RPC Error: 6be\r\n\r\n"
        return data


@pytest.mark.parametrize("relay", [Gromox, Whoever, Tmg2010, Windows2003, OpenChange, Nginx])
async def test_calls_pass_and_channels_are_recycled_all_the_same(pair: Farm, relay: type[Hop]) -> None:
    pair.balancer.relay = relay
    async with pair.client() as client:
        await traffic(client, 1)
        assert pair.recyclings.seen.total() > 10


@pytest.mark.conformance(5)
async def test_tmg_is_refused_where_no_transfer_coding_is_allowed(pair: Farm) -> None:
    pair.balancer.relay = Tmg2010
    binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{pair.balancer.port}]"
    with pytest.raises(RemoteProtocolError, match="transfer coding"):
        async with connect(
            binding, user=USER, password=PASSWORD, tls=False, settings=ClientSettings(strict=True), timeout=3
        ):
            pass


async def test_iis_gives_up_in_the_middle_of_a_channel(pair: Farm) -> None:
    pair.balancer.relay = GivesUp
    async with pair.client() as client:
        with pytest.raises(CallLost) as lost:
            await client.call(Demo.add, AddRequest(1, 2))
    assert isinstance(lost.value.why, ProxyError)
    assert lost.value.why.rpc_status == 0x6BE


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n", 503, 0x6BA),
        (b"HTTP/1.1 503 RPC Error: c0021009\r\nContent-Length: 0\r\n\r\n", 503, 0xC0021009),
        (b"HTTP/1.1 503 RPC Error: 6BA, EEInfo: not base64\r\nContent-Length: 0\r\n\r\n", 503, 0x6BA),
        ("HTTP/1.1 503 Dienst nicht verfügbar\r\nContent-Length: 0\r\n\r\n".encode(), 503, None),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, None),
    ],
    ids=["IIS", "Exchange 2013", "bad EEInfo", "in another language", "Exchange 2013, unknown mailbox"],
)
async def test_refusals_reach_the_caller_with_what_they_say(
    hand: Hands, answer: bytes, status: int, code: int | None
) -> None:
    proxy = await hand.listen()
    binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{proxy.port}]"

    async def ask() -> ProxyError:
        with pytest.raises(ProxyError) as refused:
            async with connect(binding, user=USER, password=PASSWORD, tls=False, timeout=3):
                pass
        return refused.value

    asking = asyncio.create_task(ask())
    for _ in range(2):
        wire = await proxy.accept()
        if await wire.first_word() == b"RPC_OUT_DATA":
            wire.send(answer)
    refused = await asking
    assert (refused.status, refused.rpc_status) == (status, code)
