"""Cause and cure where a virtual connection works, but its channels cannot be replaced."""

from __future__ import annotations

from typing import Final

from rpch.client.carriers import NotRenewed
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, ProxyError, RpchError
from rpch.probe.ladder import Explanation
from rpch.probe.situation import Situation

SHORT_LIVED: Final = (
    " Until then connections end when a channel has carried what its Content-Length says, 1 GiB as a rule,"
    " and a draining proxy cannot hand them over."
)


def not_recycled(step: str, error: RpchError, situation: Situation) -> Explanation:
    """A successor was refused, or ignored, or ended the connection.  MS-RPCH 3.2.1.5.3"""
    channel = "IN" if step == "recycle_in" else "OUT"
    if isinstance(error, AuthenticationFailed):
        return Explanation(
            f"{situation.proxy} took our credentials for the first channels, not for a successor: {error}.",
            "Let every node behind that name know the same accounts and schemes." + SHORT_LIVED,
        )
    if isinstance(error, ProxyError):
        return Explanation(_refused(error, situation), _cure_of(error) + SHORT_LIVED)
    if isinstance(error, NotRenewed):
        return Explanation(
            f"The successor of the {channel} channel was not answered: {error}.",
            "A relay on the way may hold its first bytes back, or the server does not know recycling."
            " Turn request buffering off; look at the logs of proxy and server." + SHORT_LIVED,
        )
    return Explanation(
        f"The connection ended when the {channel} channel was to be replaced: {error}.",
        "The proxy or the server does not know recycling (Gromox and OpenChange know part of it), or the"
        " successor reached a proxy that leads to another server: all nodes behind one name must lead to the"
        " same one." + SHORT_LIVED,
    )


def _refused(error: ProxyError, situation: Situation) -> str:
    if error.rpc_status == Status.RPC_S_SERVER_TOO_BUSY:
        return f"{situation.proxy} takes no successor now: {error}."
    return f"{situation.proxy} let the first channels pass, and refuses a successor: {error}."


def _cure_of(error: ProxyError) -> str:
    if error.rpc_status == Status.RPC_S_SERVER_TOO_BUSY:
        return "Try again later: a node may be draining, or be full."
    if error.rpc_status == Status.ACCESS_DENIED:
        return "The successor must be of the same user: let every node know him by the same name."
    return "Look at the proxy's log; every node behind that name must permit the same targets."
