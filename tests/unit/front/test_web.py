"""The web application tells load balancers whether this process takes new connections."""

import asyncio
import json
from typing import Any

from rpch.front.web import web_application
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy


async def asked(proxy: RpcProxy, path: str) -> tuple[int, bytes]:
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
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"p")],
        "client": None,
        "server": None,
        "state": {},
    }
    await web_application(proxy)(scope, receive, send)
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


async def test_other_paths_are_not_found() -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"])
    async with asyncio.TaskGroup() as tasks:
        status, _ = await asked(settings.proxy(tasks, settings.accounts()), "/rpc/rpcproxy.dll")
        assert status == 404
