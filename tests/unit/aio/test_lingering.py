"""A connection is closed so that the peer can read the last words, and soon."""

import asyncio

import pytest

from rpch.aio import lingering
from rpch.aio.lingering import LINGER_BYTES, Lingering
from tests.memory_transport import MemoryTransport
from tests.raw_peer import until


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment that tests can wait for."""
    monkeypatch.setattr(lingering, "LINGER", 0.01)


async def test_tcp_says_that_it_has_finished_and_reads_on() -> None:
    transport = MemoryTransport()
    ending = Lingering(transport)
    assert transport.is_ended()
    assert not transport.is_closing()
    ending.lost()


async def test_a_peer_that_stays_is_cut_off(quick: None) -> None:
    transport = MemoryTransport()
    Lingering(transport)
    await until(transport.is_aborted)


async def test_a_peer_that_still_takes_what_was_written_is_waited_for() -> None:
    transport = MemoryTransport()
    transport.unsent = 1000
    ending = Lingering(transport)
    for unsent in (800, 600, 400):
        transport.unsent = unsent
        ending._late()
        assert not transport.is_closing()
    ending._late()
    assert transport.is_aborted()  # it has stopped to take anything


async def test_tls_cannot_half_close_and_closes_after_a_moment(quick: None) -> None:
    transport = MemoryTransport(tls=True)
    Lingering(transport)
    assert not transport.is_closing()
    await until(transport.is_closing)
    assert not transport.is_aborted()


async def test_a_peer_that_sends_without_end_is_cut_off() -> None:
    transport = MemoryTransport()
    ending = Lingering(transport)
    ending.drain(LINGER_BYTES)
    assert not transport.is_aborted()
    ending.drain(1)
    assert transport.is_aborted()
    ending.lost()


async def test_nothing_is_done_to_a_connection_that_is_gone(quick: None) -> None:
    transport = MemoryTransport()
    Lingering(transport).lost()
    await asyncio.sleep(0.05)
    assert not transport.is_aborted()
    closing = MemoryTransport(closing=True)
    Lingering(closing)
    await asyncio.sleep(0.05)
    assert not closing.is_ended()
    assert not closing.is_aborted()
