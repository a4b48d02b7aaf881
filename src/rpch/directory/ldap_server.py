"""Talks to an LDAP server: looks entries up, and lets passwords be proven by a bind. RFC 4511

Every question has a connection of its own, since a bind changes whose connection it is. Passwords go to the
server as they are, so it must be one that TLS protects, or on this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from rpch.errors import ConfigError, TransportError

_SECURE: Final = ("ldaps", "ldapi")
_asked: Final[set[asyncio.Task[Any]]] = set()  # the event loop alone would forget them

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """What a search found: its DN, and the attributes that were asked for."""

    dn: str
    attributes: Mapping[str, Sequence[str | bytes]]

    def first(self, name: str) -> str:
        """The first value of an attribute that is text; nothing when there is none."""
        values = [value for value in self.attributes.get(name, ()) if isinstance(value, str)]
        return values[0] if values else ""


class LdapDirectory(Protocol):
    """What can be asked of an LDAP server."""

    async def search(self, base: str, query: str, attributes: Sequence[str]) -> list[FoundEntry]:
        """What matches below a base; none when it is more than can be one account."""

    async def proves(self, dn: str, password: str) -> bool:
        """Whether the password is that of the DN."""


@dataclass(frozen=True, slots=True)
class LdapServer:
    """A server, and who we are to it. Without a `bind_dn` it is asked anonymously."""

    url: str
    start_tls: bool = False
    ca_file: Path | None = None
    bind_dn: str = ""
    bind_password: str = field(default="", repr=False)
    timeout: float = 5.0

    def check(self, *, setting: str = "ldap") -> None:
        """`ConfigError` when passwords would travel in the clear, or the library is missing."""
        parts = urlsplit(self.url)
        if parts.scheme not in (*_SECURE, "ldap"):
            raise ConfigError(f"{setting}.url", f"{self.url!r} is no URL; write ldaps://HOST")
        if parts.scheme not in _SECURE and not self.start_tls and not _is_loopback(parts.hostname):
            problem = "would send passwords in the clear; write ldaps:// or set start-tls"
            raise ConfigError(f"{setting}.url", problem)
        _library(setting)

    async def search(self, base: str, query: str, attributes: Sequence[str]) -> list[FoundEntry]:
        """What matches below a base; none when it is more than can be one account."""
        return await _to_its_end(self._search(base, query, attributes))

    async def _search(self, base: str, query: str, attributes: Sequence[str]) -> list[FoundEntry]:
        bonsai = _library()
        async with self._connected(self.bind_dn, self.bind_password) as connection:
            if connection is None:
                raise TransportError(f"{self.url} refuses {self.bind_dn or 'anonymous questions'}")
            try:
                found = await connection.search(
                    base, bonsai.LDAPSearchScope.SUB, query, list(attributes), self.timeout, sizelimit=2
                )
            except bonsai.SizeLimitError:
                return []
        return [FoundEntry(str(entry.dn), {name: list(entry[name]) for name in entry}) for entry in found]

    async def proves(self, dn: str, password: str) -> bool:
        """Whether the password is that of the DN. An empty one makes us anonymous, which proves nothing."""
        if not dn or not password:
            return False
        return await _to_its_end(self._proves(dn, password))

    async def _proves(self, dn: str, password: str) -> bool:
        async with self._connected(dn, password) as connection:
            return connection is not None

    @contextmanager
    def connected(self, raw_attributes: Sequence[str]) -> Iterator[Any]:
        """A connection for whoever may wait for it, in a process of its own. Values come as octets.

        `TransportError` when there is none, or when something goes wrong with it.
        """
        bonsai, client = _library(), self._client(self.bind_dn, self.bind_password)
        client.set_raw_attributes(list(raw_attributes))
        try:
            connection = client.connect(timeout=self.timeout)
        except bonsai.AuthenticationError as error:
            raise TransportError(f"{self.url} refuses {self.bind_dn or 'anonymous questions'}") from error
        except (bonsai.LDAPError, OSError, TimeoutError) as error:
            raise TransportError(f"{self.url} cannot be reached: {error}") from error
        try:
            yield connection
        finally:
            connection.close()

    def _client(self, dn: str, password: str) -> Any:
        client = _library().LDAPClient(self.url, self.start_tls)
        client.set_cert_policy("demand")
        if self.ca_file is not None:
            client.set_ca_cert(str(self.ca_file))
        if dn:
            client.set_credentials("SIMPLE", user=dn, password=password)
        return client

    @asynccontextmanager
    async def _connected(self, dn: str, password: str) -> AsyncIterator[Any | None]:
        """A connection that is this DN's; None when its password is not this one."""
        bonsai, client = _library(), self._client(dn, password)
        try:
            connection = await client.connect(is_async=True, timeout=self.timeout)
        except (bonsai.AuthenticationError, bonsai.InvalidDN, bonsai.UnwillingToPerform):
            yield None
            return
        except (bonsai.LDAPError, OSError, TimeoutError) as error:
            raise TransportError(f"{self.url} cannot be reached: {error}") from error
        try:
            yield connection
        except (bonsai.LDAPError, TimeoutError) as error:
            raise TransportError(f"{self.url} gave no answer: {error}") from error
        finally:
            connection.close()


async def _to_its_end(question: Coroutine[Any, Any, T]) -> T:
    """What a question comes to. It goes on when nobody waits for it any more, no longer than it may take.

    Observed: the library leaves the socket of a question that is cancelled with the event loop, where its
    number soon is another's.
    """
    task = asyncio.create_task(question)
    _asked.add(task)
    task.add_done_callback(_asked.discard)
    return await asyncio.shield(task)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """What an LDAP server refuses, in our words; `TransportError` for all of it."""
    bonsai = _library()
    try:
        yield
    except bonsai.SizeLimitError as error:
        problem = "shows only some of its entries; lift the size limit of who asks"
        raise TransportError(f"{url} {problem}") from error
    except bonsai.NoSuchObjectError as error:
        raise TransportError(f"{url} has no such base, or does not show it: {error}") from error
    except (bonsai.LDAPError, TimeoutError) as error:
        raise TransportError(f"{url} gave no answer: {error}") from error


def password_from(file: Path | None, *, setting: str) -> str:
    """The password in a file; nothing without one."""
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(setting, f"{file} cannot be read: {error}") from error


def _library(setting: str = "ldap") -> ModuleType:
    """The LDAP library, which is an extra."""
    try:
        import bonsai
    except ImportError as error:
        raise ConfigError(setting, "needs its library; install rpch with the extra ldap") from error
    module: ModuleType = bonsai
    return module


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
