"""Switches: names and values as Exchange's cmdlets take them, stored at once or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.organisation import OrganisationSettings
from rpch.errors import ConfigError
from rpch.exchange.switches import (
    MAPI,
    MAPI_HTTP_ENABLED,
    ORGANISATION,
    OUTLOOK_ANYWHERE,
    Change,
    read_switches,
    read_user_switches,
    set_switches,
    set_user_switches,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(str(tmp_path / "rpch.sqlite3"))
    yield opened
    opened.close()


@pytest.fixture
def settings(database: Database) -> OrganisationSettings:
    return OrganisationSettings(database)


def test_everything_has_a_safe_default(settings: OrganisationSettings) -> None:
    found = read_switches(settings, OUTLOOK_ANYWHERE)
    assert found["ExternalHostname"] == ""
    assert found["ExternalClientsRequireSsl"] is True
    assert found["SSLOffloading"] is False
    assert found["ExtendedProtectionTokenChecking"] == "Require"
    assert read_switches(settings, MAPI)["ExternalUrl"] == ""
    assert read_switches(settings, ORGANISATION)["MapiHttpEnabled"] is False


def test_what_is_set_is_read_and_told(settings: OrganisationSettings) -> None:
    given = {"ExternalHostname": "Mail.Example.COM", "IISAuthenticationMethods": "basic, NTLM,basic"}
    assert set_switches(settings, OUTLOOK_ANYWHERE, given) == [
        Change("ExternalHostname", "", "mail.example.com"),
        Change("IISAuthenticationMethods", ["Basic", "Ntlm", "Negotiate"], ["Basic", "Ntlm"]),
    ]
    assert read_switches(settings, OUTLOOK_ANYWHERE)["ExternalHostname"] == "mail.example.com"
    assert set_switches(settings, OUTLOOK_ANYWHERE, given) == []


@pytest.mark.parametrize("empty", ["", "$null", " "])
def test_an_empty_value_goes_back_to_the_default(settings: OrganisationSettings, empty: str) -> None:
    set_switches(settings, OUTLOOK_ANYWHERE, {"SSLOffloading": "$true"})
    assert set_switches(settings, OUTLOOK_ANYWHERE, {"SSLOffloading": empty}) == [
        Change("SSLOffloading", before=True, after=False)
    ]


def test_what_if_changes_nothing(settings: OrganisationSettings) -> None:
    would = set_switches(settings, ORGANISATION, {"MapiHttpEnabled": "true"}, what_if=True)
    assert would == [Change("MapiHttpEnabled", before=False, after=True)]
    assert read_switches(settings, ORGANISATION)["MapiHttpEnabled"] is False


def test_one_wrong_value_leaves_the_others_unset(settings: OrganisationSettings) -> None:
    given = {"ExternalHostname": "mail.example.com", "SSLOffloading": "perhaps"}
    with pytest.raises(ConfigError, match="SSLOffloading: 'perhaps' is neither true nor false"):
        set_switches(settings, OUTLOOK_ANYWHERE, given)
    assert read_switches(settings, OUTLOOK_ANYWHERE)["ExternalHostname"] == ""


@pytest.mark.parametrize("host", ["https://mail", "mail example", "-mail", "mail..example", "m" * 254, "a/b"])
def test_what_is_no_host_name_is_refused(settings: OrganisationSettings, host: str) -> None:
    with pytest.raises(ConfigError, match="is no host name"):
        set_switches(settings, OUTLOOK_ANYWHERE, {"InternalHostname": host})


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com/mapi",
        "mail.example.com",
        "https://user@mail.example.com/mapi",
        "https://mail.example.com/mapi?x=1",
        "https://mail.example.com:x/mapi",
        "https://mail.example.com/ma pi",
        "https://[::1/mapi",
    ],
)
def test_what_is_no_url_is_refused(settings: OrganisationSettings, url: str) -> None:
    with pytest.raises(ConfigError, match="ExternalUrl"):
        set_switches(settings, MAPI, {"ExternalUrl": url})


def test_urls_end_without_a_slash(settings: OrganisationSettings) -> None:
    set_switches(settings, MAPI, {"ExternalUrl": "https://mail.example.com/mapi/"})
    assert read_switches(settings, MAPI)["ExternalUrl"] == "https://mail.example.com/mapi"


def test_unknown_methods_and_networks_are_refused(settings: OrganisationSettings) -> None:
    with pytest.raises(ConfigError, match="none of Basic, Ntlm, Negotiate"):
        set_switches(settings, OUTLOOK_ANYWHERE, {"ExternalClientAuthenticationMethod": "Fba"})
    with pytest.raises(ConfigError, match="InternalNetworks"):
        set_switches(settings, ORGANISATION, {"InternalNetworks": "10.0.0.0/99"})


def test_a_user_has_its_own_or_inherits(database: Database, settings: OrganisationSettings) -> None:
    (user,) = Entries(database).add(NewEntry(EntryKind.USER, "Alice"))
    set_user_switches(settings, user.id, {"MapiHttpEnabled": "true"})
    assert settings.of_user(MAPI_HTTP_ENABLED, user.id) is True
    assert read_user_switches(settings, user.id)["MapiHttpEnabled"] is True
    would = set_user_switches(settings, user.id, {"MapiHttpEnabled": "false"}, what_if=True)
    assert would == [Change("MapiHttpEnabled", before=True, after=False)]
    assert settings.of_user(MAPI_HTTP_ENABLED, user.id) is True
    told = set_user_switches(settings, user.id, {"MapiHttpEnabled": "Inherit"})
    assert told == [Change("MapiHttpEnabled", before=True, after=None)]
    set_switches(settings, ORGANISATION, {"MapiHttpEnabled": "true"})
    assert settings.of_user(MAPI_HTTP_ENABLED, user.id) is True
