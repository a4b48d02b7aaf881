"""What HAProxy and nginx make of ambiguous requests, and that our proxy cuts it as they do.

A request that was hidden from the relay would reach us with the address that its author wrote into it; the
relay puts its own over every request that it saw.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.interop.relays import Authority
from tests.interop.reverse_proxies import haproxy, nginx
from tests.interop.rpch_commands import Served, serving
from tests.smuggling import CORPUS, HIDDEN, NO_LENGTH, SMUGGLER, UNREAD, web

Relay = Callable[..., AbstractContextManager[int]]
EVERYTHING = {case.name: case.data for case in CORPUS} | UNREAD


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Served]:
    """One that lets everybody in, and believes what this machine says of its clients."""
    options = ["--no-tls", "--allow-anonymous", "--valid-ports", "server:593"]
    with serving(tmp_path, "proxy", "--listen", "127.0.0.1:0", *options) as served:
        yield served


def send(port: int, data: bytes, tls: ssl.SSLContext | None) -> bytes:
    """What is answered within a moment."""
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        sock = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
        sock.settimeout(0.4)
        answer = b""
        try:
            sock.sendall(data)
            while got := sock.recv(65_536):
                answer += got
        except OSError:
            pass
        return answer


def smuggled(served: Served) -> bool:
    """Whether a request has come from whom no relay has seen."""
    return any(line.get("client") == SMUGGLER for line in served.log())


def test_a_hidden_request_is_seen_where_nobody_writes_over_it(proxy: Served) -> None:
    send(proxy.port, web(NO_LENGTH, body=HIDDEN), None)
    assert smuggled(proxy)


@pytest.mark.parametrize("relay", [haproxy, nginx])
def test_nothing_gets_past_a_relay_unseen(
    relay: Relay, tmp_path: Path, authority: Authority, proxy: Served
) -> None:
    tls = ssl.create_default_context(cafile=authority.ca)
    with relay(tmp_path, authority.leaf, [proxy.port]) as port:
        plain = web(NO_LENGTH, method=b"GET", body=HIDDEN)
        assert b"200 OK" in send(port, plain, tls)
        assert any(line.get("client") == "127.0.0.1" for line in proxy.log())  # it was no secret
        for name, data in EVERYTHING.items():
            send(port, data, tls)
            assert not smuggled(proxy), name
