"""The verification trailer: what a client repeats under protection.  MS-RPCE 2.2.2.13

It stands behind the stub data of a request's last fragment, 4-aligned. Whether the bytes there are a
trailer can only be guessed: a signature near the end whose commands parse. Anything else is stub data.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rpch.dcerpc.pdus import PduType, SyntaxId
from rpch.errors import DecodeError, RemoteProtocolError
from rpch.wire import Reader

SIGNATURE: Final = bytes.fromhex("8ae3137102f43671")
_SEARCHED: Final = 1024
_LEFTOVER: Final = 16
_ALIGNMENT: Final = 4
_KIND: Final = 0x3FFF
_END: Final = 0x4000
_MUST_PROCESS: Final = 0x8000
_BITMASK, _PCONTEXT, _HEADER2 = 1, 2, 3
_HEADER_SIGNING: Final = 1


class VerificationFailed(RemoteProtocolError):
    """What the client repeated is not what was received.  MS-RPCE 2.2.2.13"""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the verification trailer does not fit: {self.what}"


@dataclass(frozen=True)
class RequestFacts:
    """The facts of a request that its trailer may repeat.  MS-RPCE 2.2.2.13.2 to 2.2.2.13.4"""

    call_id: int
    context_id: int
    opnum: int
    abstract_syntax: SyntaxId
    transfer_syntax: SyntaxId
    header_signing: bool = False
    drep: bytes = b"\x10\0\0\0"

    @property
    def little_endian(self) -> bool:
        """Whether the request's integers are little-endian."""
        return bool(self.drep[0] & 0x10)

    def bodies(self) -> dict[int, bytes]:
        """The body of each command that repeats these facts."""
        little_endian = self.little_endian
        order = "<" if little_endian else ">"
        syntaxes = (self.abstract_syntax, self.transfer_syntax)
        header = (PduType.REQUEST, self.drep, self.call_id, self.context_id, self.opnum)
        return {
            _BITMASK: struct.pack(order + "I", _HEADER_SIGNING if self.header_signing else 0),
            _PCONTEXT: b"".join(syntax.encode(little_endian=little_endian) for syntax in syntaxes),
            _HEADER2: struct.pack(order + "B3x4sIHH", *header),
        }


def verification_trailer(
    facts: RequestFacts, *, bitmask: bool = False, contexts: bool = False, header: bool = False
) -> bytes:
    """The trailer that repeats the chosen facts, to be put behind a stub padded to 4; empty for none."""
    chosen = {_BITMASK: bitmask, _PCONTEXT: contexts, _HEADER2: header}
    commands = [(kind, body) for kind, body in facts.bodies().items() if chosen[kind]]
    out = []
    for at, (kind, body) in enumerate(commands, 1):
        flags = _END if at == len(commands) else 0
        out.append(struct.pack("<HH", kind | flags, len(body)) + body)
    return SIGNATURE + b"".join(out) if out else b""


def checked_stub(stub: bytes, facts: RequestFacts) -> bytes:
    """The stub without its verification trailer; `VerificationFailed` when that tells other facts."""
    found = _find(stub, little_endian=facts.little_endian)
    if found is None:
        return stub
    at, commands = found
    seen: set[int] = set()
    expected = facts.bodies()
    for number, body in commands:
        kind = number & _KIND
        if kind in seen:
            raise VerificationFailed(f"command {kind} comes twice")
        seen.add(kind)
        if kind not in expected:
            if number & _MUST_PROCESS:
                raise VerificationFailed(f"command {kind} must be understood")
        elif kind == _BITMASK:
            _check_bitmask(body, facts)
        elif body != expected[kind]:
            raise VerificationFailed("presentation context" if kind == _PCONTEXT else "header")
    return stub[:at]


def _check_bitmask(body: bytes, facts: RequestFacts) -> None:
    """A client that offered header signing tells so; whoever removed the offer cannot remove this."""
    if len(body) != 4:
        raise VerificationFailed("bitmask")
    bits = int.from_bytes(body, "little" if facts.little_endian else "big")
    if bits & _HEADER_SIGNING and not facts.header_signing:
        raise VerificationFailed("the client offered header signing, no bind said so")


def _find(stub: bytes, *, little_endian: bool) -> tuple[int, list[tuple[int, bytes]]] | None:
    """Where the trailer begins, and its commands."""
    last = (len(stub) - len(SIGNATURE)) // _ALIGNMENT * _ALIGNMENT
    for at in range(last, max(-1, len(stub) - _SEARCHED - 1), -_ALIGNMENT):
        if stub[at : at + len(SIGNATURE)] == SIGNATURE:
            commands = _parse(stub, at + len(SIGNATURE), "<")
            # Nobody says in which order the numbers of a big-endian request travel: try both.
            if commands is None and not little_endian:
                commands = _parse(stub, at + len(SIGNATURE), ">")
            if commands is not None:
                return at, commands
    return None


def _parse(stub: bytes, start: int, order: str) -> list[tuple[int, bytes]] | None:
    """The commands up to the last one; None when these bytes are no trailer."""
    reader = Reader(stub[start:])
    try:
        commands = list(_commands(reader, struct.Struct(order + "HH")))
    except DecodeError:
        return None
    return commands if reader.remaining <= _LEFTOVER else None


def _commands(reader: Reader, head: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Each command with its body, the one marked as the end included."""
    number = 0
    while not number & _END:
        number, size = reader.unpack(head)
        if size % _ALIGNMENT:
            raise DecodeError(f"a command of {size} bytes", at=reader.at)
        yield number, bytes(reader.take(size))
