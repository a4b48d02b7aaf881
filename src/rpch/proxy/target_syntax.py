"""Hosts and ports as administrators write them, for every list of targets.

Messages say what is wrong, at which character, and what to write instead.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

ANY_MAILBOX: Final = "*@"  # before a domain: any mailbox GUID of it
_LONGEST_NAME: Final = 1023  # MS-RPCH 2.2.2
_NAME: Final = re.compile(r"[A-Za-z0-9._@$~!&'(){}#%^-]*")
_PORT: Final = re.compile(r"[0-9]{1,6}")
_GUID: Final = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?")


class SyntaxProblem(Exception):
    """What is wrong in one item of a list, and where in it."""

    def __init__(self, what: str, *, at: int) -> None:
        super().__init__(what)
        self.what, self.at = what, at

    def explain(self, item: str, *, at: int = 0) -> str:
        """The sentence for a person; `at` is where the item stands in the whole text."""
        return f"at character {at + self.at + 1}, in {item!r}: {self.what}"


def fold_host(host: str) -> str:
    """The form in which hosts are compared: ASCII lower case, IPv6 in its one spelling."""
    folded = host.lower() if host.isascii() else host
    if ":" not in folded:
        return folded
    try:
        return str(IPv6Address(folded.removeprefix("[").removesuffix("]")))
    except AddressValueError:
        return folded


def print_host(host: str) -> str:
    """A host as it stands before a colon and a port."""
    return f"[{host}]" if ":" in host else host


def is_mailbox_of(domain: str, host: str) -> bool:
    """Whether a folded host is `GUID@domain`, as clients of newer mail systems ask for.  MS-OXDSCLI 2.2.4"""
    guid, _, of_domain = host.partition("@")
    return of_domain == domain and _GUID.fullmatch(guid) is not None


def split_port(item: str, *, syntax: str) -> tuple[str, str, int]:
    """Cut an item at its last colon: the host, the port, and where the port begins."""
    host, colon, port = item.rpartition(":")
    if not colon or host.startswith("[") != host.endswith("]"):
        raise SyntaxProblem(f"there is no port; write {syntax}", at=len(item))
    return host, port, len(host) + 1


def parse_host(host: str, *, at: int, syntax: str) -> str:
    """A name, an IPv4 address or an IPv6 address in brackets, folded."""
    if not host.startswith("["):
        return parse_name(host, at=at, syntax=syntax)
    try:
        return str(IPv6Address(host[1:-1]))
    except AddressValueError as error:
        raise SyntaxProblem(f"no IPv6 address ({error}); write [2001:db8::1]:593", at=at + 1) from None


def parse_name(name: str, *, at: int, syntax: str) -> str:
    """A name or an IPv4 address, folded."""
    if not name:
        raise SyntaxProblem(f"there is no host; write {syntax}", at=at)
    if len(name) > _LONGEST_NAME:
        raise SyntaxProblem(f"the host is longer than {_LONGEST_NAME} characters", at=at + _LONGEST_NAME)
    found = _NAME.match(name)
    end = found.end() if found else 0
    if end == len(name):
        return fold_host(name)
    cure = {
        ":": "put an IPv6 address in brackets: [2001:db8::1]:593",
        "*": "'*' may stand at the end of a name only",
    }.get(name[end], "no host has it; write an ASCII name, an IPv4 or a bracketed IPv6 address")
    raise SyntaxProblem(f"{name[end]!r}: {cure}", at=at + end)


def parse_port(text: str, *, at: int, syntax: str) -> int:
    """A port number."""
    if not _PORT.fullmatch(text):
        raise SyntaxProblem(f"{text!r} is no port number; write {syntax}", at=at)
    port = int(text)
    if not 1 <= port <= 65535:
        raise SyntaxProblem(f"port {port} does not exist; ports are 1 to 65535", at=at)
    return port
