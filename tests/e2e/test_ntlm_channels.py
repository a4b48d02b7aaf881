"""In which ways clients prove themselves by NTLM on the way to a channel, and whose a connection is then.

Each product has its own: the token on an empty request, on an echo, or on the request for the channel itself.
MS-RPCH 2.1.2.1, MS-NTHT 3.1
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from rpch.auth.ntlm.av_pairs import AvId
from rpch.http.channels import RpcMethod
from rpch.rts.pdus import ConnA3, ConnC2
from tests.e2e.farm import OTHER_USER, PASSWORD, TARGET, Farm, farm
from tests.e2e.raw_connections import LIFETIME, Hands, RawConnection, Wire, hands, request_head
from tests.unit.auth.ntlm.crafted_client import CraftedClient

IN, OUT = RpcMethod.IN, RpcMethod.OUT
PROBE = bytes.fromhex("f8e81808")  # what Windows has in the body of an echo
SIZE_OF = {IN: LIFETIME, OUT: 76}


@pytest.fixture
async def one() -> AsyncIterator[Farm]:
    """A proxy whose relay, this machine, keeps every client on a connection of its own."""
    async with farm(
        1, auth=["NTLM", "Basic"], connection_affinity=True, extended_protection="allow", public_name="h.test"
    ) as running:
        yield running


@pytest.fixture
async def hand() -> AsyncIterator[Hands]:
    async with hands() as opened:
        yield opened


def client(user: str = "alice", password: str = PASSWORD) -> CraftedClient:
    """One that wants us."""
    return CraftedClient(
        user=user, password=password, pairs={AvId.TARGET_NAME: "HTTP/h.test".encode("utf-16-le")}
    )


def asks(
    wire: Wire, method: str, length: int, token: bytes | None = None, *fields: str, body: bytes = b""
) -> None:
    """One request, with a token or without."""
    proof = () if token is None else (f"Authorization: NTLM {base64.b64encode(token).decode()}",)
    wire.send(request_head(method, length, *proof, *fields, user=None), body)


async def challenged(wire: Wire) -> bytes:
    """The token of a 401 that keeps the connection."""
    status, fields = await wire.head()
    assert status == "HTTP/1.1 401 Unauthorized"
    assert fields.get("connection", "").lower() != "close"
    await wire.take(int(fields["content-length"]))
    scheme, _, token = fields["www-authenticate"].partition(" ")
    assert scheme == "NTLM"
    return base64.b64decode(token)


async def status_of(wire: Wire) -> str:
    """The status of an answer, behind whose body the next one begins."""
    status, fields = await wire.head()
    await wire.take(int(fields["content-length"]))
    return status.split(" ", 1)[1]


async def begun(hand: Hands, running: Farm, method: str, *fields: str) -> tuple[Wire, bytes]:
    """A connection after the first leg, and the last token for it."""
    wire, who = await hand.dial(running.nodes[0].port), client()
    asks(wire, method, 0, who.negotiate(), *fields)
    return wire, who.authenticate(await challenged(wire))


async def opens(hand: Hands, inward: Wire, outward: Wire) -> RawConnection:
    """Both channels have been asked for; the virtual connection opens and carries a call."""
    connection = hand.unopened(inward, outward)
    outward.send(connection.a1())
    inward.send(connection.b1())
    assert (await outward.head_text()).startswith("HTTP/1.1 200 Success\r\n")
    await outward.expect(ConnA3)
    await outward.expect(ConnC2)
    await connection.bind()
    return connection


async def test_freerdp_proves_itself_with_the_request_for_the_channel(one: Farm, hand: Hands) -> None:
    wires = {}
    for method in (OUT, IN):
        wire, last = await begun(hand, one, method)
        asks(wire, method, SIZE_OF[method], last)
        wires[method] = wire
    await opens(hand, wires[IN], wires[OUT])


async def test_a_client_may_send_its_first_pdu_right_behind_its_proof(one: Farm, hand: Hands) -> None:
    (inward, in_token), (outward, out_token) = [await begun(hand, one, method) for method in (IN, OUT)]
    connection = hand.unopened(inward, outward)
    asks(outward, OUT, 76, out_token, body=connection.a1().encode())
    asks(inward, IN, LIFETIME, in_token, body=connection.b1().encode())
    assert (await outward.head_text()).startswith("HTTP/1.1 200 Success\r\n")
    await outward.expect(ConnA3)
    await outward.expect(ConnC2)
    await connection.bind()


async def test_wine_proves_itself_with_an_echo_and_then_asks_without_a_token(one: Farm, hand: Hands) -> None:
    wires = {}
    for method in (IN, OUT):
        wire, last = await begun(hand, one, method)
        asks(wire, method, 0, last)
        assert await status_of(wire) == "200 Success"
        asks(wire, method, SIZE_OF[method])
        wires[method] = wire
    await opens(hand, wires[IN], wires[OUT])


async def test_windows_begins_with_a_probe_that_has_a_body_and_no_token(one: Farm, hand: Hands) -> None:
    wires = {}
    for method in (IN, OUT):
        wire, who = await hand.dial(one.nodes[0].port), client()
        asks(wire, method, 4, body=PROBE)
        assert await status_of(wire) == "401 Unauthorized"
        asks(wire, method, 4, who.negotiate(), body=PROBE)
        asks_for, last = SIZE_OF[method], who.authenticate(await challenged(wire))
        asks(wire, method, asks_for, last)
        wires[method] = wire
    await opens(hand, wires[IN], wires[OUT])


async def test_impacket_expects_continue_at_each_step(one: Farm, hand: Hands) -> None:
    expecting = "Expect: 100-continue"
    wires = {}
    for method in (IN, OUT):
        wire, who = await hand.dial(one.nodes[0].port), client()
        asks(wire, method, 0, who.negotiate(), expecting)
        assert await wire.head() == ("HTTP/1.1 100 Continue", {})
        asks(wire, method, SIZE_OF[method], who.authenticate(await challenged(wire)), expecting)
        assert await wire.head() == ("HTTP/1.1 100 Continue", {})
        wires[method] = wire
    await opens(hand, wires[IN], wires[OUT])


async def test_a_first_token_on_a_request_with_a_large_body_ends_the_connection(
    one: Farm, hand: Hands
) -> None:
    """What was promised would have to be read before the next request could be."""
    wire = await hand.dial(one.nodes[0].port)
    asks(wire, IN, LIFETIME, client().negotiate())
    assert await wire.refusal() == "HTTP/1.1 401 Unauthorized"


async def test_the_last_token_is_worth_nothing_on_another_connection(one: Farm, hand: Hands) -> None:
    _, last = await begun(hand, one, IN)
    other = await hand.dial(one.nodes[0].port)
    asks(other, IN, LIFETIME, last)
    assert await other.refusal() == "HTTP/1.1 401 Unauthorized"


async def test_a_proof_that_was_overheard_is_worth_nothing_again(one: Farm, hand: Hands) -> None:
    wire, last = await begun(hand, one, IN)
    asks(wire, IN, 0, last)
    assert await status_of(wire) == "200 Success"
    asks(wire, IN, 0, last)
    assert await status_of(wire) == "401 Unauthorized"
    asks(wire, IN, 0)  # and what was proven before is no longer
    assert await status_of(wire) == "401 Unauthorized"


async def test_a_successor_proves_itself_anew(one: Farm, hand: Hands) -> None:
    (inward, in_token), (outward, out_token) = [await begun(hand, one, method) for method in (IN, OUT)]
    asks(inward, IN, LIFETIME, in_token)
    asks(outward, OUT, 76, out_token)
    connection = await opens(hand, inward, outward)
    stranger = await hand.dial(one.nodes[0].port)
    asks(stranger, IN, LIFETIME)
    assert await stranger.refusal() == "HTTP/1.1 401 Unauthorized"
    other, who = await hand.dial(one.nodes[0].port), client(OTHER_USER.partition("\\")[2])
    asks(other, IN, 0, who.negotiate())
    asks(other, IN, LIFETIME, who.authenticate(await challenged(other)))
    other.send(connection.in_successor(successor=connection.in_name))
    assert await other.refusal() == "HTTP/1.0 503 RPC Error: 5"


@pytest.mark.parametrize(
    ("second", "status"), [("192.0.2.1", "200 Success"), ("192.0.2.2", "401 Unauthorized")]
)
async def test_a_connection_that_a_relay_shares_is_proven_for_one_of_its_clients(
    one: Farm, hand: Hands, second: str, status: str
) -> None:
    """It was said to keep clients apart. What it says of them shows that it does not."""
    first = "X-Forwarded-For: 192.0.2.1"
    wire, last = await begun(hand, one, IN, first)
    asks(wire, IN, 0, last, first)
    assert await status_of(wire) == "200 Success"
    asks(wire, IN, 0, None, f"X-Forwarded-For: {second}")
    assert await status_of(wire) == status


async def test_targets_are_still_those_of_the_policy(one: Farm, hand: Hands) -> None:
    wire, last = await begun(hand, one, OUT)
    token = f"Authorization: NTLM {base64.b64encode(last).decode()}"
    wire.send(request_head(OUT, 76, token, user=None, target=TARGET + "9"))
    assert (await wire.refusal()).startswith("HTTP/1.0 503 RPC Error: 6ba")
