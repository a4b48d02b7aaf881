"""`rpch up` brings up everything, says what there is, and ends with status 0."""

import os
import signal
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rpch.client.blocking import connect_blocking
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.errors import ConfigError, RpcFault
from rpch.http.answers import ECHO_PDU
from rpch.server.demo import Demo, Octets
from tests.command_line import app
from tests.rpch_process import COMMAND, rpch_process

pytestmark = pytest.mark.slow
ACCESS_DENIED = 5


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


SETTINGS = """\
grace = 0.1
[rpc-limits]
request = 1000
"""


def test_its_server_keeps_the_limits_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "rpch.toml").write_text(SETTINGS, "utf-8")
    place = ("--data", str(tmp_path / "data"), "--config", str(tmp_path / "rpch.toml"))
    with rpch_process("up", "--listen", "127.0.0.1:0", *place, log=tmp_path / "log") as up:
        binding = f"ncacn_ip_tcp:127.0.0.1[{up.ready['ports']['demo_tcp']}]"
        with connect_blocking(binding) as client:
            assert client.call(Demo.echo, Octets(bytes(900))).data == bytes(900)
            with pytest.raises(RpcFault) as refused:
                client.call(Demo.echo, Octets(bytes(1000)))
        assert refused.value.status == ACCESS_DENIED
        assert up.stop() == 0
        assert any("the limit request is 1000" in line.get("why", "") for line in up.log)


def test_its_server_may_want_sealed_calls_of_users_it_knows(tmp_path: Path) -> None:
    (tmp_path / "rpch.toml").write_text("encryption-required = true\ngrace = 0.1\n", "utf-8")
    place = ("--data", str(tmp_path / "data"), "--config", str(tmp_path / "rpch.toml"))
    with rpch_process("up", "--listen", "127.0.0.1:0", *place, log=tmp_path / "log") as up:
        alice = up.ready["users"][0]
        who = {"user": alice["name"], "password": alice["password"]}
        rpc = {"rpc_user": alice["name"], "rpc_password": alice["password"]}
        trust = ssl.create_default_context(cafile=up.ready["ca"])
        through = f"ncacn_http:localhost[6001,RpcProxy=localhost:{up.port}]"
        direct = f"ncacn_ip_tcp:127.0.0.1[{up.ready['ports']['demo_tcp']}]"
        ways: list[tuple[str, dict[str, Any]]] = [
            (through, {**who, "scheme": "Basic", "tls": trust}),
            (direct, {}),
        ]
        for binding, options in ways:
            for weaker in ({}, {**rpc, "auth_level": AuthLevel.PKT_INTEGRITY}):
                with connect_blocking(binding, **options, **weaker) as client:
                    with pytest.raises(RpcFault) as refused:
                        client.call(Demo.echo, Octets(b"plain"))
                    assert refused.value.status == ACCESS_DENIED
            with connect_blocking(binding, **options, **rpc, auth_type=AuthType.NTLM) as client:
                assert client.call(Demo.echo, Octets(b"sealed")).data == b"sealed"
        assert up.stop() == 0


@pytest.mark.parametrize("hangup", [True, False])
def test_it_follows_its_file(tmp_path: Path, *, hangup: bool) -> None:
    file = tmp_path / "rpch.toml"
    file.write_text(SETTINGS, "utf-8")
    place = ("--data", str(tmp_path / "data"), "--config", str(file))
    with rpch_process("up", "--listen", "127.0.0.1:0", *place, log=tmp_path / "log") as up:
        file.write_text("grace = 0.2\n[throttle]\nper-account = 7\n[rpc-limits]\nrequest = 2000\n", "utf-8")
        if hangup:
            os.kill(up.pid, signal.SIGHUP)
        for _ in range(200):
            if any(line["event"] == "reloaded" for line in up.log):
                break
            time.sleep(0.05)
        changed = {line["setting"]: (line["event"], line["after"]) for line in up.log if "setting" in line}
        assert changed == {
            "throttle.per-account": ("setting changed", 7),
            "rpc-limits.request": ("setting changed, but needs a restart", 2000),
            "grace": ("setting changed, but needs a restart", 0.2),
        }
        assert up.stop() == 0


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rpch.toml").write_text("[rpc-limits]\nfragment = 70000\n", "utf-8")
    with pytest.raises(ConfigError, match=r"rpc-limits\.fragment"):
        CliRunner().invoke(app, ["up", "--config", str(tmp_path / "rpch.toml")], catch_exceptions=False)


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
    assert "rpch directory lookup alice --via rpchttp --proxy localhost:" in said
    assert "rpch autodiscover alice@lab.example --url https://localhost:" in said
    assert r"LAB\alice" in said
    assert str(tmp_path / "data" / "ca.pem") in said
    assert sys.executable not in said
