"""The same refusals over TLS, which cannot half-close a connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rpch.errors import AuthenticationFailed, ProxyError
from rpch.proxy.limits import HeadSettings
from rpch.server.demo import DelayRequest, Demo
from tests.e2e.system import A1, B1, LOOPBACK, System, certificate, request, system, trusting
from tests.raw_peer import RawPeer


@asynccontextmanager
async def tls_peer(here: System) -> AsyncIterator[RawPeer]:
    """A client that says anything to the proxy."""
    reader, writer = await asyncio.open_connection(
        LOOPBACK, here.port, ssl=trusting(), server_hostname="localhost"
    )
    peer = RawPeer(reader, writer)
    try:
        yield peer
    finally:
        await peer.close()


@pytest.mark.slow
@pytest.mark.conformance(84)
async def test_an_error_on_in_can_be_read_by_a_client_that_is_still_writing(tmp_path: Path) -> None:
    async with system(**certificate(tmp_path)) as here:
        for target, first in (("nowhere:6001", B1), ("server:6001", A1)):
            async with tls_peer(here) as peer:
                peer.send(request("RPC_IN_DATA", 1 << 30, target=target), first)
                for _ in range(8):
                    peer.send(bytes(20_000))
                    await asyncio.sleep(0.002)
                line, fields = await peer.head()
                assert line.startswith("HTTP/1.0 503 RPC Error: 6")
                assert fields["connection"] == "close"


@pytest.mark.slow
async def test_a_client_that_stays_is_cut_off_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpch.aio.lingering.LINGER", 0.1)
    async with system(**certificate(tmp_path)) as here, tls_peer(here) as peer:
        peer.send(request("RPC_IN_DATA", 1 << 30, user=None))
        assert (await peer.head())[0] == "HTTP/1.1 401 Unauthorized"
        await peer.rest()  # ends
        await here.emptied()


@pytest.mark.slow
async def test_our_client_reads_refusals(tmp_path: Path) -> None:
    async with system(**certificate(tmp_path)) as here:
        with pytest.raises(ProxyError) as caught:
            async with here.connect(here.binding(6005)):
                pass
        assert caught.value.rpc_status == 0x6BA
        with pytest.raises(AuthenticationFailed):
            async with here.connect(password="wrong"):
                pass


@pytest.mark.slow
async def test_a_client_that_vanishes_without_a_word_of_tls(tmp_path: Path) -> None:
    async with system(**certificate(tmp_path)) as here:
        async with tls_peer(here) as out, tls_peer(here) as into:
            out.send(request("RPC_OUT_DATA", 76), A1)
            into.send(request("RPC_IN_DATA", 1 << 30), B1)
            assert (await out.head())[0] == "HTTP/1.1 200 Success"
            await out.pdu()
            await out.pdu()
            into.reset()
            await out.rest()
        await here.emptied()


@pytest.mark.slow
async def test_a_head_that_does_not_come_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpch.aio.lingering.LINGER", 0.1)
    async with system(**certificate(tmp_path), heads=HeadSettings(timeout=0.05)) as here:
        for start in (b"R", b"RPC_IN_DATA /rpc"):
            async with tls_peer(here) as peer:
                peer.send(start)
                assert (await peer.head())[0] == "HTTP/1.1 408 Request Timeout"
                await peer.rest()


@pytest.mark.slow
async def test_a_call_that_is_under_way_when_the_client_closes(tmp_path: Path) -> None:
    async with system(**certificate(tmp_path)) as here:
        async with here.connect() as client:
            call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
            await here.called()
        assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], Exception)
        await here.emptied()


async def test_bytes_that_are_no_tls(tmp_path: Path) -> None:
    async with system(**certificate(tmp_path)) as here, here.peer() as peer:
        peer.send(request("RPC_IN_DATA", 0))
        await peer.rest()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(LOOPBACK, here.port, ssl=context, server_hostname="localhost")
