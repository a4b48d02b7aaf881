"""The lower steps: from a name to an RPC proxy that lets us in."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from typing import Final

from rpch.auth.schemes import Scheme
from rpch.client.access import ProxyAccess
from rpch.client.channel import ask_echo, echo
from rpch.client.connections import NoAnswer
from rpch.errors import AuthenticationFailed, ProxyError, RemoteProtocolError, RpchError, TransportError
from rpch.http.answers import ECHO_PDU
from rpch.http.authenticate import Challenge
from rpch.http.channels import RpcMethod
from rpch.http.outcomes import Accepted, Challenged, Failed, Outcome
from rpch.probe.findings import (
    HttpProxyAsks,
    NotAnRpcProxy,
    NoUsableScheme,
    OnlyInTheClear,
    SpeaksPlain,
    SpeaksRpc,
    SpeaksTls,
    UntrustedCertificate,
)
from rpch.probe.greeting import (
    certificate_of,
    first_words,
    is_http,
    is_rpc,
    presented_certificate,
    speaks_tls,
)
from rpch.probe.target import PingTarget

SSL_CLOSED: Final = (ssl.SSLError, ConnectionError)


class NetworkSteps:
    """DNS and TCP: to whichever host is dialled first."""

    def __init__(self, target: PingTarget) -> None:
        self._target = target
        self._host, self._port = target.hop
        self.addresses: list[str] = []
        self.reached_loopback = False

    async def dns(self) -> str:
        """What addresses the name has."""
        host, seconds = self._host, self._target.timeout
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                found = await loop.getaddrinfo(host, self._port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise NoAnswer(f"no answer about {host} in {seconds:g} seconds", seconds=seconds) from None
        except OSError as error:
            raise TransportError(f"{host} cannot be resolved: {error.strerror or error}") from error
        self.addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        if _is_address(host):
            return f"{host} is an address"
        return f"{host} is {', '.join(self.addresses)}"

    async def tcp(self) -> str:
        """Whether any of them takes a connection."""
        failures: list[str] = []
        problem: RpchError = TransportError(f"{self._host} has no address")
        for address in self.addresses:
            try:
                await self._connect(address)
            except TransportError as error:
                problem = error
                failures.append(str(error))
            else:
                self.reached_loopback = _ip(address).is_loopback
                others = f" ({'; '.join(failures)})" if failures else ""
                return f"connected to {_joined(address, self._port)}{others}"
        raise problem

    async def _connect(self, address: str) -> None:
        where, seconds = _joined(address, self._port), self._target.timeout
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                transport, _ = await loop.create_connection(asyncio.Protocol, address, self._port)
        except TimeoutError:
            raise NoAnswer(f"{where} did not answer in {seconds:g} seconds", seconds=seconds) from None
        except OSError as error:
            raise TransportError(f"{where}: {error.strerror or error}") from error
        transport.close()


class ProxySteps:
    """TLS and HTTP: the RPC proxy itself, before any server behind it."""

    def __init__(self, target: PingTarget, access: ProxyAccess, network: NetworkSteps) -> None:
        self._access, self._network = access, network
        self._rpc = target.rpc_target(target.first_port)
        self.offers: tuple[Challenge, ...] | None = None

    async def tls(self) -> str:
        """Whether the server proves its name: chain, host name, time."""
        try:
            transport, _ = await self._access.dial()
        except AuthenticationFailed as error:
            raise HttpProxyAsks(str(error)) from error  # nobody else is asked here
        except TransportError as error:
            raise await self._why_no_tls(error) from error.__cause__
        try:
            session = transport.get_extra_info("ssl_object")
            certificate = certificate_of(transport)
            version, cipher = session.version(), session.cipher()
        finally:
            transport.close()
        about = certificate.describe(dt.datetime.now(dt.UTC)) if certificate else "unreadable"
        return f"{version}, {cipher[0] if cipher else 'no cipher'}; certificate {about}"

    async def schemes(self) -> str:
        """What the proxy answers to a stranger: which schemes it offers."""
        try:
            outcome, body = await ask_echo(self._access, self._rpc, RpcMethod.IN)
            return self._offered(outcome, body)
        except HttpProxyAsks:
            raise
        except AuthenticationFailed as error:
            raise HttpProxyAsks(str(error)) from error  # nobody else was told anything yet
        except (TransportError, RemoteProtocolError) as error:
            raise await self._why_no_http(error) from error.__cause__

    async def echo_in(self) -> str:
        """Whether the proxy takes our credentials on the way of IN channels."""
        return await self._echo(RpcMethod.IN)

    async def echo_out(self) -> str:
        """Whether it takes them on the way of OUT channels."""
        return await self._echo(RpcMethod.OUT)

    async def _echo(self, method: RpcMethod) -> str:
        try:
            body = await echo(self._access, self._rpc, method)
        except AuthenticationFailed as error:
            raise self._why_not_in(error) from error
        _check_echo(body)
        credentials = self._access.credentials
        scheme = credentials and (credentials.scheme or self._access.learned.scheme)
        told = f", as {credentials.user} by {scheme}" if credentials and scheme else ""
        return f"{method} answered with the echo PDU{told}"

    def _offered(self, outcome: Outcome, body: bytes) -> str:
        match outcome:
            case Accepted():
                _check_echo(body)
                self.offers = ()
                return "200 without credentials: the proxy lets everybody in"
            case Challenged(by_http_proxy=True):
                raise HttpProxyAsks("407: the HTTP proxy on the way wants credentials")
            case Challenged(challenges=offers):
                self.offers = offers
                return f"401, offering {', '.join(map(_shown, offers)) or 'nothing'}"
            case Failed():
                raise outcome.as_error()
            case _:
                raise RemoteProtocolError("no final answer to an echo request")

    def _why_not_in(self, error: AuthenticationFailed) -> AuthenticationFailed:
        """Whether the credentials were refused at all, or never sent."""
        credentials = self._access.credentials
        if credentials is None:
            return AuthenticationFailed("401, and nobody said who he is")
        if not self.offers:
            return error
        offered = {offer.scheme.lower() for offer in self.offers}
        wanted = {credentials.scheme} if credentials.scheme else set(Scheme)
        usable = {scheme for scheme in wanted if scheme.lower() in offered}
        if not usable:
            return NoUsableScheme(str(error))
        by_itself = usable == {Scheme.BASIC} and credentials.scheme is None
        if by_itself and self._access.tls is None and not self._network.reached_loopback:
            return OnlyInTheClear(str(error))
        return error

    # When the port does not speak what we expected

    async def _why_no_tls(self, error: TransportError) -> TransportError:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            shown = await presented_certificate(self._access)
            return UntrustedCertificate(self._access.host, cause.verify_code, cause.verify_message, shown)
        if self._access.http_proxy is None and (isinstance(cause, SSL_CLOSED) or isinstance(error, NoAnswer)):
            words = await first_words(self._access, self._rpc)
            if is_http(words):
                return SpeaksPlain(str(error))
            if is_rpc(words):
                return SpeaksRpc(str(error))
        if isinstance(cause, ConnectionError):
            return TransportError(f"the connection to {self._access} was closed during the TLS handshake")
        return error

    async def _why_no_http(self, error: RpchError) -> RpchError:
        """A proxy that answers in HTTP is taken at its word, unless it did not understand us at all."""
        understood = isinstance(error, NotAnRpcProxy) or (
            isinstance(error, ProxyError) and error.status != 400
        )
        if understood or self._access.http_proxy is not None or self._access.tls is not None:
            return error
        tls, words = await asyncio.gather(speaks_tls(self._access), first_words(self._access, self._rpc))
        if tls:
            return SpeaksTls(str(error))
        if is_rpc(words):
            return SpeaksRpc(str(error))
        return error


def _check_echo(body: bytes) -> None:
    """A web server may answer 200 to anything; only an RPC proxy answers with this PDU."""
    if body != ECHO_PDU:
        raise NotAnRpcProxy(f"200, but with {len(body)} bytes that are no echo PDU")


def _shown(offer: Challenge) -> str:
    realm = offer.parameter("realm")
    return f'{offer.scheme} realm="{realm}"' if realm else offer.scheme


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text.partition("%")[0])


def _is_address(host: str) -> bool:
    try:
        _ip(host)
    except ValueError:
        return False
    return True


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
