"""Every error has a cause and a cure in whole sentences, and the nearest explanation is taken."""

import errno
import socket

import pytest

from rpch.client.carriers import NotOpened
from rpch.client.connections import NoAnswer
from rpch.client.rpc import CallLost
from rpch.client.tunnels import HttpProxy, HttpProxyRefused
from rpch.dcerpc.statuses import Status
from rpch.errors import (
    AccessDenied,
    AuthenticationFailed,
    BindRejected,
    DecodeError,
    LocalProtocolError,
    ProxyError,
    RpcFault,
    RpchError,
    TransportError,
    UnexpectedMessage,
)
from rpch.probe.explanations import explain
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
from rpch.probe.situation import Situation

AT = Situation("proxy", "proxy:443", "server:6001", "proxy:443", tls=True, user="alice")
TCP = Situation("server", "server:1024", "server:1024")
SILENT = NoAnswer("no answer in 10 seconds", seconds=10)


def by(cause: OSError) -> TransportError:
    error = TransportError("it failed")
    error.__cause__ = cause
    return error


REFUSED_BY_RELAY = HttpProxyRefused(HttpProxy("squid", 3128), ProxyError(403, "Forbidden"))
LOST = CallLost(TransportError("gone"), did_not_execute=False)

CASES: list[tuple[str, RpchError, Situation, str]] = [
    ("tls", UntrustedCertificate("proxy", 10, "expired", None), AT, "expired"),
    ("tls", AccessDenied("Principal", "msstd:mail is wanted"), AT, "msstd:mail is wanted"),
    ("schemes", SpeaksTls("closed"), AT, "wants TLS"),
    ("tls", SpeaksPlain("closed"), AT, "speaks plain HTTP"),
    ("schemes", SpeaksRpc("closed"), AT, "RPC server's own port"),
    ("schemes", NotAnRpcProxy("200"), AT, "no RPC proxy"),
    ("tls", HttpProxyAsks("407"), AT, "wants credentials of its own"),
    ("tls", REFUSED_BY_RELAY, AT, "does not let us through"),
    ("echo_in", NoUsableScheme("Digest"), AT, "no way to authenticate"),
    ("echo_in", OnlyInTheClear("Basic"), AT, "passwords only"),
    ("echo_in", AuthenticationFailed("401"), AT, "does not accept alice"),
    ("bind", CallerRefused("too weak"), AT, "who is who: too weak"),
    ("port", ProxyError(503, "x", rpc_status=0x6BA, rule="ValidPorts"), AT, "ValidPorts"),
    ("port", NotOpened("late", seconds=1, state="WAIT_C2"), AT, "OUT channel is open"),
    ("dns", SILENT, AT, "DNS server"),
    ("tcp", SILENT, AT, "firewall"),
    ("tls", SILENT, AT, "no TLS handshake"),
    ("schemes", SILENT, AT, "not answered"),
    ("echo_out", SILENT, AT, "not answered"),
    ("bind", SILENT, AT, "does not answer"),
    ("mapper", NotRegistered("x/v1.0"), AT, "knows no such interface: x/v1.0"),
    ("call", NotListening("False"), AT, "takes no calls"),
    ("bind", BindRejected("no", code=Status.RPC_S_UNKNOWN_IF), AT, "does not offer the interface"),
    ("call", RpcFault(Status.OP_RNG_ERROR), AT, "OP_RNG_ERROR"),
    ("call", LOST, AT, "was closed again"),
    ("schemes", DecodeError("no HTTP/1.x response", at=0), AT, "not the HTTP of an RPC proxy"),
    ("bind", DecodeError("this is not RPC", at=0), TCP, "is not RPC over TCP"),
    ("port", UnexpectedMessage("CONN/C2", state="OPENED"), AT, "is not RPC over HTTP"),
    ("dns", by(socket.gaierror(socket.EAI_NONAME, "unknown")), AT, "proxy is not known to DNS"),
    ("dns", TransportError("no address"), AT, "not known to DNS"),
    ("tcp", by(OSError(errno.ECONNREFUSED, "refused")), AT, "Nothing listens on proxy:443"),
    ("tcp", by(OSError(errno.EHOSTUNREACH, "no route")), AT, "no way to proxy:443"),
    ("tcp", by(OSError(errno.ENETUNREACH, "no network")), AT, "no network towards"),
    ("tcp", by(OSError(errno.ECONNRESET, "reset")), AT, "dropped it at once"),
    ("tls", by(OSError(errno.ECONNRESET, "reset")), AT, "breaks off the TLS handshake"),
    ("http_proxy", TransportError("neither"), AT, "neither directly nor"),
    ("schemes", TransportError("closed"), AT, "without an answer"),
    ("bind", TransportError("closed"), AT, "was closed again"),
    ("port", by(OSError(errno.EIO, "odd")), AT, "was closed again"),
    ("dns", LocalProtocolError("odd"), AT, "Something unforeseen: odd"),
]


@pytest.mark.parametrize(
    ("step", "error", "at", "cause"),
    CASES,
    ids=[f"{number}-{case[0]}-{type(case[1]).__name__}" for number, case in enumerate(CASES)],
)
def test_every_error_has_a_cause_and_a_cure(step: str, error: RpchError, at: Situation, cause: str) -> None:
    found = explain(step, error, at)
    assert cause in found.cause
    assert found.cause[0].isupper() or found.cause.startswith(("proxy", "server"))
    assert found.cure.endswith(".")
    assert found.cause.rstrip("'").endswith(".")


@pytest.mark.parametrize(("step", "hopeless"), [("schemes", True), ("echo_in", False)])
@pytest.mark.parametrize("error", [SILENT, TransportError("closed"), DecodeError("no HTTP", at=0)])
def test_who_does_not_answer_a_stranger_is_not_asked_again(
    error: RpchError, step: str, hopeless: bool
) -> None:
    assert explain(step, error, AT).hopeless is hopeless
