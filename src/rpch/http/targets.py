"""Where a channel wants to go: the request target and the server named in it.  MS-RPCH 2.2.2

    /rpc/rpcproxy.dll?ex01.corp.example:6001
    /rpcwithcert/rpcproxy.dll?[2001:db8::1]:593
    http://proxy.example/rpc/rpcproxy.dll?2001:db8::1:593
    /rpc/rpcproxy.dll?0cb1c6f2-63e9-4b6c-9d0c-0b0ad4b2d1a4@corp.example:6001

The query is no form: it has no keys, and `+` is a plus. It is percent-decoded once, for those who
encode; we never do. Names are kept as the client wrote them, since rules match them exactly.

The path is judged before authentication, the server only after it: the first request of an NTLM
exchange may come without a query, and a stranger learns nothing about which servers there are.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote
from uuid import UUID

from rpch.errors import LocalProtocolError
from rpch.http.refusals import Rule, refused_by

MAX_NAME: Final = 1023
MAX_PORT: Final = 65535

_ABSOLUTE: Final = re.compile(r"(?i:https?)://(?P<authority>[^/?#]*)(?P<rest>.*)")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH: Final = re.compile(r"(?i)%2f|%5c")
_PORT: Final = re.compile(r"[0-9]{1,6}")
# DNS names, NetBIOS names, and mailboxes (guid@domain); nothing that a log, a list or a shell would split.
_NAME: Final = re.compile(r"[A-Za-z0-9!$&'()@^_{}~.-]+")


class ProxyPath(StrEnum):
    """The two paths an RPC proxy serves.  MS-RPCH 2.2.2"""

    STANDARD = "/rpc/rpcproxy.dll"
    WITH_CERTIFICATE = "/rpcwithcert/rpcproxy.dll"


@dataclass(frozen=True)
class RpcTarget:
    """The RPC server and port that a channel is for.  MS-RPCH 2.2.2"""

    host: str
    port: int

    def __post_init__(self) -> None:
        if not self.host or len(self.host) > MAX_NAME or not 0 < self.port <= MAX_PORT:
            raise LocalProtocolError(f"{self.host[:64]!r} port {self.port} cannot be an RPC server")
        if not _NAME.fullmatch(self.host) and not _is_ipv6(self.host):
            raise LocalProtocolError(f"{self.host[:64]!r} cannot be the name of an RPC server")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def query(self) -> str:
        """As a client writes it: no brackets, nothing encoded."""
        return f"{self.host}:{self.port}"

    @property
    def mailbox(self) -> UUID | None:
        """The mailbox that stands for a server, where one does (`guid@domain`)."""
        guid, at, _domain = self.host.partition("@")
        try:
            return UUID(guid) if at else None
        except ValueError:
            return None


def split_target(target: str) -> tuple[str, str | None]:
    """Path and query of a request target in origin-form or absolute-form.  RFC 9112 3.2

    The query is None where there is no `?`. Both are still as they came.
    """
    if "#" in target:
        raise refused_by(Rule.TARGET_FORM, "a fragment in the request target")
    if absolute := _ABSOLUTE.fullmatch(target):
        if "@" in absolute["authority"] or not absolute["authority"]:
            raise refused_by(Rule.TARGET_FORM, "a user or no host in the request target")
        target = absolute["rest"]
        if not target.startswith("/"):
            target = "/" + target
    if not target.startswith("/"):
        raise refused_by(Rule.TARGET_FORM, "neither a path nor an absolute URL")
    path, mark, query = target.partition("?")
    return path, query if mark else None


def read_proxy_path(target: str) -> tuple[ProxyPath, str | None]:
    """Which of the proxy's paths, and the query still as it came.  MS-RPCH 2.2.2, 3.2.3.3"""
    path, query = split_target(target)
    return _proxy_path(path), query


def read_connect_target(target: str) -> str | None:
    """Where in a v1 request the server is named, still as it came, or None.  MS-RPCH 2.1.1.1

    No document says which form a v1 client uses, so every form that names one is accepted:
    `host:port`, `/host:port`, `/?host:port`, the v2 form, and each of the last three after a URL.
    """
    if not target.startswith("/") and not _ABSOLUTE.fullmatch(target):
        return target
    path, query = split_target(target)
    if query is None and path.lower() not in list(ProxyPath):
        return path[1:] or None
    if path != "/":
        _proxy_path(path)
    return query


def read_server(query: str | None) -> RpcTarget:
    """The server and port of a query, split at its last colon.  MS-RPCH 2.2.2"""
    if not query:
        raise refused_by(Rule.NO_SERVER, "the request target names no server")
    name, colon, port = _decoded(query).rpartition(":")
    if not colon or not name:
        raise refused_by(Rule.NO_SERVER, "the request target does not name a server and a port")
    if not _PORT.fullmatch(port) or not 0 < int(port) <= MAX_PORT:
        raise refused_by(Rule.SERVER_PORT, "the server's port is no number from 1 to 65535")
    if len(name) > MAX_NAME:
        raise refused_by(Rule.SERVER_NAME, f"the server's name is longer than {MAX_NAME}")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
        if not _is_ipv6(name):
            raise refused_by(Rule.SERVER_NAME, "no IPv6 address between the brackets")
    elif not _NAME.fullmatch(name) and not _is_ipv6(name):
        raise refused_by(Rule.SERVER_NAME, "the server's name is neither a name nor an address")
    return RpcTarget(name, int(port))


def _proxy_path(path: str) -> ProxyPath:
    if _ENCODED_SLASH.search(path):  # a front end that routes by path reads another path than we
        raise refused_by(Rule.PATH, "an encoded slash in the path")
    try:
        return ProxyPath(_decoded(path).lower())
    except ValueError:
        raise refused_by(Rule.PATH, "nothing is served on this path") from None


def _decoded(text: str) -> str:
    """`text` percent-decoded once."""
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise refused_by(Rule.TARGET_FORM, "a percent sign without two hexadecimal digits")
    return unquote(text, encoding="latin-1")


def _is_ipv6(text: str) -> bool:
    # No scope: which link the proxy would use is not the client's to choose.
    if ":" not in text or "%" in text:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
