"""What the proxy permits: every rule that can refuse a request, in the order in which they are asked.

    path, method -> enabled -> TLS -> authentication -> (echo is answered) -> target -> ValidPorts -> address

The first part of that comes before credentials are looked at, the rest after. Nothing here does anything: it
looks at facts and says what is permitted.  Win32 "RPC proxy registry settings"
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from rpch.auth.accounts import Identity
from rpch.auth.names import fold
from rpch.errors import ConfigError
from rpch.http.channels import ChannelKind, ChannelRequest
from rpch.proxy.routes import Address, RouteTable
from rpch.proxy.target_syntax import print_host
from rpch.proxy.valid_ports import Entry, Match, ValidPorts

Network = IPv4Network | IPv6Network

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
PRIVATE_NETWORKS: Final = (
    "10.0.0.0/8",
    *LOOPBACK,
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
)
SERVER_UNAVAILABLE: Final = 0x6BA  # RPC_S_SERVER_UNAVAILABLE: not permitted and not reachable look alike


class Rule(StrEnum):
    """The rules of the policy, by the names that logs, metrics and pages show."""

    ENABLED = "Enabled"
    V1 = "V1"
    CLIENT_ADDRESS = "ClientAddress"
    REQUIRE_TLS = "RequireTls"
    AUTHENTICATION = "Authentication"
    VALID_PORTS = "ValidPorts"
    USER_TARGETS = "UserTargets"
    ADDRESS = "TargetAddress"
    BLOCKED_USER = "MAPIBlockOutlookRpcHttp"


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a request got here: from whom, whether encrypted all the way, and whether by a relay of ours."""

    client: str
    secure: bool
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may go on: to this address, by this entry; neither for an echo."""

    address: Address | None = None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """It may not: the rule that says so, and what the client is told.

    `rpc_error` is the code for `503 RPC Error: xxx`; `detail` is for our own eyes.  MS-RPCH 2.1.2.1.3
    """

    rule: str
    status: int
    detail: str
    rpc_error: int | None = None

    def __str__(self) -> str:
        return f"refused by {self.rule}: {self.detail}"


UserRule = Callable[[Identity], Awaitable[Denied | None]]
"""What an administrator has said about one user, looked up anew for each request."""


@dataclass(frozen=True)
class Policy:
    """The rules of one listener. What is not said is refused."""

    valid_ports: ValidPorts = field(default_factory=ValidPorts)
    routes: RouteTable = field(default_factory=RouteTable)
    enabled: bool = True
    v1: bool = False
    # Where clients may be; empty for everywhere.
    client_networks: Sequence[Network] = ()
    require_tls: bool = True
    allow_anonymous: bool = False
    trusted_relays: Sequence[Network] = ()
    # A listener without TLS believes its relays that the way to them was protected.
    plain_from_relays: bool = False
    # Of whom RPC is taken without TLS all the same: clients inside (in these networks), and all others.
    plain_inside: bool = False
    plain_outside: bool = False
    internal_networks: Sequence[Network] = ()
    # Where targets may be; empty for everywhere but the proxy's own machine and its neighbourhood.
    target_networks: Sequence[Network] = ()
    # What these users (by `folded` name) may reach, of what everybody may reach.
    user_targets: Mapping[Identity, ValidPorts] = field(default_factory=dict)

    def arrival(
        self, peer: str, *, tls: bool, forwarded_proto: str | None = None, forwarded_for: str | None = None
    ) -> Arrival:
        """How a request got here; only a trusted relay is believed what it says about the client."""
        if not self.is_relay(peer):
            return Arrival(peer, tls)
        secure = tls or self.plain_from_relays
        if forwarded_proto is not None:
            secure &= all(part.strip().lower() == "https" for part in forwarded_proto.split(","))
        return Arrival(self._client(peer, forwarded_for), secure, relayed=True)

    def before_authentication(
        self, request: ChannelRequest, *, secure: bool, client: str | None = None
    ) -> Denied | None:
        """What is refused without a look at credentials; `client` is an address, or None to leave it out."""
        if not self.enabled:
            return Denied(Rule.ENABLED, 404, "the proxy is switched off")
        if client is not None and not self._client_allowed(client):
            return Denied(Rule.CLIENT_ADDRESS, 403, f"clients at {client} are not served")
        if request.kind is ChannelKind.CONNECT and not self.v1:
            return Denied(Rule.V1, 501, "RPC over HTTP v1 is switched off")
        if not secure and self._needs_tls(client):
            return Denied(Rule.REQUIRE_TLS, 403, "the request did not come over TLS")
        return None

    def before_web(self, arrival: Arrival) -> Denied | None:
        """What is refused of the web application's requests without a look at credentials."""
        if not self._client_allowed(arrival.client):
            return Denied(Rule.CLIENT_ADDRESS, 403, f"clients at {arrival.client} are not served")
        if self.require_tls and not arrival.secure:
            return Denied(Rule.REQUIRE_TLS, 403, "the request did not come over TLS")
        return None

    def decide(
        self,
        request: ChannelRequest,
        identity: Identity | None,
        *,
        secure: bool,
        client: str | None = None,
    ) -> Allowed | Denied:
        """Whether a request may go on, by all rules in their order."""
        if denied := self.before_authentication(request, secure=secure, client=client):
            return denied
        if identity is None and not self.allow_anonymous:
            return Denied(Rule.AUTHENTICATION, 401, "nobody has authenticated")
        if request.problem is not None:
            return Denied(request.problem.rule, request.problem.status, request.problem.detail)
        if request.target is None:
            return Allowed()  # an echo goes nowhere.  MS-RPCH 2.1.2.1.5
        return self._decide_target(request.target.host, request.target.port, identity)

    def check_address(self, allowed: Allowed, address: str) -> Denied | None:
        """Whether an allowed target may be at the address its name resolved to: connect to that one only.

        A name in somebody else's DNS must not lead to the proxy's own machine or to a metadata service.
        """
        found = _unmapped(ip_address(address.partition("%")[0]))
        where = allowed.address
        if where is not None and (where.routed or _is_listed(allowed, found)):
            return None
        if self.target_networks:
            if _within(found, self.target_networks):
                return None
        elif not is_of_neighbours(found):
            return None
        return Denied(
            Rule.ADDRESS, 503, f"{where} is at {found}, where no target may be", rpc_error=SERVER_UNAVAILABLE
        )

    @property
    def warnings(self) -> list[str]:
        """What is dangerous in these rules, with the cure."""
        found = list(self.valid_ports.warnings)
        if self.allow_anonymous:
            found.append("allow_anonymous lets everybody in; turn it off outside a laboratory")
        if not self.require_tls:
            found.append("require_tls is off: passwords and mail can be read on the way; turn it on")
        if self.require_tls and (self.plain_inside or self.plain_outside):
            found.append("ssl is not required of all: their passwords and mail can be read on the way")
        if self.v1:
            found.append("v1 has neither TLS nor authentication; turn it off")
        if self.enabled and not self.valid_ports:
            found.append("ValidPorts is empty, so every target is refused; list servers as host:port")
        return found

    def _decide_target(self, host: str, port: int, identity: Identity | None) -> Allowed | Denied:
        entry = self.valid_ports.allows(host, port)
        target = f"{print_host(host)}:{port}"
        if entry is None:
            return Denied(
                Rule.VALID_PORTS, 503, f"{target} is not in ValidPorts", rpc_error=SERVER_UNAVAILABLE
            )
        own = self.user_targets.get(folded(identity)) if identity else None
        if own is not None and own.allows(host, port) is None:
            return Denied(
                Rule.USER_TARGETS, 503, f"{target} is not for {identity}", rpc_error=SERVER_UNAVAILABLE
            )
        return Allowed(self.routes.resolve(host, port), entry)

    def _client_allowed(self, client: str) -> bool:
        return not self.client_networks or _is_in(client, self.client_networks)

    def _needs_tls(self, client: str | None) -> bool:
        if not self.require_tls:
            return False
        inside = client is not None and _is_in(client, self.internal_networks)
        return not (self.plain_inside if inside else self.plain_outside)

    def is_relay(self, peer: str) -> bool:
        """Whether a peer is a relay of ours, which is believed what it says about its clients."""
        return _is_in(peer, self.trusted_relays)

    def _client(self, peer: str, forwarded_for: str | None) -> str:
        """The last address in the chain that is no relay of ours; what is before it may be invented."""
        client = peer
        for part in reversed((forwarded_for or "").split(",")):
            try:
                client = str(ip_address(part.strip()))
            except ValueError:
                break
            if not self.is_relay(client):
                break
        return client


def folded(identity: Identity) -> Identity:
    """A name as it is compared: whoever writes it differently must not escape a rule."""
    return Identity(fold(identity.name), fold(identity.domain))


def parse_networks(texts: Iterable[str], *, setting: str) -> tuple[Network, ...]:
    """Networks as CIDRs; `ConfigError` says what is wrong and what to write."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text.strip()))
        except ValueError as error:
            raise ConfigError(setting, f"{error}; write 10.0.0.0/8 or 10.0.0.5") from None
    return tuple(found)


def _is_listed(allowed: Allowed, found: IPv4Address | IPv6Address) -> bool:
    entry = allowed.entry
    if entry is None or entry.match is not Match.EXACT:
        return False
    # Who lists localhost means this machine; RFC 6761 6.3 lets that name lead nowhere else.
    return entry.host == str(found) or (entry.host == "localhost" and found.is_loopback)


# Metadata services of hosting providers that are not link-local.
METADATA: Final[Sequence[Network]] = (ip_network("fd00:ec2::254/128"), ip_network("100.100.100.200/32"))


def is_of_neighbours(address: IPv4Address | IPv6Address) -> bool:
    """Whether no target may be at an address unless somebody has listed it."""
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or _within(address, METADATA)
    )


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of these; what is none, as a Unix socket has none, is in none."""
    try:
        return _within(_unmapped(ip_address(text.partition("%")[0])), networks)
    except ValueError:
        return False


def _within(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address in IPv6 clothing is an IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
