"""Where the accounts of a proxy are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.throttle import ThrottleLimits
from rpch.directory.database_accounts import DatabaseAccounts
from rpch.directory.database_counters import DatabaseCounters
from rpch.directory.foreign_accounts import ForeignAccounts
from rpch.directory.ldap_accounts import LdapAccounts
from rpch.directory.winbind_accounts import WinbindAccounts
from rpch.errors import ConfigError
from rpch.proxy.accounts import (
    LdapSettings,
    Places,
    StoredAccounts,
    ThrottleSettings,
    WinbindSettings,
    throttle_for,
    without_password,
)
from tests.ldap_library import install_ldap

LDAP = LdapSettings(url="ldaps://ldap.lab.test", base="dc=lab")
WINBIND = WinbindSettings(domain="CORP", aliases=["corp.example"])


def places(**given: Any) -> Places:
    nothing: dict[str, Any] = {"user": [], "database": None, "key_file": None, "ldap": None, "winbind": None}
    return Places(**(nothing | given))


async def test_user_lines_are_accounts_in_memory() -> None:
    here = places(user=[r"LAB\alice:secret"])
    accounts = here.open()
    assert isinstance(accounts, MemoryAccounts)
    assert await accounts.verify_password("alice", "secret") == Identity("alice", "LAB")
    assert here.domain(accounts) == "LAB"
    assert places().domain(places().open()) == ""


@pytest.mark.parametrize(
    ("domain", "named"),
    [
        ("LAB", "LAB"),
        ("corp.contoso.example", "corp"),
        ("averyverylongdomainname", "averyverylongdo"),
        ("Ü", ""),
    ],
)
def test_ntlm_names_a_domain_by_a_short_name(domain: str, named: str) -> None:
    here = places(user=[rf"{domain}\alice:secret"])
    assert here.domain(here.open()) == named


@pytest.mark.slow
async def test_a_database_holds_accounts_and_counts(tmp_path: Path) -> None:
    here = places(database=f"sqlite:///{tmp_path / 'a.sqlite3'}", key_file=tmp_path / "keys" / "a.key")
    accounts = here.open()
    assert isinstance(accounts, DatabaseAccounts)
    assert isinstance(accounts, StoredAccounts)
    assert (tmp_path / "keys" / "a.key").exists()
    assert here.domain(accounts) == ""
    assert isinstance(throttle_for(accounts, ThrottleSettings())._counters, DatabaseCounters)
    accounts.close()


def test_an_ldap_server_and_a_domain_are_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_ldap(monkeypatch)
    assert isinstance(places(ldap=LDAP).open(), LdapAccounts)
    assert not places(ldap=LDAP).knows_ntlm
    domain = places(winbind=WINBIND)
    assert isinstance(domain.open(), WinbindAccounts)
    assert domain.domain(domain.open()) == "CORP"
    assert domain.knows_ntlm
    assert not isinstance(domain.open(), StoredAccounts)


@pytest.mark.slow
async def test_beside_a_database_others_say_who_signs_in(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'a.sqlite3'}"
    here = places(database=database, winbind=WINBIND)
    accounts = here.open()
    assert isinstance(accounts, ForeignAccounts)
    assert isinstance(accounts.source, WinbindAccounts)
    assert isinstance(throttle_for(accounts, ThrottleSettings())._counters, DatabaseCounters)
    assert here.domain(accounts) == "CORP"
    accounts.close()
    with pytest.raises(ConfigError, match="user: contradicts database"):
        places(database=database, user=["alice:secret"]).open()
    with pytest.raises(ConfigError, match="ldap: contradicts winbind"):
        places(database=database, ldap=LDAP, winbind=WINBIND).open()


def test_accounts_are_in_one_place() -> None:
    with pytest.raises(ConfigError, match="user: contradicts winbind"):
        places(user=["alice:secret"], winbind=WINBIND).open()
    with pytest.raises(ConfigError, match="key-file: is the key of a database"):
        places(key_file=Path("k")).open()


def test_the_password_for_an_ldap_server_is_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_ldap(monkeypatch)
    file = tmp_path / "password"
    file.write_text("canary \n")
    settings = msgspec.structs.replace(LDAP, bind_dn="cn=rpch", bind_password_file=file)
    server: Any = settings.source()._server
    assert server.bind_password == "canary "
    assert "canary" not in repr(server) + repr(settings)
    file.unlink()
    with pytest.raises(ConfigError, match="bind-password-file"):
        settings.source()


def test_an_ldap_server_in_the_clear_is_refused() -> None:
    with pytest.raises(ConfigError, match="in the clear"):
        LdapSettings(url="ldap://ldap.lab.test", base="dc=lab").source()


def test_settings_have_the_names_of_the_file() -> None:
    read = msgspec.convert(
        {"url": "ldaps://x", "base": "dc=lab", "start-tls": True, "name-attribute": "cn"}, LdapSettings
    )
    assert (read.start_tls, read.name_attribute) == (True, "cn")
    read_winbind = msgspec.convert({"domain": "CORP", "command": ["helper", "-x"]}, WinbindSettings)
    assert read_winbind.command == ("helper", "-x")


def test_the_throttle_has_the_limits_of_the_settings() -> None:
    assert ThrottleSettings().limits() == ThrottleLimits()
    assert ThrottleSettings(per_account=3, trust_days=1).limits() == ThrottleLimits(
        per_account=3, trust=86_400
    )
    with pytest.raises(ConfigError, match=r"throttle\.per-source: must be more than 0"):
        ThrottleSettings(per_source=0).limits()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://mail:c@na:ry@db/rpch", "postgresql://mail:***@db/rpch"),
        ("postgresql://mail@db/rpch", "postgresql://mail@db/rpch"),
        ("sqlite:///a.sqlite3", "sqlite:///a.sqlite3"),
        ("a.sqlite3", "a.sqlite3"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
