"""Which way is tried first, and which one wins."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from rpch.client.policy import (
    ConnectionPolicy,
    Network,
    NotTaken,
    NoWay,
    Order,
    Path,
    first_to_answer,
)
from rpch.client.ways import Way
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import AuthenticationFailed, ConfigError, RpchError, TransportError

HTTP, TCP = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP
SHORT = ConnectionPolicy(tcp_head_start=0.02, http_head_start=0.02)
LONG = ConnectionPolicy(tcp_head_start=30.0, http_head_start=30.0)
NEVER = 3600.0


class Answering:
    """A way that answers after a while, or fails."""

    def __init__(self, protseq: ProtocolSequence, delay: float = 0.0, error: RpchError | None = None) -> None:
        self.binding = StringBinding(protseq, "server")
        self._delay, self._error = delay, error
        self.reached, self.cancelled, self.closed = 0, False, False

    def __str__(self) -> str:
        return str(self.binding.protseq)

    async def reach(self) -> None:
        self.reached += 1
        try:
            await asyncio.sleep(self._delay)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed = True


async def race(*ways: Answering, policy: ConnectionPolicy = SHORT) -> tuple[Answering, tuple[NotTaken, ...]]:
    async with asyncio.timeout(2):
        winner, others = await first_to_answer(cast(list[Way], list(ways)), policy)
    return cast(Answering, winner), others


@pytest.mark.parametrize(
    ("policy", "fast", "slow"),
    [
        (ConnectionPolicy(), (TCP, HTTP), (HTTP, TCP)),
        (ConnectionPolicy(fast=Order.HTTP_FIRST, slow=Order.TCP_FIRST), (HTTP, TCP), (TCP, HTTP)),
        (ConnectionPolicy(fast=Order.HTTP_ONLY, slow=Order.TCP_ONLY), (HTTP,), (TCP,)),
    ],
)
def test_fast_and_slow_networks_have_an_order_each(
    policy: ConnectionPolicy, fast: tuple[ProtocolSequence, ...], slow: tuple[ProtocolSequence, ...]
) -> None:
    assert policy.order(Network.FAST) == fast
    assert policy.order(Network.SLOW) == slow


def test_http_gets_the_longer_head_start() -> None:
    assert ConnectionPolicy().head_start(HTTP) > ConnectionPolicy().head_start(TCP)
    with pytest.raises(ConfigError, match="policy"):
        ConnectionPolicy(tcp_head_start=-1)


async def test_a_first_way_that_answers_in_its_head_start_is_taken_and_the_other_never_tried() -> None:
    first, second = Answering(TCP), Answering(HTTP)
    winner, (other,) = await race(first, second)
    assert winner is first
    assert (second.reached, second.closed) == (0, True)
    assert str(other) == "not ncacn_http: not tried: ncacn_ip_tcp answered within its head start"


async def test_a_first_way_that_fails_gives_its_turn_to_the_next_at_once() -> None:
    refused = TransportError("server:135 cannot be reached: Connection refused")
    first, second = Answering(TCP, error=refused), Answering(HTTP)
    winner, (other,) = await race(first, second, policy=LONG)
    assert winner is second
    assert (other.way, other.reason, other.error) == ("ncacn_ip_tcp", str(refused), refused)


async def test_a_first_way_that_is_silent_is_not_waited_for() -> None:
    first, second = Answering(TCP, NEVER), Answering(HTTP)
    winner, (other,) = await race(first, second)
    assert winner is second
    assert (first.cancelled, first.closed) == (True, True)
    assert other.reason == "it had not answered after 0.0 seconds, when ncacn_http did"


async def test_a_first_way_that_is_late_may_still_win() -> None:
    first, second = Answering(HTTP, 0.05), Answering(TCP, NEVER)
    winner, (other,) = await race(first, second)
    assert winner is first
    assert second.cancelled
    assert "had not answered" in other.reason


async def test_a_second_way_that_fails_does_not_end_the_waiting_for_the_first() -> None:
    first, second = Answering(HTTP, 0.05), Answering(TCP, error=TransportError("refused"))
    winner, (other,) = await race(first, second)
    assert winner is first
    assert other.reason == "refused"


async def test_when_no_way_is_left_all_reasons_are_told() -> None:
    wrong = AuthenticationFailed("the proxy refused the credentials")
    ways = Answering(TCP, 0.05, TransportError("silent")), Answering(HTTP, error=wrong)
    with pytest.raises(NoWay) as none:
        await race(*ways)
    assert str(none.value) == (
        "no way leads to the server: ncacn_ip_tcp: silent; ncacn_http: the proxy refused the credentials"
    )
    assert [reason.error for reason in none.value.reasons][1] is wrong
    assert all(way.closed for way in ways)


async def test_the_error_of_the_only_way_is_told_as_itself() -> None:
    with pytest.raises(AuthenticationFailed, match="wrong"):
        await race(Answering(HTTP, error=AuthenticationFailed("wrong")))


async def test_whoever_gives_up_takes_all_ways_along() -> None:
    ways = Answering(TCP, NEVER), Answering(HTTP, NEVER)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await race(*ways)
    assert all(way.cancelled for way in ways)


def test_a_path_tells_in_one_line_which_way_and_why_no_other() -> None:
    path = Path(HTTP, "ncacn_http through p:443", ("version 1",), (NotTaken("ncacn_ip_tcp", "refused"),))
    assert str(path) == "ncacn_http through p:443; version 1; not ncacn_ip_tcp: refused"
