"""A proxy goes by the switches of its database from the next look on, and by nothing else meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from rpch.auth.accounts import MemoryAccounts
from rpch.auth.extended_protection import ProtectionMode
from rpch.directory.opening import Directory
from rpch.errors import TransportError
from rpch.exchange.switches import ORGANISATION, OUTLOOK_ANYWHERE, set_switches
from rpch.front import switched_settings
from rpch.front.switched_settings import SwitchedSettings, go_by_database, switched
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.policy import PRIVATE_NETWORKS, parse_networks
from rpch.proxy.reload import Reloader
from rpch.proxy.service import RpcProxy

SETTINGS = ProxyConfiguration(no_tls=True, auth=["Basic"], valid_ports="a:1")


@dataclass
class Office:
    """A proxy and the database that it asks."""

    directory: Directory
    proxy: RpcProxy
    reloader: Reloader

    async def flip(self, **given: str) -> None:
        """Set switches, and look."""
        set_switches(self.directory.settings, OUTLOOK_ANYWHERE, given)
        set_switches(self.directory.settings, ORGANISATION, given)
        await self.look()

    async def look(self) -> None:
        """As a connection does."""
        assert self.proxy.refresh is not None
        await self.proxy.refresh()

    @property
    def schemes(self) -> set[str]:
        """What is offered."""
        return {scheme.value for scheme in self.proxy.authenticator.terms(secure=True, relayed=False).schemes}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Office]:
    with closing(Directory.open(str(folder / "rpch.sqlite3"))) as directory:
        async with asyncio.TaskGroup() as tasks:
            proxy = SETTINGS.proxy(tasks, directory.accounts)
            reloader = Reloader(proxy, SETTINGS, None)
            go_by_database(proxy, reloader)
            yield Office(directory, proxy, reloader)


async def test_what_is_set_holds_and_what_is_not_leaves_the_proxys_own(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        before = office.proxy.authenticator
        await office.look()
        assert office.proxy.authenticator is before
        await office.flip(IISAuthenticationMethods="Ntlm")
        assert office.schemes == {"NTLM"}
        assert office.proxy.authenticator.throttle is before.throttle
        assert office.proxy.policy.valid_ports.allows("a", 1)
        await office.flip(IISAuthenticationMethods="")
        assert office.schemes == {"Basic"}


async def test_every_switch_of_the_proxy_arrives(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        await office.flip(
            SSLOffloading="false",
            ExternalClientsRequireSsl="false",
            InternalClientsRequireSsl="false",
            InternalNetworks="198.51.100.0/24",
            ExtendedProtectionTokenChecking="None",
            ExtendedProtectionFlags="NoServiceNameCheck",
            ExtendedProtectionSPNList="HTTP/other",
        )
        policy, protection = office.proxy.policy, office.proxy.authenticator.protection
        assert (policy.plain_from_relays, policy.plain_inside, policy.plain_outside) == (False, True, True)
        assert policy.internal_networks == parse_networks(["198.51.100.0/24"], setting="")
        assert protection.mode is ProtectionMode.NONE
        assert protection.no_service_name_check
        assert not protection.allow_dotless_names
        assert protection.service_names == ["HTTP/other"]
        everything = [switch.name for switch in (*OUTLOOK_ANYWHERE, *ORGANISATION)]
        await office.flip(**dict.fromkeys(everything, ""))
        assert office.proxy.policy.plain_from_relays
        assert office.proxy.policy.internal_networks == parse_networks(PRIVATE_NETWORKS, setting="")


async def test_a_file_that_is_read_again_does_not_undo_switches(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        await office.flip(IISAuthenticationMethods="Ntlm")
        read = replace(SETTINGS, valid_ports="b:2", auth=["Basic", "NTLM"])
        office.reloader._read = lambda: read
        office.reloader.reload()
        assert office.proxy.policy.valid_ports.allows("b", 2)
        assert office.schemes == {"NTLM"}
        await office.flip(IISAuthenticationMethods="")
        assert office.schemes == {"Basic", "NTLM"}


@pytest.mark.parametrize("error", [TransportError("away"), TimeoutError()])
async def test_a_database_that_is_away_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with opened(tmp_path) as office:
        await office.flip(IISAuthenticationMethods="Ntlm")

        def fails(*args: object) -> dict[str, Any]:
            raise error

        monkeypatch.setattr(switched_settings, "_switches_in", fails)
        with capture_logs() as logs:
            await office.flip(IISAuthenticationMethods="Basic")
        assert office.schemes == {"NTLM"}
        assert "cannot be read" in logs[0]["event"]


async def test_settings_that_are_refused_leave_the_old_ones_and_are_told_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        settings = office.directory.settings
        set_switches(settings, OUTLOOK_ANYWHERE, {"IISAuthenticationMethods": "Ntlm"})
        office.reloader._base = replace(SETTINGS, extended_protection="nonsense")
        with capture_logs() as logs:
            await office.look()
            await office.look()
        assert [line["event"] for line in logs] == ["reload refused, the old settings stay"]
        assert office.schemes == {"Basic"}


async def test_accounts_elsewhere_have_no_switches(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        office.proxy.authenticator.accounts = MemoryAccounts({})
        await office.flip(IISAuthenticationMethods="Ntlm")
        assert office.schemes == {"Basic"}


async def test_many_who_ask_at_once_share_a_look_that_began_after_they_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as office:
        looks: list[int] = []
        asked = 0

        async def look(self: SwitchedSettings) -> None:
            looks.append(asked)
            await asyncio.sleep(0)

        monkeypatch.setattr(SwitchedSettings, "_read", look)

        async def ask() -> int:
            nonlocal asked
            asked += 1
            mine = asked
            await office.look()
            return mine - looks[-1]

        assert all(late <= 0 for late in await asyncio.gather(*(ask() for _ in range(50))))
        assert 1 <= len(looks) <= 2


async def test_who_only_looks_at_settings_sees_the_switches_too(tmp_path: Path) -> None:
    file = tmp_path / "rpch.sqlite3"
    looked_at = replace(SETTINGS, database=f"sqlite:///{file}")
    assert switched(SETTINGS) == switched(looked_at) == {}
    assert not file.exists()
    async with opened(tmp_path) as office:
        await office.flip(IISAuthenticationMethods="Basic")
        assert switched(looked_at) == {"auth": ["Basic"]}
