"""Extended protection: whether credentials were meant for us, or are relayed.  MS-NLMP 3.2.5.1.2

A client says within its proof which certificate it saw and which service it wanted. With TLS of our own the
certificate decides; without it, or behind a front that ends TLS, only the name can.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from rpch.auth.channel_binding import Channel, ChannelBinding
from rpch.auth.outcomes import AuthRule, Failure

NO_BINDING: Final = bytes(16)

# What a refusal says must help whoever reads the log, so it names the cure.
_UNBOUND: Final = (
    "and it is required: let the client send one, serve it by Basic, or set extended-protection to allow"
)


class ProtectionMode(StrEnum):
    """How much is asked of clients."""

    NONE = "None"
    ALLOW = "Allow"
    REQUIRE = "Require"


class BindingState(Enum):
    """What a client said about the certificate it saw."""

    ABSENT = "absent"
    ZERO = "zero"
    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_CHECKED = "not checked"


class NameState(Enum):
    """What a client said about the service it wanted."""

    ABSENT = "absent"
    MATCH = "match"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ExtendedProtection:
    """What one listener asks of clients.

    `hosts` are the names under which clients know us. `proxy` and `proxy_cohosting` say that a trusted front
    ends TLS; with `fronts`, the bindings to its certificates, full protection remains.
    """

    mode: ProtectionMode = ProtectionMode.REQUIRE
    hosts: Collection[str] = ()
    service_names: Collection[str] = ()
    ports: Collection[int] = (80, 443)
    fronts: tuple[ChannelBinding, ...] = ()
    strict: bool = False
    proxy: bool = False
    proxy_cohosting: bool = False
    no_service_name_check: bool = False
    allow_dotless_names: bool = False

    def state_of(self, channel: Channel, sent: bytes | None) -> BindingState:
        """Whether a client saw one of our certificates; all are compared, in constant time."""
        if sent is None:
            return BindingState.ABSENT
        if sent == NO_BINDING:
            return BindingState.ZERO
        known = (*channel.bindings, *self.fronts)
        matches = [hmac.compare_digest(binding.digest, sent) for binding in known]
        return BindingState.MATCH if any(matches) else BindingState.MISMATCH

    def name_state(self, target_name: str, *, any_service: bool = False) -> NameState:
        """Whether a client wanted us: `HTTP/host`, `HTTP/host:443`, or a name that is listed.

        With `any_service` our host is enough, whatever is wanted of it.
        """
        if not target_name:
            return NameState.ABSENT
        name = target_name.lower()
        if name in {listed.lower() for listed in self.service_names}:
            return NameState.MATCH
        service, _, rest = name.partition("/")
        host, port = _split_host(rest.partition("/")[0])
        if service != "http" and not any_service:
            return NameState.OTHER
        if host not in {_split_host(known.lower())[0] for known in self.hosts}:
            return NameState.OTHER
        if port and port not in map(str, self.ports):
            return NameState.OTHER
        dotless = "." not in host and not host.startswith("[") and not self.allow_dotless_names
        return NameState.OTHER if dotless else NameState.MATCH

    def judge(
        self, channel: Channel, sent: bytes | None, target_name: str
    ) -> tuple[BindingState, Failure | None]:
        """What a client said about its channel, and why that is refused, if it is."""
        if self.mode is ProtectionMode.NONE:
            return BindingState.NOT_CHECKED, None
        state = self.state_of(channel, sent)
        if state is BindingState.MATCH:
            return state, None
        bound = state is BindingState.MISMATCH
        if self.proxy:
            return state, self._behind_front(target_name, bound=bound)
        if bound:
            where = "another certificate than ours" if channel.tls else "a certificate, on a plain connection"
            return state, Failure(AuthRule.CHANNEL_BINDING, f"bound to {where}: relayed or intercepted")
        if self.mode is ProtectionMode.REQUIRE:
            # A binding is what TLS of our own is for: a name alone does not replace it there.
            if channel.tls or not self.proxy_cohosting:
                return state, Failure(AuthRule.NO_CHANNEL_BINDING, f"no channel binding, {_UNBOUND}")
            return state, self._name_failure(target_name, must=True)
        if channel.tls and self.strict and state is BindingState.ZERO:
            return state, Failure(AuthRule.NO_CHANNEL_BINDING, f"an empty channel binding, {_UNBOUND}")
        return state, self._name_failure(target_name, must=False)

    def _behind_front(self, target_name: str, *, bound: bool) -> Failure | None:
        """A front ended TLS: whatever certificate the client saw, it must have wanted us."""
        required = self.mode is ProtectionMode.REQUIRE
        if not bound and required and not self.proxy_cohosting:
            return Failure(AuthRule.NO_CHANNEL_BINDING, f"no channel binding, {_UNBOUND}")
        return self._name_failure(target_name, must=bound or required)

    def _name_failure(self, target_name: str, *, must: bool) -> Failure | None:
        """A name that must be there must be wholly ours; of one that may be missing only the host counts."""
        if self.no_service_name_check:
            return None
        # Observed: impacket wants `cifs/` and the host of our challenge, wherever it goes.
        match self.name_state(target_name, any_service=not must):
            case NameState.MATCH:
                return None
            case NameState.ABSENT:
                return Failure(AuthRule.TARGET_NAME, "no target name, and it is required") if must else None
            case NameState.OTHER:
                cure = "if that is this server, list it under service-name"
                problem = f"meant for {target_name!r}: relayed or misdirected; {cure}"
                return Failure(AuthRule.TARGET_NAME, problem)


def _split_host(text: str) -> tuple[str, str]:
    """A host without the dot that ends a full name, and its port."""
    if text.startswith("["):
        host, _, rest = text.partition("]")
        return host + "]", rest.removeprefix(":")
    host, _, port = text.partition(":")
    return host.removesuffix("."), port
