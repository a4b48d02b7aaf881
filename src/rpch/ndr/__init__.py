"""NDR20: the bytes of calls, declared by types.  C706 14, MS-RPCE 2.2.4

A `Message` is the ordered parameters of one direction of an operation; a `Struct` is a structure
inside it. Both are frozen dataclasses whose annotations say how each field travels. A module that
declares them leaves out `from __future__ import annotations`, because annotations are data here.

    from typing import Annotated
    from rpch.ndr import AString, ErrorStatus, Message, Struct, ULong, conformant, length_of, unique

    class PropertyTags(Struct):
        count: ULong = length_of("tags")
        tags: Annotated[tuple[int, ...], conformant(ULong, size_is="count")]

    class GetNewDsaRequest(Message):
        flags: ULong
        user_dn: AString                                       # [string, ref] char *
        unused: Annotated[str | None, unique(unique(AString))] # [unique] char **
        tags: Annotated[PropertyTags | None, unique(PropertyTags)]

    class GetNewDsaResponse(Message):
        server: Annotated[str | None, unique(AString)]
        status: ErrorStatus

    request = GetNewDsaRequest(flags=0, user_dn="/o=x", unused=None, tags=PropertyTags(tags=(1, 2)))
    stub = request.encode()                                    # little_endian=False for the other order
    assert GetNewDsaRequest.decode(stub) == request

What to annotate with:

- numbers: `Boolean Byte Char Small USmall Short UShort WChar Long ULong ErrorStatus Boolean32 Hyper
  UHyper Float Double Guid FileTime`; `ranged(ULong, 0, 500)` is [range]; `octets(16)` is byte[16];
- enumerations: `enum16(Kind)` (an enum of IDL, two bytes), `v1_enum(Kind)` (four); derive `Kind` from
  `OpenEnum` when the peer may know more of them than we do;
- text: `AString` (char), `WString` (wchar_t), `ByteString` (char, kept as bytes), `UnicodeString`
  (RPC_UNICODE_STRING), or `narrow_string() wide_string() byte_string() varying_string(16)` with options;
- structures: the class itself; `ContextHandle` is one (`NIL_HANDLE`);
- pointers: `unique(T)`, `full(T)`, `ref(T)`. T is an alias, a class, another type, the *name* of a
  structure of the same module (`unique("Node")`) or a function returning it (`unique(lambda: Node)`);
  None is the null pointer. A top-level [ref] needs nothing: declare the referent;
- arrays: `fixed(T, 6)`, `conformant(T, size_is=…)`, `varying(T, 16, length_is=…)`,
  `conformant_varying(T, size_is=…, length_is=…)`. Values are tuples, of octets they are `bytes`.
  Several dimensions: `fixed(T, 2, 3)`, `conformant(T, size_is=("rows", "columns"))`; values are rows of rows;
- unions: `union(ULong, {1: Short, (2, 3): WString, 4: None}, switch_is="kind")`; the value is the arm's.
  A tag without an arm is refused unless there is a `default=`;
- pipes: `pipe(Byte)`.

`size_is`, `length_is`, `first_is` and `switch_is` take a field's name, a constant, or a function of
the construct that holds the field: `size_is=lambda it: it.count + 1`. They are checked both ways. A
count that is always a length is better declared `count: ULong = length_of("tags")`: it leaves the
constructor. A number known from the other direction of the call (`max_towers` sizes an [out] array
but is [in]) is declared `max_towers: OutOfBand`: it has no bytes, sizes the array when encoding, and
is learned from the array's maximum count when decoding.

`encode_pickle(message)` and `decode_pickle(MessageClass, data)` are type serialization 1 (MS-RPCE 2.2.6).

A value of ours that does not fit raises `LocalProtocolError`. A peer's stub raises `StubError`, a
`DecodeError` whose `status` is the fault to answer (0x6f7 unless MS-RPCE says otherwise).
"""

from rpch.ndr.constructs import Message, Struct, length_of
from rpch.ndr.dimensions import conformant, conformant_varying, fixed, varying
from rpch.ndr.faults import StubError
from rpch.ndr.handles import NIL_HANDLE, ContextHandle
from rpch.ndr.kinds import OutOfBand
from rpch.ndr.pickles import decode_pickle, encode_pickle
from rpch.ndr.pipes import pipe
from rpch.ndr.pointers import full, ref, unique
from rpch.ndr.scalars import (
    Boolean,
    Boolean32,
    Byte,
    Char,
    Double,
    ErrorStatus,
    FileTime,
    Float,
    Guid,
    Hyper,
    Long,
    OpenEnum,
    Short,
    Small,
    UHyper,
    ULong,
    UShort,
    USmall,
    WChar,
    enum16,
    octets,
    ranged,
    v1_enum,
)
from rpch.ndr.strings import (
    AString,
    ByteString,
    UnicodeString,
    WString,
    byte_string,
    narrow_string,
    varying_string,
    varying_wide_string,
    wide_string,
)
from rpch.ndr.unions import union

__all__ = [
    "NIL_HANDLE",
    "AString",
    "Boolean",
    "Boolean32",
    "Byte",
    "ByteString",
    "Char",
    "ContextHandle",
    "Double",
    "ErrorStatus",
    "FileTime",
    "Float",
    "Guid",
    "Hyper",
    "Long",
    "Message",
    "OpenEnum",
    "OutOfBand",
    "Short",
    "Small",
    "Struct",
    "StubError",
    "UHyper",
    "ULong",
    "UShort",
    "USmall",
    "UnicodeString",
    "WChar",
    "WString",
    "byte_string",
    "conformant",
    "conformant_varying",
    "decode_pickle",
    "encode_pickle",
    "enum16",
    "fixed",
    "full",
    "length_of",
    "narrow_string",
    "octets",
    "pipe",
    "ranged",
    "ref",
    "union",
    "unique",
    "v1_enum",
    "varying",
    "varying_string",
    "varying_wide_string",
    "wide_string",
]
