"""Cause and cure where an RPC proxy, or something before it, answers what we did not hope for.

Our own proxy names the rule that refused. Others say only `503 RPC Error: 6ba`, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rpch.auth.schemes import CONNECTION_BOUND
from rpch.client.carriers import NotOpened
from rpch.errors import ProxyError, RpchError
from rpch.probe.ladder import Explanation
from rpch.probe.situation import Situation

SERVER_UNAVAILABLE: Final = 0x6BA
ACCESS_DENIED: Final = 0x5
TOO_BUSY: Final = 0x6BB

LISTS: Final = "`rpch proxy --valid-ports`, or ValidPorts in the registry of a Windows RPC proxy"


def challenged(step: str, error: RpchError, situation: Situation) -> Explanation:
    """The proxy wants credentials, or others. Nothing more is tried, since that could lock the account."""
    if situation.user is None:
        return Explanation(
            "The proxy lets in nobody who does not say who he is.",
            r"Give --user 'DOMAIN\name'; the password is asked for, or taken from RPCH_PASSWORD.",
            hopeless=True,
        )
    if step in ("echo_in", "echo_out"):
        return _wrong_password(situation)
    return Explanation(
        f"The proxy accepted {situation.user} for an echo, and refuses the same for a channel.",
        "A relay may drop the Authorization field or spread requests over proxies with different accounts.",
        hopeless=True,
    )


def _wrong_password(at: Situation) -> Explanation:
    bound, shared = "", ""
    if at.scheme in CONNECTION_BOUND:
        bound = f" Or a relay in between does not keep the connection to one client, which {at.scheme} needs."
        shared = " -H Basic tells which of the two it is."
    return Explanation(
        f"The proxy does not accept {at.user} with this password.{bound}",
        r"Check both, and the form of the name: DOMAIN\name or name@domain. The account may also be"
        f" locked or not permitted; the proxy's log says which.{shared} No further attempt was made.",
        hopeless=True,
    )


def not_opened(step: str, error: RpchError, situation: Situation) -> Explanation:
    """HTTP is answered, but no virtual connection comes of it: how far did it come?"""
    state = error.state if isinstance(error, NotOpened) else ""
    if situation.channels_pass:
        return Explanation(
            f"Channels to another port pass, so the way is good: whoever listens on {situation.server} takes"
            " connections, but does not answer as a server of RPC over HTTP.",
            "Check that the port is one of ncacn_http, which shows a banner, and not of ncacn_ip_tcp; the"
            " server may also hang.",
        )
    if state == "WAIT_C2":
        return Explanation(
            "The OUT channel is open, but nothing of the IN channel reaches the server: a reverse proxy waits"
            " for the end of the request, which never comes; or IN and OUT were sent to different servers;"
            f" or {situation.server} does not answer as a server of RPC over HTTP.",
            "Switch request buffering off (nginx: proxy_request_buffering off, proxy_http_version 1.1,"
            " client_max_body_size 0), route both channels to the same RPC server, and look at its log.",
        )
    if state in ("OUT_CHANNEL_WAIT", "WAIT_A3W"):
        return Explanation(
            "Echoes pass, but the answer on the OUT channel does not arrive: a reverse proxy holds back"
            f" the response, or the proxy gets no connection to {situation.server}.",
            "Switch buffering off, for responses and for requests (nginx: proxy_buffering off,"
            " proxy_request_buffering off); if there is no reverse proxy, check the way from the RPC proxy to"
            " the server.",
        )
    return Explanation(
        "The two connections for IN and OUT could not be made in time.",
        "A limit on connections from one client may be in the way; --timeout N waits longer.",
    )


def answered(step: str, error: RpchError, situation: Situation) -> Explanation:
    """An error status: by the rule where one is named, else by the RPC code, else by the status."""
    if not isinstance(error, ProxyError):
        return _unknown_status(situation, str(error))
    by_rule = _BY_RULE.get(error.rule or "")
    if by_rule is not None:
        return by_rule(situation)
    if error.rpc_status is not None:
        return _rpc_error(error, situation)
    if 300 <= error.status < 400:
        return _redirected(error, situation)
    by_status = _BY_STATUS.get(error.status)
    return by_status(situation) if by_status else _unknown_status(situation, f"{error.status} {error.phrase}")


def _valid_ports(at: Situation) -> Explanation:
    return Explanation(
        f"The proxy's rule ValidPorts does not permit {at.server}.",
        f"Add '{at.server}' to {LISTS}, spelled exactly as in this binding; or use the name that is there.",
    )


def _user_targets(at: Situation) -> Explanation:
    return Explanation(
        f"The proxy permits {at.server}, but not to {at.user or 'you'}.",
        "Add it to what this user may reach.",
    )


def _target_address(at: Situation) -> Explanation:
    return Explanation(
        f"The name {at.server} is permitted, but leads to an address where the proxy permits no target.",
        "Add the address to --target-network, or say where the name is: --route 'name:port=address:port'.",
    )


def _unreachable(at: Situation) -> Explanation:
    return Explanation(
        f"The proxy permits {at.server}, but cannot connect to it: nothing listens there as ncacn_http.",
        "Check that the server runs and listens for RPC over HTTP on this port; --route says where"
        " a name is. The proxy's log has the reason.",
    )


def _require_tls(at: Situation) -> Explanation:
    return Explanation(
        "The proxy takes requests over TLS only, and this one did not come over TLS.",
        "Use its TLS port and leave --no-tls away. If a relay ends TLS in front of it: name the relay with"
        " --trusted-relay, and let it send X-Forwarded-Proto: https.",
        hopeless=True,
    )


def _switched_off(at: Situation) -> Explanation:
    return Explanation("The RPC proxy is switched off.", "Switch it on in its settings.", hopeless=True)


def _draining(at: Situation) -> Explanation:
    return Explanation("The proxy is about to stop and takes nothing new.", "Try again in a minute.")


def _late(at: Situation) -> Explanation:
    return Explanation(
        "The proxy opened the channel, but its first bytes never came: something in between holds them back.",
        "Switch request buffering off in the reverse proxy (nginx: proxy_request_buffering off).",
    )


_BY_RULE: Final[dict[str, Callable[[Situation], Explanation]]] = {
    "ValidPorts": _valid_ports,
    "UserTargets": _user_targets,
    "TargetAddress": _target_address,
    "TargetUnreachable": _unreachable,
    "RequireTls": _require_tls,
    "Enabled": _switched_off,
    "Draining": _draining,
    "FirstPduTimeout": _late,
}


def _rpc_error(error: ProxyError, at: Situation) -> Explanation:
    """A Windows proxy, or one that answers like it.  MS-RPCH 2.1.2.1.3"""
    if error.rpc_status == ACCESS_DENIED:
        return Explanation(
            f"The proxy refuses {at.server} to {at.user or 'strangers'} (RPC error 5).",
            f"Check that '{at.server}' is in {LISTS}, and that the account may use the proxy.",
        )
    if error.rpc_status == TOO_BUSY:
        return Explanation("The RPC server, or the proxy, takes no more connections.", "Try again later.")
    if error.rpc_status == SERVER_UNAVAILABLE:
        codes = ", ".join(str(code) for code in error.causes[1:])
        hint = f" It adds these codes of Windows: {codes}." if codes else ""
        return Explanation(
            f"The proxy does not connect to {at.server}: it is not permitted, not known by that name there,"
            f" or nothing listens on it. The proxy does not say which.{hint}",
            f"Check that '{at.server}' is in {LISTS}; that the proxy's machine resolves the name;"
            " and that the server listens there for ncacn_http.",
        )
    return Explanation(
        f"The proxy ends the channel with RPC error 0x{error.rpc_status or 0:x}.",
        "Look at the logs of the proxy and of the RPC server at this time.",
    )


def _redirected(error: ProxyError, at: Situation) -> Explanation:
    where = f" to {error.location}" if error.location else ""
    return Explanation(
        f"{at.proxy} does not serve RPC but redirects{where}. RPC clients follow no redirection.",
        "Name the RPC proxy itself in RpcProxy=, and let no login page or http-to-https rule catch /rpc/.",
        hopeless=True,
    )


def _bad_request(at: Situation) -> Explanation:
    return Explanation(
        f"{at.proxy} does not understand the request.",
        "The port may be for something else, or a filter in between strikes at the RPC methods.",
        hopeless=True,
    )


def _forbidden(at: Situation) -> Explanation:
    tls = (
        ""
        if at.tls
        else " A Windows proxy does so if the request did not come over TLS: leave --no-tls away."
    )
    return Explanation(
        f"{at.proxy} knows what we want and forbids it.{tls}",
        "Check the rules on addresses and on TLS for the /rpc folder, and the filters in between.",
        hopeless=True,
    )


def _not_found(at: Situation) -> Explanation:
    return Explanation(
        f"{at.proxy} is a web server, but serves nothing at /rpc/rpcproxy.dll.",
        "Check the host in RpcProxy=; install or enable the RPC proxy there; a reverse proxy must pass"
        " /rpc/ on, in any case of letters.",
        hopeless=True,
    )


def _no_method(at: Situation) -> Explanation:
    return Explanation(
        f"{at.proxy} does not know the methods RPC_IN_DATA and RPC_OUT_DATA.",
        "A web server or a reverse proxy stands where the RPC proxy should be; let it pass all methods on.",
        hopeless=True,
    )


def _too_large(at: Situation) -> Explanation:
    return Explanation(
        "A relay in between forbids requests as long as an IN channel announces (1 GiB).",
        "Lift its limit (nginx: client_max_body_size 0; IIS: maxAllowedContentLength, uploadReadAheadSize).",
    )


def _bad_gateway(at: Situation) -> Explanation:
    return Explanation(
        f"{at.proxy} is a relay, and does not get through to the RPC proxy behind it.",
        "Check that the RPC proxy runs and that the relay's settings name its address and TLS rightly.",
        hopeless=True,
    )


def _unavailable(at: Situation) -> Explanation:
    return Explanation(
        f"{at.proxy} is there, but the RPC proxy behind it is not: it is stopped or overloaded.",
        "Start the RPC proxy (IIS: its application pool); a load balancer may have marked it as down.",
        hopeless=True,
    )


def _unknown_status(at: Situation, answer: str) -> Explanation:
    return Explanation(
        f"{at.proxy} answers {answer}.", "Look at the log of the proxy and of what stands in front of it."
    )


_BY_STATUS: Final[dict[int, Callable[[Situation], Explanation]]] = {
    400: _bad_request,
    403: _forbidden,
    404: _not_found,
    405: _no_method,
    411: _too_large,
    413: _too_large,
    501: _no_method,
    502: _bad_gateway,
    503: _unavailable,
    504: _bad_gateway,
}
