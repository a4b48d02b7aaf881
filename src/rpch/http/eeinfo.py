"""Extended error information: why a call or a connection failed, at each place it passed.  MS-EERR 2.2

A blob holds a chain of records, from the last place to the first cause. It is marshalled by type
serialization version 1 (MS-RPCE 2.2.6), as a pointer to the first record:

    common header      version 1, little-endian, 8 bytes, filler
    private header     bytes that follow, a multiple of 8; filler
    referent id        of the first record
    a record           the number of parameters, then on an 8-byte boundary its fields, and then what
                       its pointers name, in this order: the next record, the computer name, the
                       parameters' texts

Texts count their terminating NUL. Whoever decodes must give up at the first violation, and goes on
without the information.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from rpch.errors import DecodeError, LocalProtocolError
from rpch.wire import Reader

MAX_RECORDS: Final = 16
MAX_PARAMETERS: Final = 4
MAX_TEXT: Final = 0x7FFF

RPC_PROXY: Final = 0x0E
"""The generating component of an RPC proxy that could not connect.  MS-EERR 2.2.3"""
SERVER_CONNECT_FAILED: Final = 0x5A0
"""The detection location of an RPC proxy that could not connect.  MS-EERR 2.2.3"""

RECORDS_MISSING_AFTER: Final = 0x2
"""Flag: records after this one were left out.  MS-EERR 2.2.1.8"""

_COMMON_HEADER: Final = bytes.fromhex("01 10 0800 cccccccc")  # version 1, little-endian, 8 bytes, filler
_PRIVATE_HEADER: Final = struct.Struct("<I4x")
_FIRST_REFERENT: Final = 0x0002_0000
_NAME_PRESENT: Final = 1
_NAME_NOT_PRESENT: Final = 2

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_LONG: Final = struct.Struct("<i")
_SHORT: Final = struct.Struct("<h")
_INT64: Final = struct.Struct("<q")
_TAGS: Final = struct.Struct("<HH")
_COUNTED: Final = struct.Struct("<H2xI")


class ParameterKind(IntEnum):
    """What a parameter of a record is.  MS-EERR 2.2.1.4"""

    ANSI = 1
    UNICODE = 2
    LONG = 3
    SHORT = 4
    INT64 = 5
    NONE = 6
    BINARY = 7


@dataclass(frozen=True)
class ErrorParameter:
    """One more detail of a record: a text, a number, bytes, or nothing.  MS-EERR 2.2.1.5"""

    kind: ParameterKind
    value: str | int | bytes | None = None


@dataclass(frozen=True)
class ErrorRecord:
    """What went wrong at one place on the way.  MS-EERR 2.2.1.8

    `timestamp` counts 100 ns since 1601. Without a `computer_name` the place is the sender itself.
    """

    generating_component: int
    status: int
    detection_location: int
    process_id: int
    timestamp: int
    computer_name: str | None = None
    flags: int = 0
    parameters: tuple[ErrorParameter, ...] = ()


def encode_eeinfo(records: Sequence[ErrorRecord]) -> bytes:
    """The blob that carries `records`, the last place first.  MS-EERR 2.2.2.1"""
    if not 1 <= len(records) <= MAX_RECORDS:
        raise LocalProtocolError(f"{len(records)} records of extended error information")
    writer = _Writer()
    writer.pointer()
    try:
        _write_records(writer, records)
    except (struct.error, UnicodeEncodeError) as error:
        raise LocalProtocolError("a record of extended error information is out of range") from error
    writer.align(8)
    return _COMMON_HEADER + _PRIVATE_HEADER.pack(len(writer.data)) + bytes(writer.data)


def decode_eeinfo(data: bytes) -> tuple[ErrorRecord, ...]:
    """The records of a blob, the last place first; `DecodeError` at any violation.  MS-EERR 2.2.2.2"""
    reader = Reader(data)
    if reader.take(len(_COMMON_HEADER))[:4] != _COMMON_HEADER[:4]:
        raise DecodeError("no type serialization of version 1, little-endian", at=0)
    (size,) = reader.unpack(_PRIVATE_HEADER)
    if size % 8 or size != reader.remaining:
        raise DecodeError(f"the object claims {size} bytes, {reader.remaining} follow", at=8)
    body = _Body(reader.take(size))
    if not body.u32():
        raise DecodeError("no record", at=0)
    records = _read_records(body, MAX_RECORDS)
    if body.reader.remaining >= 8:
        raise DecodeError(f"{body.reader.remaining} bytes left over", at=body.reader.at)
    return records


def _write_records(writer: _Writer, records: Sequence[ErrorRecord]) -> None:
    record, later = records[0], records[1:]
    if len(record.parameters) > MAX_PARAMETERS:
        raise LocalProtocolError(f"{len(record.parameters)} parameters in one record")
    texts: list[tuple[bytes, int]] = []
    writer.align(4)
    writer.pack(_U32, len(record.parameters))
    writer.align(8)
    if later:
        writer.pointer()
    else:
        writer.pack(_U32, 0)
    if record.computer_name is None:
        writer.pack(_TAGS, _NAME_NOT_PRESENT, _NAME_NOT_PRESENT)
    else:
        writer.pack(_TAGS, _NAME_PRESENT, _NAME_PRESENT)
        writer.counted(_wide(record.computer_name), 2, texts)
    writer.pack(_U32, record.process_id)
    writer.align(8)
    writer.pack(_U64, record.timestamp)
    writer.pack(_U32, record.generating_component)
    writer.pack(_U32, record.status)
    writer.pack(_U16, record.detection_location)
    writer.pack(_U16, record.flags)
    writer.pack(_U16, len(record.parameters))
    for parameter in record.parameters:
        _write_parameter(writer, parameter, texts)
    if later:
        _write_records(writer, later)
    for text, unit in texts:
        writer.align(4)
        writer.pack(_U32, len(text) // unit)
        writer.data += text


def _write_parameter(writer: _Writer, parameter: ErrorParameter, texts: list[tuple[bytes, int]]) -> None:
    writer.align(8)
    writer.pack(_TAGS, parameter.kind, parameter.kind)
    match parameter:
        case ErrorParameter(ParameterKind.ANSI, str(text)):
            writer.counted(text.encode("latin-1") + b"\0", 1, texts)
        case ErrorParameter(ParameterKind.UNICODE, str(text)):
            writer.counted(_wide(text), 2, texts)
        case ErrorParameter(ParameterKind.BINARY, bytes(blob)):
            writer.counted(blob, 1, texts)
        case ErrorParameter(ParameterKind.LONG, int(number)):
            writer.pack(_LONG, number)
        case ErrorParameter(ParameterKind.SHORT, int(number)):
            writer.pack(_SHORT, number)
        case ErrorParameter(ParameterKind.INT64, int(number)):
            writer.align(8)
            writer.pack(_INT64, number)
        case ErrorParameter(ParameterKind.NONE, None):
            pass
        case _:
            raise LocalProtocolError(f"{parameter} holds a value of another kind")


def _read_records(body: _Body, left: int) -> tuple[ErrorRecord, ...]:
    if not left:
        raise DecodeError(f"more than {MAX_RECORDS} records", at=body.reader.at)
    conformance = body.u32()
    body.align(8)
    has_next = body.u32()
    name = _read_name(body)
    process_id = body.u32()
    timestamp = body.number(_U64)
    component, status = body.u32(), body.u32()
    location, flags, count = body.number(_U16), body.number(_U16), body.number(_U16)
    if count != conformance or count > MAX_PARAMETERS:
        raise DecodeError(f"{count} parameters, announced {conformance}", at=body.reader.at)
    pending = [_read_parameter(body) for _ in range(count)]
    later = _read_records(body, left - 1) if has_next else ()
    computer_name = name.text(body, "utf-16-le") if name else None
    parameters = tuple(_finish_parameter(body, kind, value) for kind, value in pending)
    record = ErrorRecord(component, status, location, process_id, timestamp, computer_name, flags, parameters)
    return (record, *later)


def _read_name(body: _Body) -> _Counted | None:
    kind, tag = body.tags()
    if kind != tag or kind not in (_NAME_PRESENT, _NAME_NOT_PRESENT):
        raise DecodeError(f"computer name of kind {kind}, tag {tag}", at=body.reader.at)
    return body.counted(2) if kind == _NAME_PRESENT else None


def _read_parameter(body: _Body) -> tuple[ParameterKind, _Counted | int | None]:
    body.align(8)
    kind, tag = body.tags()
    if kind != tag:
        raise DecodeError(f"parameter of kind {kind}, tag {tag}", at=body.reader.at)
    match kind:
        case ParameterKind.ANSI | ParameterKind.BINARY:
            return ParameterKind(kind), body.counted(1)
        case ParameterKind.UNICODE:
            return ParameterKind.UNICODE, body.counted(2)
        case ParameterKind.LONG:
            return ParameterKind.LONG, body.number(_LONG)
        case ParameterKind.SHORT:
            return ParameterKind.SHORT, body.number(_SHORT)
        case ParameterKind.INT64:
            return ParameterKind.INT64, body.number(_INT64)
        case ParameterKind.NONE:
            return ParameterKind.NONE, None
        case _:
            raise DecodeError(f"parameter of kind {kind}", at=body.reader.at)


def _finish_parameter(body: _Body, kind: ParameterKind, value: _Counted | int | None) -> ErrorParameter:
    """Read what the parameter's pointer names, if it has one."""
    if not isinstance(value, _Counted):
        return ErrorParameter(kind, value)
    if kind is ParameterKind.BINARY:
        return ErrorParameter(kind, value.take(body))
    return ErrorParameter(kind, value.text(body, "latin-1" if kind is ParameterKind.ANSI else "utf-16-le"))


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


class _Writer:
    """Bytes being marshalled, and the referent ids given out."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._referent = _FIRST_REFERENT

    def align(self, boundary: int) -> None:
        self.data += bytes(-len(self.data) % boundary)

    def pack(self, codec: struct.Struct, *values: int) -> None:
        self.data += codec.pack(*values)

    def pointer(self) -> None:
        self.pack(_U32, self._take_referent())

    def counted(self, content: bytes, unit: int, texts: list[tuple[bytes, int]]) -> None:
        """A count and a pointer; the content follows after the record."""
        if len(content) // unit > MAX_TEXT:
            raise LocalProtocolError(f"a text of {len(content) // unit} characters in a record")
        self.align(4)
        self.pack(_COUNTED, len(content) // unit, self._take_referent())
        texts.append((content, unit))

    def _take_referent(self) -> int:
        referent, self._referent = self._referent, self._referent + 4
        return referent


class _Body:
    """The marshalled object being read; boundaries count from its start."""

    def __init__(self, data: bytes) -> None:
        self.reader = Reader(data)

    def align(self, boundary: int) -> None:
        self.reader.take(-self.reader.at % boundary)

    def number(self, codec: struct.Struct) -> int:
        """A number on the boundary of its own size."""
        self.align(codec.size)
        return self.reader.unpack(codec)[0]

    def u32(self) -> int:
        return self.number(_U32)

    def tags(self) -> tuple[int, int]:
        kind, tag = self.reader.unpack(_TAGS)
        return kind, tag

    def counted(self, unit: int) -> _Counted:
        self.align(4)
        count, referent = self.reader.unpack(_COUNTED)
        if count > MAX_TEXT or (count and not referent):
            raise DecodeError(f"a text of {count} characters that is not there", at=self.reader.at)
        return _Counted(count, unit, present=bool(referent))


@dataclass(frozen=True)
class _Counted:
    """A text or bytes whose content follows later."""

    count: int
    unit: int
    present: bool

    def take(self, body: _Body) -> bytes:
        if not self.present:
            return b""
        if (conformance := body.u32()) != self.count:
            raise DecodeError(f"{conformance} characters, announced {self.count}", at=body.reader.at)
        return body.reader.take(self.count * self.unit)

    def text(self, body: _Body, encoding: str) -> str:
        """The text up to its terminating NUL."""
        content = self.take(body)
        try:
            return content.decode(encoding).partition("\0")[0]
        except UnicodeDecodeError as error:
            raise DecodeError("a text that is no UTF-16", at=body.reader.at) from error
