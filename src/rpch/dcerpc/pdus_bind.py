"""The PDUs that set up a connection: bind, alter_context, their answers, and auth3.  C706 12.6.4.3

None of them is ever fragmented. Bytes between the body and the security trailer that nothing
declares are kept as `filler`: receivers ignore them, and keeping them makes both directions exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self
from uuid import UUID

from rpch.dcerpc.pdus_header import (
    HEADER_SIZE,
    NO_SYNTAX,
    WHOLE,
    Header,
    Layout,
    PduType,
    PfcFlags,
    SyntaxId,
    encode_pdu,
    encode_uuid,
    part,
)
from rpch.dcerpc.pdus_trailer import SecTrailer
from rpch.wire import Reader

LARGEST_FRAGMENT: Final = 5840
_NEGOTIATED = Layout("HHI")
_ELEMENT = Layout("HBB")
_RESULT = Layout("HH")
_U16 = Layout("H")
_PAIR = Layout("BB")

# What follows the versions in a bind_nak that carries extended error information (MS-RPCE 2.2.2.9).
EXTENDED_ERROR_SIGNATURE: Final = UUID("90740320-fad0-11d3-82d7-009027b130ab")


class ContextOutcome(IntEnum):
    """What became of one offered presentation context.  C706 12.6.3.1"""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    PROVIDER_REJECTION = 2
    NEGOTIATE_ACK = 3


class ProviderReason(IntEnum):
    """Why a presentation context was rejected.  C706 12.6.3.1"""

    NOT_SPECIFIED = 0
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 1
    PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED = 2
    LOCAL_LIMIT_EXCEEDED = 3


class RejectReason(IntEnum):
    """Why a bind was refused.  C706 12.6.4.5, MS-RPCE 2.2.2.5"""

    NOT_SPECIFIED = 0
    TEMPORARY_CONGESTION = 1
    LOCAL_LIMIT_EXCEEDED = 2
    PROTOCOL_VERSION_NOT_SUPPORTED = 4  # in MS-RPCE: any protocol error in a bind
    AUTHENTICATION_TYPE_NOT_RECOGNIZED = 8
    INVALID_CHECKSUM = 9  # any failure of the security package


@dataclass(frozen=True)
class ContextElement:
    """One offer: an interface, the id it shall have, and transfer syntaxes to choose from.  C706 12.6.3.1"""

    context_id: int
    abstract_syntax: SyntaxId
    transfer_syntaxes: tuple[SyntaxId, ...]

    def encode(self, *, little_endian: bool) -> bytes:
        head = _ELEMENT.encode(self.context_id, len(self.transfer_syntaxes), 0, little_endian=little_endian)
        syntaxes = (self.abstract_syntax, *self.transfer_syntaxes)
        return head + b"".join(syntax.encode(little_endian=little_endian) for syntax in syntaxes)

    @classmethod
    def read(cls, reader: Reader, *, little_endian: bool) -> Self:
        context_id, count, _reserved = _ELEMENT.read(reader, little_endian=little_endian)
        abstract = SyntaxId.read(reader, little_endian=little_endian)
        offered = tuple(SyntaxId.read(reader, little_endian=little_endian) for _ in range(count))
        return cls(context_id, abstract, offered)


@dataclass(frozen=True)
class ContextResult:
    """The answer to one `ContextElement`.  C706 12.6.3.1"""

    result: int
    reason: int = 0
    transfer_syntax: SyntaxId = NO_SYNTAX

    def encode(self, *, little_endian: bool) -> bytes:
        head = _RESULT.encode(self.result, self.reason, little_endian=little_endian)
        return head + self.transfer_syntax.encode(little_endian=little_endian)

    @classmethod
    def read(cls, reader: Reader, *, little_endian: bool) -> Self:
        result, reason = _RESULT.read(reader, little_endian=little_endian)
        return cls(result, reason, SyntaxId.read(reader, little_endian=little_endian))


@dataclass(frozen=True)
class _Offer:
    """The layout that bind and alter_context share.  C706 12.6.4.3"""

    call_id: int
    contexts: tuple[ContextElement, ...]
    max_xmit_frag: int = LARGEST_FRAGMENT
    max_recv_frag: int = LARGEST_FRAGMENT
    assoc_group_id: int = 0
    flags: PfcFlags = WHOLE
    auth: SecTrailer | None = None
    filler: bytes = b""

    def _encode(self, kind: PduType, *, little_endian: bool) -> bytes:
        sizes = (self.max_xmit_frag, self.max_recv_frag, self.assoc_group_id)
        body = [
            _NEGOTIATED.encode(*sizes, little_endian=little_endian),
            bytes((len(self.contexts), 0, 0, 0)),
            *(context.encode(little_endian=little_endian) for context in self.contexts),
            self.filler,
        ]
        return encode_pdu(
            kind, self.flags, self.call_id, b"".join(body), self.auth, little_endian=little_endian
        )

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        little_endian = header.little_endian
        reader, auth = part(data, header)
        xmit, recv, group = _NEGOTIATED.read(reader, little_endian=little_endian)
        (count,) = reader.take(1)
        # Observed: a list of no contexts may end here, without the reserved bytes.
        reader.take(3 if count else min(3, reader.remaining))
        contexts = tuple(ContextElement.read(reader, little_endian=little_endian) for _ in range(count))
        filler = reader.take(reader.remaining)
        return cls(header.call_id, contexts, xmit, recv, group, header.flags, auth, filler)


@dataclass(frozen=True)
class Bind(_Offer):
    """Client to server: open the connection.  C706 12.6.4.3"""

    def encode(self, *, little_endian: bool = True) -> bytes:
        return self._encode(PduType.BIND, little_endian=little_endian)


@dataclass(frozen=True)
class AlterContext(_Offer):
    """Client to server: more presentation contexts, or a leg of authentication.  C706 12.6.4.1"""

    def encode(self, *, little_endian: bool = True) -> bytes:
        return self._encode(PduType.ALTER_CONTEXT, little_endian=little_endian)


@dataclass(frozen=True)
class _Answer:
    """The layout that bind_ack and alter_context_resp share.  C706 12.6.4.4

    A finished mechanism may answer with an empty token: auth_length is 0, yet the eight bytes of
    the trailer are there (MS-RPCE 3.3.1.5.2).
    """

    call_id: int
    results: tuple[ContextResult, ...]
    max_xmit_frag: int = LARGEST_FRAGMENT
    max_recv_frag: int = LARGEST_FRAGMENT
    assoc_group_id: int = 0
    secondary_address: str = ""
    flags: PfcFlags = WHOLE
    auth: SecTrailer | None = None
    filler: bytes = b""

    def _encode(self, kind: PduType, *, little_endian: bool) -> bytes:
        sizes = (self.max_xmit_frag, self.max_recv_frag, self.assoc_group_id)
        address = self.secondary_address.encode("latin-1") + b"\0" if self.secondary_address else b""
        named = _U16.encode(len(address), little_endian=little_endian) + address
        body = [
            _NEGOTIATED.encode(*sizes, little_endian=little_endian),
            named,
            bytes(-(HEADER_SIZE + _NEGOTIATED.size + len(named)) % 4),
            bytes((len(self.results), 0, 0, 0)),
            *(result.encode(little_endian=little_endian) for result in self.results),
            self.filler,
        ]
        return encode_pdu(
            kind, self.flags, self.call_id, b"".join(body), self.auth, little_endian=little_endian
        )

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        little_endian = header.little_endian
        reader, auth = part(data, header)
        xmit, recv, group = _NEGOTIATED.read(reader, little_endian=little_endian)
        (size,) = _U16.read(reader, little_endian=little_endian)
        address = bytes(reader.take(size)).removesuffix(b"\0").decode("latin-1")
        reader.take(-reader.at % 4)
        count, *_reserved = reader.take(4)
        results = tuple(ContextResult.read(reader, little_endian=little_endian) for _ in range(count))
        filler = reader.take(reader.remaining)
        if auth is None and len(filler) == SecTrailer.SIZE:
            auth, filler = SecTrailer.decode(filler, little_endian=little_endian), b""
        return cls(header.call_id, results, xmit, recv, group, address, header.flags, auth, filler)


@dataclass(frozen=True)
class BindAck(_Answer):
    """Server to client: the connection is open.  C706 12.6.4.4"""

    def encode(self, *, little_endian: bool = True) -> bytes:
        return self._encode(PduType.BIND_ACK, little_endian=little_endian)


@dataclass(frozen=True)
class AlterContextResp(_Answer):
    """Server to client: what became of an alter_context.  C706 12.6.4.2"""

    def encode(self, *, little_endian: bool = True) -> bytes:
        return self._encode(PduType.ALTER_CONTEXT_RESP, little_endian=little_endian)


@dataclass(frozen=True)
class BindNak:
    """Server to client: no connection.  C706 12.6.4.5, MS-RPCE 2.2.2.9"""

    call_id: int
    reason: int
    versions: tuple[tuple[int, int], ...] = ((5, 0),)
    extended_error: bytes = b""
    flags: PfcFlags = WHOLE

    def encode(self, *, little_endian: bool = True) -> bytes:
        body = _U16.encode(self.reason, little_endian=little_endian) + bytes((len(self.versions),))
        body += b"".join(bytes(version) for version in self.versions)
        body += bytes(-len(body) % 4)
        if self.extended_error:
            signature = encode_uuid(EXTENDED_ERROR_SIGNATURE, little_endian=little_endian)
            body += signature + self.extended_error
        return encode_pdu(PduType.BIND_NAK, self.flags, self.call_id, body, little_endian=little_endian)

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        reader, _never_secured = part(data, header)
        (reason,) = _U16.read(reader, little_endian=header.little_endian)
        versions: tuple[tuple[int, int], ...] = ()
        # Observed: old servers end here, without the list of versions.
        if reader.remaining:
            count = reader.take(1)[0]
            pairs = (_PAIR.read(reader, little_endian=True) for _ in range(count))
            versions = tuple((major, minor) for major, minor in pairs)
        error = _extended_error(reader, little_endian=header.little_endian)
        return cls(header.call_id, reason, versions, error, header.flags)


def _extended_error(reader: Reader, *, little_endian: bool) -> bytes:
    """The blob behind the signature, which writers align to 4 or do not.  MS-RPCE 2.2.2.9"""
    gap = -reader.at % 4
    rest = bytes(reader.take(reader.remaining))
    signature = encode_uuid(EXTENDED_ERROR_SIGNATURE, little_endian=little_endian)
    for start in (gap, 0):
        if rest[start : start + len(signature)] == signature:
            return rest[start + len(signature) :]
    return b""


@dataclass(frozen=True)
class Auth3:
    """Client to server: the last leg of authentication, never answered.  MS-RPCE 2.2.2.10"""

    call_id: int
    auth: SecTrailer | None
    flags: PfcFlags = WHOLE
    pad: bytes = bytes(4)
    filler: bytes = b""

    def encode(self, *, little_endian: bool = True) -> bytes:
        body = self.pad + self.filler
        return encode_pdu(
            PduType.AUTH3, self.flags, self.call_id, body, self.auth, little_endian=little_endian
        )

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        reader, auth = part(data, header)
        pad = bytes(reader.take(4))
        return cls(header.call_id, auth, header.flags, pad, reader.take(reader.remaining))
