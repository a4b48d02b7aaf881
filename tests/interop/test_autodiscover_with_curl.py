"""curl asks Autodiscover: with and without credentials, and with documents that mean harm.

`rpch up` answers, and `rpch proxy` with the keys of a Kerberos service.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.opening import Directory
from rpch.exchange.autodiscover.pox_request import PoxRequest
from rpch.exchange.switches import OUTLOOK_ANYWHERE, set_switches
from tests.interop.kdc import DOMAIN, PASSWORD, REALM, USER, Kdc
from tests.interop.laboratory import Laboratory
from tests.interop.processes import run_once
from tests.interop.relays import Authority
from tests.interop.rpch_commands import Served, serving

PATH = "/autodiscover/autodiscover.xml"
EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Autodiscover>&x;</Autodiscover>'
LAUGHS = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><Autodiscover>&y;&y;</Autodiscover>'


def curl(
    lab: Laboratory, *options: str, body: bytes | None = None, path: str = PATH, known: bool = True
) -> str:
    """What curl prints, with the status of HTTP in the last line."""
    domain, name, password = lab.account
    port = lab.served.port
    command = ["curl", "-s", "--cacert", str(lab.ca), "-w", "\n%{http_code}", *options]
    command += ["-u", f"{domain}\\{name}:{password}"] if known else []
    command += [] if body is None else ["-H", "Content-Type: text/xml", "--data-binary", "@-"]
    done = subprocess.run(
        [*command, f"https://localhost:{port}{path}"], input=body, capture_output=True, check=True
    )
    return done.stdout.decode()


def test_a_user_gets_settings(lab: Laboratory) -> None:
    said = curl(lab, body=PoxRequest("alice@lab.example").encode())
    assert said.endswith("\n200")
    assert "<Type>EXCH</Type>" in said


def test_strangers_get_nothing(lab: Laboratory) -> None:
    assert curl(lab, body=PoxRequest("alice@lab.example").encode(), known=False).endswith("\n401")


@pytest.mark.parametrize("body", [EXTERNAL, LAUGHS, b"<" * 60_000, b"\xff\xfe<"])
def test_hostile_documents_are_errors(lab: Laboratory, body: bytes) -> None:
    said = curl(lab, body=body)
    assert said.endswith("\n200")
    assert "<ErrorCode>600</ErrorCode>" in said
    assert "root:" not in said


def test_a_huge_file_is_refused(lab: Laboratory, tmp_path: Path) -> None:
    said = curl(lab, body=b"x" * 10_000_000)
    assert said.endswith("\n413")


def test_version_2_is_for_everybody(lab: Laboratory) -> None:
    said = curl(lab, path="/autodiscover/autodiscover.json/v1.0/x@y?Protocol=AutodiscoverV1", known=False)
    assert said.endswith("\n200")
    assert "/autodiscover/autodiscover.xml" in said


SETTINGS = """\
listen = "127.0.0.1:0"
public-name = "localhost"
tls-cert = "{authority.certificate}"
tls-key = "{authority.key}"
database = "{database}"
keytab = "{kdc.keytab}"
autodiscover = true
[kerberos-realms]
"{realm}" = "{domain}"
"""


@dataclass
class Office:
    """A proxy that knows one user by password and by ticket."""

    served: Served
    directory: Directory
    ca: Path
    kdc: Kdc

    def set(self, **given: str) -> None:
        """Switches, while it runs."""
        set_switches(self.directory.settings, OUTLOOK_ANYWHERE, given)

    def curl(self, *who: str, address: str = "alice@lab.example", ticket: bool = False) -> str:
        """What curl prints to this user, with the status in the last line."""
        url = f"https://localhost:{self.served.port}{PATH}"
        command = ["curl", "-s", "--cacert", str(self.ca), "-w", "\n%{http_code}", "--max-time", "10"]
        send = ["-H", "Content-Type: text/xml", "--data-binary", "@-"]
        env = self.kdc.tickets() if ticket else None
        return run_once([*command, *who, *send, url], stdin=PoxRequest(address).encode().decode(), env=env)

    def rules(self) -> list[str]:
        """By which rules clients have been refused so far."""
        return [line["rule"] for line in self.served.log() if "rule" in line]


@pytest.fixture(scope="module")
def office(kdc: Kdc, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    database = str(folder / "rpch.sqlite3")
    text = SETTINGS.format(authority=authority, database=database, kdc=kdc, realm=REALM, domain=DOMAIN)
    (folder / "rpch.toml").write_text(text, "utf-8")
    with closing(Directory.open(database)) as directory, pytest.MonkeyPatch.context() as patch:
        directory.store.add(Identity(USER, DOMAIN), PASSWORD, mail="alice@lab.example", ntlm=True)
        for name, value in kdc.env.items():
            patch.setenv(name, value)
        with serving(folder, "proxy", "--config", folder / "rpch.toml") as served:
            yield Office(served, directory, authority.ca, kdc)


BY_PASSWORD = ("-u", rf"{DOMAIN}\{USER}:{PASSWORD}")
WAYS = {
    "basic": ("--basic", *BY_PASSWORD),
    "ntlm": ("--ntlm", *BY_PASSWORD),
    "negotiate": ("--negotiate", "-u", ":"),
    "any": ("--anyauth", "-u", ":"),  # Negotiate, where there is a ticket
}

BY_TICKET = ("negotiate", "any")


@pytest.mark.parametrize("way", WAYS)
def test_a_user_gets_settings_by_each_way_where_no_binding_is_required(office: Office, way: str) -> None:
    office.set(ExtendedProtectionTokenChecking="Allow")
    said = office.curl(*WAYS[way], ticket=way in BY_TICKET)
    assert said.endswith("\n200"), office.served.log()[-3:]
    assert "<AutoDiscoverSMTPAddress>alice@lab.example</AutoDiscoverSMTPAddress>" in said
    other = office.curl(*WAYS[way], address="bob@lab.example", ticket=way in BY_TICKET)
    assert "<ErrorCode>500</ErrorCode>" in other


@pytest.mark.parametrize("way", ["ntlm", "negotiate"])
def test_required_bindings_are_required_here_too(office: Office, way: str) -> None:
    office.set(ExtendedProtectionTokenChecking="Require")
    assert office.curl(*WAYS[way], ticket=way in BY_TICKET).endswith("\n401")
    assert office.rules()[-1] == "NoChannelBinding"


def test_schemes_that_are_switched_off_are_refused(office: Office) -> None:
    office.set(IISAuthenticationMethods="Negotiate", ExtendedProtectionTokenChecking="Allow")
    assert office.curl(*WAYS["basic"]).endswith("\n401")
    assert office.rules()[-1] == "SchemeNotOffered"
    assert office.curl(*WAYS["negotiate"], ticket=True).endswith("\n200")
    office.set(IISAuthenticationMethods="")


@pytest.mark.parametrize("way", ["--basic", "--ntlm"])
def test_a_wrong_password_gets_nothing(office: Office, way: str) -> None:
    office.set(ExtendedProtectionTokenChecking="Allow")
    said = office.curl(way, "-u", rf"{DOMAIN}\{USER}:wrong")
    assert said.endswith("\n401")
    assert "Error" not in said
