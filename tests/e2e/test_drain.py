"""A proxy that is to stop: what it takes, what it lets end, and what it says to the rest. In one process."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rpch.client.rpc import CallLost
from rpch.errors import ProxyError, TransportError
from rpch.http.channels import RpcMethod
from rpch.rts.pdus import InR1A4, InR1A5, InR2A4
from rpch.server.demo import AddRequest, DelayRequest, Demo
from tests.e2e.farm import Farm, farm, traffic
from tests.e2e.raw_connections import LIFETIME, Hands, cookie, hands

LONG = 30.0  # seconds of grace, of which next to nothing may be used
IN, OUT = RpcMethod.IN, RpcMethod.OUT
TOO_BUSY, UNAVAILABLE = "HTTP/1.0 503 RPC Error: 6bb", "HTTP/1.0 503 RPC Error: 6ba"


@pytest.fixture
async def hand() -> AsyncIterator[Hands]:
    async with hands() as opened:
        yield opened


@pytest.fixture
async def pair() -> AsyncIterator[Farm]:
    async with farm(2) as running:
        yield running


@pytest.mark.conformance(95)
async def test_a_busy_connection_moves_away_and_loses_nothing(pair: Farm) -> None:
    pair.balancer.place = lambda method: 0
    async with pair.client() as client:
        working = asyncio.create_task(traffic(client, 3))
        await pair.recyclings.more(5)
        pair.balancer.place = lambda method: 1
        async with asyncio.timeout(5):
            await pair.nodes[0].drain(LONG)
        assert not working.done()
        await working
        assert {"IN_R1", "OUT_R1"} <= set(pair.recyclings.seen)


async def test_a_connection_that_ends_by_itself_is_waited_for_and_no_longer(pair: Farm) -> None:
    async with pair.client() as client:
        call = asyncio.create_task(client.call(Demo.delay, DelayRequest(50)))
        assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
        drained = asyncio.create_task(pair.nodes[0].drain(LONG))
        assert (await call).milliseconds == 50
        assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
        assert not drained.done()
    async with asyncio.timeout(2):
        await drained


async def test_a_connection_that_stays_is_ended_and_its_caller_is_told_why(pair: Farm) -> None:
    pair.balancer.place = lambda method: 0
    async with pair.client(lifetime=LIFETIME) as client:
        call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
        assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
        await pair.nodes[0].drain(0.05)
        with pytest.raises(CallLost) as lost:
            await call
    assert isinstance(lost.value.why, ProxyError)
    assert (lost.value.why.status, lost.value.why.rpc_status) == (503, 0x6BA)
    assert not lost.value.did_not_execute


async def test_an_idle_connection_stays_to_the_deadline_and_its_next_call_goes_elsewhere(pair: Farm) -> None:
    """Only its client and its server may begin to recycle, and neither has a reason to."""
    pair.balancer.place = lambda method: 0
    async with pair.client(lifetime=1 << 30) as client:
        assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
        pair.balancer.place = lambda method: 1
        drained = asyncio.create_task(pair.nodes[0].drain(0.1))
        await asyncio.sleep(0)
        assert pair.nodes[0].proxy.drivers
        await drained
        assert not pair.recyclings.seen
        assert (await client.call(Demo.add, AddRequest(2, 2))).total == 4
        assert pair.nodes[1].proxy.drivers


async def test_only_the_half_that_is_here_is_ended_here(pair: Farm, hand: Hands) -> None:
    first, second = pair.nodes
    connection = await hand.connection(first.port, second.port)
    await first.drain(0.05)
    assert await connection.inward.refusal() == UNAVAILABLE
    await connection.outward.rest()
    await second.idle()


async def test_an_out_channel_is_closed_behind_the_last_whole_pdu(pair: Farm, hand: Hands) -> None:
    first, second = pair.nodes
    connection = await hand.connection(second.port, first.port)
    await connection.bind()
    await first.drain(0.05)
    assert await connection.outward.rest() == b""
    assert await connection.inward.rest() == b""


async def test_a_new_connection_is_refused_with_a_code_that_says_try_again(pair: Farm, hand: Hands) -> None:
    node = pair.nodes[0]
    kept = await hand.connection(node.port)
    inward, outward = await hand.dial(node.port), await hand.dial(node.port)
    drained = asyncio.create_task(node.drain(LONG))
    await asyncio.sleep(0)
    for wire, method, length, first in ((inward, IN, LIFETIME, kept.b1()), (outward, OUT, 76, kept.a1())):
        wire.send(hand.head(method, length), first)
        assert await wire.refusal() == TOO_BUSY
    await kept.inward.close()
    await drained


async def test_a_successor_that_is_on_its_way_already_is_taken(pair: Farm, hand: Hands) -> None:
    first, second = pair.nodes
    here, elsewhere = await hand.connection(first.port), await hand.connection(second.port)
    wires = [await hand.dial(first.port) for _ in range(2)]
    drained = asyncio.create_task(first.drain(LONG))
    await asyncio.sleep(0)
    for wire, connection, answer in zip(wires, (here, elsewhere), (InR2A4, InR1A4), strict=True):
        name = cookie()
        wire.send(hand.head(IN, LIFETIME), connection.in_successor(successor=name))
        await connection.outward.expect(answer)
        connection.inward.send(InR1A5(name))
        await connection.inward.rest()
        connection.inward = wire
        await connection.bind()
    assert not drained.done()
    for wire in wires:
        await wire.close()
    async with asyncio.timeout(2):
        await drained


async def test_a_channel_that_has_said_nothing_yet_is_refused_at_the_deadline(
    pair: Farm, hand: Hands
) -> None:
    silent = await hand.channel(pair.nodes[0].port, IN, LIFETIME)
    await pair.nodes[0].has_opening()
    await pair.nodes[0].drain(0.05)
    assert await silent.refusal() == TOO_BUSY


async def test_a_drained_node_refuses_connections_at_once(pair: Farm) -> None:
    pair.nodes[0].stop_listening()
    pair.balancer.place = lambda method: 0
    with pytest.raises(TransportError):
        async with pair.client():
            pass
