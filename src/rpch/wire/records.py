"""Flat messages, declared once by their annotated fields."""

import struct
from dataclasses import dataclass
from typing import Any, ClassVar, Self, dataclass_transform

from rpch.wire.fields import Field
from rpch.wire.reader import Reader


@dataclass_transform(frozen_default=True)
class Record:
    """A flat message: its annotated fields, in order, are its layout."""

    LAYOUT: ClassVar[tuple[tuple[str, Field], ...]]
    WHOLE: ClassVar[struct.Struct | None]  # reads all fields at once, where `struct` can

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True)(cls)
        hints: dict[str, Any] = cls.__dict__.get("__annotations__", {})
        inherited = getattr(cls, "LAYOUT", ())
        declared = ((n, h.__metadata__[0]) for n, h in hints.items() if hasattr(h, "__metadata__"))
        cls.LAYOUT = (*inherited, *declared)
        codes = [field.code for _, field in cls.LAYOUT]
        cls.WHOLE = struct.Struct("<" + "".join(codes)) if all(codes) else None

    def encode(self) -> bytes:
        return b"".join(field.encode(getattr(self, name)) for name, field in self.LAYOUT)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        if cls.WHOLE is not None and cls.WHOLE.size <= reader.remaining:
            return cls(*reader.unpack(cls.WHOLE))
        return cls(*(field.decode(reader.take(field.size)) for _, field in cls.LAYOUT))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The whole of `data` is one record; `DecodeError` otherwise."""
        reader = Reader(data)
        record = cls.read(reader)
        reader.finish()
        return record
