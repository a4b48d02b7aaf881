"""Which HTTP proxy a client was told to use: by name, or by the environment where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from rpch.client.credentials import Credentials
from rpch.client.tunnels import HttpProxy
from rpch.dcerpc.hostport import HostPort
from rpch.errors import ConfigError

ENVIRONMENT: Final = "environment"
DEFAULT_PORT: Final = 80

_VARIABLES: Final = ("https_proxy", "HTTPS_PROXY")
_EXCEPTIONS: Final = ("no_proxy", "NO_PROXY")


def proxy_at(place: HostPort, credentials: Credentials | None = None) -> HttpProxy:
    """The HTTP proxy that a string binding or a setting names."""
    return HttpProxy(place.host, place.port or DEFAULT_PORT, credentials)


def proxy_from_environment(
    environment: Mapping[str, str], host: str, credentials: Credentials | None = None
) -> HttpProxy | None:
    """What `https_proxy` names, unless `no_proxy` exempts the host.

    A user and password in it count unless `credentials` are given.
    """
    variable = next((name for name in _VARIABLES if environment.get(name)), None)
    if variable is None:
        return None
    exempt = next((environment[name] for name in _EXCEPTIONS if environment.get(name)), "")
    if any(_exempts(rule, host) for rule in exempt.split(",")):
        return None
    value = environment[variable]
    parts = urlsplit(value if "//" in value else f"//{value}")
    if parts.scheme not in ("", "http"):
        # Without the value in the message: it may hold a password.
        raise ConfigError(variable, f"{parts.scheme} proxies are not spoken here; write http://host:port")
    try:
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    if not name:
        raise ConfigError(variable, "it names no proxy; write http://host:port")
    if credentials is None and parts.username:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    return HttpProxy(name, port or DEFAULT_PORT, credentials)


def _exempts(rule: str, host: str) -> bool:
    """Whether one word of `no_proxy` means this host: itself, a domain above it, or everything."""
    name, host = rule.strip().lower().lstrip("."), host.lower()
    return name == "*" or (name != "" and (host == name or host.endswith(f".{name}")))
