"""Settings of the organisation and of users."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.organisation import OrganisationSettings, Setting
from rpch.directory.tables import ORGANISATION_SETTINGS
from rpch.errors import ConfigError
from tests.unit.directory.conftest import Directory

MAPI_HTTP = Setting("mapi-http-enabled", bool, default=True)
HOSTS = Setting("hosts", list[str], default=[])


@pytest.fixture
def settings(directory: Directory) -> OrganisationSettings:
    return OrganisationSettings(directory.database, clock=directory.clock)


def user(directory: Directory) -> int:
    (made,) = directory.entries.add(NewEntry(EntryKind.USER, "alice"))
    return made.id


def test_until_somebody_sets_it_the_default_holds(settings: OrganisationSettings) -> None:
    assert settings.get(MAPI_HTTP)
    settings.set(MAPI_HTTP, value=False)
    assert not settings.get(MAPI_HTTP)
    settings.set(MAPI_HTTP, value=True)
    assert settings.get(MAPI_HTTP)
    settings.set(MAPI_HTTP, None)
    assert settings.get(MAPI_HTTP)


def test_what_nobody_set_is_told_from_the_default(settings: OrganisationSettings) -> None:
    assert settings.own(MAPI_HTTP) is None
    assert settings.all_own([MAPI_HTTP, HOSTS]) == {}
    settings.set_all([(MAPI_HTTP, True), (HOSTS, ["a"])])
    assert settings.own(MAPI_HTTP) is True
    assert settings.all_own([MAPI_HTTP, HOSTS]) == {"mapi-http-enabled": True, "hosts": ["a"]}
    assert settings.all_own([HOSTS]) == {"hosts": ["a"]}


def test_several_are_set_together_or_not_at_all(settings: OrganisationSettings) -> None:
    with pytest.raises(ConfigError, match="hosts"):
        settings.set_all([(MAPI_HTTP, False), (HOSTS, "no list")])
    assert settings.own(MAPI_HTTP) is None


def test_values_keep_their_type(settings: OrganisationSettings) -> None:
    settings.set(HOSTS, ["mail.lab.test", "ü"])
    assert settings.get(HOSTS) == ["mail.lab.test", "ü"]


def test_a_user_inherits_until_there_is_a_value_of_their_own(
    directory: Directory, settings: OrganisationSettings
) -> None:
    alice = user(directory)
    settings.set(MAPI_HTTP, value=False)
    assert (settings.own_of_user(MAPI_HTTP, alice), settings.of_user(MAPI_HTTP, alice)) == (None, False)
    settings.set_for_user(MAPI_HTTP, alice, value=True)
    assert (settings.own_of_user(MAPI_HTTP, alice), settings.of_user(MAPI_HTTP, alice)) == (True, True)
    assert not settings.get(MAPI_HTTP)
    settings.set_for_user(MAPI_HTTP, alice, None)
    assert not settings.of_user(MAPI_HTTP, alice)


def test_a_value_of_another_type_is_refused(settings: OrganisationSettings) -> None:
    with pytest.raises(ConfigError, match="mapi-http-enabled: Expected `bool`"):
        settings.set(MAPI_HTTP, "yes")  # type: ignore[misc]
    assert settings.get(MAPI_HTTP)


def test_a_stored_value_that_does_not_fit_is_said(
    directory: Directory, settings: OrganisationSettings
) -> None:
    settings.set(MAPI_HTTP, value=True)
    with directory.database.write() as connection:
        connection.execute(update(ORGANISATION_SETTINGS).values(value='"yes"'))
    with pytest.raises(ConfigError, match="does not fit"):
        settings.get(MAPI_HTTP)
