"""A listener is opened by its address, serves until it is told to stop, and stops in order."""

import asyncio
import os
import signal
import socket
import time

import pytest

from rpch.errors import ConfigError
from rpch.front.serving import address_of, bind, parse_listen, serve_proxy, stop_on_signals
from rpch.proxy.configuration import ProxyConfiguration


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:443", ("127.0.0.1", 443)),
        ("[::1]:8443", ("::1", 8443)),
        (":0", ("", 0)),
        ("proxy.example:443", ("proxy.example", 443)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text", ["", "443", "host", "host:", "host:port", "host:65536", "host:-1", "host:4 4", "host:4²"]
)
def test_what_is_no_address_is_refused_by_the_setting_it_came_from(text: str) -> None:
    with pytest.raises(ConfigError, match="--to: "):
        parse_listen(text, setting="--to")


def test_a_socket_listens_where_it_says() -> None:
    with bind("127.0.0.1", 0) as sock:
        host, port = sock.getsockname()
        assert address_of(sock) == f"127.0.0.1:{port}"
        socket.create_connection((host, port)).close()
        with pytest.raises(ConfigError, match=r"--listen.*cannot be listened on"):
            bind("127.0.0.1", port)


def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    with bind("::1", 0) as sock:
        assert address_of(sock) == f"[::1]:{sock.getsockname()[1]}"


def test_a_name_that_is_none_is_a_mistake_of_the_settings() -> None:
    with pytest.raises(ConfigError, match="cannot be listened on"):
        bind("192.0.2.1", 0)  # not an address of this machine
    with pytest.raises(ConfigError, match="cannot be listened on"):
        bind("a" * 70, 0)


@pytest.mark.slow
async def test_it_serves_until_it_is_stopped_and_then_nobody_listens() -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    sock, stop, told = bind("127.0.0.1", 0), asyncio.Event(), asyncio.Event()
    address = sock.getsockname()
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        serving = tasks.create_task(serve_proxy(proxy, sock, tls=None, grace=0.1, stop=stop, ready=told.set))
        await told.wait()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        stop.set()
        began = time.monotonic()
        await serving
        assert time.monotonic() - began < 2.0
        await reader.read()
        writer.close()
        await writer.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


async def test_the_signals_of_an_end_stop_it() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        stop = stop_on_signals()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(1):
            await stop.wait()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
