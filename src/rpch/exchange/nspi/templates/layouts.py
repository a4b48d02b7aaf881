"""The templates themselves: what is where, for each kind of object.  MS-OXOABKT 3.2.1.1

There is one for people, rooms and contacts, one for groups, one for public folders and agents, and one for
the dialog that looks for people. They are laid out in dialog units, 360 wide and 220 high.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from rpch.exchange.nspi.book.objects import DisplayType
from rpch.exchange.nspi.tags import Tag, in_code_page
from rpch.exchange.nspi.templates.controls import Cell, Control, ControlFlag
from rpch.exchange.nspi.templates.words import words_for

SEARCH: Final = 0x200  # DT_SEARCH, which no object has.  MS-OXNSPI 2.2.1.3
WIDTH, HEIGHT = 360, 220

_ANYTHING: Final = "*"  # which characters a field takes
_LINE: Final = 16
_LONGEST_TEXT: Final = 1024
_SAYING: Final = (Control.LABEL, Control.GROUP, Control.PAGE)

_INITIALS: Final = 0x3A0A_001F
_PAGER: Final = 0x3A21_001F
_ASSISTANT: Final = 0x3A30_001F
_OTHER_TELEPHONES: Final = 0x3A1B_101F
_OTHER_HOME_TELEPHONES: Final = 0x3A2F_101F

Shown = tuple[str, int]


def template_for(display_type: int, locale: int) -> Sequence[Cell] | None:
    """The template of a kind of object in a language; None when there is none, or no such language."""
    layout, words = _LAYOUTS.get(display_type), words_for(locale)
    return None if layout is None or words is None else [_said(cell, words) for cell in _laid_out(layout)]


@cache
def _laid_out(layout: Callable[[], Iterator[Cell]]) -> tuple[Cell, ...]:
    return tuple(layout())


def _said(cell: Cell, words: Mapping[str, str]) -> Cell:
    return replace(cell, text=words[cell.text]) if cell.control in _SAYING else cell


def _page(name: str) -> Cell:
    return Cell(Control.PAGE, 0, WIDTH, 0, HEIGHT, name)


def _group(name: str, y: int, height: int) -> Cell:
    return Cell(Control.GROUP, 8, 344, y, height, name)


def _fields(
    x: int, y: int, label: int, field: int, *shown: Shown, flags: ControlFlag = ControlFlag.DOUBLE_BYTE
) -> Iterator[Cell]:
    """Labelled fields, one a line."""
    for at, (name, tag) in enumerate(shown):
        top = y + at * _LINE
        yield Cell(Control.LABEL, x, label, top + 2, 9, name)
        if tag & 0xFFFF == 0x101F:
            yield Cell(
                Control.LIST_OF_VALUES_DROPPED, x + label + 4, field, top, 12, _ANYTHING, in_code_page(tag)
            )
        else:
            yield _field(tag, x + label + 4, field, top, 12, flags)


def _field(
    tag: int, x: int, width: int, y: int, height: int, flags: ControlFlag = ControlFlag.DOUBLE_BYTE
) -> Cell:
    return Cell(Control.EDIT, x, width, y, height, _ANYTHING, in_code_page(tag), _LONGEST_TEXT, flags)


def _list(tag: int, name: str, y: int, height: int) -> Iterator[Cell]:
    """Objects that a property names, under their heading."""
    yield Cell(Control.LABEL, 8, 344, y, 9, name)
    yield Cell(Control.LIST, 8, 344, y + 11, height - 11, _ANYTHING, tag)


def _name_and_work() -> Iterator[Cell]:
    yield _page("General")
    yield _group("Name", 8, 54)
    yield from _fields(16, 20, 44, 80, ("First:", Tag.GIVEN_NAME), ("Display:", Tag.DISPLAY_NAME))
    yield from _fields(152, 20, 36, 24, ("Initials:", _INITIALS))
    yield from _fields(224, 20, 40, 76, ("Last:", Tag.SURNAME), ("Alias:", Tag.ACCOUNT))
    yield from _fields(
        16,
        72,
        58,
        104,
        ("Address:", Tag.STREET_ADDRESS),
        ("City:", Tag.LOCALITY),
        ("State:", Tag.STATE),
        ("Zip code:", Tag.POSTAL_CODE),
        ("Country/Region:", Tag.COUNTRY),
    )
    yield from _fields(
        188,
        72,
        54,
        98,
        ("Title:", Tag.TITLE),
        ("Company:", Tag.COMPANY_NAME),
        ("Department:", Tag.DEPARTMENT_NAME),
        ("Office:", Tag.OFFICE_LOCATION),
        ("Assistant:", _ASSISTANT),
        ("Phone:", Tag.BUSINESS_TELEPHONE),
    )
    yield from _fields(16, 172, 58, 274, ("E-mail:", Tag.SMTP_ADDRESS))


def _organization() -> Iterator[Cell]:
    yield _page("Organization")
    yield from _list(Tag.MANAGER, "Manager:", 8, 50)
    yield from _list(Tag.REPORTS, "Direct reports:", 66, 140)


def _phone_and_notes() -> Iterator[Cell]:
    yield _page("Phone/Notes")
    yield _group("Phone numbers", 8, 84)
    yield from _fields(
        16,
        20,
        54,
        104,
        ("Business:", Tag.BUSINESS_TELEPHONE),
        ("Business 2:", _OTHER_TELEPHONES),
        ("Home:", Tag.HOME_TELEPHONE),
        ("Home 2:", _OTHER_HOME_TELEPHONES),
    )
    yield from _fields(
        188,
        20,
        54,
        98,
        ("Mobile:", Tag.MOBILE_TELEPHONE),
        ("Fax:", Tag.PRIMARY_FAX),
        ("Pager:", _PAGER),
    )
    yield Cell(Control.LABEL, 8, 80, 98, 9, "Notes:")
    yield _field(Tag.COMMENT, 8, 344, 110, 102, ControlFlag.MULTILINE | ControlFlag.DOUBLE_BYTE)


def _notes() -> Iterator[Cell]:
    yield _page("Notes")
    yield _field(Tag.COMMENT, 8, 344, 8, 200, ControlFlag.MULTILINE | ControlFlag.DOUBLE_BYTE)


def _memberships() -> Iterator[Cell]:
    yield _page("Member Of")
    yield from _list(Tag.IS_MEMBER_OF_DL, "Group membership:", 8, 200)


def _addresses() -> Iterator[Cell]:
    yield _page("E-mail Addresses")
    yield Cell(Control.LABEL, 8, 344, 8, 9, "E-mail addresses:")
    yield Cell(Control.LIST_OF_VALUES, 8, 344, 20, 190, _ANYTHING, in_code_page(Tag.PROXY_ADDRESSES))


def _named(y: int = 12) -> Iterator[Cell]:
    """What everything has."""
    shown = (("Display:", Tag.DISPLAY_NAME), ("Alias:", Tag.ACCOUNT), ("E-mail:", Tag.SMTP_ADDRESS))
    yield from _fields(16, y, 54, 268, *shown)


def _person() -> Iterator[Cell]:
    yield from _name_and_work()
    yield from _organization()
    yield from _phone_and_notes()
    yield from _memberships()
    yield from _addresses()


def _distribution_list() -> Iterator[Cell]:
    yield _page("General")
    yield from _named()
    yield from _list(Tag.OWNER, "Owner:", 66, 40)
    yield from _list(Tag.MEMBER, "Members:", 110, 100)
    yield from _notes()
    yield from _memberships()
    yield from _addresses()


def _folder_or_agent() -> Iterator[Cell]:
    yield _page("General")
    yield from _named()
    yield from _fields(
        16,
        68,
        54,
        268,
        ("Phone:", Tag.BUSINESS_TELEPHONE),
        ("Office:", Tag.OFFICE_LOCATION),
    )
    yield from _notes()
    yield from _memberships()
    yield from _addresses()


def _search() -> Iterator[Cell]:
    """What people look for others by. They fill in the fields; nothing is shown."""
    flags = ControlFlag.EDITABLE | ControlFlag.DOUBLE_BYTE
    yield _page("General")
    yield _group("Name", 8, 54)
    names = (("First:", Tag.GIVEN_NAME), ("Display:", Tag.DISPLAY_NAME))
    yield from _fields(16, 20, 44, 112, *names, flags=flags)
    yield from _fields(188, 20, 44, 108, ("Last:", Tag.SURNAME), ("Alias:", Tag.ACCOUNT), flags=flags)
    work = (("Title:", Tag.TITLE), ("Company:", Tag.COMPANY_NAME), ("Department:", Tag.DEPARTMENT_NAME))
    yield from _fields(16, 72, 54, 270, *work, flags=flags)
    places = (("Office:", Tag.OFFICE_LOCATION), ("City:", Tag.LOCALITY))
    yield from _fields(16, 120, 54, 270, *places, flags=flags)


_LAYOUTS: Final[Mapping[int, Callable[[], Iterator[Cell]]]] = {
    DisplayType.MAIL_USER: _person,
    DisplayType.REMOTE_MAIL_USER: _person,
    DisplayType.DISTRIBUTION_LIST: _distribution_list,
    DisplayType.FORUM: _folder_or_agent,
    DisplayType.AGENT: _folder_or_agent,
    SEARCH: _search,
}
