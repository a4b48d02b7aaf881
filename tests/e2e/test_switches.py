"""Switches are flipped while the system runs, and hold from the next connection on.

Two processes go by one database: `rpch up` with TLS of its own, and `rpch proxy` behind a relay, for which
this machine stands.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from ssl import create_default_context
from typing import Any

import pytest
from typer.testing import CliRunner

from rpch.auth.ntlm.av_pairs import AvId
from rpch.auth.schemes import Scheme
from rpch.errors import ConfigError
from rpch.exchange.autodiscover.pox_request import PoxRequest
from rpch.exchange.switches import MAPI, ORGANISATION, OUTLOOK_ANYWHERE
from tests.command_line import app
from tests.ntlm_over_http import ECHO, HttpsPeer
from tests.rpch_process import RpchProcess, rpch_process
from tests.unit.auth.ntlm.crafted_client import CraftedClient

pytestmark = pytest.mark.slow

POX = "/autodiscover/autodiscover.xml"
GROUPS = {"outlook-anywhere": OUTLOOK_ANYWHERE, "mapi": MAPI, "org": ORGANISATION}


@dataclass
class System:
    """Both processes, and the switches of their database."""

    up: RpchProcess
    plain: RpchProcess
    data: Path

    def set(self, group: str, *args: str) -> list[dict[str, Any]]:
        """What an administrator types, and what is said about it."""
        done = CliRunner().invoke(app, [group, "set", *args, "--data", str(self.data), "--json"])
        if isinstance(done.exception, ConfigError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    def reset(self) -> None:
        """All switches as they were at first."""
        for group, switches in GROUPS.items():
            self.set(group, *(part for switch in switches for part in (f"--{switch.name}", "")))
        self.set("users", "alice", "--MapiHttpEnabled", "inherit", "--MAPIBlockOutlookRpcHttp", "inherit")

    @property
    def ca(self) -> Path:
        return Path(self.up.ready["ca"])

    @property
    def basic(self) -> str:
        """The first user's credentials."""
        alice = self.up.ready["users"][0]
        return "Basic " + b64encode(f"{alice['name']}:{alice['password']}".encode()).decode()

    def offers(self, method: str = "RPC_IN_DATA", path: str = ECHO) -> list[str]:
        """Which schemes a new connection is offered."""
        status, _, answer = self._asked(self._connection(), method, path)
        assert status == 401
        return [line.partition(" ")[0] for line in answer.headers.get_all("WWW-Authenticate", [])]

    def echo(self, *, tls: bool = True, **headers: str) -> tuple[int, str]:
        """The status of an echo with a password on a new connection, and the rule that refused it."""
        sent = {"Authorization": self.basic} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        status, _, answer = self._asked(self._connection(tls=tls), "RPC_IN_DATA", ECHO, sent)
        return status, answer.headers.get("X-Rpch-Rule", "")

    def ntlm(self, **pairs: bytes) -> int:
        """The status of an echo by NTLM, whose client says this about where it believes to be."""
        password = self.up.ready["users"][0]["password"]
        client = CraftedClient(password=password, pairs={AvId[name]: value for name, value in pairs.items()})
        with HttpsPeer(self.up.port, self.ca) as peer:
            return peer.prove(
                Scheme.NTLM,
                lambda token: client.negotiate() if token is None else client.authenticate(token),
            )

    def told(self, *, tls: bool = True, **headers: str) -> str:
        """What Autodiscover says."""
        sent = {"Authorization": self.basic} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        body = PoxRequest("alice@lab.example").encode()
        status, answer, _ = self._asked(self._connection(tls=tls), "POST", POX, sent, body)
        assert status == 200
        return answer.decode()

    def refusals(self) -> list[str]:
        """By which rules `rpch up` has refused so far."""
        return [line["rule"] for line in self.up.log if "rule" in line]

    def _connection(self, *, tls: bool = True) -> HTTPConnection:
        """To `rpch up`, or through the relay to the proxy behind it."""
        if not tls:
            return HTTPConnection("127.0.0.1", self.plain.port, timeout=10)
        trust = create_default_context(cafile=self.ca)
        return HTTPSConnection("localhost", self.up.port, context=trust, timeout=10)

    def _asked(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[int, bytes, HTTPResponse]:
        with closing(connection):
            connection.request(method, path, body, {"Content-Length": str(len(body))} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read(), answer


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("switches")
    data = folder / "data"
    with (
        rpch_process("up", "--listen", "127.0.0.1:0", "--data", str(data), log=folder / "up") as up,
        rpch_process(
            *("proxy", "--listen", "127.0.0.1:0", "--no-tls", "--database", str(data / "rpch.sqlite3")),
            *("--public-name", "mail.lab.example", "--autodiscover"),
            log=folder / "plain",
        ) as plain,
    ):
        yield System(up, plain, data)
        assert up.stop() == 0
        assert plain.stop() == 0


@pytest.fixture
def system(both: System) -> Iterator[System]:
    yield both
    both.reset()


@pytest.mark.parametrize(
    ("methods", "offered"),
    [
        ("Ntlm", ["NTLM"]),
        ("Basic", ["Basic"]),
        ("negotiate,basic", ["Negotiate", "Basic"]),
        ("", ["Negotiate", "NTLM", "Basic"]),
    ],
)
def test_authentication_methods_change_what_is_offered(
    system: System, methods: str, offered: list[str]
) -> None:
    assert system.offers() == ["Negotiate", "NTLM", "Basic"]
    system.set("outlook-anywhere", "--IISAuthenticationMethods", methods)
    assert system.offers() == system.offers("POST", POX) == offered
    assert system.echo()[0] == (200 if "Basic" in offered else 401)


def test_the_default_method_changes_what_is_offered_and_what_is_told(system: System) -> None:
    system.set("outlook-anywhere", "--DefaultAuthenticationMethod", "Basic")
    assert system.offers() == ["Basic"]
    assert "<AuthPackage>Basic</AuthPackage>" in system.told(X_ClientCanHandle="Negotiate")


def test_offloading_decides_whether_plain_http_of_a_relay_is_believed(system: System) -> None:
    assert system.echo(tls=False) == (200, "")
    system.set("outlook-anywhere", "--SSLOffloading", "false")
    assert system.echo(tls=False) == (403, "RequireTls")
    assert system.echo(tls=False, X_Forwarded_Proto="https") == (403, "RequireTls")
    assert system.echo() == (200, "")
    system.set("outlook-anywhere", "--SSLOffloading", "true")
    assert system.echo(tls=False) == (200, "")
    assert system.echo(tls=False, X_Forwarded_Proto="http") == (403, "RequireTls")


def test_tls_is_required_of_each_side_by_its_own_switch(system: System) -> None:
    system.set("outlook-anywhere", "--SSLOffloading", "false")
    inside, outside = "127.0.0.0/8", "198.51.100.0/24"
    for internal, external, networks, status in [
        ("true", "true", inside, 403),
        ("false", "true", inside, 200),
        ("false", "true", outside, 403),
        ("true", "false", outside, 200),
        ("true", "false", inside, 403),
    ]:
        system.set(
            *("outlook-anywhere", "--InternalClientsRequireSsl", internal),
            *("--ExternalClientsRequireSsl", external),
        )
        system.set("org", "--InternalNetworks", networks)
        assert system.echo(tls=False)[0] == status, (internal, external, networks)


def test_token_checking_decides_about_clients_that_name_no_certificate(system: System) -> None:
    for checking, status in [("Require", 401), ("Allow", 200), ("None", 200), ("", 401)]:
        system.set("outlook-anywhere", "--ExtendedProtectionTokenChecking", checking)
        assert system.ntlm() == status, checking
    assert "NoChannelBinding" in system.refusals()


def test_flags_and_service_names_decide_about_the_name_that_was_wanted(system: System) -> None:
    def wanted(name: str) -> int:
        return system.ntlm(TARGET_NAME=name.encode("utf-16-le"))

    system.set("outlook-anywhere", "--ExtendedProtectionTokenChecking", "Allow")
    assert wanted("HTTP/localhost") == 200
    assert wanted("HTTP/other.example") == 401
    assert system.refusals()[-1] == "TargetName"
    system.set("outlook-anywhere", "--ExtendedProtectionSPNList", "HTTP/other.example")
    assert wanted("HTTP/other.example") == 200
    system.set("outlook-anywhere", "--ExtendedProtectionSPNList", "")
    assert wanted("HTTP/other.example") == 401
    system.set("outlook-anywhere", "--ExtendedProtectionFlags", "NoServiceNameCheck")
    assert wanted("HTTP/other.example") == 200
    system.set("outlook-anywhere", "--ExtendedProtectionFlags", "None")
    assert wanted("HTTP/localhost") == 401  # whose name has no dot


def test_what_contradicts_is_refused_with_the_cure(system: System) -> None:
    with pytest.raises(ConfigError, match="set ExtendedProtectionTokenChecking to Allow"):
        system.set(
            *("outlook-anywhere", "--SSLOffloading", "true"),
            *("--ExtendedProtectionTokenChecking", "Require"),
        )
    assert system.ntlm() == 401


def test_hosts_methods_and_tls_are_told_by_side(system: System) -> None:
    system.set(
        *("outlook-anywhere", "--InternalHostname", "in.lab.example"),
        *("--ExternalHostname", "out.lab.example", "--InternalClientAuthenticationMethod", "Ntlm"),
        *("--ExternalClientAuthenticationMethod", "Basic", "--InternalClientsRequireSsl", "false"),
    )
    proxy = r"<Type>EXPR</Type><Server>(.*?)</Server><SSL>(.*?)</SSL><AuthPackage>(.*?)<"
    assert re.findall(proxy, system.told()) == [("in.lab.example", "Off", "Ntlm")]
    exhttp = re.findall(proxy.replace("EXPR", "EXHTTP"), system.told(X_ClientCanHandle="ExHttpInfo"))
    assert exhttp == [("in.lab.example", "Off", "Ntlm"), ("out.lab.example", "On", "Basic")]
    system.set("org", "--InternalNetworks", "198.51.100.0/24")
    assert re.findall(proxy, system.told()) == [("out.lab.example", "On", "Basic")]
    system.set("outlook-anywhere", "--ExternalHostname", "")
    assert "<ErrorCode>602</ErrorCode>" in system.told()


def test_the_side_is_that_of_the_client_that_a_relay_speaks_for(system: System) -> None:
    system.set(
        *(
            "outlook-anywhere",
            "--InternalHostname",
            "in.lab.example",
            "--ExternalHostname",
            "out.lab.example",
        ),
    )
    for client, host in [
        ("10.1.2.3", "in"),
        ("203.0.113.5", "out"),
        ("10.1.2.3, 203.0.113.5", "out"),
        ("203.0.113.5, 10.1.2.3", "in"),
    ]:
        assert f"<Server>{host}.lab.example</Server>" in system.told(tls=False, X_Forwarded_For=client)
    assert "<Server>in.lab.example</Server>" in system.told(X_Forwarded_For="203.0.113.5")  # no relay


def test_mapi_over_http_is_told_by_organisation_user_and_side(system: System) -> None:
    capable: dict[str, Any] = {"X_MapiHttpCapability": "1"}
    assert "mapiHttp" not in system.told(**capable)
    system.set("org", "--MapiHttpEnabled", "true")
    system.set("mapi", "--InternalUrl", "https://in/mapi", "--ExternalUrl", "https://out/mapi")
    both = system.told(**capable)
    assert "<InternalUrl>https://in/mapi/emsmdb/" in both
    assert "<ExternalUrl>https://out/mapi/nspi/" in both
    assert "mapiHttp" not in system.told()
    system.set("users", "alice", "--MapiHttpEnabled", "false")
    assert "mapiHttp" not in system.told(**capable)
    system.set("users", "alice", "--MapiHttpEnabled", "inherit")
    system.set("org", "--InternalNetworks", "198.51.100.0/24")
    outside = system.told(**capable)
    assert "InternalUrl" not in outside
    assert "<ExternalUrl>https://out/mapi/emsmdb/" in outside


def test_a_blocked_user_is_refused_by_both_processes_by_that_name(system: System) -> None:
    system.set("users", "alice", "--MAPIBlockOutlookRpcHttp", "true")
    assert system.echo() == system.echo(tls=False) == (403, "MAPIBlockOutlookRpcHttp")
    assert "<ErrorCode>501</ErrorCode>" in system.told()
    system.set("users", "alice", "--MAPIBlockOutlookRpcHttp", "inherit")
    assert system.echo() == system.echo(tls=False) == (200, "")
