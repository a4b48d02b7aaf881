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
    USER,
    Change,
    Switch,
    cautions,
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
    assert {name for name, value in found.items() if value is None} == {
        "ExternalClientAuthenticationMethod",
        "InternalClientAuthenticationMethod",
        "IISAuthenticationMethods",
        "SSLOffloading",
        "ExtendedProtectionTokenChecking",
        "ExtendedProtectionFlags",
        "ExtendedProtectionSPNList",
    }
    assert read_switches(settings, MAPI)["ExternalUrl"] == ""
    assert read_switches(settings, ORGANISATION)["MapiHttpEnabled"] is False


def test_what_is_set_is_read_and_told(settings: OrganisationSettings) -> None:
    given = {"ExternalHostname": "Mail.Example.COM", "IISAuthenticationMethods": "basic, NTLM,basic"}
    assert set_switches(settings, OUTLOOK_ANYWHERE, given) == [
        Change("ExternalHostname", "", "mail.example.com"),
        Change("IISAuthenticationMethods", None, ["Basic", "Ntlm"]),
    ]
    assert read_switches(settings, OUTLOOK_ANYWHERE)["ExternalHostname"] == "mail.example.com"
    assert set_switches(settings, OUTLOOK_ANYWHERE, given) == []


@pytest.mark.parametrize("empty", ["", "$null", " "])
def test_an_empty_value_goes_back_to_the_default(settings: OrganisationSettings, empty: str) -> None:
    given = {"SSLOffloading": "$true", "ExternalClientsRequireSsl": "false"}
    set_switches(settings, OUTLOOK_ANYWHERE, given)
    assert set_switches(settings, OUTLOOK_ANYWHERE, dict.fromkeys(given, empty)) == [
        Change("ExternalClientsRequireSsl", before=False, after=True),
        Change("SSLOffloading", before=True, after=None),
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


@pytest.mark.parametrize(
    "switch", [each for each in (*MAPI, *ORGANISATION, *USER) if each.name.endswith("Url")]
)
def test_what_is_no_url_is_told_how_one_of_its_kind_looks(switch: Switch) -> None:
    with pytest.raises(ConfigError) as refused:
        switch.value("http://mail.example.com/x")
    example = str(refused.value).rpartition("write ")[2]
    assert switch.value(example) == example
    words = {
        "Autodiscover": "/autodiscover.xml",
        "Owa": "/owa",
        "Ews": "/EWS",
        "ActiveSync": "/Microsoft-Server-",
    }
    assert next((path for word, path in words.items() if switch.name.startswith(word)), "/mapi") in example


def test_urls_end_without_a_slash(settings: OrganisationSettings) -> None:
    set_switches(settings, MAPI, {"ExternalUrl": "https://mail.example.com/mapi/"})
    assert read_switches(settings, MAPI)["ExternalUrl"] == "https://mail.example.com/mapi"


def test_unknown_methods_and_networks_are_refused(settings: OrganisationSettings) -> None:
    with pytest.raises(ConfigError, match="none of Negotiate, Ntlm, Basic"):
        set_switches(settings, OUTLOOK_ANYWHERE, {"ExternalClientAuthenticationMethod": "Fba"})
    with pytest.raises(ConfigError, match="InternalNetworks"):
        set_switches(settings, ORGANISATION, {"InternalNetworks": "10.0.0.0/99"})


def test_the_default_method_sets_three_at_once(settings: OrganisationSettings) -> None:
    set_switches(settings, OUTLOOK_ANYWHERE, {"DefaultAuthenticationMethod": "ntlm"})
    found = read_switches(settings, OUTLOOK_ANYWHERE)
    assert found["IISAuthenticationMethods"] == ["Ntlm"]
    assert found["ExternalClientAuthenticationMethod"] == "Ntlm"
    assert found["InternalClientAuthenticationMethod"] == "Ntlm"
    both = {"DefaultAuthenticationMethod": "Ntlm", "IISAuthenticationMethods": "Basic"}
    with pytest.raises(ConfigError, match="sets IISAuthenticationMethods too"):
        set_switches(settings, OUTLOOK_ANYWHERE, both)


def test_offloading_and_required_binding_are_refused_in_either_order(settings: OrganisationSettings) -> None:
    required, offloaded = {"ExtendedProtectionTokenChecking": "require"}, {"SSLOffloading": "true"}
    with pytest.raises(ConfigError, match="set ExtendedProtectionTokenChecking to Allow"):
        set_switches(settings, OUTLOOK_ANYWHERE, required | offloaded)
    assert read_switches(settings, OUTLOOK_ANYWHERE)["SSLOffloading"] is None
    for first, second in ((required, offloaded), (offloaded, required)):
        set_switches(settings, OUTLOOK_ANYWHERE, first)
        with pytest.raises(ConfigError, match="contradicts"):
            set_switches(settings, OUTLOOK_ANYWHERE, second)
        set_switches(settings, OUTLOOK_ANYWHERE, dict.fromkeys(first, ""))
    set_switches(
        settings,
        OUTLOOK_ANYWHERE,
        required | offloaded | {"ExtendedProtectionFlags": "Proxy, ProxyCoHosting"},
    )
    with pytest.raises(ConfigError, match="contradicts"):
        set_switches(settings, OUTLOOK_ANYWHERE, {"ExtendedProtectionFlags": "None"})


def test_flags_and_service_names_are_checked(settings: OrganisationSettings) -> None:
    given = {"ExtendedProtectionFlags": "none", "ExtendedProtectionSPNList": "HTTP/mail.example.com:8443"}
    set_switches(settings, OUTLOOK_ANYWHERE, given)
    found = read_switches(settings, OUTLOOK_ANYWHERE)
    assert found["ExtendedProtectionFlags"] == []
    assert found["ExtendedProtectionSPNList"] == ["HTTP/mail.example.com:8443"]
    wrong = {
        "ExtendedProtectionFlags": ["None, Proxy", "All"],
        "ExtendedProtectionSPNList": ["mail", "/mail", "HTTP/"],
    }
    for name, texts in wrong.items():
        for text in texts:
            with pytest.raises(ConfigError, match=name):
                set_switches(settings, OUTLOOK_ANYWHERE, {name: text})


def test_what_may_surprise_is_said() -> None:
    assert (
        cautions({"IISAuthenticationMethods": ["Ntlm"], "ExternalClientAuthenticationMethod": "Ntlm"}) == []
    )
    assert cautions({"IISAuthenticationMethods": None, "ExternalClientAuthenticationMethod": "Ntlm"}) == []
    told, plain = cautions(
        {
            "IISAuthenticationMethods": ["Ntlm"],
            "ExternalClientAuthenticationMethod": "Basic",
            "InternalClientsRequireSsl": False,
        }
    )
    assert told.startswith("ExternalClientAuthenticationMethod Basic is not among IISAuthenticationMethods")
    assert plain.startswith("InternalClientsRequireSsl false: passwords")
    (alone,) = cautions({"MapiHttpEnabled": True})
    assert alone.startswith(
        "MapiHttpEnabled true: clients that speak MAPI over HTTP are told of nothing else"
    )
    assert cautions({"MapiHttpEnabled": False}) == []


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
