"""The client of scripts that do not use asyncio."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from uuid import UUID

import pytest

from rpch.client.blocking import BlockingClient, ConnectOptions, connect_blocking
from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.errors import AuthenticationFailed, BindRejected, RpcFault, TransportError
from rpch.ndr import ContextHandle
from rpch.server.demo import AddRequest, CounterHandle, Demo
from rpch.server.management import Management
from rpch.server.mapper import Mapper
from tests.unit.client.scripted import PASSWORD, USER
from tests.unit.client.served import Served, served_elsewhere


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with served_elsewhere() as found:
        yield found


def test_calls_are_made_one_after_the_other_and_the_path_is_known(running: Served) -> None:
    with connect_blocking(running.binding(), user=USER, password=PASSWORD, tls=False) as client:
        client.bind(Demo)
        assert client.call(Demo.add, AddRequest(2, 3)).total == 5
        assert client.call(Demo.add, AddRequest(4, 5), timeout=5, idempotent=True).total == 9
        assert str(client.path).startswith("ncacn_http through")


def test_errors_are_those_of_the_asynchronous_client(running: Served) -> None:
    with connect_blocking(running.direct()) as client:
        with pytest.raises(RpcFault):
            client.call(Demo.close_counter, CounterHandle(ContextHandle(uuid=UUID(int=1))))
        with pytest.raises(BindRejected):
            client.bind(Mapper)
        client.bind(Management)


def loops() -> int:
    """How many threads run a client's event loop."""
    return [thread.name for thread in threading.enumerate()].count("rpch")


def test_its_thread_ends_with_it(running: Served) -> None:
    with connect_blocking(running.binding(), user=USER, password=PASSWORD, tls=False):
        assert loops() == 1
    assert loops() == 0
    with pytest.raises(KeyError), connect_blocking(running.direct()) as client:
        raise KeyError(client.path.way)
    assert loops() == 0
    with (
        pytest.raises(AuthenticationFailed),
        connect_blocking(running.binding(), user=USER, password="wrong", tls=False),
    ):
        pass
    assert loops() == 0


def test_what_cannot_be_reached_is_told_when_it_is_connected(running: Served) -> None:
    with (
        pytest.raises(TransportError, match="6ba"),
        connect_blocking(running.binding("6009"), user=USER, password=PASSWORD, tls=False),
    ):
        pass


def test_an_error_of_its_end_is_told(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(client: RpcClient) -> None:
        raise TransportError("the end failed")

    monkeypatch.setattr(RpcClient, "closed", fail)
    with pytest.raises(TransportError, match="the end failed"), connect_blocking(running.direct()) as client:
        client.bind(Demo)
    assert loops() == 0


def test_its_parameters_are_those_of_the_asynchronous_client() -> None:
    parameters = dict(inspect.signature(connect).parameters)
    del parameters["binding"]
    theirs = {name: parameter.annotation for name, parameter in parameters.items()}
    assert {name: kind.__forward_arg__ for name, kind in ConnectOptions.__annotations__.items()} == theirs


@pytest.mark.parametrize("method", ["call", "bind", "as_user"])
def test_its_methods_take_what_the_asynchronous_ones_take(method: str) -> None:
    ours, theirs = (inspect.signature(getattr(one, method)).parameters for one in (BlockingClient, RpcClient))
    assert list(ours) == list(theirs)
