"""Extended error information: why a call or a connection failed, at each place it passed.  MS-EERR 2.2

A blob holds a chain of records, from the last place to the first cause. It is a pointer to the first
one, marshalled by type serialization version 1 (MS-RPCE 2.2.6): two headers, then NDR on a boundary of
eight bytes. Texts count their terminating NUL. Whoever decodes gives up at the first violation, and goes
on without the information.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final

from rpch.errors import DecodeError, LocalProtocolError
from rpch.ndr import (
    Byte,
    Hyper,
    Long,
    Message,
    Short,
    Struct,
    UHyper,
    ULong,
    UShort,
    WChar,
    conformant,
    enum16,
    length_of,
    union,
    unique,
)
from rpch.wire import Reader

MAX_RECORDS: Final = 16
MAX_PARAMETERS: Final = 4

RPC_PROXY: Final = 0x0E
"""The generating component of an RPC proxy that could not connect.  MS-EERR 2.2.3"""
SERVER_CONNECT_FAILED: Final = 0x5A0
"""The detection location of an RPC proxy that could not connect.  MS-EERR 2.2.3"""

RECORDS_MISSING_AFTER: Final = 0x2
"""Flag: records after this one were left out.  MS-EERR 2.2.1.8"""

_COMMON_HEADER: Final = bytes.fromhex("01 10 0800 cccccccc")  # version 1, little-endian, 8 bytes, filler
_PRIVATE_HEADER: Final = struct.Struct("<I4x")


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


class NamePresence(IntEnum):
    """Whether a record names the computer.  MS-EERR 2.2.1.6"""

    PRESENT = 1
    NOT_PRESENT = 2


class Octets(Struct):
    """Counted bytes: an ANSI text or anything.  MS-EERR 2.2.1.1, 2.2.1.3"""

    length: Short = length_of("content")
    content: Annotated[bytes | None, unique(conformant(Byte, size_is="length"))]


class WideText(Struct):
    """Counted UTF-16 characters.  MS-EERR 2.2.1.2"""

    length: Short = length_of("content")
    content: Annotated[tuple[int, ...] | None, unique(conformant(WChar, size_is="length"))]


class ComputerName(Struct):
    """On which computer a record was made.  MS-EERR 2.2.1.7"""

    kind: Annotated[NamePresence, enum16(NamePresence)]
    name: Annotated[
        WideText | None,
        union(Short, {NamePresence.PRESENT: WideText, NamePresence.NOT_PRESENT: None}, switch_is="kind"),
    ]


class Parameter(Struct):
    """A parameter as it travels.  MS-EERR 2.2.1.5"""

    kind: Annotated[ParameterKind, enum16(ParameterKind)]
    value: Annotated[
        Octets | WideText | int | None,
        union(
            Short,
            {
                (ParameterKind.ANSI, ParameterKind.BINARY): Octets,
                ParameterKind.UNICODE: WideText,
                ParameterKind.LONG: Long,
                ParameterKind.SHORT: Short,
                ParameterKind.INT64: Hyper,
                ParameterKind.NONE: None,
            },
            switch_is="kind",
        ),
    ]


class ExtendedErrorInfo(Struct):
    """A record as it travels, with those behind it.  MS-EERR 2.2.1.8"""

    next: Annotated["ExtendedErrorInfo | None", unique("ExtendedErrorInfo")]
    computer_name: Annotated[ComputerName, ComputerName.KIND]
    process_id: ULong
    timestamp: UHyper
    generating_component: ULong
    status: ULong
    detection_location: UShort
    flags: UShort
    count: Short = length_of("parameters")
    parameters: Annotated[tuple[Parameter, ...], conformant(Parameter, size_is="count", limit=MAX_PARAMETERS)]


class ErrorChain(Message):
    """What is serialized: a pointer to the first record.  MS-EERR 2.2.2.1"""

    first: Annotated[ExtendedErrorInfo | None, unique(ExtendedErrorInfo)]


def encode_eeinfo(records: Sequence[ErrorRecord]) -> bytes:
    """The blob that carries `records`, the last place first.  MS-EERR 2.2.2.1"""
    if not 1 <= len(records) <= MAX_RECORDS:
        raise LocalProtocolError(f"{len(records)} records of extended error information")
    chain: ExtendedErrorInfo | None = None
    for record in reversed(records):
        chain = _to_wire(record, chain)
    body = ErrorChain(chain).encode()
    body += bytes(-len(body) % 8)
    return _COMMON_HEADER + _PRIVATE_HEADER.pack(len(body)) + body


def decode_eeinfo(data: bytes) -> tuple[ErrorRecord, ...]:
    """The records of a blob, the last place first; `DecodeError` at any violation.  MS-EERR 2.2.2.2"""
    reader = Reader(data)
    if reader.take(len(_COMMON_HEADER))[:4] != _COMMON_HEADER[:4]:
        raise DecodeError("no type serialization of version 1, little-endian", at=0)
    (size,) = reader.unpack(_PRIVATE_HEADER)
    start = reader.at
    message = ErrorChain.decode(reader.take(size))
    reader.finish()
    if size - len(message.encode()) not in range(8):
        raise DecodeError("the object is longer than its records", at=start)
    chain = message.first
    records: list[ErrorRecord] = []
    while chain is not None and len(records) < MAX_RECORDS:
        records.append(_from_wire(chain, start))
        chain = chain.next
    if chain is not None or not records:
        raise DecodeError(f"no record, or more than {MAX_RECORDS}", at=start)
    return tuple(records)


def _to_wire(record: ErrorRecord, following: ExtendedErrorInfo | None) -> ExtendedErrorInfo:
    name = record.computer_name
    presence = NamePresence.NOT_PRESENT if name is None else NamePresence.PRESENT
    return ExtendedErrorInfo(
        next=following,
        computer_name=ComputerName(presence, None if name is None else _wide(name)),
        process_id=record.process_id,
        timestamp=record.timestamp,
        generating_component=record.generating_component,
        status=record.status,
        detection_location=record.detection_location,
        flags=record.flags,
        parameters=tuple(Parameter(it.kind, _value_to_wire(it)) for it in record.parameters),
    )


def _from_wire(wire: ExtendedErrorInfo, at: int) -> ErrorRecord:
    name = wire.computer_name.name
    return ErrorRecord(
        generating_component=wire.generating_component,
        status=wire.status,
        detection_location=wire.detection_location,
        process_id=wire.process_id,
        timestamp=wire.timestamp,
        computer_name=None if name is None else _text(name, at),
        flags=wire.flags,
        parameters=tuple(ErrorParameter(it.kind, _value_from_wire(it, at)) for it in wire.parameters),
    )


def _value_to_wire(parameter: ErrorParameter) -> Octets | WideText | int | None:
    match parameter:
        case ErrorParameter(ParameterKind.ANSI, str(text)) if all(sign <= "\xff" for sign in text):
            return Octets(text.encode("latin-1") + b"\0")
        case ErrorParameter(ParameterKind.BINARY, bytes(blob)):
            return Octets(blob)
        case ErrorParameter(ParameterKind.UNICODE, str(text)):
            return _wide(text)
        case ErrorParameter(ParameterKind.LONG | ParameterKind.SHORT | ParameterKind.INT64, int(number)):
            return number
        case ErrorParameter(ParameterKind.NONE, None):
            return None
    raise LocalProtocolError(f"{parameter.value!r} is no {parameter.kind.name} of an error record")


def _value_from_wire(parameter: Parameter, at: int) -> str | int | bytes | None:
    match parameter.value:
        case Octets(content=content):
            content = content or b""
            ansi = parameter.kind is ParameterKind.ANSI
            return content.decode("latin-1").partition("\0")[0] if ansi else content
        case WideText() as text:
            return _text(text, at)
        case number:
            return number


def _wide(text: str) -> WideText:
    try:
        raw = f"{text}\0".encode("utf-16-le")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{text!r} is no UTF-16 text") from None
    return WideText(struct.unpack(f"<{len(raw) // 2}H", raw))


def _text(wide: WideText, at: int) -> str:
    """The characters before the terminating NUL."""
    characters = wide.content or ()
    try:
        return struct.pack(f"<{len(characters)}H", *characters).decode("utf-16-le").partition("\0")[0]
    except UnicodeDecodeError as error:
        raise DecodeError("a text that is no UTF-16", at=at) from error
