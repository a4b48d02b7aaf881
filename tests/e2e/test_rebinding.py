"""A name whose resolver changes its mind: what was checked is what is connected to, and each time anew."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from structlog.testing import capture_logs

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from rpch.rts.commands import Cookie, ReceiveWindowSize, Version
from rpch.rts.pdus import ConnA1
from tests.raw_peer import raw_listener

OUTSIDE, METADATA = "192.0.2.10", "169.254.169.254"


class Resolver:
    """Gives another address each time, and counts how often it is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    async def getaddrinfo(self, host: str, port: int, **options: Any) -> list[Any]:
        address = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


async def test_a_name_that_rebinds_leads_nowhere_it_may_not_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    dialled: list[str] = []
    connect = loop.create_connection

    async with raw_listener(b"ncacn_http/1.0") as back_end, asyncio.TaskGroup() as tasks:
        resolver = Resolver(OUTSIDE, "127.0.0.1", METADATA, "::ffff:127.0.0.1", "0.0.0.0")  # noqa: S104 - an answer, not a listener

        async def dial(factory: Any, host: str, port: int, **options: Any) -> Any:
            """Whoever is outside is really our listener; the proxy must ask for that address and no name."""
            dialled.append(host)
            return await connect(factory, "127.0.0.1", back_end.port, **options)

        target = "rebinding.example:6001"
        settings = ProxyConfiguration(no_tls=True, allow_anonymous=True, valid_ports=target)
        proxy = settings.proxy(tasks, settings.accounts())
        listener = await loop.create_server(lambda: ProxyConnection(proxy), "127.0.0.1", 0)
        port = int(listener.sockets[0].getsockname()[1])
        monkeypatch.setattr(loop, "getaddrinfo", resolver.getaddrinfo)
        peers = [await asyncio.open_connection(sock=_connected(port)) for _ in range(5)]
        monkeypatch.setattr(loop, "create_connection", dial)
        head = f"RPC_OUT_DATA /rpc/rpcproxy.dll?{target} HTTP/1.1\r\nHost: p\r\nContent-Length: 76\r\n\r\n"
        answers = []
        with capture_logs() as lines:
            for number, (reader, writer) in enumerate(peers):
                names = Cookie(bytes([number]) * 16), Cookie(bytes([number + 100]) * 16)
                begin = ConnA1(Version(1), *names, ReceiveWindowSize(65_536))
                writer.write(head.encode() + begin.encode())
                async with asyncio.timeout(5):
                    answers.append(await reader.readline())
        for _, writer in peers:
            writer.close()
        proxy.end_all(None)
        listener.close()
    assert [answer.split(b" ")[1] for answer in answers] == [b"200", *[b"503"] * 4]
    assert dialled == [OUTSIDE]  # an address, never the name: nobody resolves it a second time
    assert resolver.asked == len(answers)
    audited = [(line["target"], line["rule"]) for line in lines if line["event"] == "refused"]
    assert audited == [(target, "TargetAddress")] * 4


def _connected(port: int) -> socket.socket:
    """A socket that no resolver was asked for."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    return sock
