"""One way to a server: ports, mappers, proxies, and what is kept of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rpch.client.access import ProxyAccess
from rpch.client.connections import NoAnswer
from rpch.client.fallback import MixedCarrier
from rpch.client.tunnels import HttpProxy
from rpch.client.ways import HttpVersion, Way, WayOptions
from rpch.dcerpc.binding import StringBinding
from rpch.errors import TransportError
from rpch.server.demo import AddRequest, Demo
from rpch.server.registrations import Registration
from rpch.vconn.settings import ClientSettings
from tests.raw_peer import until
from tests.unit.client.scripted import ALICE, LOOPBACK, Exchange, peer
from tests.unit.client.served import DEMO, HTTP, Served, served


@asynccontextmanager
async def way(
    binding: StringBinding, access: ProxyAccess | None = None, **options: Any
) -> AsyncIterator[Way]:
    """A way that is open as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        found = Way(binding, access, WayOptions(ClientSettings(), **options), tasks.create_task)
        yield found
        found.close()
        await found.closed()


def access(running: Served, **changes: Any) -> ProxyAccess:
    return ProxyAccess(LOOPBACK, running.proxy_port, **{"credentials": ALICE, **changes})


async def total(found: Way) -> int:
    connection = await found.connection_for(DEMO)
    return (await connection.call(Demo.add, AddRequest(2, 3))).total


async def test_a_port_that_the_binding_names_is_used_over_tcp_and_over_http() -> None:
    async with served() as running:
        async with way(running.direct()) as tcp:
            assert await total(tcp) == 5
            assert str(tcp) == "ncacn_ip_tcp"
        async with way(running.binding(), access(running)) as http:
            assert await total(http) == 5
            assert str(http) == f"ncacn_http through {LOOPBACK}:{running.proxy_port}"
            assert http.notes == []


async def test_a_connection_serves_all_calls_and_is_replaced_when_it_has_broken() -> None:
    async with served() as running, way(running.binding(), access(running)) as found:
        assert found.standing(DEMO) is None
        assert not found.open
        first = await found.connection_for(DEMO)
        assert await found.connection_for(DEMO) is first
        assert found.standing(DEMO) is first
        running.proxy.end_all(None)
        await until(lambda: first.closed)
        assert (found.open, found.standing(DEMO)) == (False, None)
        assert await total(found) == 5
        assert await found.connection_for(DEMO) is not first


async def test_without_a_port_the_mapper_is_asked_once() -> None:
    async with served() as running, way(running.binding(""), access(running)) as found:
        assert await total(found) == 5
        running.registrations.delete(Registration(DEMO.syntax, HTTP, 6001, "demo"))
        assert await total(found) == 5


async def test_a_server_that_has_moved_is_found_again() -> None:
    async with served() as running, way(running.binding(""), access(running)) as found:
        wrong = Registration(DEMO.syntax, HTTP, 6009, "demo")
        running.registrations.delete(Registration(DEMO.syntax, HTTP, 6001, "demo"))
        running.registrations.insert(wrong)
        with pytest.raises(TransportError, match="6ba"):
            await total(found)
        found._ports[DEMO.syntax] = 6009
        with pytest.raises(TransportError, match="6ba"):
            await total(found)
        found._ports[DEMO.syntax] = 6009
        running.registrations.delete(wrong)
        running.registrations.insert(Registration(DEMO.syntax, HTTP, 6002, "demo"))
        assert await total(found) == 5


async def test_an_interface_that_no_mapper_knows_cannot_be_reached() -> None:
    async with served() as running, way(running.binding(""), access(running)) as found:
        running.registrations.delete(Registration(DEMO.syntax, HTTP, 6001, "demo"))
        with pytest.raises(TransportError, match="server has no Demo for ncacn_http"):
            await total(found)


async def test_reaching_is_a_port_that_opens_or_a_mapper_that_answers() -> None:
    async with served() as running:
        for binding in (running.binding(), running.binding("")):
            async with way(binding, access(running)) as found:
                await found.reach()
                assert found.open
        async with way(running.binding("6009"), access(running)) as found:
            with pytest.raises(TransportError, match="6ba"):
                await found.reach()


class Mapper:
    """What sits on the mapper's port, and is none: takes connections and what comes on them."""

    def __init__(self, *, hang_up: bool) -> None:
        self._hang_up = hang_up

    async def serve(self, exchange: Exchange) -> None:
        await exchange.reader.read(1)
        if not self._hang_up:
            await exchange.ended()


@pytest.mark.parametrize("hang_up", [True, False])
async def test_a_mapper_that_does_not_answer_leaves_the_callers_call_unsent(
    monkeypatch: pytest.MonkeyPatch, *, hang_up: bool
) -> None:
    async with peer(Mapper(hang_up=hang_up).serve) as port:
        monkeypatch.setattr(type(HTTP), "mapper_port", property(lambda protseq: port))
        async with way(StringBinding.parse(f"ncacn_ip_tcp:{LOOPBACK}"), timeout=0.05) as found:
            with pytest.raises(TransportError, match=rf"mapper of {LOOPBACK} did not answer"):
                await total(found)
            with pytest.raises(NoAnswer if not hang_up else TransportError):
                await found.reach()


async def test_the_version_is_the_one_that_was_asked_for_and_2_where_it_works() -> None:
    async with served(v1=True) as running:
        for version in HttpVersion:
            open_to_all = access(running, credentials=None)
            async with way(running.binding(), open_to_all, version=version) as found:
                assert await total(found) == 5
                assert found.notes == []
                carrier = found._carriers[0]
                assert isinstance(carrier, MixedCarrier) is (version is HttpVersion.V1)


@pytest.mark.conformance(90)
@pytest.mark.parametrize("protected", [False, True])
async def test_a_proxy_that_knows_only_version_1_is_asked_again_unless_we_have_a_secret(
    *, protected: bool
) -> None:
    methods: list[str] = []

    async with served() as running:

        async def old_proxy(exchange: Exchange) -> None:
            head = await exchange.head()
            methods.append(head.method)
            if head.method != "RPC_CONNECT":
                exchange.say("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n")
                return
            exchange.say("HTTP/1.1 200 OK\r\n\r\n")
            await exchange.pass_on(running.demo_tcp)

        async with peer(old_proxy) as port:
            credentials = ALICE if protected else None
            old = ProxyAccess(LOOPBACK, port, credentials=credentials)
            async with way(running.binding(), old, version=HttpVersion.AUTO) as found:
                if protected:
                    with pytest.raises(TransportError, match="501"):
                        await total(found)
                else:
                    assert await total(found) == 5
                    assert found.notes[0].startswith(
                        "version 1, since version 2 failed: the proxy answered 501"
                    )
    assert ("RPC_CONNECT" in methods) is not protected


async def test_an_http_proxy_is_looked_for_once_and_again_after_all_has_failed() -> None:
    asked: list[str] = []

    async def relay(exchange: Exchange) -> None:
        asked.append((await exchange.head()).method)
        await exchange.ended()

    async with served() as running, peer(relay) as port:
        proxy = HttpProxy(LOOPBACK, port)
        optional = access(running, http_proxy=proxy, http_proxy_optional=True)
        async with way(running.binding(), optional) as found:
            assert str(proxy) in str(found)
            assert await total(found) == 5
            assert str(proxy) not in str(found)
            assert "is not needed" in found.notes[0]
            running.proxy.end_all(None)
            running.proxy.draining = True
            await until(lambda: not found.open)
            with pytest.raises(TransportError):
                await total(found)
            running.proxy.draining = False
            assert await total(found) == 5
    assert asked == ["RPC_IN_DATA", "RPC_IN_DATA"]
