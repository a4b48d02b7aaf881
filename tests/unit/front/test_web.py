"""The web application tells load balancers whether this process takes new connections."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from rpch.auth.accounts import MemoryAccounts
from rpch.front.web import autodiscover_of, web_application
from rpch.proxy.accounts import StoredAccounts
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy


async def asked(
    proxy: RpcProxy, path: str, routes: Sequence[BaseRoute] = (), query: bytes = b""
) -> tuple[int, bytes]:
    """What the application answers, by its own interface."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"p")],
        "client": None,
        "server": None,
        "state": {},
    }
    await web_application(proxy, routes)(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_health_is_ok_until_the_proxy_drains() -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        status, body = await asked(proxy, "/healthz")
        assert (status, json.loads(body)) == (200, {"status": "ok", "channels": 0})
        proxy.draining = True
        status, body = await asked(proxy, "/healthz")
        assert status == 503
        assert json.loads(body)["status"] == "draining"


async def test_autodiscover_that_is_not_served_says_so_to_everybody() -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        routes = autodiscover_of(proxy, settings, "127.0.0.1:443")
        for path in ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.json/v1.0/a@b.c"):
            assert await asked(proxy, path, routes) == (404, b"Autodiscover is not served here.\r\n")


async def test_a_proxy_with_a_database_serves_autodiscover(tmp_path: Path) -> None:
    database = str(tmp_path / "rpch.sqlite3")
    settings = ProxyConfiguration(no_tls=True, database=database, autodiscover=True, public_name="mail")
    async with asyncio.TaskGroup() as tasks:
        accounts = settings.accounts()
        proxy = settings.proxy(tasks, accounts)
        routes = autodiscover_of(proxy, settings, "127.0.0.1:8080")
        status, body = await asked(
            proxy, "/autodiscover/autodiscover.json/v1.0/a@b.c", routes, query=b"Protocol=autodiscoverv1"
        )
        assert status == 200
        assert json.loads(body)["Url"] == "https://mail/autodiscover/autodiscover.xml"
        proxy.authenticator.accounts = MemoryAccounts({})
        assert (await asked(proxy, "/autodiscover/autodiscover.json/v1.0/a@b.c", routes))[0] == 503
        assert isinstance(accounts, StoredAccounts)
        accounts.close()


async def test_other_paths_are_not_found() -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    async with asyncio.TaskGroup() as tasks:
        status, _ = await asked(settings.proxy(tasks, settings.accounts()), "/rpc/rpcproxy.dll")
        assert status == 404
