"""How clients draw an object: details templates.  MS-OXOABKT 2.2.2.1, MS-OXNSPI 3.1.4.1.18

A template is a list of controls: pages, frames, labels, and fields that show properties. It says where each
control is, in dialog units, and what it shows; the client draws it and fills it in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from rpch.exchange.nspi.codepages import CodePage
from rpch.exchange.nspi.objects import DisplayType
from rpch.exchange.nspi.tags import Tag, in_code_page

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<II")
_ROW: Final = struct.Struct("<IIIIIIIII")
_ANYTHING: Final = "*"  # which characters a field takes

_WIDTH, _HEIGHT = 360, 220
_LINE: Final = 16
_LONGEST_TEXT: Final = 1024


class Control(IntEnum):
    """The kinds of control.  MS-OXOABKT 2.2.2.1.2"""

    LABEL = 0
    EDIT = 1
    LIST = 2
    CHECK_BOX = 5
    GROUP = 6
    PAGE = 8
    LIST_OF_VALUES = 0xB


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


def template_for(display_type: int) -> Sequence[Cell] | None:
    """The template of a kind of object; None when there is none."""
    return _TEMPLATES.get(display_type)


def _page(name: str) -> Cell:
    return Cell(Control.PAGE, 0, _WIDTH, 0, _HEIGHT, name)


def _fields(x: int, y: int, label: int, field: int, *shown: tuple[str, int]) -> Iterator[Cell]:
    """Labelled fields, one a line."""
    for at, (name, tag) in enumerate(shown):
        top = y + at * _LINE
        yield Cell(Control.LABEL, x, label, top + 2, 9, name)
        yield _field(tag, x + label + 4, field, top, 12)


def _field(
    tag: int, x: int, width: int, y: int, height: int, flags: ControlFlag = ControlFlag.DOUBLE_BYTE
) -> Cell:
    return Cell(Control.EDIT, x, width, y, height, _ANYTHING, in_code_page(tag), _LONGEST_TEXT, flags)


def _list(tag: int, name: str, x: int, width: int, y: int, height: int) -> Iterator[Cell]:
    """Objects that a property names, under their heading."""
    yield Cell(Control.LABEL, x, width, y, 9, name)
    yield Cell(Control.LIST, x, width, y + 11, height - 11, _ANYTHING, tag)


def _phone_page() -> Iterator[Cell]:
    yield _page("Phone/Notes")
    yield Cell(Control.GROUP, 8, 344, 8, 70, "Phone numbers")
    yield from _fields(
        16,
        20,
        46,
        112,
        ("Business:", Tag.BUSINESS_TELEPHONE),
        ("Home:", Tag.HOME_TELEPHONE),
        ("Fax:", Tag.PRIMARY_FAX),
    )
    yield from _fields(188, 20, 40, 112, ("Mobile:", Tag.MOBILE_TELEPHONE), ("Pager:", 0x3A21_001F))
    yield Cell(Control.LABEL, 8, 80, 86, 9, "Notes:")
    notes = ControlFlag.MULTILINE | ControlFlag.DOUBLE_BYTE
    yield _field(Tag.COMMENT, 8, 344, 98, 112, notes)


def _address_page() -> Iterator[Cell]:
    yield _page("E-mail Addresses")
    yield Cell(Control.LABEL, 8, 344, 8, 9, "E-mail addresses:")
    yield Cell(Control.LIST_OF_VALUES, 8, 344, 20, 190, _ANYTHING, in_code_page(Tag.PROXY_ADDRESSES))


def _person() -> Iterator[Cell]:
    yield _page("General")
    yield Cell(Control.GROUP, 8, 344, 8, 54, "Name")
    yield from _fields(16, 20, 40, 118, ("First:", Tag.GIVEN_NAME), ("Display:", Tag.DISPLAY_NAME))
    yield from _fields(188, 20, 40, 112, ("Last:", Tag.SURNAME), ("Alias:", Tag.ACCOUNT))
    yield from _fields(
        16,
        72,
        40,
        118,
        ("Address:", Tag.STREET_ADDRESS),
        ("City:", Tag.LOCALITY),
        ("State:", Tag.STATE),
        ("Zip code:", Tag.POSTAL_CODE),
        ("Country:", Tag.COUNTRY),
    )
    yield from _fields(
        188,
        72,
        46,
        106,
        ("Title:", Tag.TITLE),
        ("Company:", Tag.COMPANY_NAME),
        ("Department:", Tag.DEPARTMENT_NAME),
        ("Office:", Tag.OFFICE_LOCATION),
        ("Phone:", Tag.BUSINESS_TELEPHONE),
    )
    yield from _fields(16, 160, 40, 278, ("E-mail:", Tag.SMTP_ADDRESS))
    yield _page("Organization")
    yield from _list(Tag.MANAGER, "Manager:", 8, 344, 8, 50)
    yield from _list(Tag.REPORTS, "Direct reports:", 8, 344, 66, 140)
    yield from _phone_page()
    yield _page("Member Of")
    yield from _list(Tag.IS_MEMBER_OF_DL, "Group membership:", 8, 344, 8, 200)
    yield from _address_page()


def _group() -> Iterator[Cell]:
    yield _page("General")
    yield from _fields(16, 12, 50, 268, ("Display:", Tag.DISPLAY_NAME), ("Alias:", Tag.ACCOUNT))
    yield from _fields(16, 44, 50, 268, ("E-mail:", Tag.SMTP_ADDRESS))
    yield from _list(Tag.OWNER, "Owner:", 8, 344, 66, 40)
    yield from _list(Tag.MEMBER, "Members:", 8, 344, 110, 100)
    yield _page("Notes")
    yield _field(Tag.COMMENT, 8, 344, 8, 200, ControlFlag.MULTILINE | ControlFlag.DOUBLE_BYTE)
    yield _page("Member Of")
    yield from _list(Tag.IS_MEMBER_OF_DL, "Group membership:", 8, 344, 8, 200)
    yield from _address_page()


def _template(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    return tuple(cells)


_PERSON: Final = _template(_person())
_TEMPLATES: Final = {
    int(DisplayType.MAIL_USER): _PERSON,
    int(DisplayType.REMOTE_MAIL_USER): _PERSON,
    int(DisplayType.DISTRIBUTION_LIST): _template(_group()),
}
