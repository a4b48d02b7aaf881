"""What an administrator switches, by the names that Exchange's cmdlets give it.

    OUTLOOK_ANYWHERE   Set-OutlookAnywhere: how clients reach RPC over HTTP
    MAPI               Set-MapiVirtualDirectory: how clients reach MAPI over HTTP
    ORGANISATION       Set-OrganizationConfig: what holds for everybody
    USER               Set-CASMailbox: what holds for one user

Values come as texts and are checked here; what is stored are texts, truths and lists of texts. A switch that
an RPC proxy goes by holds instead of that proxy's own setting once it is set, and not before.
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
from rpch.proxy.policy import PRIVATE_NETWORKS

METHODS: Final = ("Negotiate", "Ntlm", "Basic")  # the best first
TOKEN_CHECKS: Final = ("None", "Allow", "Require")
NO_FLAG: Final = "None"
PROXY_FLAGS: Final = ("Proxy", "ProxyCoHosting")
FLAGS: Final = (NO_FLAG, *PROXY_FLAGS, "AllowDotlessSPN", "NoServiceNameCheck")
INHERIT: Final = "inherit"

_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)
_TRUTHS: Final = {"true": True, "$true": True, "1": True, "false": False, "$false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch: its name for people, what it sets, and how its value is read.

    `of_proxy` says that without it each proxy goes by its own setting, so that it has no default of its own.
    """

    name: str
    setting: Setting[Any]
    reads: Callable[[str], Any]
    of_proxy: bool = False

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


def _url(example: str) -> Callable[[str], str]:
    """Reads the URL of something, of which this is an example."""

    def read(text: str) -> str:
        parts = urlsplit(text)  # raises ValueError itself
        host = parts.hostname or ""
        plain = not (parts.query or parts.fragment or parts.username or parts.password)
        if parts.scheme != "https" or not _HOST.fullmatch(host) or not plain:
            raise ValueError(f"{text!r} is no URL of the kind that is wanted; write {example}")
        _ = parts.port
        if not re.fullmatch(r"[!-~]+", text):
            raise ValueError("a URL holds printable ASCII only")
        return text.rstrip("/")

    return read


def _network(text: str) -> str:
    return str(ip_network(text))


def _service_name(text: str) -> str:
    service, slash, host = text.partition("/")
    if not slash or not service.isalnum() or not _HOST.fullmatch(host.partition(":")[0]):
        raise ValueError(f"{text!r} is no service name; write HTTP/mail.example.com")
    return text


_flag = _parts(_one_of(FLAGS))


def _flags(text: str) -> list[str]:
    flags = _flag(text)
    if NO_FLAG in flags and len(flags) > 1:
        raise ValueError(f"{NO_FLAG} stands alone")
    return [flag for flag in flags if flag != NO_FLAG]


_method, _methods = _one_of(METHODS), _parts(_one_of(METHODS))

EXTERNAL_HOSTNAME: Final = Setting("outlook-anywhere-external-hostname", str, default="")
INTERNAL_HOSTNAME: Final = Setting("outlook-anywhere-internal-hostname", str, default="")
# Empty for the best of what the proxy offers.
EXTERNAL_METHOD: Final = Setting("outlook-anywhere-external-method", str, default="")
INTERNAL_METHOD: Final = Setting("outlook-anywhere-internal-method", str, default="")
RPC_METHODS: Final = Setting("outlook-anywhere-iis-methods", list[str], default=list(METHODS))
EXTERNAL_SSL: Final = Setting("outlook-anywhere-external-ssl", bool, default=True)
INTERNAL_SSL: Final = Setting("outlook-anywhere-internal-ssl", bool, default=True)
SSL_OFFLOADING: Final = Setting("outlook-anywhere-ssl-offloading", bool, default=False)
TOKEN_CHECKING: Final = Setting("outlook-anywhere-token-checking", str, default="Require")
PROTECTION_FLAGS: Final = Setting("outlook-anywhere-protection-flags", list[str], default=[])
SERVICE_NAMES: Final = Setting("outlook-anywhere-service-names", list[str], default=[])
MAPI_INTERNAL_URL: Final = Setting("mapi-internal-url", str, default="")
MAPI_EXTERNAL_URL: Final = Setting("mapi-external-url", str, default="")
MAPI_METHODS: Final = Setting("mapi-iis-methods", list[str], default=list(METHODS))
# Off until MAPI over HTTP is served: what is not served must not be advertised.
MAPI_HTTP_ENABLED: Final = Setting("mapi-http-enabled", bool, default=False)
INTERNAL_NETWORKS: Final = Setting("internal-networks", list[str], default=list(PRIVATE_NETWORKS))
WEBMAIL_INTERNAL_URL: Final = Setting("webmail-internal-url", str, default="")
WEBMAIL_EXTERNAL_URL: Final = Setting("webmail-external-url", str, default="")
EWS_INTERNAL_URL: Final = Setting("ews-internal-url", str, default="")
EWS_EXTERNAL_URL: Final = Setting("ews-external-url", str, default="")
ACTIVE_SYNC_EXTERNAL_URL: Final = Setting("active-sync-external-url", str, default="")
BLOCK_RPC_HTTP: Final = Setting("mapi-block-outlook-rpc-http", bool, default=False)
AUTODISCOVER_REDIRECT: Final = Setting("autodiscover-redirect-url", str, default="")

OUTLOOK_ANYWHERE: Final = (
    Switch("ExternalHostname", EXTERNAL_HOSTNAME, _host),
    Switch("InternalHostname", INTERNAL_HOSTNAME, _host),
    Switch("ExternalClientAuthenticationMethod", EXTERNAL_METHOD, _method, of_proxy=True),
    Switch("InternalClientAuthenticationMethod", INTERNAL_METHOD, _method, of_proxy=True),
    Switch("IISAuthenticationMethods", RPC_METHODS, _methods, of_proxy=True),
    Switch("ExternalClientsRequireSsl", EXTERNAL_SSL, _truth),
    Switch("InternalClientsRequireSsl", INTERNAL_SSL, _truth),
    Switch("SSLOffloading", SSL_OFFLOADING, _truth, of_proxy=True),
    Switch("ExtendedProtectionTokenChecking", TOKEN_CHECKING, _one_of(TOKEN_CHECKS), of_proxy=True),
    Switch("ExtendedProtectionFlags", PROTECTION_FLAGS, _flags, of_proxy=True),
    Switch("ExtendedProtectionSPNList", SERVICE_NAMES, _parts(_service_name), of_proxy=True),
)
DEFAULT_METHOD: Final = "DefaultAuthenticationMethod"
SET_BY_DEFAULT_METHOD: Final = (
    "ExternalClientAuthenticationMethod",
    "InternalClientAuthenticationMethod",
    "IISAuthenticationMethods",
)
MAPI: Final = (
    Switch("InternalUrl", MAPI_INTERNAL_URL, _url("https://mail.example.com/mapi")),
    Switch("ExternalUrl", MAPI_EXTERNAL_URL, _url("https://mail.example.com/mapi")),
    Switch("IISAuthenticationMethods", MAPI_METHODS, _methods),
)
ORGANISATION: Final = (
    Switch("MapiHttpEnabled", MAPI_HTTP_ENABLED, _truth),
    Switch("InternalNetworks", INTERNAL_NETWORKS, _parts(_network)),
    Switch("OwaInternalUrl", WEBMAIL_INTERNAL_URL, _url("https://mail.example.com/owa")),
    Switch("OwaExternalUrl", WEBMAIL_EXTERNAL_URL, _url("https://mail.example.com/owa")),
    Switch("EwsInternalUrl", EWS_INTERNAL_URL, _url("https://mail.example.com/EWS/Exchange.asmx")),
    Switch("EwsExternalUrl", EWS_EXTERNAL_URL, _url("https://mail.example.com/EWS/Exchange.asmx")),
    Switch(
        "ActiveSyncExternalUrl",
        ACTIVE_SYNC_EXTERNAL_URL,
        _url("https://mail.example.com/Microsoft-Server-ActiveSync"),
    ),
)
USER: Final = (
    Switch("MapiHttpEnabled", MAPI_HTTP_ENABLED, _truth),
    Switch("MAPIBlockOutlookRpcHttp", BLOCK_RPC_HTTP, _truth),
    Switch(
        "AutodiscoverRedirectUrl",
        AUTODISCOVER_REDIRECT,
        _url("https://other.example/autodiscover/autodiscover.xml"),
    ),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one switch."""

    name: str
    before: Any
    after: Any


def read_switches(settings: OrganisationSettings, switches: tuple[Switch, ...]) -> dict[str, Any]:
    """The organisation's value of each; None is what each proxy says."""
    return {switch.name: _now(settings, switch) for switch in switches}


def set_switches(
    settings: OrganisationSettings,
    switches: tuple[Switch, ...],
    given: Mapping[str, str],
    *,
    what_if: bool = False,
) -> list[Change]:
    """Set those given, all of them or none; says what changes, or would change.

    `ConfigError` where one is not well formed, or where they would contradict each other.
    """
    values = _values(switches, _with_default_method(given))
    would_be = read_switches(settings, switches)
    would_be |= {switch.name: _or_default(switch, value) for switch, value in values}
    check_together(would_be)
    told = [Change(switch.name, _now(settings, switch), would_be[switch.name]) for switch, _ in values]
    if not what_if:
        settings.set_all([(switch.setting, value) for switch, value in values])
    return [change for change in told if change.before != change.after]


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


def check_together(values: Mapping[str, Any]) -> None:
    """Refuse what cannot hold together, with the cure."""
    required = values.get("ExtendedProtectionTokenChecking") == "Require"
    behind_proxy = set(PROXY_FLAGS) & set(values.get("ExtendedProtectionFlags") or ())
    if values.get("SSLOffloading") and required and not behind_proxy:
        raise ConfigError(
            "SSLOffloading",
            "contradicts ExtendedProtectionTokenChecking Require: where a relay ends TLS, clients see its"
            " certificate; set ExtendedProtectionTokenChecking to Allow, or ExtendedProtectionFlags to Proxy",
        )


def cautions(values: Mapping[str, Any]) -> list[str]:
    """What an administrator should know about switches that may hold together."""
    found = []
    offered = values.get("IISAuthenticationMethods")
    for side in ("External", "Internal"):
        told = values.get(f"{side}ClientAuthenticationMethod")
        if told and offered and told not in offered:
            found.append(
                f"{side}ClientAuthenticationMethod {told} is not among IISAuthenticationMethods:"
                " right only where a relay in front takes it"
            )
        if values.get(f"{side}ClientsRequireSsl") is False:
            found.append(f"{side}ClientsRequireSsl false: passwords and mail can be read on the way")
    if values.get("MapiHttpEnabled"):
        found.append(
            "MapiHttpEnabled true: clients that speak MAPI over HTTP are told of nothing else, and rpch"
            " does not serve it yet; right only where another server answers at the URLs of `rpch mapi get`"
        )
    return found


def blocks_rpc_http(database: Database, identity: Identity) -> bool:
    """Whether RPC over HTTP is switched off for somebody who has authenticated."""
    with database.read() as connection:
        user = entry_of_user(connection, identity)
    return user is not None and OrganisationSettings(database).of_user(BLOCK_RPC_HTTP, user.id)


def _with_default_method(given: Mapping[str, str]) -> dict[str, str]:
    """`DefaultAuthenticationMethod` sets three at once, and none of them beside it."""
    values = dict(given)
    if (method := values.pop(DEFAULT_METHOD, None)) is None:
        return values
    if beside := [name for name in SET_BY_DEFAULT_METHOD if name in values]:
        raise ConfigError(DEFAULT_METHOD, f"sets {beside[0]} too; give one of them")
    return values | dict.fromkeys(SET_BY_DEFAULT_METHOD, method)


def _now(settings: OrganisationSettings, switch: Switch) -> Any:
    return settings.own(switch.setting) if switch.of_proxy else settings.get(switch.setting)


def _or_default(switch: Switch, value: Any) -> Any:
    return switch.setting.default if value is None and not switch.of_proxy else value


def _values(switches: tuple[Switch, ...], given: Mapping[str, str]) -> list[tuple[Switch, Any]]:
    return [(switch, switch.value(given[switch.name])) for switch in switches if switch.name in given]
