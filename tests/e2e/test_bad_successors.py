"""Clients that recycle wrongly, over real sockets. What they break is theirs alone.  MS-RPCH 3.2.3.5"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from rpch.client.connect import connect
from rpch.client.rpc import CallLost
from rpch.http.channels import RpcMethod
from rpch.rts.commands import (
    ConnectionTimeout,
    Destination,
    FlowControlAck,
    ForwardDestination,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    AckWithDestination,
    ConnA3,
    ConnB3,
    ConnC1,
    ConnC2,
    InR1A4,
    InR1A5,
    InR2A4,
    OutR1A2,
    Ping,
)
from rpch.server.demo import AddRequest, Demo
from rpch.vconn.settings import Settings
from tests.e2e.farm import LOOPBACK, OTHER_TARGET, OTHER_USER, PASSWORD, SHORTEST, TARGET, USER, Farm, farm
from tests.e2e.raw_connections import LIFETIME, Hands, Listening, RawConnection, Wire, cookie, hands

IN, OUT = RpcMethod.IN, RpcMethod.OUT
ASKED = OutR1A2(Destination(ForwardDestination.CLIENT)).encode()
ACCESS_DENIED, PROTOCOL_ERROR = "HTTP/1.0 503 RPC Error: 5", "HTTP/1.0 503 RPC Error: 6c0"


@pytest.fixture
async def pair() -> AsyncIterator[Farm]:
    async with farm(2, bind_cookies=True) as running:
        yield running


@pytest.fixture
async def hand() -> AsyncIterator[Hands]:
    async with hands() as opened:
        yield opened


async def opened(hand: Hands, running: Farm) -> RawConnection:
    """A virtual connection with both halves on the first node."""
    found = await hand.connection(running.nodes[0].port)
    await found.bind()
    return found


async def works(connection: RawConnection) -> None:
    """Nothing has happened to it: a call is answered."""
    connection.ask_for(4)
    assert len(await connection.next_pdu()) > 24


@pytest.mark.conformance(65)
@pytest.mark.parametrize("node", [0, 1])
async def test_an_in_successor_of_an_unknown_connection_ends_alone(
    pair: Farm, hand: Hands, node: int
) -> None:
    connection = await opened(hand, pair)
    successor = await hand.channel(pair.nodes[node].port, IN, LIFETIME)
    successor.send(connection.in_successor(successor=cookie(), name=cookie()))
    assert await successor.rest() == b""
    await works(connection)


@pytest.mark.conformance(65)
@pytest.mark.parametrize("node", [0, 1])
async def test_an_out_successor_of_an_unknown_connection_ends_alone(
    pair: Farm, hand: Hands, node: int
) -> None:
    connection = await opened(hand, pair)
    successor = await hand.channel(pair.nodes[node].port, OUT, 120)
    successor.send(connection.out_successor(successor=cookie(), name=cookie()))
    assert await successor.rest() == b""
    await works(connection)


@pytest.mark.conformance(65)
@pytest.mark.parametrize("node", [0, 1], ids=["R2", "R1"])
async def test_an_in_successor_of_another_channel_ends_the_connection(
    pair: Farm, hand: Hands, node: int
) -> None:
    connection = await opened(hand, pair)
    successor = await hand.channel(pair.nodes[node].port, IN, LIFETIME)
    successor.send(connection.in_successor(successor=cookie(), predecessor=cookie()))
    await successor.rest()
    await connection.is_closed()


@pytest.mark.conformance(65)
@pytest.mark.parametrize("node", [0, 1], ids=["R2", "R1"])
async def test_an_out_successor_that_nobody_asked_for_ends_the_connection(
    pair: Farm, hand: Hands, node: int
) -> None:
    connection = await opened(hand, pair)
    successor = await hand.channel(pair.nodes[node].port, OUT, 120)
    successor.send(connection.out_successor(successor=cookie()))
    await successor.rest()
    await connection.is_closed()


@pytest.mark.parametrize(
    "different", [{"user": OTHER_USER}, {"target": OTHER_TARGET}], ids=["user", "target"]
)
async def test_a_successor_of_another_user_or_for_another_target_is_refused(
    pair: Farm, hand: Hands, different: dict[str, str]
) -> None:
    connection = await opened(hand, pair)
    port = pair.nodes[0].port
    inward = await hand.channel(port, IN, LIFETIME, **different)
    inward.send(connection.in_successor(successor=cookie()))
    assert await inward.refusal() == ACCESS_DENIED
    outward = await hand.channel(port, OUT, 120, **different)
    outward.send(connection.out_successor(successor=cookie()))
    assert await outward.refusal() == ACCESS_DENIED
    await works(connection)


STOLEN = {
    "CONN/A1": lambda connection: connection.a1(),
    "CONN/B1": lambda connection: connection.b1(),
    "IN_R1/A1": lambda connection: connection.in_successor(successor=cookie()),
    "OUT_R1/A3": lambda connection: connection.out_successor(successor=cookie()),
}


@pytest.mark.parametrize("node", [0, 1], ids=["here", "elsewhere"])
@pytest.mark.parametrize("begins", STOLEN)
async def test_a_second_user_with_a_stolen_cookie_neither_joins_nor_ends_a_connection(
    pair: Farm, hand: Hands, begins: str, node: int
) -> None:
    connection = await opened(hand, pair)
    method, length = (
        (IN, LIFETIME) if begins in ("CONN/B1", "IN_R1/A1") else (OUT, 76 if "A1" in begins else 120)
    )
    thief = await hand.channel(pair.nodes[node].port, method, length, user=OTHER_USER)
    with capture_logs() as lines:
        thief.send(STOLEN[begins](connection))
        if node == 0:
            assert await thief.refusal() == ACCESS_DENIED
            (audited,) = [line for line in lines if line["event"] == "refused"]
            assert (audited["user"], audited["rule"]) == (OTHER_USER, "Owner")
        await works(connection)
    connection.inward.send(InR1A5(cookie()))  # a message of the true client still finds it where it was
    await thief.close()


@pytest.mark.parametrize("node", [0, 1], ids=["here", "elsewhere"])
@pytest.mark.parametrize("stolen", [IN, OUT])
async def test_a_second_user_with_a_stolen_cookie_is_no_half_of_a_connection_that_opens(
    pair: Farm, hand: Hands, stolen: RpcMethod, node: int
) -> None:
    """One half is the victim's, the other the thief's. Elsewhere the victim does not even notice."""
    port = pair.nodes[0].port
    inward, outward = await hand.channel(port, IN, LIFETIME), await hand.channel(port, OUT, 76)
    connection = hand.unopened(inward, outward)
    thief = await hand.channel(
        pair.nodes[node].port, stolen, LIFETIME if stolen is IN else 76, user=OTHER_USER
    )
    thief.send(connection.b1() if stolen is IN else connection.a1())
    if stolen is OUT:
        await thief.head_text()
        await thief.expect(ConnA3)  # a connection of the thief's own
    else:
        assert await thief.silent()
    outward.send(connection.a1())
    inward.send(connection.b1())
    if node == 0:  # nobody else may use a name that is in use here: the victim will take another
        assert await (inward if stolen is IN else outward).refusal() == ACCESS_DENIED
    else:
        assert (await outward.head_text()).startswith("HTTP/1.1 200 Success\r\n")
        await outward.expect(ConnA3)
        await outward.expect(ConnC2)
        await connection.bind()
        await works(connection)
    assert await thief.silent()


async def test_cookies_are_passed_on_as_they_are_unless_all_proxies_bind_them(hand: Hands) -> None:
    async with farm(2) as running:
        inward, outward = (
            await hand.channel(running.nodes[0].port, IN, LIFETIME, user=OTHER_USER),
            await hand.channel(running.nodes[1].port, OUT, 76),
        )
        connection = hand.unopened(inward, outward)
        outward.send(connection.a1())
        inward.send(connection.b1())
        assert (await outward.head_text()).startswith("HTTP/1.1 200 Success\r\n")
        await outward.expect(ConnA3)
        await outward.expect(ConnC2)  # the server knows no users


async def test_a_successor_for_another_target_does_not_reach_the_connection_through_another_node(
    pair: Farm, hand: Hands
) -> None:
    connection = await opened(hand, pair)
    successor = await hand.channel(pair.nodes[1].port, IN, LIFETIME, target=OTHER_TARGET)
    successor.send(connection.in_successor(successor=cookie()))
    assert (await successor.refusal()).startswith("HTTP/1.0 503 RPC Error: 6ba")
    await works(connection)


@pytest.mark.conformance(40)
async def test_the_name_of_an_open_connection_cannot_be_taken_on_its_node(pair: Farm, hand: Hands) -> None:
    connection = await opened(hand, pair)
    port = pair.nodes[0].port
    inward = await hand.channel(port, IN, LIFETIME)
    inward.send(connection.b1())
    assert await inward.refusal() == PROTOCOL_ERROR
    outward = await hand.channel(port, OUT, 76)
    outward.send(connection.a1())
    assert await outward.refusal() == PROTOCOL_ERROR
    await works(connection)


@pytest.mark.conformance(40)
@pytest.mark.parametrize("method", [IN, OUT])
async def test_the_name_of_an_open_connection_used_again_on_another_node_ends_it(
    pair: Farm, hand: Hands, method: RpcMethod
) -> None:
    connection = await opened(hand, pair)
    again = await hand.channel(pair.nodes[1].port, method, LIFETIME if method is IN else 76)
    again.send(connection.b1() if method is IN else connection.a1())
    await again.rest()
    await connection.is_closed()


async def test_a_name_may_be_used_again_when_its_connection_has_ended(pair: Farm, hand: Hands) -> None:
    connection = await opened(hand, pair)
    await connection.inward.close()
    await connection.outward.rest()
    for node in pair.nodes:
        await node.idle()
    port = pair.nodes[1].port
    connection.inward = await hand.channel(port, IN, LIFETIME)
    connection.outward = await hand.channel(port, OUT, 76)
    connection.outward.send(connection.a1())
    connection.inward.send(connection.b1())
    await connection.outward.head_text()
    await connection.outward.pdu()
    await connection.outward.pdu()
    await connection.bind()


@pytest.mark.conformance(65)
async def test_two_in_successors_at_a_time_end_the_connection(pair: Farm, hand: Hands) -> None:
    connection = await opened(hand, pair)
    port = pair.nodes[0].port
    first = await hand.channel(port, IN, LIFETIME)
    first.send(connection.in_successor(successor=cookie()))
    await connection.outward.expect(InR2A4)
    second = await hand.channel(port, IN, LIFETIME)
    second.send(connection.in_successor(successor=cookie()))
    await second.rest()
    await first.rest()
    await connection.is_closed()


async def test_two_in_successors_on_two_nodes_end_the_connection(pair: Farm, hand: Hands) -> None:
    connection = await opened(hand, pair)
    first = await hand.channel(pair.nodes[1].port, IN, LIFETIME)
    first.send(connection.in_successor(successor=cookie()))
    await connection.outward.expect(InR1A4)
    second = await hand.channel(pair.nodes[0].port, IN, LIFETIME)
    second.send(connection.in_successor(successor=cookie()))
    await first.rest()
    await second.rest()
    await connection.is_closed()


@pytest.mark.conformance(67)
async def test_the_wrong_name_in_the_last_word_costs_only_the_successor(pair: Farm, hand: Hands) -> None:
    connection = await opened(hand, pair)
    successor = await hand.channel(pair.nodes[0].port, IN, LIFETIME)
    successor.send(connection.in_successor(successor=cookie()))
    await connection.outward.expect(InR2A4)
    connection.inward.send(InR1A5(cookie()))
    assert await successor.rest() == b""
    await works(connection)


@pytest.mark.conformance(68)
async def test_the_last_word_on_the_successor_ends_the_connection(pair: Farm, hand: Hands) -> None:
    connection = await opened(hand, pair)
    name = cookie()
    successor = await hand.channel(pair.nodes[0].port, IN, LIFETIME)
    successor.send(connection.in_successor(successor=name), InR1A5(name))
    await successor.rest()
    await connection.is_closed()


async def test_a_successor_may_be_called_like_its_predecessor(pair: Farm, hand: Hands) -> None:
    connection = await opened(hand, pair)
    successor = await hand.channel(pair.nodes[0].port, IN, LIFETIME)
    successor.send(connection.in_successor(successor=connection.in_name))
    await connection.outward.expect(InR2A4)
    connection.inward.send(InR1A5(connection.in_name))
    await connection.inward.rest()
    connection.inward = successor
    await works(connection)


@pytest.mark.parametrize("node", [0, 1], ids=["R2", "R1"])
async def test_a_successor_that_never_takes_over_ends_the_connection_in_time(hand: Hands, node: int) -> None:
    async with farm(2, setup_timeout=0.1, served=Settings(setup_timeout=0.1)) as running:
        connection = await opened(hand, running)
        successor = await hand.channel(running.nodes[node].port, IN, LIFETIME)
        successor.send(connection.in_successor(successor=cookie()))
        await connection.outward.pdu()
        await successor.rest()
        await connection.is_closed()


@pytest.mark.conformance(59)
async def test_an_out_successor_that_never_comes_ends_a_connection_that_needs_it(hand: Hands) -> None:
    async with farm(1, served=Settings(setup_timeout=0.1)) as running:
        connection = await opened(hand, running)
        connection.ask_for(2 * SHORTEST)
        size = 28 + 44 + connection.received
        while (pdu := await connection.next_pdu()) != ASKED:
            connection.acknowledge()
            size += len(pdu)
        assert size + len(ASKED) + len(await connection.outward.rest()) <= SHORTEST
        await connection.inward.rest()


async def test_a_channel_without_a_first_pdu_is_refused_in_time(hand: Hands) -> None:
    async with farm(1, first_pdu_timeout=0.05) as running:
        silent = await hand.channel(running.nodes[0].port, IN, LIFETIME)
        assert await silent.refusal() == PROTOCOL_ERROR
        assert not running.nodes[0].proxy.drivers


@pytest.mark.parametrize("method", [IN, OUT])
async def test_a_channel_that_begins_with_something_else_is_refused(
    pair: Farm, hand: Hands, method: RpcMethod
) -> None:
    for nonsense in (
        Ping(),
        bytes.fromhex("05000b0310000000480000000100000000000000"),
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        channel = await hand.channel(pair.nodes[0].port, method, LIFETIME if method is IN else 76)
        channel.send(nonsense, bytes(64))
        assert await channel.refusal() == PROTOCOL_ERROR


async def test_a_call_of_our_client_survives_what_others_do_wrong(pair: Farm, hand: Hands) -> None:
    async with pair.client() as client:
        for node in pair.nodes:
            connection = await hand.connection(node.port)
            wrong = await hand.channel(node.port, IN, LIFETIME)
            wrong.send(connection.in_successor(successor=cookie(), predecessor=cookie()))
            await connection.is_closed()
        async with asyncio.timeout(5):
            assert (await client.call(Demo.add, AddRequest(40, 2))).total == 42


async def opened_by_our_client(server: Listening, port: int) -> tuple[asyncio.Task[str], Wire, Wire]:
    """What our client says when its connection ends, and the two legs at a server that a test plays."""

    async def call() -> str:
        binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{port}]"
        async with connect(binding, user=USER, password=PASSWORD, tls=False) as client:
            with pytest.raises(CallLost) as lost:
                await client.call(Demo.add, AddRequest(1, 2))
            return str(lost.value)

    calling = asyncio.create_task(call())
    legs: dict[bytes, Wire] = {}
    for _ in range(2):
        leg = await server.accept()
        first = await leg.pdu()
        legs[b"out" if len(first) == 84 else b"in"] = leg
    inward, outward = legs[b"in"], legs[b"out"]
    window, one = ReceiveWindowSize(65_536), Version(1)
    outward.send(ConnC1(one, window, ConnectionTimeout(120_000)))
    inward.send(ConnB3(window, one))
    await inward.pdu()  # its bind
    return calling, inward, outward


async def test_a_server_that_asks_twice_for_a_successor_ends_the_connection(hand: Hands) -> None:
    server = await hand.listen()
    async with farm(1, route=[f"{TARGET}={LOOPBACK}:{server.port}"]) as running:
        calling, inward, outward = await opened_by_our_client(server, running.nodes[0].port)
        outward.send(ASKED, ASKED)
        assert "flags 0x0004" in await calling  # it is no longer what it was the first time
        await outward.rest()
        await inward.rest()


@pytest.mark.conformance(72)
async def test_a_server_that_sends_more_than_the_lifetime_ends_the_connection(hand: Hands) -> None:
    server = await hand.listen()
    async with farm(1, route=[f"{TARGET}={LOOPBACK}:{server.port}"]) as running:
        calling, _, outward = await opened_by_our_client(server, running.nodes[0].port)
        enough = (SHORTEST - 28 - 44) // 56 + 1
        client = Destination(ForwardDestination.CLIENT)
        ack = AckWithDestination(client, FlowControlAck(0, 65_536, bytes(16)))
        outward.send(*[ack] * enough)
        await outward.rest()
        await calling
