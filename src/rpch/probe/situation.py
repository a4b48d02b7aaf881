"""What an explanation may name: who is where, and who we are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from rpch.auth.schemes import Scheme
from rpch.probe.target import PingTarget


@dataclass(frozen=True)
class Situation:
    """The names of everything on the way, as a person would write them, and what is known already.

    `dialled` is the name that is resolved, `hop` that with its port; `proxy` is the RPC proxy, if there is
    one, and `server` the RPC server behind it; `user` is who we are to the one, by `scheme`, and `caller`
    to the other.
    `channels_pass` says that a virtual connection to another port has opened on the same way.
    """

    dialled: str
    hop: str
    server: str
    proxy: str = ""
    tls: bool = False
    user: str | None = None
    scheme: Scheme | None = None
    caller: str | None = None
    channels_pass: bool = False

    @classmethod
    def of(cls, target: PingTarget, server_port: int, *, channels_pass: bool = False) -> Self:
        """The names on the way to one port of a target."""
        host, port = target.hop
        hop, access = _joined(host, port), target.access
        server = str(target.rpc_target(server_port))
        caller = target.caller.who if target.caller else None
        if access is None:
            return cls(host, hop, server, caller=caller)
        known = access.credentials
        return cls(
            host,
            hop,
            server,
            str(access),
            tls=access.tls is not None,
            user=known.user if known else None,
            scheme=(known.scheme or access.learned.scheme) if known else None,
            caller=caller,
            channels_pass=channels_pass,
        )


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
