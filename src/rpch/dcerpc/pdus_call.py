"""The PDUs of calls: request, response, fault, cancel, orphaned; and shutdown.  C706 12.6.4.9

The stub bytes of one PDU are everything between its header and its security trailer. On a protected
connection they end with `auth.pad_length` bytes of padding, which are part of what is protected and
are cut off (`unpadded`) only after the protection has been checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self
from uuid import UUID

from rpch.dcerpc.pdus_header import (
    WHOLE,
    Header,
    Layout,
    PduType,
    PfcFlags,
    encode_pdu,
    encode_uuid,
    part,
    read_uuid,
)
from rpch.dcerpc.pdus_trailer import SecTrailer
from rpch.errors import DecodeError

REQUEST_HEADER_SIZE: Final = 24
OBJECT_UUID_SIZE: Final = 16
RESPONSE_HEADER_SIZE: Final = 24
FAULT_SIZE: Final = 32
_REQUEST = Layout("IHH")
_RESPONSE = Layout("IHBB")
_U32 = Layout("I")
_EXTENDED_ERROR_PRESENT: Final = 0x01


def unpadded(stub: bytes, auth: SecTrailer | None) -> bytes:
    """The stub bytes without their authentication padding.  MS-RPCE 2.2.2.11"""
    if auth is None or auth.pad_length == 0:
        return stub
    if auth.pad_length > len(stub):
        raise DecodeError(f"{auth.pad_length} bytes of padding in {len(stub)} bytes of stub", at=24)
    return stub[: -auth.pad_length]


@dataclass(frozen=True)
class Request:
    """Client to server: one fragment of a call.  C706 12.6.4.9"""

    call_id: int
    context_id: int
    opnum: int
    stub: bytes = b""
    alloc_hint: int = 0
    object_uuid: UUID | None = None
    flags: PfcFlags = WHOLE
    auth: SecTrailer | None = None

    def encode(self, *, little_endian: bool = True) -> bytes:
        head = _REQUEST.encode(self.alloc_hint, self.context_id, self.opnum, little_endian=little_endian)
        flags = self.flags & ~PfcFlags.OBJECT_UUID
        if self.object_uuid is not None:
            head += encode_uuid(self.object_uuid, little_endian=little_endian)
            flags |= PfcFlags.OBJECT_UUID
        body = head + self.stub
        return encode_pdu(PduType.REQUEST, flags, self.call_id, body, self.auth, little_endian=little_endian)

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        reader, auth = part(data, header)
        hint, context_id, opnum = _REQUEST.read(reader, little_endian=header.little_endian)
        named = None
        if PfcFlags.OBJECT_UUID in header.flags:
            named = read_uuid(reader, little_endian=header.little_endian)
        flags = header.flags & ~PfcFlags.OBJECT_UUID
        stub = reader.take(reader.remaining)
        return cls(header.call_id, context_id, opnum, stub, hint, named, flags, auth)


@dataclass(frozen=True)
class Response:
    """Server to client: one fragment of a call's results.  C706 12.6.4.10"""

    call_id: int
    context_id: int
    stub: bytes = b""
    alloc_hint: int = 0
    cancel_count: int = 0
    flags: PfcFlags = WHOLE
    auth: SecTrailer | None = None

    def encode(self, *, little_endian: bool = True) -> bytes:
        head = _RESPONSE.encode(
            self.alloc_hint, self.context_id, self.cancel_count, 0, little_endian=little_endian
        )
        body = head + self.stub
        return encode_pdu(
            PduType.RESPONSE, self.flags, self.call_id, body, self.auth, little_endian=little_endian
        )

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        reader, auth = part(data, header)
        fields = _RESPONSE.read(reader, little_endian=header.little_endian)
        hint, context_id, cancels, _reserved = fields
        stub = reader.take(reader.remaining)
        return cls(header.call_id, context_id, stub, hint, cancels, header.flags, auth)


@dataclass(frozen=True)
class Fault:
    """Server to client: the call failed. Always one PDU, never secured.  C706 12.6.4.7, MS-RPCE 2.2.2.8"""

    call_id: int
    status: int
    context_id: int = 0
    flags: PfcFlags = WHOLE
    cancel_count: int = 0
    extended_error: bytes = b""

    @property
    def did_not_execute(self) -> bool:
        """Whether the server says that the operation was never entered."""
        return PfcFlags.DID_NOT_EXECUTE in self.flags

    def encode(self, *, little_endian: bool = True) -> bytes:
        hint = FAULT_SIZE + len(self.extended_error)  # MUST be nonzero; the blob's length is hint - 32
        present = _EXTENDED_ERROR_PRESENT if self.extended_error else 0
        fields = (hint, self.context_id, self.cancel_count, present)
        body = _RESPONSE.encode(*fields, little_endian=little_endian)
        body += _U32.encode(self.status, little_endian=little_endian) + bytes(4) + self.extended_error
        return encode_pdu(PduType.FAULT, self.flags, self.call_id, body, little_endian=little_endian)

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        reader, _not_believed = part(data, header)
        fields = _RESPONSE.read(reader, little_endian=header.little_endian)
        _hint, context_id, cancels, present = fields
        (status,) = _U32.read(reader, little_endian=header.little_endian)
        # Observed: some servers end here, without the reserved word.
        reader.take(min(4, reader.remaining))
        rest = bytes(reader.take(reader.remaining))
        error = rest if present & _EXTENDED_ERROR_PRESENT else b""
        return cls(header.call_id, status, context_id, header.flags, cancels, error)


@dataclass(frozen=True)
class _Bare:
    """A PDU that is a header, perhaps with a security trailer."""

    KIND: ClassVar[PduType]

    call_id: int = 0
    flags: PfcFlags = WHOLE
    auth: SecTrailer | None = None

    def encode(self, *, little_endian: bool = True) -> bytes:
        return encode_pdu(self.KIND, self.flags, self.call_id, b"", self.auth, little_endian=little_endian)

    @classmethod
    def decode_body(cls, data: bytes, header: Header) -> Self:
        """Everything behind a verified header."""
        reader, auth = part(data, header)
        reader.finish()
        return cls(header.call_id, header.flags, auth)


@dataclass(frozen=True)
class Cancel(_Bare):
    """Client to server: please end this call. Never answered.  C706 12.6.4.6"""

    KIND = PduType.CANCEL


@dataclass(frozen=True)
class Orphaned(_Bare):
    """Client to server: nobody waits for this call any more. Never answered.  C706 12.6.4.8"""

    KIND = PduType.ORPHANED


@dataclass(frozen=True)
class Shutdown(_Bare):
    """Server to client: finish your calls, open no new ones.  C706 12.6.4.11"""

    KIND = PduType.SHUTDOWN
