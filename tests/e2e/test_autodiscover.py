"""Autodiscover of a running `rpch up`: for its users, for strangers, and for those who mean it harm."""

from __future__ import annotations

import json
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from rpch.directory.links import DELEGATE
from rpch.directory.opening import Directory
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT
from rpch.exchange.autodiscover.pox_request import PoxRequest
from tests.rpch_process import COMMAND, RpchProcess, rpch_process

pytestmark = pytest.mark.slow

PATH = "/Autodiscover/Autodiscover.xml"
ALICE = PoxRequest("alice@lab.example").encode()
LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + ALICE.partition(b"?>\n")[2]
FILE = b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><Autodiscover>&a;</Autodiscover>'


class Laboratory:
    """A running `rpch up`, and what its users can ask."""

    def __init__(self, process: RpchProcess, data: Path) -> None:
        self.process, self.data = process, data
        self._trust = ssl.create_default_context(cafile=process.ready["ca"])

    def asked(
        self, body: bytes | None, *, user: int | None = 0, path: str = PATH, **headers: str
    ) -> tuple[int, bytes, HTTPResponse]:
        """Status and body of one request by the user of this number."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            known = self.process.ready["users"][user]
            token = b64encode(f"{known['name']}:{known['password']}".encode()).decode()
            sent["Authorization"] = f"Basic {token}"
        with closing(
            HTTPSConnection("localhost", self.process.port, context=self._trust, timeout=10)
        ) as connection:
            connection.request("GET" if body is None else "POST", path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer

    def command(self, *args: str, status: int = 0) -> list[dict[str, Any]]:
        """The events of a command."""
        done = subprocess.run([*COMMAND, *args, "--json"], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    folder = tmp_path_factory.mktemp("lab")
    with rpch_process(
        "up", "--listen", "127.0.0.1:0", "--data", str(folder / "data"), log=folder / "log"
    ) as up:
        yield Laboratory(up, folder / "data")
        assert up.stop() == 0


def test_a_user_finds_its_way(lab: Laboratory) -> None:
    status, body, answer = lab.asked(ALICE, Content_Type="text/xml")
    assert (status, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert b"<AutoDiscoverSMTPAddress>alice@lab.example</AutoDiscoverSMTPAddress>" in body
    assert f"<Type>EXPR</Type><Server>localhost:{lab.process.port}</Server>".encode() in body


def test_without_credentials_all_addresses_look_alike(lab: Laboratory) -> None:
    for address in ("alice@lab.example", "nobody@lab.example"):
        status, body, answer = lab.asked(PoxRequest(address).encode(), user=None)
        assert (status, body) == (401, b"")
        offers = [offer.partition(" ")[0] for offer in answer.headers.get_all("WWW-Authenticate", [])]
        assert offers == ["Negotiate", "NTLM", "Basic"]
    told = {
        lab.asked(
            None, user=None, path=f"/autodiscover/autodiscover.json/v1.0/{name}?Protocol=AutodiscoverV1"
        )[:2]
        for name in ("alice@lab.example", "nobody@lab.example")
    }
    assert len(told) == 1


@pytest.mark.parametrize("body", [LAUGHS, FILE, b"", b"x" * 1000, ALICE[:-9], None])
def test_hostile_and_broken_documents_are_error_600(lab: Laboratory, body: bytes | None) -> None:
    status, answer, _ = lab.asked(body)
    assert status == 200
    assert b"<ErrorCode>600</ErrorCode>" in answer
    assert b"root:" not in answer


def test_huge_documents_are_not_read(lab: Laboratory) -> None:
    assert lab.asked(b"<a>" + b"x" * SIZE_LIMIT)[0] == 413


def test_another_schema_is_error_601(lab: Laboratory) -> None:
    status, answer, _ = lab.asked(
        ALICE.replace(b"outlook/responseschema/2006a", b"mobilesync/responseschema/2006")
    )
    assert status == 200
    assert b"<ErrorCode>601</ErrorCode>" in answer


def test_a_delegate_gets_the_mailbox_that_others_do_not(lab: Laboratory) -> None:
    bob = PoxRequest("bob@lab.example").encode()
    assert b"<ErrorCode>500</ErrorCode>" in lab.asked(bob, user=2)[1]
    with closing(Directory.open(str(lab.data / "rpch.sqlite3"))) as directory:
        owner, delegate = directory.store.get("bob"), directory.store.get("carol")
        directory.links.add(owner.entry_id, DELEGATE, delegate.entry_id)
    assert b"bob@lab.example</AutoDiscoverSMTPAddress>" in lab.asked(bob, user=2)[1]
    assert b"<ErrorCode>500</ErrorCode>" in lab.asked(bob, user=3)[1]


def test_switches_hold_from_the_next_request_on(lab: Laboratory) -> None:
    carol = PoxRequest("carol@lab.example").encode()
    data = ("--data", str(lab.data))
    lab.command("outlook-anywhere", "set", "--InternalClientAuthenticationMethod", "Basic", *data)
    assert b"<AuthPackage>Basic</AuthPackage>" in lab.asked(carol, user=2)[1]
    lab.command("users", "set", "carol", "--MapiHttpEnabled", "true", *data)
    sent = lab.asked(carol, user=2, X_MapiHttpCapability="1")[1]
    assert b'<Protocol Type="mapiHttp" Version="1">' in sent
    assert b"<Type>EXPR</Type>" not in sent
    lab.command(
        "users", "set", "carol", "--MAPIBlockOutlookRpcHttp", "true", "--MapiHttpEnabled", "inherit", *data
    )
    assert b"<ErrorCode>501</ErrorCode>" in lab.asked(carol, user=2)[1]


def test_a_blocked_user_is_refused_by_the_proxy_by_that_rule(lab: Laboratory) -> None:
    dave = lab.process.ready["users"][3]
    binding = f"ncacn_http:localhost[593,RpcProxy=localhost:{lab.process.port}]"
    ping = ("ping", binding, "--tls-ca", str(lab.process.ready["ca"]), "--user")
    lab.command(*ping, f"{dave['name']}:{dave['password']}")
    lab.command("users", "set", "dave", "--MAPIBlockOutlookRpcHttp", "true", "--data", str(lab.data))
    done = subprocess.run(
        [*COMMAND, *ping, f"{dave['name']}:{dave['password']}"], capture_output=True, check=False
    )
    assert done.returncode != 0
    refused = [line for line in lab.process.log if line.get("rule") == "MAPIBlockOutlookRpcHttp"]
    assert refused
    assert refused[0]["user"] == dave["name"]


def test_our_own_client_finds_it_and_says_why_others_do_not(lab: Laboratory) -> None:
    alice = lab.process.ready["users"][0]
    url = f"https://localhost:{lab.process.port}/autodiscover/autodiscover.xml"
    asks = (
        "autodiscover",
        "alice@lab.example",
        "--url",
        url,
        "--tls-ca",
        str(lab.process.ready["ca"]),
        "--user",
    )
    step, settings = lab.command(*asks, f"{alice['name']}:{alice['password']}")
    assert (step["outcome"], settings["address"]) == ("settings", "alice@lab.example")
    assert [each["type"] for each in settings["protocols"]] == ["EXCH", "EXPR", "EXHTTP"]
    (step,) = lab.command(*asks, f"{alice['name']}:wrong", status=1)
    assert step["outcome"] == "the server refused the credentials, by Negotiate"


def test_a_certificate_that_is_not_trusted_gets_no_password(lab: Laboratory) -> None:
    url = f"https://localhost:{lab.process.port}/autodiscover/autodiscover.xml"
    (step,) = lab.command("autodiscover", "alice@lab.example", "--url", url, "--user", "alice:pw", status=1)
    assert step["outcome"].startswith("the certificate of localhost is not trusted: ")


@pytest.mark.parametrize("method", ["Ntlm", "Negotiate"])
def test_our_own_client_signs_in_without_a_word_of_its_password(lab: Laboratory, method: str) -> None:
    alice = lab.process.ready["users"][0]
    url = f"https://localhost:{lab.process.port}/autodiscover/autodiscover.xml"
    asks = (
        "autodiscover",
        "alice@lab.example",
        "--url",
        url,
        "--tls-ca",
        str(lab.process.ready["ca"]),
        "--user",
    )
    data = ("--data", str(lab.data))
    lab.command("outlook-anywhere", "set", "--IISAuthenticationMethods", method, *data)
    try:
        assert (
            lab.command(*asks, f"{alice['name']}:{alice['password']}")[-1]["address"] == "alice@lab.example"
        )
        (step,) = lab.command(*asks, f"{alice['name']}:wrong", status=1)
        assert "refused the credentials" in step["outcome"]
    finally:
        lab.command("outlook-anywhere", "set", "--IISAuthenticationMethods", "", *data)
