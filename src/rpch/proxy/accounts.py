"""Where the accounts of a proxy are: in its settings, a database, an LDAP server, or a Windows domain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Protocol, runtime_checkable

import msgspec

from rpch.auth.accounts import AccountSource, MemoryAccounts, parse_user_option
from rpch.auth.counters import CounterStore
from rpch.auth.throttle import Throttle, ThrottleLimits
from rpch.directory.ldap_accounts import OPENLDAP, LdapAccounts
from rpch.directory.ldap_server import LdapServer, password_from
from rpch.directory.winbind_accounts import COMMAND, HELPERS, TIMEOUT, WinbindAccounts
from rpch.errors import ConfigError

NETBIOS_SIZE: Final = 15


def _told(words: str) -> msgspec.Meta:
    return msgspec.Meta(description=words)


class ThrottleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How many wrong passwords are taken. Windows in seconds, trust in days."""

    per_account_and_source: Annotated[int, _told("Of one account from one network.")] = 5
    per_source: Annotated[int, _told("From one network.")] = 100
    per_account: Annotated[int, _told("Of one account, from networks that never knew the right one.")] = 30
    window: Annotated[float, _told("Seconds in which they are counted.")] = 900.0
    per_minute: Annotated[int, _told("In a minute, from all networks that never knew a right one.")] = 1000
    trust_days: Annotated[float, _told("Days for which a network that knew it is trusted.")] = 30.0

    def limits(self) -> ThrottleLimits:
        """The limits, as whoever counts takes them."""
        names = ("per_account_and_source", "per_source", "per_account", "window", "per_minute")
        values = {name: getattr(self, name) for name in names}
        for name, value in values.items():
            if value <= 0:
                raise ConfigError(f"throttle.{name.replace('_', '-')}", "must be more than 0")
        return ThrottleLimits(**values, trust=self.trust_days * 86_400)


class LdapSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """An LDAP server whose users may sign in with Basic."""

    url: Annotated[str, _told("Where it is: ldaps://ldap.lab.example")]
    base: Annotated[str, _told("Below which entry users are looked up.")]
    start_tls: Annotated[bool, _told("Begin TLS on a connection of ldap://.")] = False
    ca_file: Annotated[Path | None, _told("The authority of its certificate, if not the system's.")] = None
    bind_dn: Annotated[str, _told("Who looks users up; nobody in particular if it is left out.")] = ""
    bind_password_file: Annotated[Path | None, _told("The file with the password of bind-dn.")] = None
    query: Annotated[str, _told("The filter that finds a user.")] = OPENLDAP
    name_attribute: Annotated[str, _told("The attribute with the user's name.")] = "uid"
    domain: Annotated[str, _told("The domain its users are said to belong to.")] = ""
    aliases: Annotated[list[str], _told("Other names of that domain.")] = []
    timeout: Annotated[float, _told("Seconds to wait for an answer.")] = 5.0

    def source(self) -> LdapAccounts:
        """The server's accounts; `ConfigError` where they cannot be used."""
        server = LdapServer(
            self.url,
            start_tls=self.start_tls,
            ca_file=self.ca_file,
            bind_dn=self.bind_dn,
            bind_password=password_from(self.bind_password_file, setting="ldap.bind-password-file"),
            timeout=self.timeout,
        )
        server.check()
        return LdapAccounts(
            server,
            self.base,
            query=self.query,
            name_attribute=self.name_attribute,
            domain=self.domain,
            aliases=self.aliases,
        )


class WinbindSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The Windows domain that this machine is a member of, by winbind's helper."""

    domain: Annotated[str, _told("Its short name.")]
    aliases: Annotated[list[str], _told("Its other names.")] = []
    command: Annotated[tuple[str, ...], _told("The helper program.")] = COMMAND
    helpers: Annotated[int, _told("How many of them run at most.")] = HELPERS
    timeout: Annotated[float, _told("Seconds to wait for an answer.")] = TIMEOUT

    def source(self) -> WinbindAccounts:
        """The domain's accounts."""
        return WinbindAccounts(
            self.command,
            domain=self.domain,
            aliases=self.aliases,
            helpers=self.helpers,
            timeout=self.timeout,
        )


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that say where accounts are: one place.

    Beside an LDAP server or a Windows domain a database has all else about people.
    """

    user: list[str]
    database: str | None
    key_file: Path | None
    ldap: LdapSettings | None
    winbind: WinbindSettings | None

    @property
    def given(self) -> list[str]:
        """Which of them are."""
        return [name for name in ("user", "database", "ldap", "winbind") if getattr(self, name)]

    @property
    def knows_ntlm(self) -> bool:
        """Whether what is there can prove NTLM."""
        return self.ldap is None

    def open(self) -> AccountSource:
        """The accounts; those of the `user` lines when there is nothing else."""
        places = [name for name in self.given if name != "database" or len(self.given) == 1 or self.user]
        if len(places) > 1:
            problem = f"contradicts {places[1]}; accounts are in one place"
            raise ConfigError(places[0], problem)
        if self.key_file is not None and not self.database:
            raise ConfigError("key-file", "is the key of a database; give database too")
        elsewhere = self.elsewhere()
        if self.database:
            return _open_database(self.database, self.key_file, elsewhere)
        return elsewhere or MemoryAccounts.from_options(self.user, setting="user")

    def elsewhere(self) -> LdapAccounts | WinbindAccounts | None:
        """The accounts that others keep, where there are such."""
        if self.ldap is not None:
            return self.ldap.source()
        return None if self.winbind is None else self.winbind.source()

    def domain(self, accounts: AccountSource) -> str:
        """The domain that NTLM names: that of the accounts, where they have one, as a NetBIOS name."""
        if self.winbind is not None:
            return _netbios(self.winbind.domain)
        if isinstance(accounts, StoredAccounts):
            return _netbios(accounts.domain())
        domains = {parse_user_option(option)[0].domain for option in self.user}
        return _netbios(next(iter(domains))) if len(domains) == 1 else ""


@runtime_checkable
class StoredAccounts(Protocol):
    """Accounts that others share: so are the counts of wrong guesses at them."""

    @property
    def counters(self) -> CounterStore:
        """Where wrong guesses are counted."""

    def domain(self) -> str:
        """The domain of all of them; nothing when there are several."""

    def close(self) -> None:
        """Give back what they hold."""


def throttle_for(accounts: AccountSource, settings: ThrottleSettings) -> Throttle:
    """A throttle that counts where the accounts are, if others count there too."""
    counters = accounts.counters if isinstance(accounts, StoredAccounts) else None
    return Throttle(settings.limits(), counters)


def without_password(url: str) -> str:
    """A database's URL, as a log may show it."""
    start, at, rest = url.rpartition("@")
    user, colon, _ = start.partition("://")[2].partition(":")
    return f"{start.partition('://')[0]}://{user}:***@{rest}" if at and colon else url


def _open_database(
    url: str, key_file: Path | None, elsewhere: LdapAccounts | WinbindAccounts | None
) -> AccountSource:
    from rpch.directory.foreign_accounts import accounts_beside  # the database library takes long to load
    from rpch.directory.opening import Directory

    stored = Directory.open(url, key_file).accounts
    return stored if elsewhere is None else accounts_beside(elsewhere, stored)


def _netbios(domain: str) -> str:
    """What stands for a domain where only a short plain name may: its first part, if that is one."""
    first = domain.partition(".")[0][:NETBIOS_SIZE]
    return first if first.isascii() else ""
