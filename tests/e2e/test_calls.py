"""Typed calls of our client through our proxy to our server: many, large, slow, given up and stateful."""

import asyncio
import threading
from pathlib import Path

import pytest

from rpch.client.blocking import connect_blocking
from rpch.client.rpc import CallLost
from rpch.dcerpc.remote_management import Nothing, RemoteManagement
from rpch.errors import BindRejected, LocalProtocolError, RpcFault
from rpch.ndr import NIL_HANDLE
from rpch.server.demo import (
    AddRequest,
    AddResponse,
    Count,
    CounterHandle,
    CountRequest,
    DelayRequest,
    Demo,
    Octets,
    OpenCounterRequest,
)
from rpch.server.mapper import Mapper
from rpch.vconn.settings import ClientSettings, Settings
from tests.e2e.system import PASSWORD, USER, System, certificate, system
from tests.raw_peer import until

MEGABYTE = bytes(range(256)) * 4096


async def test_a_call_is_answered() -> None:
    async with system() as here, here.connect() as client:
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
        assert (await client.call(RemoteManagement.is_server_listening, Nothing())).listening


async def test_the_same_over_tcp() -> None:
    async with system() as here:
        async with here.connect(f"ncacn_ip_tcp:127.0.0.1[{here.ports['tcp']}]", user=None) as client:
            assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
        await until(lambda: not here.server.connections)


@pytest.mark.slow
async def test_the_same_over_tls(tmp_path: Path) -> None:
    async with system(**certificate(tmp_path)) as here, here.connect() as client:
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
        assert (await client.call(Demo.echo, Octets(MEGABYTE))).data == MEGABYTE


@pytest.mark.slow
async def test_a_thousand_calls_at_a_time_are_answered_each_by_its_own_answer() -> None:
    async with system() as here, here.connect() as client:
        numbers = [b"%d" % number for number in range(1000)]
        answers = await asyncio.gather(*(client.call(Demo.echo, Octets(number)) for number in numbers))
        assert [answer.data for answer in answers] == numbers


@pytest.mark.slow
@pytest.mark.conformance(50, 54)
async def test_more_than_all_windows_passes_both_ways() -> None:
    async with system() as here, here.connect() as client:
        assert await client.call(Demo.sink, Octets(MEGABYTE * 3)) == Count(len(MEGABYTE) * 3)
        assert (await client.call(Demo.source, Count(len(MEGABYTE) * 3))).data == MEGABYTE * 3
        both = asyncio.gather(
            *(client.call(Demo.echo, Octets(MEGABYTE)) for _ in range(2)),
            *(client.call(Demo.add, AddRequest(number, 1)) for number in range(50)),
        )
        answers = await both
        assert all(answer == Octets(MEGABYTE) for answer in answers[:2])


@pytest.mark.slow
@pytest.mark.conformance(35, 55)
@pytest.mark.parametrize("window", [8192, 262_144], ids=["smallest", "largest"])
async def test_windows_of_any_legal_size_let_bulk_pass(window: int) -> None:
    sizes = Settings(receive_window=window, channel_lifetime=1 << 20)
    async with system(server_settings=sizes, receive_window=window) as here:
        ours = ClientSettings(receive_window=window)
        async with here.connect(settings=ours) as client:
            assert (await client.call(Demo.echo, Octets(MEGABYTE))).data == MEGABYTE


async def test_a_slow_call_holds_up_no_other() -> None:
    async with system() as here, here.connect() as client:
        slow = asyncio.create_task(client.call(Demo.delay, DelayRequest(200)))
        await asyncio.sleep(0)
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
        assert not slow.done()
        await slow


async def test_a_call_that_takes_too_long_is_given_up_and_the_connection_goes_on() -> None:
    async with system() as here, here.connect() as client:
        with pytest.raises(TimeoutError):
            await client.call(Demo.delay, DelayRequest(60_000), timeout=0.05)
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


async def test_a_cancelled_call_is_given_up_at_the_server_too() -> None:
    async with system() as here, here.connect() as client:
        await client.call(Demo.add, AddRequest(2, 3))
        call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
        (connection,) = here.server._offers[0].legs.connections.values()
        conversation = connection._joint._conversation  # type: ignore[attr-defined]
        await until(lambda: conversation.running == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: conversation.running == 0)
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


async def test_a_fault_of_the_server_is_an_error_of_the_call_alone() -> None:
    async with system() as here, here.connect() as client:
        with pytest.raises(RpcFault):
            await client.call(Demo.count, CountRequest(NIL_HANDLE, 1))
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


async def test_an_interface_that_is_not_offered_is_refused_and_the_others_go_on() -> None:
    async with system() as here, here.connect() as client:
        await client.call(Demo.add, AddRequest(2, 3))
        with pytest.raises(BindRejected):
            await client.bind(Mapper)
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


async def test_a_request_that_cannot_be_encoded_is_not_sent() -> None:
    async with system() as here, here.connect() as client:
        with pytest.raises(LocalProtocolError):
            await client.call(Demo.add, AddRequest(2**40, 3))
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


async def test_without_an_endpoint_the_mapper_is_asked() -> None:
    async with system() as here, here.connect(here.binding(None)) as client:
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
        assert len(here.proxy.drivers) == 4  # the mapper's two channels, and the demo's


async def test_a_handle_lives_until_its_client_closes_or_goes() -> None:
    async with system() as here:
        async with here.connect() as client:
            opened = await client.call(Demo.open_counter, OpenCounterRequest(10))
            assert (await client.call(Demo.count, CountRequest(opened.handle, 5))).value == 15
            other = await client.call(Demo.open_counter, OpenCounterRequest(0))
            closed = await client.call(Demo.close_counter, CounterHandle(other.handle))
            assert closed.handle.is_nil
            assert here.demo.open_counters == 1
        await until(lambda: here.demo.open_counters == 0)  # rundown


async def test_somebody_elses_handle_is_worth_nothing() -> None:
    async with system() as here, here.connect() as client, here.connect() as stranger:
        opened = await client.call(Demo.open_counter, OpenCounterRequest(10))
        with pytest.raises(RpcFault):
            await stranger.call(Demo.count, CountRequest(opened.handle, 5))


async def test_calls_that_wait_when_the_client_closes_are_lost() -> None:
    async with system() as here:
        async with here.connect() as client:
            call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
            await here.called()
        with pytest.raises(CallLost):
            await call


async def test_an_error_in_the_body_comes_out_as_itself() -> None:
    async with system() as here:

        async def fails() -> None:
            async with here.connect() as client:
                await client.call(Demo.add, AddRequest(2, 3))
                raise LookupError("the caller's own")

        with pytest.raises(LookupError):
            await fails()


@pytest.mark.slow
@pytest.mark.conformance(58, 59, 74)
async def test_channels_are_replaced_while_calls_pass() -> None:
    """With the shortest legal lifetimes, all on one node."""
    brief, ours = Settings(channel_lifetime=131_072), ClientSettings(channel_lifetime=131_072)
    async with (
        system(server_settings=brief, channel_lifetime=131_072) as here,
        here.connect(settings=ours) as client,
    ):

        async def bulk() -> None:
            for _ in range(2):
                assert (await client.call(Demo.echo, Octets(MEGABYTE))).data == MEGABYTE

        async def small() -> None:
            for number in range(100):
                assert (await client.call(Demo.add, AddRequest(number, 1))).total == number + 1

        await asyncio.gather(bulk(), small())


@pytest.mark.slow
async def test_scripts_call_without_an_event_loop() -> None:
    async with system() as here:
        answers: list[object] = []

        def script() -> None:
            with connect_blocking(here.binding(), user=USER, password=PASSWORD, tls=False) as client:
                answers.append(client.call(Demo.add, AddRequest(2, 3)))
                with pytest.raises(TimeoutError):
                    client.call(Demo.delay, DelayRequest(60_000), timeout=0.05)
                client.bind(Demo)
                answers.append(client.call(Demo.sink, Octets(MEGABYTE)))

        await asyncio.to_thread(script)
        assert answers == [AddResponse(5), Count(len(MEGABYTE))]
        assert not [thread for thread in threading.enumerate() if thread.name == "rpch"]


async def use(here: System) -> None:
    """One virtual connection from its beginning to its end."""
    async with here.connect() as client:
        assert await client.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


async def test_many_clients_at_a_time_leave_nothing_behind() -> None:
    async with system() as here:
        await asyncio.gather(*(use(here) for _ in range(20)))
        await here.emptied()
