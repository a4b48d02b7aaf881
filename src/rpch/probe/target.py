"""What to reach, and as whom: everything a ladder is made of."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from rpch.client.access import ProxyAccess
from rpch.client.connect import access_for
from rpch.client.credentials import Credentials
from rpch.client.principals import Principal
from rpch.client.proxy_settings import proxy_from_environment
from rpch.client.security import RpcCredentials
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ConfigError
from rpch.http.targets import RpcTarget

DEFAULT_TIMEOUT: Final = 10.0


@dataclass(frozen=True)
class PingTarget:
    """One RPC server and the way to it. `access` is None for plain TCP.

    `interface` is looked up and bound instead of remote management; `caller` is who we are to the server;
    `calls` are made one after the other; `timeout`, in seconds, is for each answer.
    """

    binding: StringBinding
    access: ProxyAccess | None
    interface: SyntaxId | None = None
    caller: RpcCredentials | None = None
    echo_only: bool = False
    calls: int = 1
    timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        if not self.binding.host:
            raise ConfigError("string binding", "it names no server; write ncacn_http:server[…]")
        if self.echo_only and self.access is None:
            raise ConfigError("-E", "asks only the RPC proxy, and ncacn_ip_tcp has none; use ncacn_http")

    @property
    def protseq(self) -> ProtocolSequence:
        """How the server is reached."""
        return self.binding.transport

    @property
    def mapper_port(self) -> int:
        """Where its endpoint mapper is."""
        return self.protseq.mapper_port

    @property
    def wants_mapper(self) -> bool:
        """Whether the endpoint mapper itself is what to reach."""
        return self.port == self.mapper_port

    @property
    def port(self) -> int | None:
        """The port to reach; None means asking the mapper for the interface."""
        if self.binding.port is not None:
            return self.binding.port
        return None if self.interface is not None else self.mapper_port

    @property
    def first_port(self) -> int:
        """The port that is dialled first where there is no proxy."""
        return self.port or self.mapper_port

    def rpc_target(self, port: int) -> RpcTarget:
        """How a proxy is told where to."""
        return RpcTarget(self.binding.host, port)

    @property
    def hop(self) -> tuple[str, int]:
        """The host and port that we dial: an HTTP proxy, the RPC proxy, or the server."""
        if self.access is None:
            return self.binding.host, self.first_port
        first = self.access.http_proxy or self.access
        return first.host, first.port


def ping_target(
    binding: StringBinding,
    *,
    credentials: Credentials | None = None,
    relay_credentials: Credentials | None = None,
    environment: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    principal: Principal | None = None,
    interface: SyntaxId | None = None,
    caller: RpcCredentials | None = None,
    echo_only: bool = False,
    calls: int = 1,
    timeout: float = DEFAULT_TIMEOUT,
) -> PingTarget:
    """A target with the way to it that its binding names; without `tls` everything is in the clear.

    `credentials` are for the RPC proxy, `relay_credentials` for an HTTP proxy before it, which may also be
    the one that the `environment` names; `principal` is who the certificate must name. `caller` is for the
    RPC server.
    """
    if principal is not None and tls is None:
        raise ConfigError("-B", "needs a certificate to look at, so it needs TLS")
    access = access_for(binding, tls=tls or False, timeout=timeout)
    if access is not None:
        relay = access.http_proxy and replace(access.http_proxy, credentials=relay_credentials)
        if environment is not None:
            relay = proxy_from_environment(environment, access.host, relay_credentials)  # and no other
        access = replace(access, credentials=credentials, principal=principal, http_proxy=relay)
    return PingTarget(binding, access, interface, caller, echo_only, calls, timeout)
