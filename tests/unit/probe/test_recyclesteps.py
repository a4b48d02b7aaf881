"""Replacing the channels of a connection that works, and what may be in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rpch.client.carriers import NotRenewed
from rpch.dcerpc.binding import StringBinding
from rpch.probe import recyclesteps as module
from rpch.probe.ladder import NotTried
from rpch.probe.recyclesteps import RecycleSteps
from rpch.probe.rpcsteps import RpcSteps
from rpch.probe.target import ping_target
from tests.e2e.ping_laboratory import ALICE, Laboratory, laboratory
from tests.unit.probe.test_rpcsteps import steps_to

SHORTEST = 131_072


@pytest.fixture
async def lab() -> AsyncIterator[Laboratory]:
    async with laboratory(channel_lifetime=SHORTEST) as running:
        yield running


def recycling(binding: str, rpc: RpcSteps) -> RecycleSteps:
    return RecycleSteps(ping_target(StringBinding.parse(binding), credentials=ALICE, timeout=2.0), rpc)


async def test_in_is_replaced_at_once_and_as_often_as_one_likes(lab: Laboratory) -> None:
    binding = f"ncacn_http:localhost[6001,RpcProxy=localhost:{lab.plain}]"
    async with steps_to(binding) as rpc:
        await rpc.call()
        for _ in range(3):
            assert "took over in" in await recycling(binding, rpc).recycle_in()
        assert "the server listens" in await rpc.call()


@pytest.mark.slow
async def test_out_is_used_up_and_replaced(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    binding = f"ncacn_http:localhost[6001,RpcProxy=localhost:{lab.plain}]"
    async with steps_to(binding) as rpc:
        await rpc.call()
        before = rpc.carrier.out_channel
        left = rpc.carrier.out_left
        assert left is not None
        assert left <= SHORTEST
        assert "calls a successor took over" in await recycling(binding, rpc).recycle_out()
        assert rpc.carrier.out_channel is not before
        monkeypatch.setattr(module, "USED_UP_WITHIN", 0.0)
        with pytest.raises(NotRenewed, match="bytes left"):
            await recycling(binding, rpc).recycle_out()


async def test_a_large_out_channel_is_not_used_up() -> None:
    async with laboratory() as lab:
        binding = f"ncacn_http:localhost[6001,RpcProxy=localhost:{lab.plain}]"
        async with steps_to(binding) as rpc:
            await rpc.call()
            with pytest.raises(NotTried, match="only the server begins that"):
                await recycling(binding, rpc).recycle_out()


async def test_plain_tcp_has_no_channels(lab: Laboratory) -> None:
    binding = f"ncacn_ip_tcp:localhost[{lab.demo_tcp}]"
    async with steps_to(binding) as rpc:
        await rpc.call()
        with pytest.raises(NotTried):
            await recycling(binding, rpc).recycle_in()
