"""HAProxy ends TLS, passes bytes on, and says by the PROXY protocol where its client is."""

import socket
import ssl
from pathlib import Path

import pytest

from tests.interop.processes import Program, free_port
from tests.interop.relays import Authority
from tests.interop.reverse_proxies import serving as relaying
from tests.interop.rpch_commands import serving

SETTINGS = """\
defaults
    mode tcp
    timeout connect 10s
    timeout client 15m
    timeout server 15m
listen rpc
    bind 127.0.0.1:{port} ssl crt {pem} alpn http/1.1
    server rpch1 127.0.0.1:{upstream} {send}
"""
REFUSED = (
    b"RPC_OUT_DATA /rpc/rpcproxy.dll?other:1 HTTP/1.1\r\nHost: p\r\n"
    b"X-Forwarded-For: 203.0.113.66\r\nContent-Length: 76\r\n\r\n"
)


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
def test_the_client_is_where_haproxy_says(tmp_path: Path, authority: Authority, send: str) -> None:
    options = ["--no-tls", "--allow-anonymous", "--valid-ports", "server:593", "--proxy-protocol"]
    pem, settings, port = tmp_path / "haproxy.pem", tmp_path / "haproxy.cfg", free_port()
    authority.leaf.private_key_and_cert_chain_pem.write_to_path(pem)
    with serving(tmp_path, "proxy", "--listen", "127.0.0.1:0", *options) as proxy:
        text = SETTINGS.format(port=port, pem=pem, upstream=proxy.port, send=send)
        settings.write_text(text, "utf-8")
        with relaying(Program(["haproxy", "-db", "-f", settings], tmp_path), port):
            tls = ssl.create_default_context(cafile=authority.ca)
            with (
                socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.9", 0)) as plain,
                tls.wrap_socket(plain, server_hostname="localhost") as sock,
            ):
                sock.sendall(REFUSED)
                assert b"X-Rpch-Rule: ValidPorts" in sock.recv(4096)
        refused = [
            line for line in proxy.log() if line["event"] == "refused" and line["rule"] == "ValidPorts"
        ]
    assert [line["client"] for line in refused] == ["127.0.0.9"]
