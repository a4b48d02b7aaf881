"""`rpch bridge` says where it serves, greets there, and ends with status 0."""

import socket
from pathlib import Path

import pytest

from tests.rpch_process import rpch_process

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "[::1]")])
def test_it_greets_as_ncacn_http_until_sigterm(host: str, shown: str, tmp_path: Path) -> None:
    command = ("bridge", "--listen", f"{host}:0", "--to", "127.0.0.1:1")
    with rpch_process(*command, log=tmp_path / "log") as bridge:
        assert bridge.ready["to"] == "127.0.0.1:1"
        assert bridge.ready["listen"][0] == f"{shown}:{bridge.port}"
        with socket.create_connection((host.strip("[]"), bridge.port), timeout=5) as sock:
            assert sock.recv(14) == b"ncacn_http/1.0"
            assert bridge.stop() == 0
