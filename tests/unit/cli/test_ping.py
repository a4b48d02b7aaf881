"""What `rpch ping` makes of its command line, and what it prints."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner, Result

from rpch.auth.schemes import Scheme
from rpch.cli import passwords
from rpch.client.credentials import Credentials
from rpch.client.principals import Principal
from rpch.client.security import RpcCredentials
from rpch.client.tunnels import HttpProxy
from rpch.dcerpc.binding import parse_interface
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.errors import ConfigError
from rpch.probe.ladder import Outcome, Report, Step, StepResult
from rpch.probe.target import PingTarget
from tests.command_line import app

BINDING = "ncacn_http:server[593,RpcProxy=proxy:8443]"
MODULE = import_module("rpch.cli.ping")  # the package has the command under this name
UUID_TEXT = "1544f5e0-613c-11d1-93df-00c04fd7bd09"


class Climbed:
    """Stands in for the ladder: keeps the target, and answers as it is told."""

    def __init__(self) -> None:
        self.target: PingTarget
        self.outcome = Outcome.OK

    async def __call__(self, target: PingTarget, started: object = None) -> Report:
        self.target = target
        step = Step("dns", "DNS", self._nothing)
        if callable(started):
            started(step)
        return Report(str(target.binding), (StepResult(step, self.outcome, 0.001, "seen"),))

    async def _nothing(self) -> str:
        return ""

    @property
    def credentials(self) -> Credentials | None:
        assert self.target.access is not None
        return self.target.access.credentials


@pytest.fixture
def climbed(monkeypatch: pytest.MonkeyPatch) -> Climbed:
    stand_in = Climbed()
    monkeypatch.setattr(MODULE, "climb", stand_in)
    monkeypatch.setattr(MODULE, "configure_logs", lambda **how: None)  # which lasts longer than a test
    monkeypatch.delenv("RPCH_PASSWORD", raising=False)
    return stand_in


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["ping", *words], env=environment)


def problem(*words: str) -> str:
    """The sentence of a command line that makes no sense."""
    result = run(*words)
    assert isinstance(result.exception, ConfigError)
    return str(result.exception)


def test_json_is_one_object_on_one_line(climbed: Climbed) -> None:
    result = run(BINDING, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert (found["target"], found["ok"]) == (BINDING, True)
    assert [step["name"] for step in found["steps"]] == ["dns"]


def test_people_get_a_table_without_colours_in_a_file(climbed: Climbed) -> None:
    result = run(BINDING)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == BINDING
    assert result.stdout.splitlines()[-1] == "All steps work."
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_failure_is_the_exit_status(climbed: Climbed, how: list[str]) -> None:
    climbed.outcome = Outcome.FAILED
    assert run(BINDING, *how).exit_code == 1


# Who we are


def test_user_and_password_in_one_word(climbed: Climbed) -> None:
    run(BINDING, "--user", r"LAB\alice:se:cret")
    assert climbed.credentials == Credentials(r"LAB\alice", "se:cret")


def test_the_password_may_come_from_the_environment(climbed: Climbed) -> None:
    run(BINDING, "--user", r"LAB\alice", RPCH_PASSWORD="hidden")
    assert climbed.credentials == Credentials(r"LAB\alice", "hidden")


def test_the_password_is_asked_for_where_somebody_sits(
    climbed: Climbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_is_somebody_there", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda text, **how: f"{text}, hidden: {how['hide_input']}")
    run(BINDING, "--user", r"LAB\alice")
    assert climbed.credentials == Credentials(r"LAB\alice", r"password of LAB\alice, hidden: True")
    run(BINDING, "-P", "alice,LAB,*")
    assert climbed.credentials == Credentials(r"LAB\alice", r"password of LAB\alice, hidden: True")


def test_without_anybody_to_ask_the_variable_is_named(climbed: Climbed) -> None:
    assert "RPCH_PASSWORD" in problem(BINDING, "--user", "alice")


def test_an_identity_as_rpcping_writes_it(climbed: Climbed) -> None:
    run(BINDING, "-P", "alice,LAB,secret", "-H", "1")
    assert climbed.credentials == Credentials(r"LAB\alice", "secret", Scheme.BASIC)
    run(BINDING, "--user", "alice:secret", "-H", "NTLM")
    assert climbed.credentials == Credentials("alice", "secret", Scheme.NTLM)
    run(BINDING)
    assert climbed.credentials is None


def test_one_identity_is_enough(climbed: Climbed) -> None:
    assert "-P" in problem(BINDING, "--user", "alice:x", "-P", "alice,LAB,x")


# The way there


def test_tls_is_the_default_and_checks_against_given_authorities(climbed: Climbed, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    run(BINDING, "--tls-ca", str(file))
    assert climbed.target.access is not None
    assert climbed.target.access.tls is not None
    assert len(climbed.target.access.tls.get_ca_certs()) == 1
    assert "--tls-ca" in problem(BINDING, "--tls-ca", str(file), "--no-tls")
    assert "tls-ca" in problem(BINDING, "--tls-ca", str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("words", "tls"), [([], True), (["--no-tls"], False), (["-F", "2"], False), (["-F", "3"], True)]
)
def test_tls_may_be_left_out(climbed: Climbed, words: list[str], tls: bool) -> None:
    run(BINDING, *words)
    assert climbed.target.access is not None
    assert (climbed.target.access.tls is not None) is tls


def test_over_tcp_there_is_no_tls(climbed: Climbed) -> None:
    run("ncacn_ip_tcp:server")
    assert climbed.target.access is None


def test_an_http_proxy_with_credentials_of_its_own(climbed: Climbed) -> None:
    run(BINDING, "-R", "squid:3128", "-A", "relay,,other", "-U", "Basic")
    assert climbed.target.access is not None
    relay = Credentials("relay", "other", Scheme.BASIC)
    assert climbed.target.access.http_proxy == HttpProxy("squid", 3128, relay)
    run(BINDING, "-R", "default", https_proxy="http://squid:3128", no_proxy="")
    assert climbed.target.hop == ("squid", 3128)
    run(BINDING, "-R", "none", https_proxy="http://squid:3128")
    assert climbed.target.hop == ("proxy", 8443)


# What to reach


def test_a_line_for_rpcping_works_as_it_is(climbed: Climbed) -> None:
    line = "-t ncacn_http -s server -o RpcProxy=proxy:8443 -P alice,LAB,x -I alice,LAB,y -H Basic -u NTLM"
    rest = "-a connect -F 3 -v 3 -E -R none -B msstd:proxy -b -q"
    result = run(*line.split(), *rest.split())
    assert result.exit_code == 0
    assert str(climbed.target.binding) == "ncacn_http:server[,RpcProxy=proxy:8443]"
    assert climbed.target.echo_only
    assert climbed.target.access is not None
    assert climbed.target.access.principal == Principal.parse("msstd:proxy")
    bob = RpcCredentials(r"LAB\alice", "y", AuthLevel.CONNECT, AuthType.NTLM)
    assert climbed.target.caller == bob
    assert not result.stderr


def test_who_calls_is_told_to_the_server_only_where_he_is_named(climbed: Climbed) -> None:
    run("ncacn_ip_tcp:server", "-I", "bob,LAB,secret")
    assert climbed.target.caller == RpcCredentials(r"LAB\bob", "secret")
    assert "-u" in problem("ncacn_ip_tcp:server", "-I", "bob,LAB,secret", "-u", "SChannel")


def test_by_kerberos_it_is_whoever_has_signed_in_that_calls(climbed: Climbed) -> None:
    run("ncacn_ip_tcp:server", "-u", "kerberos", "-a", "call")
    assert climbed.target.caller == RpcCredentials("", "", AuthLevel.PKT, AuthType.KERBEROS)


def test_how_to_prove_a_name_is_no_name(climbed: Climbed) -> None:
    run("ncacn_ip_tcp:server", "-u", "10", "-a", "pkt")
    assert climbed.target.caller is None


def test_the_server_in_parts(climbed: Climbed) -> None:
    run("-t", "ncacn_ip_tcp", "-s", "server", "-e", "1024", "-O", UUID_TEXT, "-i", "7")
    assert str(climbed.target.binding) == f"{UUID_TEXT}@ncacn_ip_tcp:server[1024]"
    assert climbed.target.calls == 7
    run("-s", "server", "-f", f"{UUID_TEXT},1.0", "--timeout", "3")
    assert climbed.target.interface == parse_interface(f"{UUID_TEXT}/v1.0")
    assert (climbed.target.port, climbed.target.timeout) == (None, 3.0)


def test_the_target_is_said_once(climbed: Climbed) -> None:
    assert "give it or those" in problem(BINDING, "-s", "server")
    assert "is missing" in problem()
    assert "is missing" in problem("-i", "3")


def test_a_binding_that_makes_no_sense_is_told(climbed: Climbed) -> None:
    assert "string binding" in problem("server:593")
