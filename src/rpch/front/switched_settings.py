"""The RPC proxy goes by the organisation's switches, looked up for each connection.

What was set for the organisation holds instead of what this proxy's own settings say; all else stays.
Channels that are open stay as they were let in.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from msgspec.structs import replace

from rpch.errors import ConfigError, TransportError
from rpch.front.databases import database_of, revision_of
from rpch.front.user_rules import user_rule
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.reload import Reloader
from rpch.proxy.service import RpcProxy

if TYPE_CHECKING:
    from rpch.directory.database import Database

log = structlog.get_logger("rpch.front")

TIMEOUT: Final = 3.0  # seconds to wait for a database that does not answer


def go_by_database(proxy: RpcProxy, reloader: Reloader) -> None:
    """Look up in the proxy's database, if it has one, what holds for everybody and for single users."""
    proxy.user_rule = user_rule(proxy)
    proxy.refresh = SwitchedSettings(proxy, reloader).refresh


class SwitchedSettings:
    """Follows the switches for one proxy."""

    def __init__(self, proxy: RpcProxy, reloader: Reloader) -> None:
        self._proxy, self._reloader = proxy, reloader
        self._values: dict[str, Any] = {}
        self._revision = 0
        self._reading = asyncio.Lock()
        self._asked = self._answered = 0
        reloader.overlay = self._over

    async def refresh(self) -> None:
        """Go by what is set now. All who come while it is being read wait for one more reading."""
        self._asked += 1
        mine = self._asked
        async with self._reading:
            if self._answered >= mine:
                return
            up_to = self._asked
            await self._read()
            self._answered = up_to

    async def _read(self) -> None:
        """A database that cannot be asked changes nothing: nobody can authenticate by it either."""
        if (database := database_of(self._proxy)) is None:
            return
        try:
            revision, found = await asyncio.wait_for(database.run(_look_at, database), TIMEOUT)
        except (TransportError, ConfigError, TimeoutError) as error:
            log.warning("the switches cannot be read, what held still holds", why=str(error) or "too late")
            return
        if revision != self._revision:
            self._revision = revision
            self._proxy.authenticator.verified.forget()  # a password may be another one by now
        if found != self._values:
            self._values = found
            self._reloader.reload("switches")

    def _over(self, settings: ProxyConfiguration) -> ProxyConfiguration:
        return replace(settings, **self._values)


def switched(settings: ProxyConfiguration) -> dict[str, Any]:
    """What the database of these settings says instead of them, for whoever only looks at settings."""
    if settings.database is None or not _is_there(settings.database):
        return {}
    from rpch.directory.database import Database  # the library takes long to load

    with closing(Database.open(settings.database)) as database:
        return _switches_in(database)


def _is_there(database: str) -> bool:
    """Whether there is something to look at: a look must not make a file."""
    return database.startswith("postgresql") or Path(database.removeprefix("sqlite:///")).exists()


def _look_at(database: Database) -> tuple[int, dict[str, Any]]:
    return revision_of(database), _switches_in(database)


def _switches_in(database: Database) -> dict[str, Any]:
    """The proxy's settings that switches replace, by their names there."""
    from rpch.directory.organisation import OrganisationSettings, Setting  # the library takes long to load
    from rpch.exchange import switches

    replaced: list[tuple[Setting[Any], str]] = [
        (switches.RPC_METHODS, "auth"),
        (switches.TOKEN_CHECKING, "extended_protection"),
        (switches.PROTECTION_FLAGS, "extended_protection_flags"),
        (switches.SERVICE_NAMES, "service_name"),
        (switches.SSL_OFFLOADING, "ssl_offloading"),
        (switches.EXTERNAL_SSL, "external_clients_require_ssl"),
        (switches.INTERNAL_SSL, "internal_clients_require_ssl"),
        (switches.INTERNAL_NETWORKS, "internal_network"),
    ]
    names = {setting.key: name for setting, name in replaced}
    found = OrganisationSettings(database).all_own([setting for setting, _ in replaced])
    return {names[key]: value for key, value in found.items()}
