"""HAProxy and nginx as documented, before a server that only shows what they pass on and when."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import trustme

from tests.interop.reverse_proxies import haproxy, nginx

ReverseProxy = Callable[[Path, trustme.LeafCert, list[int]], AbstractContextManager[int]]
Front = Callable[[], AbstractContextManager[ssl.SSLSocket]]

REQUEST_HEAD = "{} /rpc/rpcproxy.dll?server:593 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"
IN_HEAD = REQUEST_HEAD.format("RPC_IN_DATA", 1 << 30).encode()
OUT_HEAD = REQUEST_HEAD.format("RPC_OUT_DATA", 76).encode()
ANSWER_HEAD = b"HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824\r\n\r\n"
PING = bytes.fromhex("0500140310000000140000000000000001000000")


class Listener:
    """Accepts what a reverse proxy opens, and knows which connection carries which method."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.port: int = self._socket.getsockname()[1]

    def accept(self) -> tuple[bytes, socket.socket]:
        """The next request's head, and the connection it came on."""
        connection, _ = self._socket.accept()
        connection.settimeout(10)
        return receive_head(connection), connection

    def close(self) -> None:
        """Stops listening."""
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server that does what its test tells it to."""
    started = Listener()
    yield started
    started.close()


@pytest.fixture(params=[haproxy, nginx], ids=["haproxy", "nginx"])
def front(request: pytest.FixtureRequest, tmp_path: Path, listener: Listener) -> Iterator[Front]:
    """Opens TLS connections to a reverse proxy that stands before the listener."""
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    reverse_proxy: ReverseProxy = request.param
    with reverse_proxy(tmp_path, authority.issue_cert("localhost"), [listener.port]) as port:

        @contextmanager
        def connect() -> Iterator[ssl.SSLSocket]:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secured,
            ):
                yield secured

        yield connect


def receive(connection: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        assert chunk, f"closed after {data!r}"
        data += chunk
    return data


def is_over(connection: socket.socket) -> bool:
    """Whether the other side has ended a connection, politely or not; waits for it."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def receive_head(connection: socket.socket) -> bytes:
    """A message's head, and nothing of its body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(connection, 1)
    return head


def test_an_in_channel_passes_small_pdus_as_they_come(front: Front, listener: Listener) -> None:
    with front() as client:
        client.sendall(IN_HEAD)
        head, server = listener.accept()
        with server:
            assert head.startswith(b"RPC_IN_DATA /rpc/rpcproxy.dll?server:593 HTTP/1.1\r\n")
            assert b"\r\ncontent-length: 1073741824\r\n" in head.lower()
            for _ in range(20):
                client.sendall(PING)
                assert receive(server, len(PING)) == PING


def test_an_out_channel_passes_small_pdus_as_they_come(front: Front, listener: Listener) -> None:
    with front() as client:
        client.sendall(OUT_HEAD + bytes(76))
        head, server = listener.accept()
        with server:
            assert head.startswith(b"RPC_OUT_DATA /rpc/rpcproxy.dll?server:593 HTTP/1.1\r\n")
            assert receive(server, 76) == bytes(76)
            server.sendall(ANSWER_HEAD)
            answer = receive_head(client)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"\r\ncontent-length: 1073741824\r\n" in answer.lower()
            for _ in range(20):
                server.sendall(PING)
                assert receive(client, len(PING)) == PING


def test_a_client_that_goes_is_gone_for_the_server_too(front: Front, listener: Listener) -> None:
    with front() as client:
        client.sendall(IN_HEAD + PING)
        _, server = listener.accept()
        assert receive(server, len(PING)) == PING
    with server:
        assert is_over(server)


def test_megabytes_pass_both_ways(front: Front, listener: Listener) -> None:
    bulk = bytes(range(256)) * 4096
    with front() as inward, front() as outward:
        inward.sendall(IN_HEAD)
        _, taking = listener.accept()
        outward.sendall(OUT_HEAD + bytes(76))
        _, giving = listener.accept()
        with taking, giving:
            giving.sendall(ANSWER_HEAD)
            sender = threading.Thread(target=inward.sendall, args=(bulk,))
            sender.start()
            assert receive(taking, len(bulk)) == bulk
            sender.join()
            sender = threading.Thread(target=giving.sendall, args=(bulk,))
            sender.start()
            receive_head(outward)
            assert receive(outward, len(bulk)) == bulk
            sender.join()
