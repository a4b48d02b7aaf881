"""`connect`: from a string binding to calls.

    async with connect("ncacn_http:server[6004,RpcProxy=proxy.example:443]", user=…, password=…) as client:
        answer = await client.call(Demo.add, AddRequest(2, 3))

Without an endpoint the endpoint mapper of the same host is asked for each interface that is called.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from rpch.aio.tracing import tracer_from_environment
from rpch.client.access import PLAIN_PORT, TLS_PORT, ProxyAccess
from rpch.client.client import RpcClient
from rpch.client.credentials import AUTO, Credentials, read_scheme
from rpch.client.policy import ConnectionPolicy, Network
from rpch.client.principals import Principal
from rpch.client.proxy_settings import ENVIRONMENT, proxy_at, proxy_from_environment
from rpch.client.retry import Retry
from rpch.client.security import credentials_for
from rpch.client.tls import ClientCertificate, context_for
from rpch.client.tunnels import HttpProxy
from rpch.client.ways import HttpVersion, Way, WayOptions
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.hostport import HostPort
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ConfigError
from rpch.http.pragmas import Pragmas
from rpch.vconn.settings import ClientSettings


@asynccontextmanager
async def connect(  # long: most of it explains its parameters
    binding: str | StringBinding,
    *,
    user: str | None = None,
    password: str = "",
    scheme: str = AUTO,
    tls: bool | ssl.SSLContext = True,
    principal: str | None = None,
    client_certificate: ClientCertificate = False,
    http_proxy: str | None = None,
    http_proxy_credentials: Credentials | None = None,
    rpc_user: str | None = None,
    rpc_password: str = "",
    auth_level: AuthLevel | None = None,
    auth_type: AuthType | None = None,
    version: HttpVersion = HttpVersion.V2,
    alternative: str | StringBinding | None = None,
    policy: ConnectionPolicy | None = None,
    network: Network = Network.FAST,
    retry: Retry | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109 - it bounds each step of opening, also later ones
    settings: ClientSettings | None = None,
    pragmas: Pragmas | None = None,
) -> AsyncIterator[RpcClient]:
    """Reach an RPC server, over `ncacn_http` or `ncacn_ip_tcp`.

    To the RPC proxy:

    - `user` and `password` are for it, `scheme` is how they are proven: `Basic`, `NTLM`, `Negotiate`, or
      `auto` for the strongest it offers. By itself Basic leaves only in TLS or to this machine.
    - `tls` is for the way to it: True checks its certificate against the system's authorities, a context
      says how, False goes without. `principal` (`msstd:name`, `fullsic:…`) must be in its certificate too.
    - `client_certificate` is the file of ours, or a pair of certificate and key.
    - `version` is that of RPC over HTTP; `pragmas` are what its requests ask for besides.

    On the way to it:

    - `http_proxy` names an HTTP proxy (`host:port`) instead of the binding's; `environment` takes what
      `https_proxy` names. Without `HttpConnectionOption=UseHttpProxy` one that is named is used only where
      the direct way does not answer. `http_proxy_credentials` are for it.

    To the RPC server itself:

    - `rpc_user` and `rpc_password` prove who calls, by `auth_type`, and `auth_level` says how calls are
      protected. By itself that is Negotiate and `AuthLevel.PKT_PRIVACY`, unless the binding's flags say
      otherwise (`sign`, `ntlm` and so on). Without a user calls are anonymous and not protected; but by
      `AuthType.KERBEROS` it is whoever has signed in, and without a password a ticket of the user.

    Which way:

    - `alternative` is another binding of the same server, or `policy` asks for one: then HTTP and TCP/IP
      are tried in the order that `policy` has for this `network`, and `client.path` says what became of it.
    - `retry` makes calls again whose connection was lost before they could run.
    - `timeout`, in seconds, is for each connection; `settings` are for virtual connections.

    Raises `ConfigError` for what cannot be used, `TransportError` when the server cannot be reached,
    `AuthenticationFailed` when a proxy refuses the credentials, `AccessDenied` when its name is wrong.
    What the server thinks of `rpc_user` the first call tells.
    """
    credentials = Credentials(user, password, read_scheme(scheme)) if user is not None else None
    terms = _Terms(
        tls=context_for(tls, client_certificate),
        credentials=credentials,
        principal=Principal.parse(principal) if principal is not None else None,
        client_certificate=client_certificate is not False,
        http_proxy=http_proxy,
        http_proxy_credentials=http_proxy_credentials,
        pragmas=pragmas or Pragmas(),
        timeout=timeout,
    )
    bindings = _bindings(binding, alternative, policy, network)
    rpc = credentials_for(bindings[0], rpc_user, rpc_password, level=auth_level, auth_type=auth_type)
    tasks = asyncio.TaskGroup()
    async with _first_error(tasks):
        options = WayOptions(
            settings or ClientSettings(association_group=secrets.token_bytes(16)),
            timeout,
            version,
            tracer_from_environment(),
            rpc,
        )
        ways = [Way(one, terms.access(one, os.environ), options, tasks.create_task) for one in bindings]
        client = RpcClient(ways, policy, retry)
        try:
            await client.open()
            yield client
        finally:
            client.close()
            await client.closed()


def access_for(
    binding: StringBinding,
    *,
    credentials: Credentials | None = None,
    tls: bool | ssl.SSLContext = True,
    timeout: float = 30.0,
) -> ProxyAccess | None:
    """The RPC proxy that a binding names, and the way to it; None for plain TCP.  MS-RPCH 1.9"""
    return _Terms(tls=context_for(tls), credentials=credentials, timeout=timeout).access(binding, {})


@dataclass(frozen=True)
class _Terms:
    """How the caller wants an RPC proxy to be reached, whichever it is."""

    tls: ssl.SSLContext | None
    credentials: Credentials | None = None
    principal: Principal | None = None
    client_certificate: bool = False
    http_proxy: str | None = None
    http_proxy_credentials: Credentials | None = None
    pragmas: Pragmas = field(default_factory=Pragmas)
    timeout: float = 30.0

    def access(self, binding: StringBinding, environment: Mapping[str, str]) -> ProxyAccess | None:
        """The way to the RPC proxy of a binding; None for plain TCP."""
        if binding.transport is ProtocolSequence.NCACN_IP_TCP:
            return None
        if self.principal is not None and self.tls is None:
            raise ConfigError("principal", "it is looked for in a certificate, and without TLS there is none")
        host, port = binding.host, TLS_PORT if self.tls else PLAIN_PORT
        if binding.rpc_proxy is not None:
            host, port = binding.rpc_proxy.host, binding.rpc_proxy.port or port
        proxy, optional = self._http_proxy(binding, host, environment)
        return ProxyAccess(
            host,
            port,
            self.tls,
            credentials=self.credentials,
            http_proxy=proxy,
            http_proxy_optional=optional,
            timeout=self.timeout,
            principal=self.principal,
            client_certificate=self.client_certificate,
            pragmas=self.pragmas,
        )

    def _http_proxy(
        self, binding: StringBinding, host: str, environment: Mapping[str, str]
    ) -> tuple[HttpProxy | None, bool]:
        """The HTTP proxy on the way, and whether it is to be used only where it is needed.  MS-RPCH 1.9"""
        known = self.http_proxy_credentials
        if self.http_proxy == ENVIRONMENT:
            return proxy_from_environment(environment, host, known), False
        place = HostPort.parse(self.http_proxy) if self.http_proxy is not None else binding.http_proxy
        if place is None:
            if binding.use_http_proxy:
                raise ConfigError("string binding", "UseHttpProxy needs HttpProxy=host:port")
            return None, False
        return proxy_at(place, known), not binding.use_http_proxy


def _bindings(
    binding: str | StringBinding,
    alternative: str | StringBinding | None,
    policy: ConnectionPolicy | None,
    network: Network,
) -> list[StringBinding]:
    """The bindings to try, in the order of the policy."""
    first = _parsed(binding)
    if alternative is None and policy is None:
        return [first]
    second = _parsed(alternative) if alternative is not None else _over_tcp(first)
    known = {one.transport: one for one in (first, second)}
    if len(known) < 2:
        raise ConfigError("alternative", f"both bindings are {first.transport}; one must be HTTP, one TCP/IP")
    return [known[protseq] for protseq in (policy or ConnectionPolicy()).order(network)]


def _parsed(binding: str | StringBinding) -> StringBinding:
    parsed = StringBinding.parse(binding) if isinstance(binding, str) else binding
    if not parsed.host:
        raise ConfigError("string binding", "it names no server; write ncacn_http:server[…]")
    return parsed


def _over_tcp(binding: StringBinding) -> StringBinding:
    """The same server over TCP/IP, whose port its endpoint mapper knows."""
    if binding.transport is ProtocolSequence.NCACN_IP_TCP:
        raise ConfigError("alternative", "is missing: from a TCP/IP binding nobody can tell the RPC proxy")
    return replace(
        binding,
        protseq=str(ProtocolSequence.NCACN_IP_TCP),
        endpoint=None,
        rpc_proxy=None,
        http_proxy=None,
        use_http_proxy=False,
    )


@asynccontextmanager
async def _first_error(tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
    """Run a task group, and let the body's own error come out as itself."""
    problem: BaseException | None = None
    async with tasks:
        try:
            yield
        except Exception as error:  # kept for a moment: the group would wrap it
            problem = error
    if problem is not None:
        raise problem
