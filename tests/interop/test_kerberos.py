"""Kerberos over HTTP against `rpch proxy`, with tickets of a real key distribution centre."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.kdc import DOMAIN, PASSWORD, REALM, USER, Kdc
from tests.interop.processes import run_once
from tests.interop.relays import Authority
from tests.interop.rpch_commands import Served, serving
from tests.ntlm_over_http import ECHO

NONE, ALLOW, REQUIRE = MODES = ("none", "allow", "require")

SETTINGS = """\
listen = "127.0.0.1:0"
public-name = "localhost"
tls-cert = "{authority.certificate}"
tls-key = "{authority.key}"
keytab = "{keytab}"
extended-protection = "{mode}"
valid-ports = "server:593"
[kerberos-realms]
"{REALM}" = "{DOMAIN}"
"""


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def running(
    kdc: Kdc, mode: str, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp(mode)
    text = SETTINGS.format(authority=authority, keytab=kdc.keytab, mode=mode, REALM=REALM, DOMAIN=DOMAIN)
    (folder / "rpch.toml").write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kdc.env.items():
            patch.setenv(name, value)
        with serving(folder, "proxy", "--config", folder / "rpch.toml") as served:
            yield served


def rules(served: Served) -> list[str]:
    """By which rules credentials have been refused so far."""
    return [line["rule"] for line in served.log() if "rule" in line]


def people(served: Served) -> list[str]:
    """Who was let in so far."""
    return [line["user"] for line in served.log() if line["event"] == "authenticated"]


def curl(served: Served, authority: Authority, env: dict[str, str]) -> str:
    """The status that curl's echo by Negotiate ends with."""
    url = f"https://localhost:{served.port}{ECHO}"
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"]
    who = ["--cacert", str(authority.ca), "--negotiate", "-u", ":", "-X", "RPC_IN_DATA"]
    return run_once([*command, *who, url], env=env)


def test_curl_comes_in_with_a_ticket_where_no_binding_is_required(
    running: Served, mode: str, kdc: Kdc, authority: Authority
) -> None:
    before = len(rules(running))
    refused = mode == REQUIRE
    assert curl(running, authority, kdc.tickets()) == ("401" if refused else "200")
    assert rules(running)[before:] == (["NoChannelBinding"] if refused else [])
    if not refused:
        assert people(running)[-1] == rf"{DOMAIN}\{USER}"


OUTCOMES = {
    (NONE, "none"): None,
    (NONE, "right"): None,
    (NONE, "wrong"): None,
    (ALLOW, "none"): None,
    (ALLOW, "right"): None,
    (ALLOW, "wrong"): "ChannelBinding",
    (REQUIRE, "none"): "NoChannelBinding",
    (REQUIRE, "right"): None,
    (REQUIRE, "wrong"): "ChannelBinding",
}


@pytest.mark.parametrize("binding", ["none", "right", "wrong"])
@pytest.mark.parametrize("peer", ["ours", "gssapi"])
def test_a_ticket_is_bound_to_the_certificate_that_its_owner_saw(
    running: Served, mode: str, kdc: Kdc, authority: Authority, peer: str, binding: str
) -> None:
    before = len(rules(running))
    assert exchange(running, kdc, authority, peer=peer, binding=binding) == (
        "200 200" if OUTCOMES[mode, binding] is None else "401 401"
    )
    refused_by = OUTCOMES[mode, binding]
    assert rules(running)[before:] == ([] if refused_by is None else [refused_by])
    if refused_by is None:
        last = [line for line in running.log() if line["event"] == "authenticated"][-1]
        assert last["user"] == rf"{DOMAIN}\{USER}"


def exchange(
    running: Served, kdc: Kdc, authority: Authority, *, peer: str, binding: str, user: str = USER
) -> str:
    """The statuses of an exchange and of a second request on its connection."""
    name = f"{user}@{REALM}"
    order = {
        "port": running.port,
        "ca": str(authority.ca),
        "peer": peer,
        "binding": binding,
        "user": name,
        "password": PASSWORD,
    }
    environment = kdc.tickets(user)
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "tests.interop.kerberos_peer", json.dumps(order)]
    return run_once(command, env={**environment, "PYTHONPATH": root}).strip()


def test_a_service_is_nobodys_user(running: Served, kdc: Kdc, authority: Authority, mode: str) -> None:
    service = f"smtp/{mode}"
    kdc.add(service, PASSWORD)
    assert exchange(running, kdc, authority, peer="gssapi", binding="right", user=service) == "401 401"
    assert rules(running)[-1] == "KerberosPrincipal"
