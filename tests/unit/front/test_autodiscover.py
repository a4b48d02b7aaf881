"""What clients are told to reach this system by."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.applications import Starlette

from rpch.auth.accounts import MemoryAccounts
from rpch.front.autodiscover import public_address, public_address_of, routes_for
from rpch.proxy.accounts import StoredAccounts
from rpch.proxy.configuration import ProxyConfiguration


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8443", "localhost:8443"),
        ("[::1]:443", "localhost"),
        ("mail.lab.example:443", "mail.lab.example"),
        ("0.0.0.0:8443", f"{socket.gethostname().lower()}:8443"),
    ],
)
def test_clients_reach_it_by_name(listen: str, expected: str) -> None:
    assert public_address(listen) == expected


@pytest.mark.parametrize(
    ("given", "listen", "expected"),
    [
        ({"public_name": "mail.example.com", "no_tls": True}, "127.0.0.1:8080", "mail.example.com"),
        ({"public_name": "mail.example.com"}, "0.0.0.0:8443", "mail.example.com:8443"),
        ({"tls": True}, "0.0.0.0:443", "named.example.com"),
        ({}, "0.0.0.0:443", socket.getfqdn()),
    ],
)
def test_a_proxy_is_reached_by_the_name_that_is_set_or_certified(
    tmp_path: Path, given: dict[str, Any], listen: str, expected: str
) -> None:
    if given.pop("tls", False):
        file = tmp_path / "cert.pem"
        issued = trustme.CA().issue_cert("*.example.com", "named.example.com")
        issued.private_key_and_cert_chain_pem.write_to_path(file)
        given = {"tls_cert": file}
    assert public_address_of(ProxyConfiguration(**given), listen) == expected


async def test_the_database_is_the_one_that_the_proxy_has_by_then(tmp_path: Path) -> None:
    settings = ProxyConfiguration(no_tls=True, database=str(tmp_path / "rpch.sqlite3"))
    async with asyncio.TaskGroup() as tasks:
        accounts = settings.accounts()
        proxy = settings.proxy(tasks, accounts)
        client = Starlette(routes=routes_for(proxy, "mail.example.com"))
        path = "/autodiscover/autodiscover.json/v1.0/a@b.c"
        assert await status(client, path) == 400  # it names no protocol
        proxy.authenticator.accounts = MemoryAccounts({})
        assert await status(client, path) == 503
        assert isinstance(accounts, StoredAccounts)
        accounts.close()


async def status(app: Starlette, path: str) -> int:
    """How a GET ends."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "root_path": "",
    }
    await app(scope, receive, send)
    return int(sent[0]["status"])
