"""`rpch autodiscover` says what it tried, and ends with a status that scripts can read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from rpch.errors import ConfigError, TransportError
from rpch.exchange.autodiscover.client import AutodiscoverClient, Step
from rpch.exchange.autodiscover.pox_answer import Expr, User, redirect_url_document, settings_document
from rpch.exchange.autodiscover.web_client import WebAnswer, WebClient, WebRequestFor
from tests.command_line import app

URL = "https://mail.contoso.com/autodiscover/autodiscover.xml"
OTHER = "https://other.example/autodiscover/autodiscover.xml"
FOUND = settings_document(
    User("Jane", "/o=Org/cn=jane", "jane@contoso.com", UUID(int=1)), [Expr("m", tls=True, method="Basic")]
)


@pytest.fixture(autouse=True)
def web(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail is at one place, which another leads to; there is nobody else."""

    async def answer(self: WebClient, request: WebRequestFor) -> WebAnswer:
        if request.url == URL:
            return WebAnswer(200, body=FOUND) if request.proof else WebAnswer(401, offers=("Basic realm=x",))
        if request.url == OTHER:
            return WebAnswer(200, body=redirect_url_document(URL))
        raise TransportError("nobody is there")

    monkeypatch.setattr(WebClient, "__call__", answer)


def run(*args: str, status: int = 0, stdin: str = "") -> str:
    result = CliRunner().invoke(app, ["autodiscover", "jane@contoso.com", *args], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.stdout


def test_a_person_reads_steps_and_settings() -> None:
    said = run("--url", URL, "--user", r"LAB\jane:canary-5")
    assert f"found given URL: {URL}" in said
    assert "Jane <jane@contoso.com>" in said
    assert "EXPR" in said
    assert "canary" not in said


def test_a_program_reads_events() -> None:
    step, settings = map(json.loads, run("--url", URL, "--user", "jane:pw", "--json").splitlines())
    assert step == {"event": "step", "method": "given URL", "url": URL, "outcome": "settings"}
    assert settings["legacy_dn"] == "/o=Org/cn=jane"
    assert settings["protocols"][0]["Server"] == "m"


def test_a_missing_password_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPCH_PASSWORD", "pw")
    assert "Jane" in run("--url", URL, "--user", "jane")


def test_without_settings_the_status_is_1() -> None:
    said = run("--url", URL, status=1)
    assert "it asks for credentials" in said
    assert said.endswith("there are no settings for jane@contoso.com\n")
    assert len(run("--url", URL, "--json", status=1).splitlines()) == 1


def test_strangers_are_asked_only_if_they_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    args = ("--url", OTHER, "--user", "jane:pw", "--json")
    assert "Jane" in run(*args)  # mail.contoso.com is of the address's own domain
    monkeypatch.setattr("rpch.exchange.autodiscover.client._domain", lambda address: "else.example")
    assert "was not allowed" in run(*args, status=1)
    assert "Jane" in run(*args, "--allow", "Mail.contoso.com")


def test_a_user_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no user name"):
        run("--user", ":pw")


def test_a_file_is_asked_when_nobody_else_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(self: AutodiscoverClient, domain: str) -> AsyncIterator[tuple[Step, bool]]:
        yield Step("SRV record", domain, "there is none"), False

    monkeypatch.setattr(AutodiscoverClient, "_by_srv", nothing)
    file = tmp_path / "answer.xml"
    file.write_bytes(FOUND)
    assert f"found local file: {file}" in run("--local-xml", str(file))
