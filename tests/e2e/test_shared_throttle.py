"""Guesses count wherever they are made: at the proxy, at its web pages, and at the RPC server behind it."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from rpch.client.connect import connect
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.errors import AuthenticationFailed
from rpch.server.demo import Demo
from tests.rpch_process import RpchProcess, rpch_process

pytestmark = pytest.mark.slow


@pytest.fixture
def up(tmp_path: Path) -> Iterator[RpchProcess]:
    """The whole system."""
    arguments = ("up", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"))
    with rpch_process(*arguments, log=tmp_path / "log") as running:
        yield running


def by_http(up: RpchProcess, user: str, password: str, path: str = "/rpc/rpcproxy.dll?localhost:593") -> int:
    """The status of a request with these credentials."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    trust = ssl.create_default_context(cafile=up.ready["ca"])
    connection = HTTPSConnection("localhost", up.port, context=trust, timeout=15)
    try:
        method = "RPC_IN_DATA" if "rpcproxy" in path else "POST"
        fields = {"Authorization": f"Basic {token}", "Content-Length": "0"}
        connection.request(method, path, headers=fields)
        return connection.getresponse().status
    finally:
        connection.close()


async def by_rpc(up: RpchProcess, user: str, password: str) -> bool:
    """Whether the RPC server itself takes these credentials."""
    options: dict[str, Any] = {"rpc_user": user, "rpc_password": password}
    binding = f"ncacn_ip_tcp:127.0.0.1[{up.ready['ports']['demo_tcp']}]"
    protection: dict[str, Any] = {"auth_level": AuthLevel.PKT_PRIVACY, "auth_type": AuthType.NEGOTIATE}
    async with connect(binding, **options, **protection) as client:
        try:
            await client.bind(Demo)
        except AuthenticationFailed:
            return False
    return True


async def test_guesses_at_the_rpc_server_lock_the_proxy_too(up: RpchProcess) -> None:
    alice, bob = up.ready["users"][:2]
    assert by_http(up, alice["name"], alice["password"]) == 200
    for number in range(5):
        assert not await by_rpc(up, bob["name"], f"wrong{number}")
    assert by_http(up, bob["name"], bob["password"]) == 401
    assert by_http(up, bob["name"], bob["password"], "/autodiscover/autodiscover.xml") == 401
    assert not await by_rpc(up, bob["name"], bob["password"])
    rules = [line["rule"] for line in up.log if line["event"] == "authentication failed"]
    assert rules.count("Throttle") == 3


async def test_guesses_at_the_proxy_lock_the_rpc_server_too(up: RpchProcess) -> None:
    alice, bob = up.ready["users"][:2]
    assert await by_rpc(up, bob["name"], bob["password"])
    for number in range(5):
        assert by_http(up, bob["name"], f"wrong{number}") == 401
    assert not await by_rpc(up, bob["name"], bob["password"])
    assert await by_rpc(up, alice["name"], alice["password"])
