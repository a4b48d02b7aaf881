"""The web application knows who asks as the proxy beside it does: by connection, account and counter."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs
from uvicorn.config import Config
from uvicorn.server import ServerState

from rpch.auth.accounts import AccountSource, Identity, Standing
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.errors import TransportError
from rpch.front.door import Door
from rpch.front.web_authentication import WebAuthenticator
from rpch.proxy.accounts import ThrottleSettings
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.limits import HeadSettings
from tests.memory_transport import MemoryTransport
from tests.ntlm_over_http import token_of
from tests.unit.auth.ntlm.crafted_client import CraftedClient

RIGHT, WRONG = "TEFCXGFsaWNlOnNlY3JldA==", "TEFCXGFsaWNlOndyb25n"  # LAB\alice:secret, LAB\alice:wrong


@asynccontextmanager
async def visit(
    *,
    no_tls: bool = True,
    peer: str = "127.0.0.1",
    accounts: AccountSource | None = None,
    certificate: bytes | None = None,
    **other: Any,
) -> AsyncIterator[MemoryTransport]:
    """A client at a door whose relay is this machine, or with TLS; `other` are settings by their names."""
    given = {"user": [r"LAB\alice:secret"], "auth": ["Basic", "NTLM"], "extended_protection": "allow"}
    settings = ProxyConfiguration(no_tls=no_tls, **{**given, **other})
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, accounts or settings.accounts())
        authenticate = WebAuthenticator(proxy)

        async def who(request: Request) -> Response:
            """Who asks, from where, and how much."""
            asking = await authenticate(request)
            if isinstance(asking, Response):
                return asking
            text = f"{asking.identity} {asking.client} {len(await request.body())}"
            answer = PlainTextResponse(text)
            for name, value in asking.headers:
                answer.headers.append(name, value)
            return answer

        web = Starlette(
            routes=[Route("/who", who, methods=["GET", "POST"])],
        )
        config = Config(web, ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        transport = MemoryTransport(peer=(peer, 50_000), tls=not no_tls, certificate=certificate)
        door = Door(proxy, config, ServerState(), {})
        transport.protocol = door
        door.connection_made(transport)
        yield transport
        door.connection_lost(None)


async def ask(transport: MemoryTransport, path: str, fields: str = "", body: bytes = b"") -> str:
    """The answer to one request."""
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
    protocol = transport.get_protocol()
    assert isinstance(protocol, asyncio.Protocol)
    protocol.data_received(head.encode() + body)
    answer = b""
    for _ in range(40):
        await asyncio.sleep(0)
        answer += transport.take()
    return answer.decode("latin-1")


async def test_nobody_in_particular_is_asked_to_authenticate() -> None:
    async with visit() as transport:
        answer = await ask(transport, "/who")
        assert answer.startswith("HTTP/1.1 401")
        assert 'www-authenticate: basic realm="rpch"' in answer.lower()
        assert "x-rpch-rule: authentication" in answer.lower()


async def test_basic_is_proven_by_each_request() -> None:
    async with visit() as transport:
        right = f"Authorization: Basic {RIGHT}\r\n"
        assert (await ask(transport, "/who", right, b"abc")).endswith("LAB\\alice 127.0.0.1 3")
        assert (await ask(transport, "/who")).startswith("HTTP/1.1 401")


async def test_a_wrong_password_is_refused_and_the_third_closes() -> None:
    async with visit() as transport:
        wrong = f"Authorization: Basic {WRONG}\r\n"
        answers = [await ask(transport, "/who", wrong) for _ in range(3)]
    assert all(answer.startswith("HTTP/1.1 401") for answer in answers)
    assert ["connection: close" in answer.lower() for answer in answers] == [False, False, True]


async def test_ntlm_proves_the_connection_and_reads_bodies_away_meanwhile() -> None:
    client = CraftedClient()

    def line(token: bytes) -> str:
        return f"Authorization: NTLM {base64.b64encode(token).decode()}\r\n"

    async with visit(no_tls=False, peer="192.0.2.7") as transport:
        asked = await ask(transport, "/who", line(client.negotiate()), b"body")
        offer = next(one for one in asked.split("\r\n") if one.lower().startswith("www-authenticate: ntlm "))
        token = token_of(offer.partition(": ")[2])
        answer = await ask(transport, "/who", line(client.authenticate(token)), b"body")
        assert answer.endswith("LAB\\alice 192.0.2.7 4")
        assert "persistent-auth: true" in answer.lower()
        assert (await ask(transport, "/who")).endswith("LAB\\alice 192.0.2.7 0")


async def test_without_tls_and_from_no_relay_nobody_is_asked_for_a_password() -> None:
    async with visit(peer="192.0.2.7") as transport:
        answer = await ask(transport, "/who")
    assert answer.startswith("HTTP/1.1 403")
    assert "x-rpch-rule: requiretls" in answer.lower()


async def test_a_head_beyond_the_set_limit_is_refused_by_its_name() -> None:
    async with visit(heads=HeadSettings(size=200, fields=3)) as transport:
        answer = await ask(transport, "/who", "X: y\r\n" * 4)
    assert "X-Rpch-Rule: HeadFields" in answer
    async with visit(heads=HeadSettings(size=200)) as transport:
        answer = await ask(transport, "/who", f"X: {'y' * 300}\r\n")
    assert "X-Rpch-Rule: HeadSize" in answer


async def test_who_is_behind_a_relay_is_what_the_relay_says() -> None:
    fields = f"Authorization: Basic {RIGHT}\r\nX-Forwarded-For: 203.0.113.5\r\n"
    async with visit() as transport:
        assert (await ask(transport, "/who", fields)).endswith("LAB\\alice 203.0.113.5 0")


async def test_through_a_relay_that_may_mix_clients_no_connection_is_proven() -> None:
    async with visit(trusted_relay=["192.0.2.7"], peer="192.0.2.7", no_tls=False) as transport:
        answer = await ask(transport, "/who")
        assert answer.lower().count("www-authenticate: ") == 1
        assert "www-authenticate: basic" in answer.lower()


async def test_a_body_too_large_to_read_away_ends_the_connection() -> None:
    async with visit() as transport:
        answer = await ask(transport, "/who", body=bytes(70_000))
    assert answer.startswith("HTTP/1.1 401")
    assert "connection: close" in answer.lower()


async def test_clients_are_served_at_their_addresses_only() -> None:
    async with visit(client_network=["10.0.0.0/8"], no_tls=False, peer="192.0.2.7") as transport:
        answer = await ask(transport, "/who", f"Authorization: Basic {RIGHT}\r\n")
    assert answer.startswith("HTTP/1.1 403")
    assert "x-rpch-rule: clientaddress" in answer.lower()


async def test_guessing_is_throttled_as_it_is_at_the_proxy() -> None:
    async with visit(throttle=ThrottleSettings(per_account_and_source=1)) as transport:
        assert (await ask(transport, "/who", f"Authorization: Basic {WRONG}\r\n")).startswith("HTTP/1.1 401")
        assert (await ask(transport, "/who", f"Authorization: Basic {RIGHT}\r\n")).startswith("HTTP/1.1 401")


@pytest.mark.parametrize(
    ("certificate", "rule"), [(None, "ClientCertificate"), (b"another", "Device"), (b"listed", None)]
)
async def test_only_listed_devices_are_served(certificate: bytes | None, rule: str | None) -> None:
    devices = [hashlib.sha256(b"listed").hexdigest()]
    demand: dict[str, Any] = {
        "client_certificate": "required",
        "device": devices,
        "tls_client_ca": Path("clients.pem"),
    }
    async with visit(no_tls=False, peer="192.0.2.7", certificate=certificate, **demand) as transport:
        answer = await ask(transport, "/who", f"Authorization: Basic {RIGHT}\r\n")
    assert answer.startswith("HTTP/1.1 403" if rule else "HTTP/1.1 200")
    assert f"x-rpch-rule: {rule}".lower() in answer.lower() or rule is None


async def test_what_a_relay_shows_is_not_its_clients() -> None:
    demand: dict[str, Any] = {
        "client_certificate": "required",
        "device": [hashlib.sha256(b"listed").hexdigest()],
        "tls_client_ca": Path("clients.pem"),
        "trusted_relay": ["192.0.2.7"],
    }
    async with visit(no_tls=False, peer="192.0.2.7", certificate=b"listed", **demand) as transport:
        answer = await ask(transport, "/who", f"Authorization: Basic {RIGHT}\r\n")
    assert answer.startswith("HTTP/1.1 403")


class Away:
    """Accounts that cannot be asked."""

    async def verify_password(self, name: str, password: str) -> Identity | None:
        raise TransportError("the database at db.internal is away")


async def test_accounts_that_are_away_are_no_refusal() -> None:
    async with visit(accounts=cast(AccountSource, Away())) as transport:
        answer = await ask(transport, "/who", f"Authorization: Basic {RIGHT}\r\n")
    assert answer.startswith("HTTP/1.1 503")
    assert "db.internal" not in answer
    assert "www-authenticate" not in answer.lower()


async def test_whoever_is_disabled_is_refused_whatever_was_proven_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = HashingCost(passes=1, memory=8, lanes=1)
    directory = Directory.open(str(tmp_path / "rpch.sqlite3"), cost=cost)
    directory.store.add(Identity("alice", "LAB"), "secret")
    right = f"Authorization: Basic {RIGHT}\r\n"
    accounts = directory.accounts
    async with visit(accounts=accounts) as transport:
        assert "LAB\\alice" in await answered(transport, right)
        directory.store.set_enabled("alice", enabled=False)
        with capture_logs() as logs:
            answer = await answered(transport, right)
        assert answer.startswith("HTTP/1.1 403")
        assert "x-rpch-rule: accountdisabled" in answer.lower()
        assert ("refused", r"LAB\alice", "AccountDisabled") in {
            (line["event"], line["user"], line.get("rule")) for line in logs
        }
    async with visit(accounts=accounts) as transport:
        directory.store.set_enabled("alice", enabled=True)
        assert "LAB\\alice" in await answered(transport, right)
        monkeypatch.setattr(type(accounts), "standing", away)
        answer = await answered(transport, right)
        assert answer.startswith("HTTP/1.1 503")
        assert "somewhere" not in answer
    directory.close()


async def away(*_: object) -> Standing:
    raise TransportError("somewhere is a database that is away")


async def answered(transport: MemoryTransport, fields: str) -> str:
    """The answer, when a database has been asked meanwhile."""
    answer = await ask(transport, "/who", fields)
    while not answer:
        await asyncio.sleep(0.001)
        answer = transport.take().decode("latin-1")
    return answer
