"""`rpch ping` as a person or a monitor runs it, against `rpch up`."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.interop.rpch_commands import RPCH, Served, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("up")
    with serving(folder, "up", "--listen", "127.0.0.1:0", "--data", folder / "data") as running:
        yield running


def ping(lab: Served, *words: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
    user = lab.ready["users"][0]
    environment = os.environ | {"RPCH_PASSWORD": user["password"] if password is None else password}
    binding = f"ncacn_http:localhost[593,RpcProxy=localhost:{lab.port}]"
    command = [str(RPCH), "ping", binding, "--tls-ca", lab.ready["ca"], "--user", user["name"], *words]
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )


def test_a_system_in_order_is_status_0(lab: Served) -> None:
    result = ping(lab, "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["ok"]
    *tried, recycle_out = report["steps"]
    assert [step["name"] for step in tried] == (
        ["dns", "tcp", "tls", "schemes", "echo_in", "echo_out", "mapper", "bind", "call", "recycle_in"]
    )
    assert all(step["ok"] and step["milliseconds"] > 0 for step in tried)
    assert (recycle_out["name"], recycle_out["ok"], recycle_out["needed"]) == ("recycle_out", None, False)
    assert not result.stderr


def test_a_failure_is_status_1_with_its_cause_and_cure(lab: Served) -> None:
    result = ping(lab, password="wrong")
    assert result.returncode == 1
    assert "does not accept" in result.stdout
    assert "It fails at: echo IN." in result.stdout
    assert "\x1b[" not in result.stdout
    assert "Traceback" not in result.stderr


def test_a_line_that_makes_no_sense_is_status_2() -> None:
    command = [str(RPCH), "ping", "localhost:593"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("rpch: string binding: ")
