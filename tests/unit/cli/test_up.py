"""`rpch up` brings up everything, says what there is, and ends with status 0."""

import ssl
import subprocess
import sys
from base64 import b64encode
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from rpch.http.answers import ECHO_PDU
from tests.rpch_process import COMMAND, rpch_process

pytestmark = pytest.mark.slow


def test_it_names_its_authority_users_and_ports_and_they_are_true(tmp_path: Path) -> None:
    command = ("up", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"))
    with rpch_process(*command, log=tmp_path / "log") as up:
        assert {"mapper", "demo"} <= set(up.ready["ports"])
        alice = up.ready["users"][0]
        assert alice["address"] == "alice@lab.example"
        trust = ssl.create_default_context(cafile=up.ready["ca"])
        token = b64encode(f"{alice['name']}:{alice['password']}".encode()).decode("ascii")
        connection = HTTPSConnection("localhost", up.port, context=trust, timeout=5)
        path = "/rpc/rpcproxy.dll?localhost:593"
        connection.request(
            "RPC_IN_DATA", path, headers={"Authorization": f"Basic {token}", "Content-Length": "0"}
        )
        answer = connection.getresponse()
        assert (answer.status, answer.reason, answer.read()) == (200, "Success", ECHO_PDU)
        connection.close()
        assert up.stop() == 0


def test_a_person_reads_what_to_try(tmp_path: Path) -> None:
    command = (*COMMAND, "up", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout is not None
            said = ""
            while "stop with Ctrl-C" not in said:
                said += (line := running.stdout.readline())
                assert line
            running.terminate()
            assert running.wait(15) == 0
        finally:
            running.kill()
    assert "rpch ping 'ncacn_http:localhost[593,RpcProxy=localhost:" in said
    assert r"LAB\alice" in said
    assert str(tmp_path / "data" / "ca.pem") in said
    assert sys.executable not in said
