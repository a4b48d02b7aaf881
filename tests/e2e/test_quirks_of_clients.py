"""What real clients do that no document says, each by its name: served by default, refused where strict.

Observed: in the programs of Debian 12 and PyPI, and in the clients' sources; `docs/design/quirks.md` has all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from rpch.aio.driver import Driver
from rpch.aio.leg import CONGESTED_ABOVE
from rpch.dcerpc.framing import RTS
from rpch.dcerpc.pdus import Request
from rpch.http.channels import RpcMethod
from rpch.http.chunks import ChunkDecoder
from rpch.rts.commands import ReceiveWindowSize, Version
from rpch.rts.pdus import ConnA3, ConnB2, ConnB3, ConnC2, Ping
from rpch.vconn.inbound import ONE_READ
from rpch.vconn.silence import LAST_FRAGMENT
from tests.e2e.farm import LOOPBACK, TARGET, Farm, farm
from tests.e2e.raw_connections import (
    BANNER,
    LIFETIME,
    WINDOW,
    Hands,
    RawConnection,
    Wire,
    hands,
    request_head,
)
from tests.raw_peer import until

IN, OUT = RpcMethod.IN, RpcMethod.OUT
ECHOED = bytes.fromhex("0500140310000000140000000000000040000000")
CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
RULERS_PING = bytes.fromhex("05001403 00000000 1400 0000 00000000") + bytes(8)

BOTH = pytest.mark.parametrize("strict", [False, True], ids=["tolerant", "strict"])


@pytest.fixture
async def hand() -> AsyncIterator[Hands]:
    async with hands() as opened:
        yield opened


@pytest.fixture
async def one() -> AsyncIterator[Farm]:
    async with farm(1, lifetime=LIFETIME) as running:
        yield running


async def is_open(connection: RawConnection) -> None:
    """The proxy has answered as it should, and calls pass."""
    assert (await connection.outward.head_text()).startswith("HTTP/1.1 200 Success\r\n")
    await connection.outward.expect(ConnA3)
    await connection.outward.expect(ConnC2)
    await connection.bind()


async def echoes(wire: Wire) -> None:
    """What an echo request is answered with."""
    head = await wire.head_text()
    assert head.startswith("HTTP/1.1 200 Success\r\n")
    assert "Content-Length: 20\r\n" in head
    assert await wire.take(20) == ECHOED


@pytest.mark.conformance(17, 18, 19)
@pytest.mark.parametrize("body", [b"", b"\xf8\xe8\x18\x08", bytes(16)])
async def test_windows_asks_for_an_echo_and_opens_its_channel_on_the_same_connection(
    one: Farm, hand: Hands, body: bytes
) -> None:
    port = one.nodes[0].port
    inward, outward = await hand.dial(port), await hand.dial(port)
    for wire, method in ((inward, IN), (outward, OUT)):
        wire.send(request_head(method, len(body)), body)
        await echoes(wire)
    connection = hand.unopened(inward, outward)
    inward.send(request_head(IN, LIFETIME), connection.b1())
    outward.send(request_head(OUT, 76), connection.a1())
    await is_open(connection)


@pytest.mark.conformance(7, 10)
async def test_freerdp_brings_pragmas_and_fields_of_its_own_and_opens_out_first(hand: Hands) -> None:
    pragmas = (
        "Pragma: ResourceTypeUuid=44e265dd-7daf-42cd-8560-3cdb6e7a2729",
        "Pragma: SessionId=fbd9c34f-397d-471d-a109-1b08cc554624",
        "RDG-Connection-Id: {fbd9c34f-397d-471d-a109-1b08cc554624}",
    )
    async with farm(1, valid_ports="localhost:3388", route=["localhost:3388=127.0.0.1:1"]) as running:
        outward = await hand.channel(running.nodes[0].port, OUT, 76, *pragmas, target="localhost:3388")
        outward.send(hand.unopened(outward, outward).a1())
        assert (await outward.refusal()).startswith("HTTP/1.0 503 RPC Error: 6ba")  # there is no gateway


@BOTH
async def test_freerdp_does_not_wait_for_the_inbound_window(hand: Hands, strict: bool) -> None:
    server = await hand.listen()
    async with farm(1, strict=strict, route=[f"{TARGET}={LOOPBACK}:{server.port}"]) as running:
        inward = await hand.channel(running.nodes[0].port, IN, LIFETIME)
        inward.send(hand.unopened(inward, inward).b1())
        behind = await server.accept()
        behind.send(BANNER)
        await behind.expect(ConnB2)
        call = Request(1, 0, 2, bytes(4072)).encode()
        for _ in range(2 * WINDOW // len(call)):
            inward.send(call)
        if strict:
            await inward.rest()
            return
        await inward.drained()
        assert await behind.silent()
        behind.send(ConnB3(ReceiveWindowSize(2 * WINDOW), Version(1)))
        calls = 0
        while calls < 2 * WINDOW // len(call):
            pdu = await behind.pdu()
            calls += pdu == call
            assert pdu == call or pdu[2] == RTS  # acknowledgements for the client are between them


async def test_freerdp_refuses_a_fragment_as_large_as_it_announced(one: Farm, hand: Hands) -> None:
    connection = await hand.connection(one.nodes[0].port)
    await connection.bind(fragment=4088)
    connection.ask_for(20_000)
    sizes = [len(await connection.next_pdu()) for _ in range(4)]
    assert max(sizes) < 4088


async def test_freerdp_and_impacket_answer_pings_with_pings_that_nobody_answers(
    one: Farm, hand: Hands
) -> None:
    connection = await hand.connection(one.nodes[0].port)
    connection.inward.send(Ping(), Ping())
    assert await connection.outward.silent()
    await connection.bind()


async def test_wine_opens_in_before_there_is_an_out_channel(one: Farm, hand: Hands) -> None:
    port = one.nodes[0].port
    inward = await hand.channel(port, IN, LIFETIME)
    connection = hand.unopened(inward, inward)
    inward.send(connection.b1())
    assert await inward.silent()
    connection.outward = await hand.channel(port, OUT, 76)
    connection.outward.send(connection.a1())
    await is_open(connection)


async def test_wine_takes_exactly_one_command_in_a3_and_three_in_c2(one: Farm, hand: Hands) -> None:
    connection = await hand.connection(one.nodes[0].port, read_opening=False)
    await connection.outward.head_text()
    a3, c2 = await connection.outward.pdu(), await connection.outward.pdu()
    assert (a3[16:20], len(a3)) == (b"\0\0\1\0", 28)
    assert (c2[16:20], len(c2)) == (b"\0\0\3\0", 44)
    assert int.from_bytes(c2[32:36], "little") == WINDOW  # it acknowledges by this number


async def test_samba_speaks_http_1_0_and_authenticates_on_empty_requests(one: Farm, hand: Hands) -> None:
    port = one.nodes[0].port
    inward, outward = await hand.dial(port), await hand.dial(port)
    for wire, method in ((inward, IN), (outward, OUT)):
        wire.send(request_head(method, 0, "Connection: keep-alive", version="1.0"))
        await echoes(wire)
    connection = hand.unopened(inward, outward)
    inward.send(request_head(IN, LIFETIME, "Connection: keep-alive", version="1.0"))
    outward.send(request_head(OUT, 76, "Connection: keep-alive", version="1.0"))
    outward.send(connection.a1(262_144))
    inward.send(connection.b1())
    await is_open(connection)


async def test_samba_is_told_nothing_it_did_not_ask_for(one: Farm, hand: Hands) -> None:
    """Any RTS PDU on OUT stops its reading: acknowledgements wait for half a window, pings for silence."""
    connection = await hand.connection(one.nodes[0].port, window=262_144)
    await connection.bind()
    for _ in range(30):
        connection.ask_for(4)
        assert (await connection.next_pdu())[2] == 2


async def test_impacket_waits_for_continue_on_both_channels(one: Farm, hand: Hands) -> None:
    port = one.nodes[0].port
    inward = await hand.channel(port, IN, LIFETIME, "Expect: 100-continue")
    outward = await hand.channel(port, OUT, 76, "Expect: 100-continue")
    assert await inward.head_text() == await outward.head_text() == CONTINUE
    assert await outward.silent()  # a 200 that came together with it would be lost
    connection = hand.unopened(inward, outward)
    outward.send(connection.a1(262_144))
    inward.send(connection.b1())
    await is_open(connection)


async def test_impacket_expects_continue_even_where_it_sends_no_body(one: Farm, hand: Hands) -> None:
    wire = await hand.channel(one.nodes[0].port, IN, 0, "Expect: 100-continue")
    assert await wire.head_text() == CONTINUE
    await echoes(wire)


@BOTH
async def test_ruler_sends_one_byte_more_than_it_announced(hand: Hands, strict: bool) -> None:
    async with farm(1, strict=strict) as running:
        port = running.nodes[0].port
        if not strict:
            connection = await hand.connection(port, trailing=b"\0")
            await connection.bind()
            return
        connection = await hand.connection(port, trailing=b"\0", read_opening=False)
        assert await connection.outward.refusal() == "HTTP/1.0 503 RPC Error: 6c0"


async def test_ruler_names_the_whole_url_and_announces_a_huge_window(one: Farm, hand: Hands) -> None:
    port = one.nodes[0].port
    url = f"https://{LOOPBACK}:{port}/rpc/rpcproxy.dll"
    inward = await hand.channel(port, IN, LIFETIME, url=url)
    outward = await hand.channel(port, OUT, 76, url=url)
    connection = hand.unopened(inward, outward)
    outward.send(connection.a1(1 << 24))
    inward.send(connection.b1())
    await is_open(connection)


async def test_ruler_reads_chunks_with_one_pdu_each(hand: Hands) -> None:
    async with farm(1, chunked=True) as running:
        connection = await hand.connection(running.nodes[0].port, read_opening=False)
        head = (await connection.outward.head_text()).lower()
        assert "transfer-encoding: chunked" in head
        assert "content-length" not in head
        assert await connection.outward.take(4 + 28 + 2) == b"1c\r\n" + await _unchunked(28) + b"\r\n"
        assert (await connection.outward.take(4)) == b"2c\r\n"


async def _unchunked(size: int) -> bytes:
    """CONN/A3 as it always is here."""
    pdu = bytes.fromhex("05001403 10000000 1c000000 00000000 00000100 02000000 c0d40100")
    assert len(pdu) == size
    assert ChunkDecoder().feed(b"1c\r\n" + pdu + b"\r\n") == pdu
    return pdu


@BOTH
async def test_rulers_ping_is_no_pdu_and_ends_the_connection_at_once(hand: Hands, strict: bool) -> None:
    """Its length is in another byte order than it says, and four bytes come behind it: nobody knows where."""
    async with farm(1, strict=strict) as running:
        connection = await hand.connection(running.nodes[0].port)
        connection.inward.send(RULERS_PING)
        async with asyncio.timeout(1):
            await connection.is_closed()


@pytest.mark.conformance(53)
@BOTH
@pytest.mark.parametrize(
    "numbers", [{"available": WINDOW + 1}, {"received": 1 << 20}], ids=["window", "bytes received"]
)
async def test_wine_and_ruler_acknowledge_what_cannot_be(
    hand: Hands, strict: bool, numbers: dict[str, int]
) -> None:
    async with farm(1, lifetime=LIFETIME, strict=strict) as running:
        connection = await hand.connection(running.nodes[0].port)
        await connection.bind()
        connection.acknowledge(**numbers)
        if strict:
            await connection.is_closed()
        else:
            connection.ask_for(4)
            await connection.next_pdu()


@pytest.mark.conformance(52)
async def test_gromox_compares_no_cookies_of_acknowledgements_and_we_pass_over_unknown_ones(
    hand: Hands,
) -> None:
    async with farm(1, lifetime=LIFETIME, strict=True) as running:
        connection = await hand.connection(running.nodes[0].port)
        await connection.bind()
        known, connection.out_name = connection.out_name, connection.name
        connection.acknowledge()
        connection.out_name = known
        connection.ask_for(4)
        await connection.next_pdu()


@pytest.mark.conformance(72)
async def test_a_body_beyond_its_length_ends_the_connection(hand: Hands) -> None:
    async with farm(1, lifetime=LIFETIME) as running:
        connection = await hand.connection(running.nodes[0].port, lifetime=131_072)
        call = Request(1, 0, 2, bytes(4072)).encode()
        connection.inward.send(call * 32)
        await connection.is_closed()


async def read_answers(connection: RawConnection, *, acknowledging: int = 0) -> None:
    """One whole answer. A client that acknowledges does so when so much has come since."""
    while True:
        before = connection.received
        pdu = await connection.next_pdu()
        if pdu[2] == RTS:
            continue
        if acknowledging and connection.received // acknowledging > before // acknowledging:
            connection.acknowledge(available=2 * acknowledging)
        if pdu[3] & LAST_FRAGMENT:
            return


def unsent_bytes(running: Farm) -> int:
    """What waits in the proxy's own buffers."""
    legs = [leg for driver in drivers(running) for leg in driver.legs.values()]
    return sum(leg.transport.get_write_buffer_size() for leg in legs if leg.transport is not None)


async def test_samba_never_acknowledges_and_gets_many_windows(hand: Hands) -> None:
    async with farm(1, lifetime=LIFETIME, silence_timeout=0.05) as running:
        connection = await hand.connection(running.nodes[0].port, window=WINDOW)
        await connection.bind()
        for _ in range(100):
            connection.ask_for(40_000)
            await read_answers(connection)
        assert connection.received > 60 * WINDOW
        connection.ask_for(4 << 20)
        await read_answers(connection)


async def test_who_is_let_off_its_window_and_does_not_read_makes_the_server_wait(hand: Hands) -> None:
    async with farm(1, lifetime=LIFETIME, silence_timeout=0.05) as running:
        connection = await hand.connection(running.nodes[0].port, window=WINDOW)
        await connection.bind()
        for _ in range(4):
            connection.ask_for(40_000)
            await read_answers(connection)
        connection.ask_for(16 << 20)
        await bounded_and_complete(running, connection)


@pytest.mark.parametrize("window", [1 << 20, 1 << 24])
async def test_ruler_and_windows_acknowledge_at_half_of_a_huge_window(hand: Hands, window: int) -> None:
    async with farm(1, lifetime=LIFETIME) as running:
        connection = await hand.connection(running.nodes[0].port, window=window)
        await connection.bind()
        for _ in range(3):
            connection.ask_for(8 << 20)
            await read_answers(connection, acknowledging=window // 2)


async def test_a_huge_window_of_a_client_that_does_not_read_fills_no_memory(hand: Hands) -> None:
    async with farm(1, lifetime=LIFETIME) as running:
        connection = await hand.connection(running.nodes[0].port, window=1 << 30)
        await connection.bind()
        connection.ask_for(16 << 20)
        await bounded_and_complete(running, connection)


async def bounded_and_complete(running: Farm, connection: RawConnection) -> None:
    """TCP takes some MiB; then the answer waits, in bounds, and comes as soon as it is read."""
    await until(lambda: any(out.congested for it in drivers(running) for out in it.machine.outlets()))
    for _ in range(20):
        assert unsent_bytes(running) <= CONGESTED_ABOVE + ONE_READ
        await asyncio.sleep(0.005)
    await read_answers(connection)
    assert connection.received > 16 << 20


def drivers(running: Farm) -> list[Driver]:
    """Of all machines of the only node."""
    (node,) = running.nodes
    return list(node.proxy.drivers.values())
