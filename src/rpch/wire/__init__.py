"""Bytes: a reader that cannot overrun, fields, and records declared by their fields."""

from rpch.wire.fields import U8, U16, U32, U64, Field, Guid, octets, scalar
from rpch.wire.reader import Reader
from rpch.wire.records import Record

__all__ = ["U8", "U16", "U32", "U64", "Field", "Guid", "Reader", "Record", "octets", "scalar"]
