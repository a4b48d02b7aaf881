"""Whoever is disabled loses the channels that are open, and nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rpch.auth.accounts import Identity
from rpch.directory.opening import Directory
from rpch.errors import AuthenticationFailed, TransportError
from rpch.exchange.switches import set_user_switches
from rpch.front import user_rules
from rpch.front.following import following
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.reload import Reloader
from rpch.server.demo import AddRequest, Demo
from tests.e2e.system import B1, PASSWORD, System, request, system
from tests.raw_peer import until

BOB = r"LAB\bob"


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    opened = Directory.open(str(tmp_path / "rpch.sqlite3"))
    for name in ("alice", "bob"):
        opened.store.add(Identity(name, "LAB"), PASSWORD)
    return opened


@asynccontextmanager
async def office(
    directory: Directory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[System]:
    """A system whose proxy looks at its users all the time."""
    watch = user_rules.watch_users
    monkeypatch.setattr("rpch.front.following.watch_users", lambda proxy: watch(proxy, every=0.01))
    database = str(folder / "rpch.sqlite3")
    with closing(directory):
        async with system(user=[], database=database) as running:
            settings = ProxyConfiguration(no_tls=True, database=database)
            async with following(running.proxy, Reloader(running.proxy, settings, None)):
                yield running


async def test_the_calls_of_a_disabled_user_end_and_those_of_others_go_on(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        office(directory, tmp_path, monkeypatch) as running,
        running.connect() as hers,
        running.connect(user=BOB) as his,
    ):
        assert (await hers.call(Demo.add, AddRequest(1, 2))).total == 3
        assert (await his.call(Demo.add, AddRequest(1, 2))).total == 3
        with capture_logs() as logs:
            directory.store.set_enabled("alice", enabled=False)
            await until(lambda: {str(user) for user in running.proxy.users} == {BOB})
        (ended,) = [line for line in logs if line["event"] == "ended"]
        assert (ended["user"], ended["rule"], ended["channels"]) == (r"LAB\alice", "AccountDisabled", 2)
        with pytest.raises(AuthenticationFailed):
            await hers.call(Demo.add, AddRequest(1, 2))
        assert (await his.call(Demo.add, AddRequest(1, 2))).total == 3


async def test_a_channel_that_waits_or_has_half_a_connection_ends_too_and_is_told_why(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        office(directory, tmp_path, monkeypatch) as running,
        running.peer() as waiting,
        running.peer() as half,
    ):
        waiting.send(request("RPC_IN_DATA", 1 << 30))
        half.send(request("RPC_IN_DATA", 1 << 30), B1)
        await until(lambda: running.proxy.ledger.channels == 2 and len(running.proxy.openings) == 1)
        directory.store.remove("alice")
        for peer in (waiting, half):
            said = (await peer.rest()).decode()
            assert said.startswith("HTTP/1.0 503 RPC Error: 6ba")
            assert "X-Rpch-Rule: NoSuchAccount" in said


async def test_a_switch_or_a_database_that_is_away_ends_no_open_channel(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()

    def away(database: object) -> int:
        looked.set()
        raise TransportError("away")

    async with office(directory, tmp_path, monkeypatch) as running, running.connect() as hers:
        alice = directory.store.get("alice")
        set_user_switches(directory.settings, alice.entry_id, {"MAPIBlockOutlookRpcHttp": "true"})
        directory.store.describe("alice", display_name="Alice")  # something has changed
        assert (await hers.call(Demo.add, AddRequest(1, 2))).total == 3
        monkeypatch.setattr(user_rules, "revision_of", away)
        await asyncio.wait_for(looked.wait(), 5)
        assert (await hers.call(Demo.add, AddRequest(1, 2))).total == 3


async def test_an_old_password_is_refused_from_the_next_connection_on(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def status(running: System, password: str) -> str:
        async with running.peer() as peer:
            peer.send(request("RPC_IN_DATA", 0, password=password))
            return (await peer.head())[0]

    async with office(directory, tmp_path, monkeypatch) as running:
        assert "200" in await status(running, PASSWORD)
        assert len(running.proxy.authenticator.verified) == 1
        directory.store.set_password("alice", "another one")
        assert "401" in await status(running, PASSWORD)
        assert "200" in await status(running, "another one")
