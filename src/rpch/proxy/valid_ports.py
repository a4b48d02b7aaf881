"""Which servers and ports the proxy may reach: the verbatim syntax of the registry value `ValidPorts`.

    Rosco:593;Rosco:2000-8000;Data*:4000-8000

Names are compared as they are written, in any case, and never resolved: `rosco`, `rosco.corp.example` and
`10.0.0.5` are three names. What is not listed is refused.  Win32 "RPC proxy registry settings"

Two additions: IPv6 addresses in brackets, and `*@corp.example:6001` for any mailbox GUID of a domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
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

SETTING: Final = "ValidPorts"
WIDE_RANGE: Final = 100
_SYNTAX: Final = "host:port or host:low-high, separated by ';'"


class Match(Enum):
    """How the host of an entry is compared."""

    EXACT = auto()
    PREFIX = auto()  # Data*
    MAILBOX = auto()  # *@corp.example


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule: these ports of this host."""

    host: str
    low: int
    high: int
    match: Match = Match.EXACT

    def covers(self, host: str, port: int) -> bool:
        """Whether the rule allows a target; `host` in the form of `fold_host`."""
        if not self.low <= port <= self.high:
            return False
        match self.match:
            case Match.EXACT:
                return host == self.host
            case Match.PREFIX:
                return host.startswith(self.host)
            case Match.MAILBOX:
                return is_mailbox_of(self.host, host)

    def __str__(self) -> str:
        host = {
            Match.EXACT: print_host(self.host),
            Match.PREFIX: f"{self.host}*",
            Match.MAILBOX: f"{ANY_MAILBOX}{self.host}",
        }[self.match]
        return f"{host}:{self.low}" if self.low == self.high else f"{host}:{self.low}-{self.high}"


class ValidPorts:
    """The list of reachable targets; empty, it allows nothing."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = tuple(entries)
        self._exact: dict[str, list[Entry]] = {}
        for entry in self._entries:
            if entry.match is Match.EXACT:
                self._exact.setdefault(entry.host, []).append(entry)
        self._patterns = tuple(entry for entry in self._entries if entry.match is not Match.EXACT)

    @classmethod
    def parse(cls, text: str, *, wildcards: bool = False, setting: str = SETTING) -> ValidPorts:
        """Read the registry's syntax; `ConfigError` says where it is wrong and what to write."""
        return cls(_parse(text, wildcards=wildcards, setting=setting))

    def allows(self, host: str, port: int) -> Entry | None:
        """The rule that allows a target, None when it is refused."""
        folded = fold_host(host)
        for entry in self._exact.get(folded, ()):
            if entry.covers(folded, port):
                return entry
        for entry in self._patterns:
            if entry.covers(folded, port):
                return entry
        return None

    @property
    def warnings(self) -> list[str]:
        """What is dangerous in the list, with the cure."""
        found = []
        for entry in self._entries:
            if entry.match is Match.PREFIX:
                what = f"every host whose name begins with {entry.host!r}" if entry.host else "every host"
                found.append(f"{entry} opens {what}; list each host by its name")
            if entry.high - entry.low >= WIDE_RANGE:
                count = entry.high - entry.low + 1
                found.append(f"{entry} opens {count} ports; list the ports that are served")
        return found

    def __or__(self, other: ValidPorts) -> ValidPorts:
        """Both lists together, as `ValidPorts` and `ValidPorts_AutoConfig_Exchange` are."""
        return ValidPorts(dict.fromkeys((*self._entries, *other._entries)))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __str__(self) -> str:
        return ";".join(map(str, self._entries))

    def __repr__(self) -> str:
        return f"ValidPorts({str(self)!r})"


def _parse(text: str, *, wildcards: bool, setting: str) -> Iterator[Entry]:
    start = 0
    for item in text.split(";"):
        if item.strip():
            at = start + len(item) - len(item.lstrip())
            try:
                yield _parse_entry(item.strip(), wildcards=wildcards)
            except SyntaxProblem as problem:
                raise ConfigError(setting, problem.explain(item.strip(), at=at)) from None
        start += len(item) + 1


def _parse_entry(item: str, *, wildcards: bool) -> Entry:
    host, ports, at = split_port(item, syntax=_SYNTAX)
    low, high = _parse_ports(ports, at=at)
    if host.startswith(ANY_MAILBOX):
        domain = parse_name(host.removeprefix(ANY_MAILBOX), at=len(ANY_MAILBOX), syntax=_SYNTAX)
        return Entry(domain, low, high, Match.MAILBOX)
    if host.endswith("*"):
        if not wildcards:
            cure = "list each host by its name, or allow wildcards"
            raise SyntaxProblem(f"wildcards are not allowed here; {cure}", at=len(host) - 1)
        prefix = host[:-1]
        folded = parse_name(prefix, at=0, syntax=_SYNTAX) if prefix else ""
        return Entry(folded, low, high, Match.PREFIX)
    return Entry(parse_host(host, at=0, syntax=_SYNTAX), low, high)


def _parse_ports(text: str, *, at: int) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low = parse_port(first, at=at, syntax=_SYNTAX)
    if not dash:
        return low, low
    high = parse_port(last, at=at + len(first) + 1, syntax=_SYNTAX)
    if low > high:
        raise SyntaxProblem(f"the range ends before it begins; write {high}-{low}", at=at)
    return low, high
