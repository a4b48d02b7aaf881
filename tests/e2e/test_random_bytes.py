"""Whatever bytes a peer sends, wherever: nothing is raised, the connection ends, and nothing is left behind.

The exceptions would reach the event loop, where `nothing_unhandled` waits for them.
"""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from rpch.aio.leg import BANNER
from rpch.client.connect import connect
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import NDR20, Bind, Cancel, ContextElement, Fault, Orphaned, Request, Response
from rpch.errors import RpchError
from rpch.http.answers import echo_answer, success_head
from rpch.server.demo import AddRequest, Demo
from tests.e2e.system import A1, B1, LOOPBACK, PASSWORD, PDUS, USER, request, system
from tests.raw_peer import RawPeer, raw_listener, raw_peer

ROUNDS = 40
BIND = Bind(1, (ContextElement(0, interface_of(Demo).syntax, (NDR20,)),)).encode()
STUB = AddRequest(2, 3).encode()
RPC = [
    BIND,
    Request(2, 0, 1, STUB).encode(),
    Request(3, 0, 4, STUB).encode(),
    Response(2, 0, STUB).encode(),
    Fault(2, 0x1C01_0002).encode(),
    Cancel(3).encode(),
    Orphaned(3).encode(),
]
HEADS = [
    request("RPC_IN_DATA", 1 << 30) + B1,
    request("RPC_OUT_DATA", 76) + A1,
    request("RPC_IN_DATA", 4) + b"abcd",
    b"GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n",
    request("RPC_CONNECT", 0),
]
ANSWERS = [
    success_head(1 << 30) + PDUS["CONN/A3"] + PDUS["CONN/C2"],
    b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\nRPC EEInfo:AAAA\r\n",
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 Success\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n" + PDUS["CONN/A3"] + b"\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    echo_answer(),
]


class Noise:
    """Makes streams that are nearly right, and some that are not."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def stream(self, good: list[bytes]) -> bytes:
        """A few good pieces, some of them hurt."""
        random = self.random
        pieces = [self.hurt(random.choice(good)) for _ in range(random.randint(1, 6))]
        if random.random() < 0.2:
            pieces.append(random.randbytes(random.randint(1, 200)))
        return b"".join(pieces)

    def hurt(self, piece: bytes) -> bytes:
        """The same with a byte changed, cut off, or put in; or the same."""
        random, at = self.random, self.random.randrange(len(piece))
        return random.choice(
            [
                piece,
                piece,
                piece[:at] + random.randbytes(1) + piece[at + 1 :],
                piece[: min(at, 24)] + random.randbytes(2) + piece[min(at, 24) + 2 :],
                piece[:at],
                piece[:at] + random.randbytes(random.randint(1, 8)) + piece[at:],
                piece[:8] + random.randbytes(4) + piece[12:],
            ]
        )

    async def send(self, peer: RawPeer, stream: bytes) -> None:
        """In one piece or two, and then nothing more."""
        cut = self.random.randrange(len(stream)) if stream else 0
        peer.send(stream[:cut])
        await asyncio.sleep(0)
        peer.send(stream[cut:])
        peer.finish()


@pytest.fixture(params=[1, 2])
def noise(request: pytest.FixtureRequest) -> Noise:
    """Repeatable noise."""
    return Noise(request.param)


EVERYTHING = [*PDUS.values(), *RPC]


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["tolerant", "strict"])
async def test_noise_on_an_open_in_channel(strict: bool, noise: Noise) -> None:
    async with system(strict=strict) as here:
        for _ in range(ROUNDS):
            async with here.channels() as (out, into):
                await noise.send(into, noise.stream(EVERYTHING))
                await out.rest()
                await into.rest()


@pytest.mark.slow
async def test_noise_in_the_body_of_an_out_channel(noise: Noise) -> None:
    async with system() as here:
        for _ in range(ROUNDS):
            async with here.peer() as out, here.peer() as into:
                into.send(request("RPC_IN_DATA", 1 << 30), B1)
                out.send(request("RPC_OUT_DATA", 1024), A1)
                await noise.send(out, noise.stream(EVERYTHING))
                await out.rest()  # while IN may wait for another OUT


@pytest.mark.slow
async def test_noise_instead_of_requests(noise: Noise) -> None:
    async with system(first_pdu_timeout=0.5) as here:
        for _ in range(ROUNDS):
            async with here.peer() as peer:
                await noise.send(peer, noise.stream(HEADS))
                await peer.rest()


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ["http", "tcp", "mapper"])
async def test_noise_at_a_server(endpoint: str, noise: Noise) -> None:
    good = EVERYTHING if endpoint == "tcp" else [BANNER, *EVERYTHING]
    async with system() as here:
        for _ in range(ROUNDS):
            async with raw_peer(here.ports[endpoint]) as peer:
                opening = BIND if endpoint == "tcp" else PDUS[noise.random.choice(["CONN/A2", "CONN/B2"])]
                await noise.send(peer, opening + noise.stream(good))
                await peer.rest()


@pytest.mark.slow
async def test_noise_of_a_server(noise: Noise) -> None:
    async with raw_listener(BANNER) as server, system(routes={"raw:1": server.port}) as here:
        for number in range(ROUNDS):
            async with here.peer() as out, here.peer() as into:
                out.send(request("RPC_OUT_DATA", 76, target="raw:1"), A1)
                into.send(request("RPC_IN_DATA", 1 << 30, target="raw:1"), B1)
                for which in (0, 1):
                    there = await server.peer(2 * number + which)
                    first = await there.pdu()
                    good = PDUS["CONN/C1" if len(first) == 84 else "CONN/B3"]
                    await noise.send(there, good + noise.stream(EVERYTHING))
                await out.rest()
                await into.rest()


@pytest.mark.slow
async def test_noise_of_a_proxy_is_an_error_of_the_protocol_to_our_client(noise: Noise) -> None:
    async with raw_listener() as proxy:
        binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{proxy.port}]"

        async def answer(number: int) -> None:
            peer = await proxy.peer(number)
            await peer.head()
            await noise.send(peer, noise.stream([*ANSWERS, *ANSWERS, *EVERYTHING]))

        async with asyncio.TaskGroup() as answers:
            known = 0
            for _ in range(ROUNDS):
                answering = [answers.create_task(answer(known + which)) for which in (0, 1)]
                with pytest.raises((RpchError, TimeoutError)):  # a second connection is never answered
                    async with connect(
                        binding, user=USER, password=PASSWORD, scheme="Basic", tls=False, timeout=1.0
                    ) as client:
                        await client.call(Demo.add, AddRequest(2, 3), timeout=0.5)
                for task in answering:
                    task.cancel()
                known = len(proxy.peers)


@pytest.mark.slow
async def test_noise_of_a_server_over_tcp_is_an_error_of_the_protocol_to_our_client(noise: Noise) -> None:
    async with raw_listener() as server:
        for number in range(ROUNDS):

            async def answer(number: int) -> None:
                peer = await server.peer(number)
                await peer.pdu()
                await noise.send(peer, noise.stream(EVERYTHING))

            answering = asyncio.create_task(answer(number))
            with pytest.raises(RpchError):
                async with connect(f"ncacn_ip_tcp:{LOOPBACK}[{server.port}]", timeout=2.0) as client:
                    await client.call(Demo.add, AddRequest(2, 3), timeout=2.0)
            await answering
