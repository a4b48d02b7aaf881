"""What is dangerous in the settings that say what may be reached: a proxy connects to whatever they allow."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Final

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers.danger import Danger, network, overlap
from rpch.proxy.policy import LOOPBACK, METADATA, is_of_neighbours
from rpch.proxy.routes import RouteTable
from rpch.proxy.valid_ports import Match, ValidPorts

SETTING: Final = "valid-ports"
_LINK_LOCAL: Final = ("169.254.0.0/16", "fe80::/10")
_NEIGHBOURS: Final = (
    *(("this machine, so its local services can be reached", ip_network(each)) for each in LOOPBACK),
    *(("link-local addresses, where metadata is served", ip_network(each)) for each in _LINK_LOCAL),
    *(("addresses where metadata is served", each) for each in METADATA),
)
# Where other services than RPC listen everywhere. The banner keeps data from them, not connections.
_OTHERS_PORTS: Final = {
    21: "FTP",
    22: "SSH",
    23: "Telnet",
    25: "SMTP",
    53: "DNS",
    80: "HTTP",
    88: "Kerberos",
    110: "POP3",
    143: "IMAP",
    389: "LDAP",
    443: "HTTPS",
    445: "SMB",
    636: "LDAP",
    1433: "SQL Server",
    3306: "MySQL",
    3389: "Remote Desktop",
    5432: "PostgreSQL",
    5985: "WinRM",
    6379: "Redis",
    9200: "Elasticsearch",
    11211: "memcached",
}


def target_dangers(settings: ProxyConfiguration) -> Iterator[Danger]:
    """Everything about lists of targets, networks and routes."""
    everything = _parse(settings, settings.valid_ports, SETTING)
    if not everything:
        yield Danger((SETTING,), "is empty: every target is refused", "list servers as host:port")
    yield from _list(everything, SETTING)
    if settings.wildcards and any(entry.match is Match.PREFIX for entry in everything):
        yield Danger(
            ("wildcards", SETTING), "a machine with an unexpected name may fit a wildcard", "list the names"
        )
    for kind, lists in (("user-targets", settings.user_targets), ("group-targets", settings.group_targets)):
        for who, text in lists.items():
            yield from _own_list(_parse(settings, text, f"{kind}.{who}"), kind, who, everything)
    yield from _networks(settings)
    yield from _routes(settings)


def _parse(settings: ProxyConfiguration, text: str, setting: str) -> ValidPorts:
    return ValidPorts.parse(text, wildcards=settings.wildcards, setting=setting)


def _list(targets: ValidPorts, setting: str) -> Iterator[Danger]:
    for warning in targets.warnings:
        what, _, cure = warning.partition("; ")
        yield Danger((setting,), what, cure)
    for entry in targets:
        if entry.match is Match.EXACT and _is_forbidden(entry.host):
            yield Danger(
                (setting,),
                f"{entry} is where machines of this network tell secrets to themselves, such as metadata",
                "take it out",
            )
        others = [name for port, name in _OTHERS_PORTS.items() if entry.low <= port <= entry.high]
        if others and entry.high - entry.low < len(_OTHERS_PORTS):
            yield Danger(
                (setting,), f"{entry} is where {' and '.join(others)} listens, not RPC", "take it out"
            )


def _own_list(targets: ValidPorts, kind: str, who: str, everything: ValidPorts) -> Iterator[Danger]:
    yield from _list(targets, kind)
    for entry in targets:
        if entry.match is Match.EXACT and everything.allows(entry.host, entry.low) is None:
            yield Danger(
                (kind, SETTING),
                f"{entry} of {who} is not among what may be reached at all, so it is refused",
                f"add it to {SETTING}, or take it out",
            )


def _networks(settings: ProxyConfiguration) -> Iterator[Danger]:
    for text in settings.target_network:
        allowed = network(text, setting="target-network")
        inside = [name for name, place in _NEIGHBOURS if overlap(allowed, place)]
        if inside:
            yield Danger(
                ("target-network",),
                f"{text} includes {', '.join(dict.fromkeys(inside))}",
                f"list the networks of the servers, and localhost in {SETTING} where it is meant",
            )


def _routes(settings: ProxyConfiguration) -> Iterator[Danger]:
    for route in RouteTable.parse(settings.route, setting="route"):
        if _is_forbidden(route.address.host):
            yield Danger(("route",), f"{route} leads to where no server is", "take it out")


def _is_forbidden(host: str) -> bool:
    """Whether this is an address that no server of RPC has; loopback is one that may."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return is_of_neighbours(address) and not address.is_loopback
