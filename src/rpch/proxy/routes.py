"""Where a target really is, when its name says nothing about it.

    ex01.corp.example:6001=10.0.0.5:6001
    localhost:3388=rdgw.corp.example:3388
    *:6001=127.0.0.1:9999
    *@corp.example:6001=10.0.0.5:6001

Clients of a remote desktop gateway always ask for `localhost:3388`, those of newer mail systems for a mailbox
GUID. The list of valid ports is asked first, with the name as it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from rpch.errors import ConfigError
from rpch.proxy.target_syntax import (
    ANY_MAILBOX,
    SyntaxProblem,
    fold_host,
    is_mailbox_of,
    parse_host,
    parse_name,
    parse_port,
    print_host,
    split_port,
)

_SYNTAX: Final = "name:port=host:port"
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect; `routed` when an administrator wrote it down, and not the client."""

    host: str
    port: int
    routed: bool = False

    def __str__(self) -> str:
        return f"{print_host(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """A target's name and port, and where it is."""

    host: str  # folded; `*`, or `*@domain`
    port: int
    address: Address

    def __str__(self) -> str:
        return f"{print_host(self.host)}:{self.port}={self.address}"


class RouteTable:
    """All routes of a proxy. A target without one is where its name says."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes: dict[tuple[str, int], Route] = {}
        for route in routes:
            key = (route.host, route.port)
            if key in self._routes:
                raise ConfigError("route", f"{self._routes[key]} and {route}: keep one of the two")
            self._routes[key] = route
        self._mailboxes = [r for r in self._routes.values() if r.host.startswith(ANY_MAILBOX)]

    @classmethod
    def parse(cls, options: Iterable[str], *, setting: str = "--route") -> RouteTable:
        """Read routes as the command line gives them, one an option."""
        return cls(_parse_route(option, setting=setting) for option in options)

    def resolve(self, host: str, port: int) -> Address:
        """Where a target is: by its name, else by its domain, else by its port, else as it says."""
        folded = fold_host(host)
        if route := self._routes.get((folded, port)):
            return route.address
        for route in self._mailboxes:
            if route.port == port and is_mailbox_of(route.host.removeprefix(ANY_MAILBOX), folded):
                return route.address
        if route := self._routes.get((_ANY, port)):
            return route.address
        return Address(folded, port)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def __len__(self) -> int:
        return len(self._routes)

    def __repr__(self) -> str:
        return f"RouteTable({', '.join(map(str, self))})"


def _parse_route(option: str, *, setting: str) -> Route:
    target, equals, where = option.partition("=")
    try:
        if not equals:
            raise SyntaxProblem(f"there is no '='; write {_SYNTAX}", at=len(option))
        host, port, at = split_port(target, syntax=_SYNTAX)
        number = parse_port(port, at=at, syntax=_SYNTAX)
        return Route(_parse_target(host), number, _parse_address(where, at=len(target) + 1))
    except SyntaxProblem as problem:
        raise ConfigError(setting, problem.explain(option)) from None


def _parse_target(host: str) -> str:
    if host == _ANY:
        return host
    if host.startswith(ANY_MAILBOX):
        domain = parse_name(host.removeprefix(ANY_MAILBOX), at=len(ANY_MAILBOX), syntax=_SYNTAX)
        return ANY_MAILBOX + domain
    return parse_host(host, at=0, syntax=_SYNTAX)


def _parse_address(text: str, *, at: int) -> Address:
    try:
        host, port, port_at = split_port(text, syntax=_SYNTAX)
        return Address(
            parse_host(host, at=0, syntax=_SYNTAX), parse_port(port, at=port_at, syntax=_SYNTAX), routed=True
        )
    except SyntaxProblem as problem:
        raise SyntaxProblem(problem.what, at=at + problem.at) from None
