"""Cause and cure of every failure, in plain words.

One table says who explains which kind of error; the first that fits does. The narrow kinds come first.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import Final

from rpch.client.carriers import NotOpened
from rpch.client.connections import NoAnswer
from rpch.client.rpc import CallLost
from rpch.client.tunnels import HttpProxyRefused
from rpch.errors import (
    AccessDenied,
    AuthenticationFailed,
    BindRejected,
    DecodeError,
    ProxyError,
    RemoteProtocolError,
    RpcFault,
    RpchError,
    TransportError,
)
from rpch.probe.explanations_http import answered, challenged, not_opened
from rpch.probe.explanations_recycling import not_recycled
from rpch.probe.explanations_rpc import (
    bind_rejected,
    caller_refused,
    fault,
    not_listening,
    not_registered,
)
from rpch.probe.explanations_tls import certificate_refused, handshake_failed
from rpch.probe.findings import (
    CallerRefused,
    HttpProxyAsks,
    NotAnRpcProxy,
    NotListening,
    NotRegistered,
    NoUsableScheme,
    OnlyInTheClear,
    SpeaksPlain,
    SpeaksRpc,
    SpeaksTls,
    UntrustedCertificate,
)
from rpch.probe.ladder import Explanation
from rpch.probe.situation import Situation

Explainer = Callable[[str, RpchError, Situation], Explanation]


def explain(step: str, error: RpchError, situation: Situation) -> Explanation:
    """What happened at a step, and what to do."""
    if step.startswith("recycle"):
        return not_recycled(step, error, situation)
    for kinds, explainer in EXPLAINERS:
        if isinstance(error, kinds):
            return explainer(step, error, situation)
    return Explanation(f"Something unforeseen: {error}.", "Try again; if it stays, RPCH_TRACE shows more.")


def _http_proxy_asks(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"The HTTP proxy on the way, {situation.hop}, wants credentials of its own, or others: {error}.",
        "Give them with -A user,domain,password; or leave HttpProxy out if there is a direct way.",
        hopeless=True,
    )


def _no_usable_scheme(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"The proxy takes no way to authenticate that we have: {error}.",
        "Name a scheme that it offers with -H, or enable Negotiate, NTLM or Basic on its /rpc folder.",
        hopeless=True,
    )


def _only_in_the_clear(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        "The proxy takes passwords only (Basic), and anybody on the way could read them without TLS.",
        "Leave --no-tls away. If the way is protected otherwise: -H Basic sends the password all the same.",
        hopeless=True,
    )


def _speaks_tls(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"{situation.proxy} wants TLS, and we spoke plain HTTP to it.",
        "Leave --no-tls away; with an authority of your own add --tls-ca FILE.",
        hopeless=True,
    )


def _speaks_plain(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"{situation.proxy} speaks plain HTTP, and we spoke TLS to it.",
        "Name the port that speaks TLS in RpcProxy=host:port (443 as a rule);"
        " on loopback or behind a relay of your own, --no-tls.",
        hopeless=True,
    )


def _speaks_rpc(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"{situation.proxy} is an RPC server's own port (ncacn_http), not an RPC proxy.",
        "Name the RPC proxy in RpcProxy=host:port, and this port in front of it as the endpoint.",
        hopeless=True,
    )


def _not_an_rpc_proxy(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"Something at {situation.proxy} answers, but it is no RPC proxy: a web server, or a login page.",
        "Check the host and port in RpcProxy=; a reverse proxy must pass /rpc/ on to the RPC proxy.",
        hopeless=True,
    )


def _denied(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"The certificate is good, but not that of the principal that -B asks for: {error}."
        " Outlook refuses it too when its profile says the same.",
        "Write the name that the certificate has, in the profile too, or get a certificate for the other.",
    )


def _http_proxy_refused(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"The HTTP proxy on the way does not let us through: {error}.",
        f"Let it permit CONNECT to {situation.proxy}, or leave HttpProxy out if there is a direct way.",
        hopeless=True,
    )


def _no_answer(step: str, error: RpchError, situation: Situation) -> Explanation:
    if step == "dns":
        return Explanation(
            "The DNS server does not answer.", "Check the network and the resolver's settings."
        )
    if step == "tcp":
        return Explanation(
            f"Nobody answers at {situation.hop}: neither yes nor no. Most often a firewall swallows it.",
            "Check address and port; let the firewall pass TCP to it.",
        )
    if step == "tls":
        return Explanation(
            "The connection opens, but no TLS handshake comes of it.",
            "The port may not speak TLS: try --no-tls if you trust the way; or a relay has no back end.",
        )
    if step in ("bind", "call", "mapper", "port"):
        return Explanation(
            f"The way to {situation.server} is open, but it does not answer: {error}.",
            "Something on the way may hold data back, or the server hangs. Look at the server's log;"
            " --timeout N waits longer.",
        )
    return Explanation(
        f"The connection to {situation.proxy} opens, but its HTTP requests are not answered.",
        "Check that the port is the RPC proxy's and that the relay in between passes its methods"
        " RPC_IN_DATA and RPC_OUT_DATA; --timeout N waits longer.",
        hopeless=step == "schemes",
    )


def _nonsense(step: str, error: RpchError, situation: Situation) -> Explanation:
    if step in ("schemes", "echo_in", "echo_out"):
        return Explanation(
            f"What {situation.proxy} says is not the HTTP of an RPC proxy: {error}.",
            "Check the host and port in RpcProxy=; another service may listen there.",
            hopeless=step == "schemes",
        )
    protocol = "RPC over HTTP" if situation.proxy else "RPC over TCP"
    return Explanation(
        f"What {situation.server} says is not {protocol}: {error}.",
        "Check the port, and the protocol: a port of ncacn_http does not take ncacn_ip_tcp, nor the reverse.",
    )


def _lost(step: str, error: RpchError, situation: Situation) -> Explanation:
    return Explanation(
        f"The connection to {situation.server} opened and was closed again: {error}.",
        "The server behind may have stopped, or be no RPC server of this protocol (ncacn_http shows a banner,"
        " ncacn_ip_tcp does not). Look at the logs of proxy and server.",
    )


# What the operating system says about a connection.
_NETWORK: Final = {
    errno.ECONNREFUSED: (
        "Nothing listens on {hop}: the machine is there and says no.",
        "Check the port in the binding, and that the service runs.",
    ),
    errno.EHOSTUNREACH: ("There is no way to {hop}.", "Check the address, the route and the VPN."),
    errno.ENETUNREACH: ("There is no network towards {hop}.", "Check the network and the VPN."),
    errno.ECONNRESET: (
        "{hop} accepted the connection and dropped it at once.",
        "A firewall or a relay without a back end does that; look at its log.",
    ),
}


def _transport(step: str, error: RpchError, situation: Situation) -> Explanation:
    cause = error.__cause__
    if isinstance(cause, socket.gaierror) or step == "dns":
        return Explanation(
            f"The name {situation.dialled} is not known to DNS.",
            "Check the spelling, and which DNS server is asked: inside and outside of a company may differ.",
        )
    if step == "http_proxy":
        return Explanation(
            f"{situation.proxy} answers neither directly nor through the HTTP proxy.",
            "The steps below take the direct way and show why; -R host:port insists on the HTTP proxy.",
        )
    if step == "tls":
        return handshake_failed(error, situation)
    known = _NETWORK.get(cause.errno or 0) if isinstance(cause, OSError) else None
    if known is not None:
        happened, cure = known
        return Explanation(happened.format(hop=situation.hop), cure)
    if step in ("schemes", "echo_in", "echo_out"):
        return Explanation(
            f"{situation.proxy} took the request and closed the connection without an answer.",
            "The port may speak something else, or a relay refuses the methods RPC_IN_DATA and RPC_OUT_DATA.",
            hopeless=step == "schemes",
        )
    return _lost(step, error, situation)


EXPLAINERS: Final[Sequence[tuple[tuple[type[RpchError], ...], Explainer]]] = (
    ((UntrustedCertificate,), certificate_refused),
    ((AccessDenied,), _denied),
    ((SpeaksTls,), _speaks_tls),
    ((SpeaksPlain,), _speaks_plain),
    ((SpeaksRpc,), _speaks_rpc),
    ((NotAnRpcProxy,), _not_an_rpc_proxy),
    ((HttpProxyAsks,), _http_proxy_asks),
    ((NoUsableScheme,), _no_usable_scheme),
    ((OnlyInTheClear,), _only_in_the_clear),
    ((CallerRefused,), caller_refused),
    ((AuthenticationFailed,), challenged),
    ((HttpProxyRefused,), _http_proxy_refused),
    ((ProxyError,), answered),
    ((NotOpened,), not_opened),
    ((NoAnswer,), _no_answer),
    ((NotRegistered,), not_registered),
    ((NotListening,), not_listening),
    ((BindRejected,), bind_rejected),
    ((RpcFault,), fault),
    ((CallLost,), _lost),
    ((DecodeError, RemoteProtocolError), _nonsense),
    ((TransportError,), _transport),
)
