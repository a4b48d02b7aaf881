"""Hosts and ports as string bindings write them, and what may be wrong with them.  MS-RPCH 1.9"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from rpch.dcerpc.statuses import Status
from rpch.errors import ConfigError

_NAME = re.compile(r"[^\s\x00-\x1f\x7f/\\@\[\],:=?#\"]{1,1023}")
_MAILBOX = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@(?P<domain>.+)", re.ASCII | re.IGNORECASE)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


class BindingError(ConfigError):
    """A string binding is wrong; `code` is what Windows would answer."""

    def __init__(self, problem: str, *, code: Status) -> None:
        super().__init__("string binding", problem)
        self.code = code


@dataclass(frozen=True)
class HostPort:
    """An HTTP or RPC proxy: a host and, perhaps, its port.  MS-RPCH 1.9"""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address."""
        host, colon, port = text, "", ""
        if text.startswith("["):
            host, bracket, rest = text[1:].partition("]")
            colon, port = rest[:1], rest[1:]
            if not bracket or colon not in ("", ":") or ":" not in host:
                raise BindingError(f"{text!r} is no host and port", code=Status.RPC_S_INVALID_NETWORK_OPTIONS)
        elif text.count(":") == 1:
            host, colon, port = text.partition(":")
        check_host(host, Status.RPC_S_INVALID_NETWORK_OPTIONS)
        if colon and not is_port(port):
            raise BindingError(
                f"{port!r} is no port from 1 to 65535", code=Status.RPC_S_INVALID_NETWORK_OPTIONS
            )
        return cls(host, int(port) if colon else None)


def check_host(host: str, code: Status) -> None:
    """`BindingError` unless it is a name, an IPv4 or an IPv6 address; a last label of digits means IPv4."""
    if ":" in host:
        good = is_ipv6(host)
    elif host.rpartition(".")[2].isdecimal():
        good = _is_ipv4(host)
    else:
        good = _NAME.fullmatch(host) is not None
    if not good:
        raise BindingError(f"{host!r} is neither a name nor an address", code=code)


def is_mailbox(text: str) -> bool:
    """Whether it is `GUID@domain`: a server's name to RPC proxies, and to nobody else.  MS-OXDSCLI 2.2.4"""
    found = _MAILBOX.fullmatch(text)
    return found is not None and _NAME.fullmatch(found["domain"]) is not None


def is_port(text: str) -> bool:
    """Whether it is a decimal number from 1 to 65535."""
    return _PORT.fullmatch(text) is not None and 1 <= int(text) <= 0xFFFF


def is_ipv6(text: str) -> bool:
    """Whether it is an IPv6 address, perhaps with a scope."""
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
