"""impacket moves a hundred megabytes in one virtual connection as it is by default, and speaks version 1."""

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from impacket.dcerpc.v5 import transport
from impacket.uuid import uuidtup_to_bin

from rpch.dcerpc.protseq import ProtocolSequence
from rpch.server.demo import Demo
from rpch.server.runtime import RpcServer
from tests.interop.impacket_client import over_http
from tests.interop.laboratory import ADD, DEMO, SOURCE, Laboratory

SINK = 2
MEBIBYTE = 1 << 20
PATTERN = bytes(range(256)) * 4096


def take(association: Any) -> None:
    """A mebibyte from the server."""
    association.call(SOURCE, struct.pack("<I", MEBIBYTE))
    assert association.recv()[8:] == PATTERN


def give(association: Any) -> None:
    """A mebibyte to the server. impacket sends it without a look at any window."""
    association.call(SINK, struct.pack("<II", MEBIBYTE, MEBIBYTE) + PATTERN)
    assert struct.unpack("<I", association.recv()) == (MEBIBYTE,)


def add(association: Any, left: int, right: int) -> int:
    """One small call."""
    association.call(ADD, struct.pack("<ii", left, right))
    (total,) = struct.unpack("<i", association.recv())
    return int(total)


@pytest.mark.timeout(90)
def test_a_hundred_megabytes_pass_each_in_its_direction(lab: Laboratory) -> None:
    domain, user, password = lab.account
    with over_http(lab.url, "localhost", 6001, user=user, password=password, domain=domain) as association:
        association.bind(uuidtup_to_bin(DEMO))
        association.set_max_fragment_size(4000)
        for _ in range(60):
            take(association)
            give(association)
        assert add(association, 40, 2) == 42


@contextmanager
def serving_demo(*, v1: bool) -> Iterator[int]:
    """The port of our server, in a thread of its own."""
    started, port = threading.Event(), 0
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        nonlocal port
        async with asyncio.TaskGroup() as tasks:
            server = RpcServer(tasks, v1=v1)
            port = await server.listen(ProtocolSequence.NCACN_HTTP, "127.0.0.1", 0, [Demo()])
            started.set()
            await over.wait()
            await server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.mark.conformance(46)
def test_impacket_speaks_version_1_straight_to_our_server() -> None:
    with serving_demo(v1=True) as port:
        association = transport.DCERPCTransportFactory(f"ncacn_http:127.0.0.1[{port}]").get_dce_rpc()
        association.connect()  # it wants the banner, and nothing before it or behind
        try:
            association.bind(uuidtup_to_bin(DEMO))
            assert add(association, 40, 2) == 42
            take(association)
            give(association)
        finally:
            association.disconnect()


@pytest.mark.conformance(46)
def test_version_1_is_not_served_unless_it_was_asked_for() -> None:
    with serving_demo(v1=False) as port:
        association = transport.DCERPCTransportFactory(f"ncacn_http:127.0.0.1[{port}]").get_dce_rpc()
        association.connect()
        try:
            # Observed: impacket takes the end of a connection for a header of no bytes.
            with pytest.raises(struct.error):
                association.bind(uuidtup_to_bin(DEMO))
        finally:
            association.disconnect()
