"""`rpch proxy` says where it serves, serves there, and ends with status 0."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.rpch_process import rpch_process

pytestmark = pytest.mark.slow
PLAIN = ("proxy", "--listen", "127.0.0.1:0", "--no-tls", "--user", r"LAB\alice:pw")


def answer(port: int, request: bytes) -> bytes:
    """What the first read brings."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(request)
        return sock.recv(65_536)


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n"


def test_it_serves_where_it_says_until_sigterm(tmp_path: Path) -> None:
    with rpch_process(*PLAIN, log=tmp_path / "log") as proxy:
        assert proxy.ready["event"] == "ready"
        assert proxy.ready["workers"] == 1
        assert answer(proxy.port, HEALTH).startswith(b"HTTP/1.1 200 OK")
        assert proxy.stop() == 0
    assert "no-tls" in (tmp_path / "log").read_text()


def test_several_workers_serve_on_one_port(tmp_path: Path) -> None:
    with rpch_process(*PLAIN, "--workers", "2", log=tmp_path / "log") as proxy:
        assert proxy.ready["workers"] == 2
        for _ in range(4):
            assert answer(proxy.port, HEALTH).startswith(b"HTTP/1.1 200 OK")
        assert proxy.stop() == 0


def test_a_file_gives_what_the_command_line_does_not(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text('listen = "127.0.0.1:0"\nno-tls = true\nuser = ["LAB\\\\alice:pw"]\n')
    file.chmod(0o600)
    with rpch_process("proxy", "--config", str(file), log=tmp_path / "log") as proxy:
        unauthorized = b"RPC_IN_DATA /rpc/rpcproxy.dll?a:1 HTTP/1.1\r\nHost: p\r\nContent-Length: 0\r\n\r\n"
        assert answer(proxy.port, unauthorized).startswith(b"HTTP/1.1 401 ")
        assert proxy.stop() == 0


def test_a_client_that_holds_its_connection_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with (
        rpch_process(*PLAIN, "--grace", "0.1", log=tmp_path / "log") as proxy,
        socket.create_connection(("127.0.0.1", proxy.port)) as silent,
        socket.create_connection(("127.0.0.1", proxy.port)) as slow,
    ):
        slow.sendall(b"RPC_IN_DATA /rpc")
        answer(proxy.port, HEALTH)
        assert proxy.stop() == 0
        assert silent.recv(1) == slow.recv(1) == b""


def test_ctrl_c_is_a_way_to_end_too(tmp_path: Path) -> None:
    with rpch_process(*PLAIN, log=tmp_path / "log") as proxy:
        proxy._process.send_signal(signal.SIGINT)
        assert proxy._process.wait(15) == 0


def test_systemd_hears_when_it_serves_and_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(15)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        for workers in ("1", "2"):
            with rpch_process(*PLAIN, "--workers", workers, log=tmp_path / "log") as proxy:
                assert systemd.recv(200).startswith(b"READY=1\nSTATUS=serving on 127.0.0.1:")
                assert proxy.stop() == 0
                assert systemd.recv(200) == b"STOPPING=1"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hangup_makes_every_process_read_the_settings_again(workers: str, tmp_path: Path) -> None:
    file, log = tmp_path / "proxy.toml", tmp_path / "log"
    text = 'listen = "127.0.0.1:0"\nno-tls = true\nuser = ["LAB\\\\alice:pw"]\n'
    file.write_text(text)
    file.chmod(0o600)
    with rpch_process("proxy", "--config", str(file), "--workers", workers, log=log) as proxy:
        file.write_text(text + 'valid-ports = "b:2"\n[limits]\nmax-channels = 7\n')
        os.kill(proxy.pid, signal.SIGHUP)
        for _ in range(200):
            told = [line for line in proxy.log if line["event"] == "reloaded"]
            if len(told) == int(workers):
                break
            time.sleep(0.05)
        changed = {
            (line["setting"], line["before"], line["after"]) for line in proxy.log if "setting" in line
        }
        assert changed == {("valid-ports", "", "b:2"), ("limits.max-channels", 20_000, 7)}
        assert len(told) == int(workers)
        assert proxy.stop() == 0
