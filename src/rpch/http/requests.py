"""The request heads a client sends.  MS-RPCH 2.1.1.1.1, 2.1.2.1.1, 2.1.2.1.2, 2.1.2.1.5

The fields and their order are those of the specification, since some proxies and many firewalls know
this protocol only by what Windows sends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rpch.errors import LocalProtocolError
from rpch.http.channels import (
    DEFAULT_LIFETIME,
    ECHO_MAX_LENGTH,
    FIRST_OUT_LENGTH,
    MAX_LIFETIME,
    MIN_LIFETIME,
    REPLACEMENT_OUT_LENGTH,
    RpcMethod,
)
from rpch.http.heads import encode_request_head
from rpch.http.pragmas import Pragmas
from rpch.http.targets import ProxyPath, RpcTarget

USER_AGENT: Final = "MSRPC"
USER_AGENT_V1: Final = "RPC"

ECHO_BODY: Final = bytes.fromhex("f8 e8 18 08")
"""What Windows clients send as the body of an echo request; its content means nothing.  MS-RPCH <12>"""


@dataclass(frozen=True)
class Proof:
    """The credentials of one request: to the RPC proxy, and to the HTTP proxy before it."""

    authorization: str | None = None
    proxy_authorization: str | None = None

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The fields that carry them."""
        named = (("Authorization", self.authorization), ("Proxy-Authorization", self.proxy_authorization))
        return [(name, value) for name, value in named if value is not None]

    def __repr__(self) -> str:
        return "Proof(***)" if self.fields else "Proof()"


NO_PROOF: Final = Proof()


@dataclass(frozen=True)
class ChannelHeads:
    """Writes the request heads of every channel of one virtual connection.  MS-RPCH 2.1.2.1

    `host` is the RPC proxy as the Host field names it. `through_proxy` writes absolute targets, for an
    HTTP proxy that relays without TLS.
    """

    host: str
    target: RpcTarget
    client_certificate: bool = False
    through_proxy: bool = False
    pragmas: Pragmas = field(default_factory=Pragmas)

    def in_channel(self, lifetime: int = DEFAULT_LIFETIME, proof: Proof = NO_PROOF) -> bytes:
        """Opens an IN channel that may carry `lifetime` bytes.  MS-RPCH 2.1.2.1.1"""
        if not MIN_LIFETIME <= lifetime <= MAX_LIFETIME:
            raise LocalProtocolError(f"a channel lifetime of {lifetime} bytes")
        return self._head(RpcMethod.IN, lifetime, proof)

    def out_channel(self, *, replacement: bool = False, proof: Proof = NO_PROOF) -> bytes:
        """Opens an OUT channel; its body is CONN/A1, or the PDUs of a replacement.  MS-RPCH 2.1.2.1.2"""
        return self._head(RpcMethod.OUT, REPLACEMENT_OUT_LENGTH if replacement else FIRST_OUT_LENGTH, proof)

    def authentication_leg(self, method: RpcMethod, proof: Proof = NO_PROOF) -> bytes:
        """A round of an authentication exchange, before the request that opens the channel."""
        return self._head(method, 0, proof)

    def echo(self, method: RpcMethod, body: bytes = ECHO_BODY, proof: Proof = NO_PROOF) -> bytes:
        """Asks whether the proxy is there, on the way this channel would take.  MS-RPCH 2.1.2.1.5"""
        if len(body) > ECHO_MAX_LENGTH:
            raise LocalProtocolError(f"an echo request of {len(body)} bytes")
        return self._head(method, len(body), proof) + body

    def connect(self, proof: Proof = NO_PROOF) -> bytes:
        """Opens a v1 connection. No document fixes the target; this is v2's.  MS-RPCH 2.1.1.1.1"""
        fields = [("Pragma", "No-cache"), ("User-Agent", USER_AGENT_V1), ("Host", self.host)]
        target = self._target(ProxyPath.STANDARD)
        return encode_request_head(RpcMethod.CONNECT, target, [*fields, *proof.fields])

    def _head(self, method: RpcMethod, length: int, proof: Proof) -> bytes:
        if method is RpcMethod.CONNECT:
            raise LocalProtocolError("RPC_CONNECT opens no channel of version 2")
        path = ProxyPath.WITH_CERTIFICATE if self.client_certificate else ProxyPath.STANDARD
        fields = [
            ("Accept", "application/rpc"),
            ("Cache-Control", "no-cache"),
            ("Connection", "Keep-Alive"),
            ("Content-Length", str(length)),
            ("Host", self.host),
            ("Pragma", "No-cache"),
            ("User-Agent", USER_AGENT),
            *(("Pragma", directive) for directive in self.pragmas.encode()),
        ]
        return encode_request_head(method, self._target(path), [*fields, *proof.fields])

    def _target(self, path: ProxyPath) -> str:
        relative = f"{path}?{self.target.query}"
        return f"http://{self.host}{relative}" if self.through_proxy else relative


def tunnel_head(host: str, port: int, *, proxy_authorization: str | None = None) -> bytes:
    """Asks an HTTP proxy for a way to the RPC proxy: TLS and v1 go through it.  RFC 9110 9.3.6"""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    fields = [("Host", authority), ("User-Agent", USER_AGENT), ("Pragma", "No-cache")]
    return encode_request_head(
        "CONNECT", authority, [*fields, *Proof(proxy_authorization=proxy_authorization).fields]
    )
