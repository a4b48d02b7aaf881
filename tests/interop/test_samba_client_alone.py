"""Samba's client before a server that only listens: how it asks a proxy, and that our spellings are right."""

import base64
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from tests.interop.samba_client import SambaClient, http_binding


class Proxy(threading.Thread):
    """Takes requests of one size, keeps them, and closes: a proxy that is there and gives nothing."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(daemon=True)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.received: dict[str, bytes] = {}

    def run(self) -> None:
        """Takes both channels, then lets both go. The client opens both before it waits for an answer."""
        with self._listener:
            connections = [self._accept() for _ in range(2)]
            for connection in connections:
                request = connection.recv(4096)
                while b"\r\n\r\n" not in request or request.endswith(b"\r\n\r\n"):
                    request += connection.recv(4096)
                self.received[request.split(b" ")[0].decode()] = request
            for connection in connections:
                connection.close()

    def _accept(self) -> socket.socket:
        plain, _ = self._listener.accept()
        plain.settimeout(10)
        return self._context.wrap_socket(plain, server_side=True) if self._context else plain


def server_context(folder: Path, *, trusted: bool) -> ssl.SSLContext:
    """For a server on 127.0.0.1. `ca.pem` in the folder is the authority behind it, or a stranger's."""
    authority = trustme.CA()
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    # Observed: with the session tickets of TLS 1.3, Samba 4.17 waits for ever for what follows them.
    context.num_tickets = 0
    return context


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_it_opens_both_channels_with_basic(tmp_path: Path, tls: bool) -> None:
    context = server_context(tmp_path, trusted=True)
    proxy = Proxy(context if tls else None)
    proxy.start()

    client = SambaClient(tmp_path, "alice", "Passw0rd!", ca=tmp_path / "ca.pem")
    [answer] = client.calls(http_binding("server", 593, proxy=proxy.address, tls=tls), ("lookup", 10))
    proxy.join(10)

    assert "error" in answer
    for method, length in ("RPC_IN_DATA", 1 << 30), ("RPC_OUT_DATA", 76):
        head = proxy.received[method].partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
        assert head[0] == f"{method} /rpc/rpcproxy.dll?server:593 HTTP/1.0"
        assert f"Content-Length: {length}" in head
        assert "Authorization: Basic " + base64.b64encode(b"LAB\\alice:Passw0rd!").decode() in head


def test_it_takes_no_certificate_of_a_stranger(tmp_path: Path) -> None:
    context = server_context(tmp_path, trusted=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refused: list[ssl.SSLError] = []

        def serve() -> None:
            plain, _ = listener.accept()
            with plain, pytest.raises(ssl.SSLError) as failed:
                context.wrap_socket(plain, server_side=True).recv(1)
            refused.append(failed.value)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        client = SambaClient(tmp_path, "alice", "Passw0rd!", ca=tmp_path / "ca.pem")
        proxy = f"127.0.0.1:{listener.getsockname()[1]}"
        [answer] = client.calls(http_binding("server", 593, proxy=proxy, tls=True), ("lookup", 10))
        server.join(10)
    assert "error" in answer
    assert refused
