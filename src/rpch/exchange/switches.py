"""What an administrator switches, by the names that Exchange's cmdlets give it.

    OUTLOOK_ANYWHERE   Set-OutlookAnywhere: how clients reach RPC over HTTP
    MAPI               Set-MapiVirtualDirectory: how clients reach MAPI over HTTP
    ORGANISATION       Set-OrganizationConfig: what holds for everybody
    USER               Set-CASMailbox: what holds for one user

Values come as texts and are checked here; what is stored are texts, truths and lists of texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from rpch.auth.accounts import Identity
from rpch.directory.database import Database
from rpch.directory.mailboxes import entry_of_user
from rpch.directory.organisation import OrganisationSettings, Setting
from rpch.errors import ConfigError

METHODS: Final = ("Basic", "Ntlm", "Negotiate")
TOKEN_CHECKS: Final = ("None", "Allow", "Require")
INHERIT: Final = "inherit"
PRIVATE_NETWORKS: Final = (
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)

_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)
_TRUTHS: Final = {"true": True, "$true": True, "1": True, "false": False, "$false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch: its name for people, what it sets, and how its value is read."""

    name: str
    setting: Setting[Any]
    reads: Callable[[str], Any]

    def value(self, text: str) -> Any:
        """What a text means; None, from an empty text or `$null`, goes back to the default."""
        if text.strip().casefold() in ("", "$null"):
            return None
        try:
            return self.reads(text.strip())
        except ValueError as error:
            raise ConfigError(self.name, str(error)) from None


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r} is no host name; write mail.example.com")
    return text.lower()


def _truth(text: str) -> bool:
    try:
        return _TRUTHS[text.casefold()]
    except KeyError:
        raise ValueError(f"{text!r} is neither true nor false") from None


def _one_of(known: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        for each in known:
            if each.casefold() == text.casefold():
                return each
        raise ValueError(f"{text!r} is none of {', '.join(known)}")

    return read


def _parts(read: Callable[[str], str]) -> Callable[[str], list[str]]:
    def parts(text: str) -> list[str]:
        return list(dict.fromkeys(read(part.strip()) for part in text.split(",")))

    return parts


def _url(text: str) -> str:
    parts = urlsplit(text)  # raises ValueError itself
    host = parts.hostname or ""
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme != "https" or not _HOST.fullmatch(host) or not plain:
        raise ValueError(f"{text!r} is no such URL; write https://mail.example.com/mapi")
    _ = parts.port
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("a URL holds printable ASCII only")
    return text.rstrip("/")


def _network(text: str) -> str:
    return str(ip_network(text))


_method, _methods = _one_of(METHODS), _parts(_one_of(METHODS))

EXTERNAL_HOSTNAME: Final = Setting("outlook-anywhere-external-hostname", str, default="")
INTERNAL_HOSTNAME: Final = Setting("outlook-anywhere-internal-hostname", str, default="")
EXTERNAL_METHOD: Final = Setting("outlook-anywhere-external-method", str, default="Negotiate")
INTERNAL_METHOD: Final = Setting("outlook-anywhere-internal-method", str, default="Negotiate")
RPC_METHODS: Final = Setting("outlook-anywhere-iis-methods", list[str], default=list(METHODS))
EXTERNAL_SSL: Final = Setting("outlook-anywhere-external-ssl", bool, default=True)
INTERNAL_SSL: Final = Setting("outlook-anywhere-internal-ssl", bool, default=True)
SSL_OFFLOADING: Final = Setting("outlook-anywhere-ssl-offloading", bool, default=False)
TOKEN_CHECKING: Final = Setting("outlook-anywhere-token-checking", str, default="Require")
MAPI_INTERNAL_URL: Final = Setting("mapi-internal-url", str, default="")
MAPI_EXTERNAL_URL: Final = Setting("mapi-external-url", str, default="")
MAPI_METHODS: Final = Setting("mapi-iis-methods", list[str], default=list(METHODS))
# Off until MAPI over HTTP is served: what is not served must not be advertised.
MAPI_HTTP_ENABLED: Final = Setting("mapi-http-enabled", bool, default=False)
INTERNAL_NETWORKS: Final = Setting("internal-networks", list[str], default=list(PRIVATE_NETWORKS))
WEBMAIL_INTERNAL_URL: Final = Setting("webmail-internal-url", str, default="")
WEBMAIL_EXTERNAL_URL: Final = Setting("webmail-external-url", str, default="")
BLOCK_RPC_HTTP: Final = Setting("mapi-block-outlook-rpc-http", bool, default=False)
AUTODISCOVER_REDIRECT: Final = Setting("autodiscover-redirect-url", str, default="")

OUTLOOK_ANYWHERE: Final = (
    Switch("ExternalHostname", EXTERNAL_HOSTNAME, _host),
    Switch("InternalHostname", INTERNAL_HOSTNAME, _host),
    Switch("ExternalClientAuthenticationMethod", EXTERNAL_METHOD, _method),
    Switch("InternalClientAuthenticationMethod", INTERNAL_METHOD, _method),
    Switch("IISAuthenticationMethods", RPC_METHODS, _methods),
    Switch("ExternalClientsRequireSsl", EXTERNAL_SSL, _truth),
    Switch("InternalClientsRequireSsl", INTERNAL_SSL, _truth),
    Switch("SSLOffloading", SSL_OFFLOADING, _truth),
    Switch("ExtendedProtectionTokenChecking", TOKEN_CHECKING, _one_of(TOKEN_CHECKS)),
)
MAPI: Final = (
    Switch("InternalUrl", MAPI_INTERNAL_URL, _url),
    Switch("ExternalUrl", MAPI_EXTERNAL_URL, _url),
    Switch("IISAuthenticationMethods", MAPI_METHODS, _methods),
)
ORGANISATION: Final = (
    Switch("MapiHttpEnabled", MAPI_HTTP_ENABLED, _truth),
    Switch("InternalNetworks", INTERNAL_NETWORKS, _parts(_network)),
    Switch("OwaInternalUrl", WEBMAIL_INTERNAL_URL, _url),
    Switch("OwaExternalUrl", WEBMAIL_EXTERNAL_URL, _url),
)
USER: Final = (
    Switch("MapiHttpEnabled", MAPI_HTTP_ENABLED, _truth),
    Switch("MAPIBlockOutlookRpcHttp", BLOCK_RPC_HTTP, _truth),
    Switch("AutodiscoverRedirectUrl", AUTODISCOVER_REDIRECT, _url),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one switch."""

    name: str
    before: Any
    after: Any


def read_switches(settings: OrganisationSettings, switches: tuple[Switch, ...]) -> dict[str, Any]:
    """The organisation's value of each."""
    return {switch.name: settings.get(switch.setting) for switch in switches}


def set_switches(
    settings: OrganisationSettings,
    switches: tuple[Switch, ...],
    given: Mapping[str, str],
    *,
    what_if: bool = False,
) -> list[Change]:
    """Set those given, all of them well formed or none; says what changes, or would change."""
    changes = []
    for switch, value in _values(switches, given):
        before = settings.get(switch.setting)
        after = switch.setting.default if value is None else value
        if not what_if:
            settings.set(switch.setting, value)
        if before != after:
            changes.append(Change(switch.name, before, after))
    return changes


def read_user_switches(settings: OrganisationSettings, entry_id: int) -> dict[str, Any]:
    """A user's own values; None is what the organisation says."""
    return {switch.name: settings.own_of_user(switch.setting, entry_id) for switch in USER}


def set_user_switches(
    settings: OrganisationSettings, entry_id: int, given: Mapping[str, str], *, what_if: bool = False
) -> list[Change]:
    """Set a user's own switches; `inherit` goes back to what the organisation says."""
    texts = {name: "" if text.strip().casefold() == INHERIT else text for name, text in given.items()}
    changes = []
    for switch, value in _values(USER, texts):
        before = settings.own_of_user(switch.setting, entry_id)
        if not what_if:
            settings.set_for_user(switch.setting, entry_id, value)
        if before != value:
            changes.append(Change(switch.name, before, value))
    return changes


def blocks_rpc_http(database: Database, identity: Identity) -> bool:
    """Whether RPC over HTTP is switched off for somebody who has authenticated."""
    with database.read() as connection:
        user = entry_of_user(connection, identity)
    return user is not None and OrganisationSettings(database).of_user(BLOCK_RPC_HTTP, user.id)


def _values(switches: tuple[Switch, ...], given: Mapping[str, str]) -> list[tuple[Switch, Any]]:
    return [(switch, switch.value(given[switch.name])) for switch in switches if switch.name in given]
