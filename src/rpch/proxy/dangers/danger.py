"""One thing that an administrator should not leave as it is, and what rules about them have in common."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from rpch.auth.schemes import Scheme
from rpch.errors import ConfigError
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.target_syntax import SyntaxProblem, split_port

Network = IPv4Network | IPv6Network

_BOUND: Final = {Scheme.NTLM.lower(), Scheme.NEGOTIATE.lower()}


@dataclass(frozen=True, slots=True)
class Danger:
    """One finding. `settings` are the ones that cause it together."""

    settings: tuple[str, ...]
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{' + '.join(self.settings)}: {self.what}; {self.cure}"


def is_remote(settings: ProxyConfiguration) -> bool:
    """Whether other machines can reach the listener."""
    try:
        host = split_port(settings.listen, syntax="host:port")[0].strip("[]")
    except SyntaxProblem as problem:
        raise ConfigError("listen", problem.explain(settings.listen)) from None
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def offers_ntlm(settings: ProxyConfiguration) -> bool:
    """Whether NTLM is offered, alone or within Negotiate; without TLS it must be asked for by name."""
    if not settings.places.knows_ntlm:
        return False
    if settings.auth is None:
        return not settings.no_tls
    return any(name.lower() in _BOUND for name in settings.auth)


def network(text: str, *, setting: str) -> Network:
    """A network as somebody wrote it."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise ConfigError(setting, str(error)) from error


def overlap(one: Network, other: Network) -> bool:
    """Whether two networks share an address."""
    return one.version == other.version and one.overlaps(other)
