"""A target is reached at an address that was checked, or not at all."""

from __future__ import annotations

import asyncio
import socket

import pytest

from rpch.errors import AccessDenied, TransportError
from rpch.proxy.dialling import ServerLeg, dial
from rpch.proxy.policy import Allowed, Denied
from rpch.proxy.routes import Address
from rpch.vconn.events import Event, Leg, Place
from tests.memory_transport import MemoryTransport
from tests.raw_peer import raw_listener


def leg(*heard: Event) -> ServerLeg:
    return ServerLeg(Leg(Place.IN_T), list(heard).append, announce=False)


def anywhere(allowed: Allowed, address: str) -> None:
    return None


def nowhere(allowed: Allowed, address: str) -> Denied:
    return Denied("TargetAddress", 503, f"the server is at {address}")


async def test_it_connects_to_the_address_that_was_checked() -> None:
    checked: list[str] = []
    async with raw_listener() as server:
        connection = leg()
        await dial(
            Allowed(Address("127.0.0.1", server.port)),
            lambda allowed, address: checked.append(address),
            connection,
        )
        await server.peer()
        assert checked == ["127.0.0.1"]
        connection.close()


async def test_an_address_that_is_denied_is_not_knocked_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        target = Allowed(Address("127.0.0.1", listener.getsockname()[1]))
        with pytest.raises(AccessDenied, match="server is at") as refused:
            await dial(target, nowhere, leg())
        assert refused.value.rule == "TargetAddress"
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_what_refuses_the_connection_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await dial(Allowed(Address("127.0.0.1", nobody.getsockname()[1])), anywhere, leg())


@pytest.mark.parametrize(
    ("allowed", "problem"),
    [
        (Allowed(Address("a" * 70, 593)), "cannot be resolved"),
        (Allowed(), "no target"),
    ],
)
async def test_what_has_no_address_is_told(allowed: Allowed, problem: str) -> None:
    with pytest.raises(TransportError, match=problem):
        await dial(allowed, anywhere, leg())


async def test_a_name_without_addresses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*asked: object, **more: object) -> list[object]:
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", none)
    with pytest.raises(TransportError, match="has no address"):
        await dial(Allowed(Address("server", 593)), anywhere, leg())


@pytest.mark.parametrize("ours", [True, False])
async def test_a_leg_knows_who_ended_it(ours: bool) -> None:
    connection = leg()
    connection.connection_made(MemoryTransport())
    if ours:
        connection.close()
    connection.eof_received()
    connection.connection_lost(None)
    assert connection.ended_there is not ours
