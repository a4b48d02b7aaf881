"""One request at a time, as Autodiscover's client makes them: no redirection is followed by itself.

An answer has one deadline for all of it, and one limit of size. Whoever proves itself by Negotiate or NTLM
does so on one connection, bound to the certificate that was seen there.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final
from urllib.parse import SplitResult, urlsplit

from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.initiator import HttpInitiator
from rpch.auth.schemes import CHALLENGE_HEADER, Scheme
from rpch.errors import AuthenticationFailed, TransportError
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT

TIMEOUT: Final = 10.0
MOST_ROUNDS: Final = 5
PORTS: Final = {"http": 80, "https": 443}

Connect = Callable[[str, int, float], socket.socket]
"""A connection to a host and port, made within so many seconds."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What came back."""

    status: int
    location: str = ""
    offers: tuple[str, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks. The password is shown nowhere."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """How to show who asks."""

    scheme: Scheme
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class WebRequestFor:
    """What to send: a GET where there is no body."""

    url: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    proof: Proof | None = None


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """To wherever the system's resolver says."""
    return socket.create_connection((host, port), timeout)


class WebClient:
    """Asks over TLS that is checked, or over plain HTTP."""

    def __init__(self, tls: ssl.SSLContext, *, timeout: float = TIMEOUT, connect: Connect = connect) -> None:
        """`timeout` is for each answer as a whole, however slowly it comes."""
        self._tls, self._timeout, self._connect = tls, timeout, connect

    async def __call__(self, request: WebRequestFor) -> WebAnswer:
        """The answer; `TransportError` when there is none, `AuthenticationFailed` when nobody is let in."""
        exchange = _Exchange(request, self._tls, self._timeout, self._connect)
        thread = asyncio.ensure_future(asyncio.to_thread(exchange.answer))
        thread.add_done_callback(_heard)
        try:
            return await asyncio.wait_for(asyncio.shield(thread), self._timeout)
        except TimeoutError:
            exchange.abort()
            problem = f"{exchange.host} does not answer within {self._timeout:g} seconds"
            raise TransportError(problem) from None


class _Exchange:
    """One request with all its rounds of authentication, in a thread of its own."""

    def __init__(self, request: WebRequestFor, tls: ssl.SSLContext, timeout: float, connect: Connect) -> None:
        self._request, self._tls, self._timeout, self._connect = request, tls, timeout, connect
        self._parts = _split(request.url)
        self.host = self._parts.hostname or ""
        self._sock: socket.socket | None = None
        self._aborted = False

    def answer(self) -> WebAnswer:
        """The last answer of the exchange."""
        try:
            return self._rounds()
        except ssl.SSLCertVerificationError as error:
            problem = f"the certificate of {self.host} is not trusted: {error.verify_message}"
            raise TransportError(problem) from error
        except (OSError, HTTPException, ValueError) as error:
            said = (
                getattr(error, "strerror", None) or str(error) or type(error).__name__
            )  # without its number
            problem = f"{self.host} does not answer: {said}"
            raise TransportError(problem) from error
        finally:
            if self._sock is not None:
                self._sock.close()

    def abort(self) -> None:
        """From elsewhere: whoever waits for the socket waits no longer."""
        self._aborted = True
        if (sock := self._sock) is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _rounds(self) -> WebAnswer:
        connection = self._opened()
        initiator = self._initiator()
        if initiator is None:
            return _read(self._asked(connection, None))[0]
        authorization = initiator.begin()
        for _ in range(MOST_ROUNDS):
            answer = self._asked(connection, authorization)
            found, whole = _read(answer)
            if answer.status != 401:
                initiator.finish(_split_offers(found))
                return found
            authorization = initiator.answer(_split_offers(found))
            if not whole or answer.will_close:
                raise AuthenticationFailed(f"{self.host} closed the connection that was to be proven")
        raise AuthenticationFailed(f"{self.host} was not content after {MOST_ROUNDS} rounds")

    def _opened(self) -> HTTPConnection:
        tls = self._parts.scheme == "https"
        port = self._parts.port or PORTS["https" if tls else "http"]
        connection = HTTPConnection(self.host, self._parts.port)
        self._sock = self._connect(self.host, port, self._timeout)
        if self._aborted:
            raise TimeoutError
        if tls:
            self._sock = self._tls.wrap_socket(self._sock, server_hostname=self.host)
        connection.sock = self._sock
        connection.auto_open = 0  # another connection would not be the one that was proven
        return connection

    def _initiator(self) -> HttpInitiator | None:
        proof = self._request.proof
        if proof is None:
            return None
        seen = self._sock.getpeercert(binary_form=True) if isinstance(self._sock, ssl.SSLSocket) else None
        return HttpInitiator(
            proof.scheme,
            proof.credentials.user,
            proof.credentials.password,
            host=self.host,
            binding=ChannelBinding.of_certificate(seen) if seen else None,
        )

    def _asked(self, connection: HTTPConnection, authorization: str | None) -> HTTPResponse:
        parts, body = self._parts, self._request.body
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = dict(self._request.headers) | ({"Authorization": authorization} if authorization else {})
        host = self.host if parts.port in (None, PORTS.get(parts.scheme)) else f"{self.host}:{parts.port}"
        connection.request("GET" if body is None else "POST", target, body, {"Host": host} | headers)
        return connection.getresponse()


def _heard(thread: asyncio.Future[WebAnswer]) -> None:
    """Whatever a thread says that nobody waits for any more."""
    if not thread.cancelled():
        thread.exception()


def _read(answer: HTTPResponse) -> tuple[WebAnswer, bool]:
    """An answer as far as it is read, and whether that was all of it."""
    offers = tuple(answer.headers.get_all(CHALLENGE_HEADER, []))
    body = answer.read(SIZE_LIMIT + 1)
    found = WebAnswer(answer.status, answer.headers.get("Location", ""), offers, body)
    return found, len(body) <= SIZE_LIMIT and answer.read(1) == b""


def _split_offers(answer: WebAnswer) -> list[tuple[str, str | None]]:
    return [(name, token.strip() or None) for name, _, token in (one.partition(" ") for one in answer.offers)]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError as error:
        raise TransportError(f"{url!r} names no host: {error}") from error
    return parts
