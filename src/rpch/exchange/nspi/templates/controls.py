"""How clients draw an object: details templates.  MS-OXOABKT 2.2.2.1, MS-OXNSPI 3.1.4.1.18

A template is a list of controls: pages, frames, labels, and fields that show properties. It says where each
control is, in dialog units, and what it shows; the client draws it and fills it in.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from rpch.exchange.nspi.codepages import CodePage

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<II")
_ROW: Final = struct.Struct("<IIIIIIIII")


class Control(IntEnum):
    """The kinds of control.  MS-OXOABKT 2.2.2.1.2"""

    LABEL = 0
    EDIT = 1
    LIST = 2
    CHECK_BOX = 5
    GROUP = 6
    PAGE = 8
    LIST_OF_VALUES = 0xB
    LIST_OF_VALUES_DROPPED = 0xC


class ControlFlag(IntFlag):
    """What a control may do.  MS-OXOABKT 2.2.2.1.2"""

    NONE = 0
    MULTILINE = 1
    EDITABLE = 2
    DOUBLE_BYTE = 0x20


@dataclass(frozen=True, slots=True)
class Cell:
    """One control of a template: where it is, and its text or the property it shows."""

    control: Control
    x: int = 0
    width: int = 0
    y: int = 0
    height: int = 0
    text: str = ""
    tag: int = 0
    size: int = 0
    flags: ControlFlag = ControlFlag.NONE


def encode_template(cells: Sequence[Cell], page: CodePage) -> bytes:
    """A template as clients take it, its texts in their code page.  MS-OXOABKT 2.2.2.1.1"""
    rows, texts = bytearray(), bytearray()
    first_text = _HEAD.size + _ROW.size * len(cells)
    for cell in cells:
        place = (cell.x, cell.width, cell.y, cell.height)
        rows += _ROW.pack(*place, cell.control, cell.flags, cell.tag, cell.size, first_text + len(texts))
        texts += page.encode(cell.text) + b"\0"
    return _HEAD.pack(_VERSION, len(cells)) + bytes(rows + texts)
