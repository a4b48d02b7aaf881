"""String bindings: one line that says where an interface is and how to reach it.  C706 3.1, MS-RPCH 1.9

    [object-uuid@]protocol-sequence:[host][[endpoint][,flag][,name=value]...]

The flags and the lower-case names are Samba's, `RpcProxy`, `HttpProxy` and `HttpConnectionOption`
Microsoft's; any other `name=value` is kept and printed again. A value's `,` `[` `]` and `\\` carry a
backslash in front; a backslash before anything else stands for itself, as Samba writes pipe names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import UUID

from rpch.dcerpc.hostport import BindingError, HostPort, check_host, is_ipv6, is_mailbox, is_port
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import FOREIGN_SEQUENCES, ProtocolSequence
from rpch.dcerpc.statuses import Status

# Samba's flags, in the order in which they are printed.
FLAGS: Final = (
    "sign",
    "seal",
    "connect",
    "packet",
    "spnego",
    "ntlm",
    "krb5",
    "schannel",
    "bigendian",
    "ndr64",
    "print",
    "validate",
    "padcheck",
    "smb1",
    "smb2",
)

_UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_SEQUENCE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_INTERFACE_VERSION = re.compile(r"v([0-9]{1,5})\.([0-9]{1,5})|0x([0-9a-f]{1,8})", re.ASCII | re.IGNORECASE)
_UUID_LENGTH = 36


@dataclass(frozen=True)
class StringBinding:
    """Where an interface is and how to reach it; always well formed.  C706 3.1"""

    protseq: str
    host: str = ""
    endpoint: str | None = None
    object_uuid: UUID | None = None
    flags: frozenset[str] = frozenset()
    target_hostname: str | None = None
    target_principal: str | None = None
    assoc_group_id: int | None = None
    rpc_proxy: HostPort | None = None
    http_proxy: HostPort | None = None
    use_http_proxy: bool = False
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not _SEQUENCE.fullmatch(self.protseq):
            raise _error(
                f"{self.protseq!r} is no protocol sequence; write for example ncacn_http:host",
                Status.RPC_S_INVALID_STRING_BINDING,
            )
        if self.protseq in set(ProtocolSequence):
            by_proxy = self.protseq == ProtocolSequence.NCACN_HTTP and is_mailbox(self.host)
            if self.host and not by_proxy:
                check_host(self.host, Status.RPC_S_INVALID_NET_ADDR)
            if self.endpoint is not None and not is_port(self.endpoint):
                raise _error(
                    f"the endpoint {self.endpoint!r} is no port from 1 to 65535",
                    Status.RPC_S_INVALID_ENDPOINT_FORMAT,
                )
        if unknown := self.flags - set(FLAGS):
            raise _error(f"unknown flag {min(unknown)!r}", Status.RPC_S_INVALID_NETWORK_OPTIONS)
        if self.assoc_group_id is not None and not 0 <= self.assoc_group_id <= 0xFFFFFFFF:
            raise _error("assoc_group_id has more than 32 bits", Status.RPC_S_INVALID_NETWORK_OPTIONS)

    @property
    def transport(self) -> ProtocolSequence:
        """The protocol sequence, if it is one that is spoken here."""
        if self.protseq in set(ProtocolSequence):
            return ProtocolSequence(self.protseq)
        known = ", ".join(ProtocolSequence)
        if self.protseq in FOREIGN_SEQUENCES:
            raise _error(f"{self.protseq} is not supported, only {known}", Status.RPC_S_PROTSEQ_NOT_SUPPORTED)
        raise _error(
            f"{self.protseq!r} is no protocol sequence; known are {known}", Status.RPC_S_INVALID_RPC_PROTSEQ
        )

    @property
    def port(self) -> int | None:
        """The endpoint of TCP and HTTP as a number; None means asking the endpoint mapper."""
        return None if self.endpoint is None or not is_port(self.endpoint) else int(self.endpoint)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one string binding; `BindingError` says what is wrong with it."""
        front, bracket, inside = text.partition("[")
        if bracket and not inside.endswith("]"):
            raise _error("it ends inside its [ ]", Status.RPC_S_INVALID_STRING_BINDING)
        if not bracket and "]" in front:
            raise _error("it has a ] without a [", Status.RPC_S_INVALID_STRING_BINDING)
        settings = _Settings(_split_front(front))
        for position, word in enumerate(_words(inside[:-1])):
            settings.add(word, first=position == 0)
        return cls(**settings.finished())

    def __str__(self) -> str:
        words = [_escape(self.endpoint or ""), *(flag for flag in FLAGS if flag in self.flags)]
        words += [f"{name}={_escape(value)}" for name, value in self._named() if value is not None]
        front = f"{self.object_uuid}@" if self.object_uuid is not None else ""
        brackets = f"[{','.join(words)}]" if words != [""] else ""
        return f"{front}{self.protseq}:{self.host}{brackets}"

    def _named(self) -> tuple[tuple[str, str | None], ...]:
        """Every `name=value` in the order in which it is printed."""
        group = self.assoc_group_id
        return (
            ("target_hostname", self.target_hostname),
            ("target_principal", self.target_principal),
            ("assoc_group_id", None if group is None else f"0x{group:08x}"),
            ("HttpProxy", None if self.http_proxy is None else str(self.http_proxy)),
            ("RpcProxy", None if self.rpc_proxy is None else str(self.rpc_proxy)),
            ("HttpConnectionOption", "UseHttpProxy" if self.use_http_proxy else None),
            *self.options,
        )


def parse_interface(text: str) -> SyntaxId:
    """Read `uuid/vMAJOR.MINOR`, or Samba's `uuid/0xMMMMmmmm` with the minor number in front.  C706 3.1"""
    uuid, _, version = text.partition("/")
    if (parts := _INTERFACE_VERSION.fullmatch(version)) is None:
        raise _error(f"{text!r} is no interface; write uuid/v1.0", Status.RPC_S_INVALID_STRING_BINDING)
    if (word := parts[3]) is not None:
        major, minor = int(word, 16) & 0xFFFF, int(word, 16) >> 16
    else:
        major, minor = int(parts[1]), int(parts[2])
    if max(major, minor) > 0xFFFF:
        raise _error(f"version {version} does not fit in 16 bits", Status.RPC_S_INVALID_STRING_BINDING)
    return SyntaxId(_parse_uuid(uuid), major, minor)


def _error(problem: str, code: Status) -> BindingError:
    return BindingError(problem, code=code)


def _parse_uuid(text: str) -> UUID:
    if not _UUID_TEXT.fullmatch(text):
        raise _error(f"{text!r} is no UUID", Status.RPC_S_INVALID_STRING_UUID)
    return UUID(text)


def _parse_object(text: str) -> UUID | None:
    """The object of a binding; the nil UUID means none."""
    braced = text.startswith("{") and text.endswith("}")
    uuid = _parse_uuid(text[1:-1] if braced else text)
    return uuid if uuid.int else None


def _parse_group(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError as error:
        raise _error(f"assoc_group_id {text!r} is no number", Status.RPC_S_INVALID_NETWORK_OPTIONS) from error


def _parse_connection_option(text: str) -> bool:
    if text.lower() != "usehttpproxy":
        raise _error(
            f"HttpConnectionOption can only be UseHttpProxy, not {text!r}",
            Status.RPC_S_INVALID_NETWORK_OPTIONS,
        )
    return True


# What each `name=` sets and how its value is read.
_OPTIONS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "endpoint": ("endpoint", str),
    "host": ("host", str),
    "transport": ("protseq", str.lower),
    "object": ("object_uuid", _parse_object),
    "target_hostname": ("target_hostname", str),
    "target_principal": ("target_principal", str),
    "assoc_group_id": ("assoc_group_id", _parse_group),
    "httpproxy": ("http_proxy", HostPort.parse),
    "rpcproxy": ("rpc_proxy", HostPort.parse),
    "httpconnectionoption": ("use_http_proxy", _parse_connection_option),
}


class _Settings:
    """The fields of a binding while its options are read."""

    def __init__(self, front: dict[str, Any]) -> None:
        self._fields = {name: value for name, value in front.items() if value or name == "protseq"}
        self._flags: set[str] = set()
        self._others: list[tuple[str, str]] = []

    def add(self, word: str, *, first: bool) -> None:
        """Take one word between commas."""
        name, equals, value = word.partition("=")
        lowered, value = name.strip().lower(), _unescape(value)
        if not equals and lowered in FLAGS:
            self._flags.add(lowered)
        elif not equals and first:
            self._set("endpoint", _unescape(name), "the endpoint")
        elif not equals or not lowered:
            raise _error(f"unknown option {word!r}", Status.RPC_S_INVALID_NETWORK_OPTIONS)
        elif lowered in _OPTIONS:
            target, parse = _OPTIONS[lowered]
            self._set(target, parse(value), name)
        else:
            self._others.append((name.strip(), value))

    def _set(self, target: str, value: object, name: str) -> None:
        """Set one field; saying it twice is fine as long as both agree."""
        if value in ("", None):
            return
        if self._fields.setdefault(target, value) != value:
            raise _error(
                f"{name} is given twice, with different values", Status.RPC_S_INVALID_NETWORK_OPTIONS
            )

    def finished(self) -> dict[str, Any]:
        """All fields; a target name that is the host says nothing and goes."""
        fields = {**self._fields, "flags": frozenset(self._flags), "options": tuple(self._others)}
        if str(fields.get("target_hostname", "")).lower() == fields.get("host", "").lower():
            fields.pop("target_hostname", None)
        return fields


def _split_front(front: str) -> dict[str, Any]:
    """Object, protocol sequence and host: what stands before the bracket."""
    object_uuid = None
    if front[_UUID_LENGTH : _UUID_LENGTH + 1] == "@":
        object_uuid, front = _parse_object(front[:_UUID_LENGTH]), front[_UUID_LENGTH + 1 :]
    sequence, colon, host = front.partition(":")
    if "@" in sequence:
        raise _error(f"{sequence.partition('@')[0]!r} is no UUID", Status.RPC_S_INVALID_STRING_UUID)
    if not colon or is_ipv6(front):
        raise _error(
            f"it names no protocol sequence; write for example ncacn_http:{front}",
            Status.RPC_S_INVALID_STRING_BINDING,
        )
    return {"protseq": sequence.lower(), "host": host, "object_uuid": object_uuid}


def _words(inside: str) -> list[str]:
    """Part the options at commas without a backslash; brackets must have one."""
    words, start, escaped = [], 0, False
    for at, sign in enumerate(inside):
        if escaped or sign not in ",[]":
            escaped = sign == "\\" and not escaped
            continue
        if sign != ",":
            raise _error(
                f"write \\{sign} inside the [ ]; an IPv6 host stands without brackets",
                Status.RPC_S_INVALID_STRING_BINDING,
            )
        words.append(inside[start:at])
        start = at + 1
    if escaped:
        raise _error("its last ] has a backslash in front", Status.RPC_S_INVALID_STRING_BINDING)
    return [*words, inside[start:]] if inside else []


def _unescape(text: str) -> str:
    return re.sub(r"\\([,\[\]\\])", r"\1", text)


def _escape(text: str) -> str:
    return re.sub(r"([,\[\]\\])", r"\\\1", text)
