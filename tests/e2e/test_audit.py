"""Each authentication and each refused target leaves one audit line that says who, from where and why.

The whole system runs as a person would run it, and every way to prove who one is is tried: with success, and
without. What an auditor reads afterwards is held against what was done.
"""

from __future__ import annotations

import base64
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import spnego
import trustme

from rpch.client.connect import connect
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.errors import AuthenticationFailed, RpcFault
from rpch.server.demo import Demo, WhoAmIRequest
from tests.raw_peer import until
from tests.rpch_process import RpchProcess, rpch_process

pytestmark = pytest.mark.slow

EVENTS = {"authenticated", "authentication failed", "refused"}
ECHO = "/rpc/rpcproxy.dll"
CERTIFIED = "/rpcwithcert/rpcproxy.dll"
AUTODISCOVER = "/autodiscover/autodiscover.xml"
SETTINGS = r"""
extended-protection = "allow"
tls-client-ca = "{clients}"
client-certificate = "optional"

[certificate-users]
"alice@lab.example" = 'LAB\alice'
"nobody@lab.example" = 'LAB\nobody'

[user-targets]
'LAB\bob' = "localhost:593"

[throttle]
per-account-and-source = 4
"""


@dataclass
class Laboratory:
    """The running system, and what was read of its log."""

    up: RpchProcess
    clients: trustme.CA
    read: int = 0
    passwords: dict[str, str] = field(default_factory=dict)

    async def audited(self, count: int = 1) -> list[dict[str, Any]]:
        """The audit lines since the last time: so many, and no more."""

        def lines() -> list[dict[str, Any]]:
            return [line for line in self.up.log if line["event"] in EVENTS][self.read :]

        await until(lambda: len(lines()) >= count)
        found = lines()
        self.read += len(found)
        assert len(found) == count, found
        assert all(line["client"] == "127.0.0.1" and line["timestamp"] for line in found)
        return found

    def tls(self, shows: str | None = None) -> ssl.SSLContext:
        """A client that trusts the system, and shows a certificate of this name."""
        context = ssl.create_default_context(cafile=self.up.ready["ca"])
        if shows is not None:
            self.clients.issue_cert(common_name=shows).configure_cert(context)
        return context

    def ask(
        self,
        path: str,
        prove: Callable[[str | None], str | None],
        *,
        method: str = "RPC_IN_DATA",
        length: int = 0,
        shows: str | None = None,
    ) -> int:
        """The last status of a dialogue; `prove` makes an Authorization of what was answered before."""
        connection = HTTPSConnection("localhost", self.up.port, context=self.tls(shows), timeout=10)
        try:
            answered = None
            while True:
                proof = prove(answered)
                fields = {"Content-Length": str(length)} | ({"Authorization": proof} if proof else {})
                connection.request(method, path, headers=fields)
                response: HTTPResponse = connection.getresponse()
                response.read()
                answered = response.headers.get("WWW-Authenticate", "")
                if response.status != 401 or " " not in answered or "realm" in answered:
                    return response.status
        finally:
            connection.close()

    def basic(self, user: str, password: str | None = None) -> Callable[[str | None], str]:
        """Basic, with the right password or another one."""
        words = f"LAB\\{user}:{password or self.passwords[user]}"
        return lambda answered: f"Basic {base64.b64encode(words.encode()).decode()}"

    def exchange(self, scheme: str, user: str, password: str | None = None) -> Callable[[str | None], str]:
        """NTLM or Negotiate."""
        protocol = "ntlm" if scheme == "NTLM" else "negotiate"
        context = spnego.client(
            f"LAB\\{user}",
            password or self.passwords[user],
            hostname="localhost",
            service="http",
            protocol=protocol,
            options=spnego.NegotiateOptions.use_ntlm,
        )

        def prove(answered: str | None) -> str:
            given = base64.b64decode(answered.partition(" ")[2]) if answered else None
            return f"{scheme} {base64.b64encode(context.step(given) or b'').decode()}"

        return prove

    def switch(self, *arguments: str) -> None:
        """`rpch users …` on the same database."""
        database = str(Path(self.up.ready["ca"]).parent / "rpch.sqlite3")
        command = [sys.executable, "-c", "from rpch.cli import main; main()", "users", *arguments]
        subprocess.run([*command, "--database", database], check=True, capture_output=True)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    clients, file = trustme.CA(), tmp_path / "lab.toml"
    clients.cert_pem.write_to_path(tmp_path / "clients.pem")
    file.write_text(SETTINGS.format(clients=tmp_path / "clients.pem"))
    arguments = ("--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"), "--config", str(file))
    with rpch_process("up", *arguments, log=tmp_path / "log") as up:
        passwords = {user["name"].partition("\\")[2]: user["password"] for user in up.ready["users"]}
        yield Laboratory(up, clients, passwords=passwords)


def facts(line: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Some facts of a line, with its event."""
    return (line["event"], *(line.get(name) for name in names))


async def test_every_way_to_authenticate_is_audited_once(lab: Laboratory) -> None:
    for scheme in ("Basic", "NTLM", "Negotiate"):
        for path, target in ((ECHO, None), (AUTODISCOVER, AUTODISCOVER)):
            method = "RPC_IN_DATA" if path == ECHO else "POST"
            prove = lab.basic("alice") if scheme == "Basic" else lab.exchange(scheme, "alice")
            assert lab.ask(path, prove, method=method) not in (401, 403)
            (line,) = await lab.audited()
            assert facts(line, "user", "scheme", "target") == (
                "authenticated",
                r"LAB\alice",
                scheme,
                target,
            )
            wrong = "wrong-" + scheme  # the same one again would count once
            prove = lab.basic("carol", wrong) if scheme == "Basic" else lab.exchange(scheme, "carol", wrong)
            assert lab.ask(path, prove, method=method) == 401
            (line,) = await lab.audited()
            assert facts(line, "scheme")[:2] == ("authentication failed", scheme)
            assert line["rule"] in {"WrongCredentials", "Throttle"}
            assert "carol" in line["detail"] or line["rule"] == "Throttle"
            lab.switch("unlock", r"LAB\carol")


async def test_certificates_are_audited_once(lab: Laboratory) -> None:
    def nothing(answered: str | None) -> None:
        return None

    expected = {
        "alice@lab.example": (200, ("authenticated", r"LAB\alice", "Certificate", None)),
        "nobody@lab.example": (
            403,
            ("authentication failed", r"LAB\nobody", "Certificate", "NoSuchAccount"),
        ),
        "stranger@lab.example": (403, ("refused", None, None, "ClientCertificate")),
    }
    for name, (status, said) in expected.items():
        assert lab.ask(CERTIFIED, nothing, shows=name) == status
        (line,) = await lab.audited()
        assert facts(line, "user", "scheme", "rule") == said


async def test_the_level_of_rpc_is_audited_once(lab: Laboratory) -> None:
    for protseq, auth_type in (("tcp", AuthType.NTLM), ("tcp", AuthType.NEGOTIATE)):
        for password in (None, "wrong"):
            proof: dict[str, Any] = {
                "rpc_user": r"LAB\alice",
                "rpc_password": password or lab.passwords["alice"],
                "auth_level": AuthLevel.PKT_PRIVACY,
                "auth_type": auth_type,
            }
            binding = f"ncacn_ip_tcp:127.0.0.1[{lab.up.ready['ports'][f'demo_{protseq}']}]"
            async with connect(binding, **proof) as client:
                if password is None:
                    await client.call(Demo.who_am_i, WhoAmIRequest())
                else:
                    with pytest.raises((AuthenticationFailed, RpcFault)):
                        await client.call(Demo.who_am_i, WhoAmIRequest())
            (line,) = await lab.audited()
            if password is None:
                assert facts(line, "user", "layer", "protection") == (
                    "authenticated",
                    r"LAB\alice",
                    "RPC",
                    "PKT_PRIVACY",
                )
            else:
                assert facts(line, "layer", "rule") == ("authentication failed", "RPC", "WrongCredentials")


async def test_every_refused_target_is_audited_once(lab: Laboratory) -> None:
    refused = [
        ("alice", "localhost:9999", "ValidPorts"),
        ("alice", "169.254.169.254:593", "ValidPorts"),
        ("bob", "localhost:6001", "UserTargets"),
        ("alice", "nonsense", "NoServer"),
    ]
    for user, target, rule in refused:
        status = lab.ask(f"{ECHO}?{target}", lab.basic(user), method="RPC_OUT_DATA", length=76)
        assert status >= 400
        authenticated, line = await lab.audited(2)
        assert authenticated["event"] == "authenticated"
        assert facts(line, "user") == ("refused", rf"LAB\{user}")
        assert line["rule"] == rule
        assert line["target"] == (None if target == "nonsense" else target)
    lab.switch("set", r"LAB\dave", "--MAPIBlockOutlookRpcHttp", "true")
    assert lab.ask(f"{ECHO}?localhost:593", lab.basic("dave"), method="RPC_OUT_DATA", length=76) == 403
    _, line = await lab.audited(2)
    assert facts(line, "user", "rule") == ("refused", r"LAB\dave", "MAPIBlockOutlookRpcHttp")
