"""Several users call over one connection, on TCP and through a proxy, and what one of them breaks."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from structlog.testing import capture_logs

from rpch.client.blocking import connect_blocking
from rpch.client.retry import Retry
from rpch.client.rpc import CallLost
from rpch.client.security import RpcCredentials
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, RpcFault
from rpch.server.demo import Count, Demo, Octets, WhoAmIRequest
from tests.e2e.farm import LOOPBACK
from tests.e2e.test_rpc_security import (
    AT_THE_SERVER,
    BOB,
    BOBS_PASSWORD,
    BOTH,
    CARRIERS,
    LEVELS,
    PASSWORD,
    PKT,
    SEALS,
    SIGNS,
    TCP,
    Private,
    proven,
    running,
    who,
)

BODY = bytes(range(256)) * 200  # many fragments


@CARRIERS
@BOTH
@pytest.mark.parametrize("level", LEVELS)
async def test_each_call_is_its_own_user_s(
    protseq: ProtocolSequence, auth_type: AuthType, level: AuthLevel
) -> None:
    with capture_logs() as lines:
        async with running() as system, system.connect(protseq, **proven()) as client:
            bob = client.as_user(BOB, BOBS_PASSWORD, auth_level=level, auth_type=auth_type)
            assert await who(client) == (AT_THE_SERVER, SEALS)
            assert await who(bob) == (BOB, level)
            answers = await asyncio.gather(*(who(caller) for caller in (bob, client) * 10))
            assert answers == [(BOB, level), (AT_THE_SERVER, SEALS)] * 10
            assert (await bob.call(Demo.echo, Octets(BODY))).data == BODY
            assert (await client.call(Demo.echo, Octets(BODY))).data == BODY
    known = [(line["user"], line["protection"]) for line in lines if line.get("layer") == "RPC"]
    assert known == [(AT_THE_SERVER, SEALS.name), (BOB, level.name)]  # once each: on one connection


@CARRIERS
async def test_the_same_user_calls_at_several_levels(protseq: ProtocolSequence) -> None:
    """An interface that wants privacy is called by another context than the rest."""
    async with running() as system, system.connect(protseq, **proven(PKT)) as client:
        sealed = client.as_user(AT_THE_SERVER, PASSWORD, auth_level=SEALS)
        with pytest.raises(RpcFault):
            await client.call(Private.who_am_i, WhoAmIRequest())
        answer = await sealed.call(Private.who_am_i, WhoAmIRequest())
        assert (answer.user, answer.level) == (AT_THE_SERVER, SEALS)
        assert await who(client) == (AT_THE_SERVER, PKT)


@CARRIERS
async def test_somebody_calls_where_nobody_opened_the_connection(protseq: ProtocolSequence) -> None:
    async with running() as system, system.connect(protseq) as client:
        bob = client.as_user(BOB, BOBS_PASSWORD, auth_level=SIGNS)
        await bob.bind(Demo)
        assert await who(bob) == (BOB, SIGNS)
        assert await who(client) == (None, AuthLevel.NONE)


async def test_who_asks_at_once_is_proven_once() -> None:
    with capture_logs() as lines:
        async with running() as system, system.connect(TCP, **proven()) as client:
            bob = client.as_user(BOB, BOBS_PASSWORD)
            again = client.as_user(BOB, BOBS_PASSWORD)
            answers = await asyncio.gather(*(who(caller) for caller in (bob, again) * 5))
            assert answers == [(BOB, SEALS)] * 10
            assert await who(client.as_user(AT_THE_SERVER, PASSWORD)) == (AT_THE_SERVER, SEALS)
    proofs = [line["user"] for line in lines if line.get("layer") == "RPC"]
    assert sorted(proofs) == [AT_THE_SERVER, BOB]


@CARRIERS
async def test_a_wrong_password_is_told_and_costs_others_at_most_the_connection(
    protseq: ProtocolSequence,
) -> None:
    async with running() as system, system.connect(protseq, **proven(), retry=Retry(2, 0.0)) as client:
        assert await who(client) == (AT_THE_SERVER, SEALS)
        for _ in range(2):
            with pytest.raises(AuthenticationFailed, match="refused the credentials"):
                await who(client.as_user(BOB, "wrong"))
            assert (await client.call(Demo.who_am_i, WhoAmIRequest(), idempotent=True)).user == AT_THE_SERVER
        assert await who(client.as_user(BOB, BOBS_PASSWORD)) == (BOB, SEALS)


async def test_by_ntlm_alone_a_wrong_password_is_a_fault_of_the_first_call() -> None:
    async with running() as system, system.connect(TCP, **proven()) as client:
        with pytest.raises(RpcFault) as caught:
            await who(client.as_user(BOB, "wrong", auth_type=AuthType.NTLM))
        assert caught.value.status == Status.ACCESS_DENIED


async def test_a_new_connection_knows_its_users_again() -> None:
    async with running() as system, system.connect(TCP, **proven(), retry=Retry(3, 0.0)) as client:
        bob = client.as_user(BOB, BOBS_PASSWORD)
        assert await who(bob) == (BOB, SEALS)
        (await client.connection_for(Demo.add.interface)).close()
        assert await who(bob) == (BOB, SEALS)
        assert await who(client) == (AT_THE_SERVER, SEALS)


async def test_whoever_gives_up_the_opening_leaves_it_to_those_who_wait() -> None:
    async with running() as system, system.connect(TCP, **proven()) as client:
        assert await who(client) == (AT_THE_SERVER, SEALS)
        bob = client.as_user(BOB, BOBS_PASSWORD)
        first, second = (asyncio.create_task(who(bob)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == (BOB, SEALS)
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_after_the_end_nobody_calls() -> None:
    async with running() as system, system.connect(TCP, **proven()) as client:
        connection = await client.connection_for(Demo.add.interface)
        connection.close()
        begin = partial(RpcCredentials(BOB, BOBS_PASSWORD).begin, client.binding)
        with pytest.raises(CallLost, match="was not sent"):
            await connection.context_for(Demo.add.interface, BOB, begin)


async def test_scripts_call_as_several_users_too() -> None:
    async with running() as system:
        binding = f"ncacn_ip_tcp:{LOOPBACK}[{system.ports[TCP]}]"

        def script() -> list[tuple[str | None, int]]:
            with connect_blocking(binding, **proven()) as client:
                bob = client.as_user(BOB, BOBS_PASSWORD, auth_level=SIGNS)
                bob.bind(Demo)
                answers = [caller.call(Demo.who_am_i, WhoAmIRequest()) for caller in (bob, client)]
                assert len(bob.call(Demo.source, Count(20_000)).data) == 20_000
                return [(answer.user, answer.level) for answer in answers]

        assert await asyncio.to_thread(script) == [(BOB, SIGNS), (AT_THE_SERVER, SEALS)]
