"""One request at a time, as Autodiscover's client makes them: no redirection is followed by itself."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from rpch.errors import TransportError
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT

TIMEOUT: Final = 10.0


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

    @property
    def basic(self) -> str:
        """The value of `Authorization`.  RFC 7617"""
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class WebRequestFor:
    """What to send: a GET where there is no body."""

    url: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


class WebClient:
    """Asks over TLS that is checked, or over plain HTTP."""

    def __init__(self, tls: ssl.SSLContext, *, timeout: float = TIMEOUT) -> None:
        self._tls, self._timeout = tls, timeout

    async def __call__(self, request: WebRequestFor) -> WebAnswer:
        """The answer; `TransportError` when there is none."""
        return await asyncio.to_thread(self._ask, request)

    def _ask(self, request: WebRequestFor) -> WebAnswer:
        parts = urlsplit(request.url)
        connection = self._connection(parts)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            method = "GET" if request.body is None else "POST"
            connection.request(method, target, request.body, dict(request.headers))
            answer = connection.getresponse()
            offers = tuple(answer.headers.get_all("WWW-Authenticate", []))
            body = answer.read(SIZE_LIMIT + 1)
            return WebAnswer(answer.status, answer.headers.get("Location", ""), offers, body)
        except ssl.SSLCertVerificationError as error:
            problem = f"the certificate of {parts.hostname} is not trusted: {error.verify_message}"
            raise TransportError(problem) from error
        except (OSError, HTTPException, ValueError) as error:
            problem = f"{parts.hostname} does not answer: {error or type(error).__name__}"
            raise TransportError(problem) from error
        finally:
            connection.close()

    def _connection(self, parts: SplitResult) -> HTTPConnection:
        try:
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise TransportError(f"{parts.netloc!r} names no host: {error}") from error
        if parts.scheme == "https":
            return HTTPSConnection(host, port, context=self._tls, timeout=self._timeout)
        return HTTPConnection(host, port, timeout=self._timeout)
