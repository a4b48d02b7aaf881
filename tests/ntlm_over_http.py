"""A client that proves itself to a proxy over HTTPS, leg by leg, with tokens that the test makes."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from http.client import HTTPSConnection
from pathlib import Path
from typing import Self

ECHO = "/rpc/rpcproxy.dll"
TokenMaker = Callable[[bytes | None], bytes | None]


class HttpsPeer:
    """One connection to a proxy. Its requests are echoes, which need credentials and no target."""

    def __init__(self, port: int, ca: Path, *, host: str = "localhost") -> None:
        context = ssl.create_default_context(cafile=ca)
        self._connection = HTTPSConnection(host, port, timeout=5, context=context)
        self._connection.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    @property
    def certificate(self) -> bytes:
        """The certificate that was seen, in DER."""
        sock = self._connection.sock
        assert isinstance(sock, ssl.SSLSocket)
        return sock.getpeercert(binary_form=True) or b""

    def ask(self, authorization: str | None = None, *, method: str = "RPC_IN_DATA") -> tuple[int, list[str]]:
        """One request: the status of its answer, and what that offers."""
        fields = {"Content-Length": "0"} | ({"Authorization": authorization} if authorization else {})
        self._connection.request(method, ECHO, headers=fields)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get_all("WWW-Authenticate", [])

    def prove(self, scheme: str, step: TokenMaker) -> int:
        """The status at the end of an exchange, whose tokens `step` makes of the server's."""
        token = step(None)
        while True:
            status, offers = self.ask(f"{scheme} {base64.b64encode(token or b'').decode('ascii')}")
            answered = [token_of(offer) for offer in offers if offer.startswith(f"{scheme} ")]
            if status != 401 or not answered:
                return status
            token = step(answered[0])


def token_of(offer: str) -> bytes:
    """The token in an offer that has one."""
    return base64.b64decode(offer.partition(" ")[2])
