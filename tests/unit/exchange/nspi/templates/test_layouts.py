"""Templates as clients draw them: every control on its page, every property known."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

import pytest

from rpch.exchange.nspi.book.objects import DisplayType
from rpch.exchange.nspi.book.schema import PROPERTIES
from rpch.exchange.nspi.codepages import find
from rpch.exchange.nspi.tags import Kind, Tag, in_unicode, kind_of, number_of
from rpch.exchange.nspi.templates.controls import Control, ControlFlag, encode_template
from rpch.exchange.nspi.templates.layouts import SEARCH, template_for
from rpch.exchange.nspi.templates.words import WORDS

DRAWN = (
    DisplayType.MAIL_USER,
    DisplayType.DISTRIBUTION_LIST,
    DisplayType.FORUM,
    DisplayType.AGENT,
    DisplayType.REMOTE_MAIL_USER,
    SEARCH,
)
LOCALES = [0x0400 | language for language in WORDS]


@dataclass
class Drawn:
    """One control, as it lies in the bytes."""

    x: int
    width: int
    y: int
    height: int
    control: Control
    flags: ControlFlag
    tag: int
    size: int
    text: str

    def meets(self, other: Drawn) -> bool:
        across = self.x < other.x + other.width and other.x < self.x + self.width
        return across and self.y < other.y + other.height and other.y < self.y + self.height


@dataclass
class Tab:
    """One page and what is on it."""

    page: Drawn
    controls: list[Drawn] = field(default_factory=list)


def drawn(display_type: int, locale: int, code_page: int = 1252) -> list[Tab]:
    """The dialog that a client makes of the bytes.  MS-OXOABKT 2.2.2.1"""
    cells, page = template_for(display_type, locale), find(code_page)
    assert cells is not None
    assert page is not None
    data = encode_template(cells, page)
    kind, count = struct.unpack_from("<II", data)
    assert kind == 1
    tabs: list[Tab] = []
    for at in range(count):
        *numbers, text_at = struct.unpack_from("<9I", data, 8 + 36 * at)
        assert 8 + 36 * count <= text_at < len(data)
        text, end, _ = data[text_at:].partition(b"\0")
        assert end
        x, width, y, height, control, flags, tag, size = numbers
        one = Drawn(x, width, y, height, Control(control), ControlFlag(flags), tag, size, page.decode(text))
        if one.control is Control.PAGE:
            tabs.append(Tab(one))
        else:
            tabs[-1].controls.append(one)  # nothing stands before the first page
    return tabs


@pytest.mark.parametrize("locale", LOCALES, ids=hex)
@pytest.mark.parametrize("display_type", DRAWN, ids=str)
def test_controls_lie_on_their_pages_and_not_on_each_other(display_type: int, locale: int) -> None:
    for tab in drawn(display_type, locale):
        assert tab.page.text
        for one in tab.controls:
            assert min(one.width, one.height) > 0
            assert one.x + one.width <= tab.page.width
            assert one.y + one.height <= tab.page.height
        inner = [one for one in tab.controls if one.control is not Control.GROUP]
        for one, other in combinations(inner, 2):
            assert not one.meets(other), (one, other)


@pytest.mark.parametrize("display_type", DRAWN, ids=str)
def test_every_property_is_known_and_fits_its_control(display_type: int) -> None:
    kinds = {
        Control.EDIT: Kind.STRING8,
        Control.LIST: Kind.OBJECT,
        Control.LIST_OF_VALUES: Kind.STRINGS8,
        Control.LIST_OF_VALUES_DROPPED: Kind.STRINGS8,
    }
    for tab in drawn(display_type, 0x0409):
        for one in tab.controls:
            if one.control not in kinds:
                assert (one.tag, bool(one.text)) == (0, True)
                continue
            assert kind_of(one.tag) == kinds[one.control]
            assert PROPERTIES[number_of(one.tag)].tag == in_unicode(one.tag)
            assert one.text == "*"
            assert one.size > 0 or one.control is not Control.EDIT


@pytest.mark.parametrize("display_type", DRAWN, ids=str)
def test_every_field_of_a_kind_is_shown_once_a_page_and_labelled(display_type: int) -> None:
    for tab in drawn(display_type, 0x0409):
        shown = Counter(one.tag for one in tab.controls if one.tag)
        assert set(shown.values()) == {1}
        labels = [one for one in tab.controls if one.control is Control.LABEL]
        fields = [one for one in tab.controls if one.tag]
        assert len(labels) == len(fields) or len(fields) == 1


def test_people_have_the_tabs_that_clients_show() -> None:
    for display_type in (DisplayType.MAIL_USER, DisplayType.REMOTE_MAIL_USER):
        assert [tab.page.text for tab in drawn(display_type, 0x0409)] == [
            "General",
            "Organization",
            "Phone/Notes",
            "Member Of",
            "E-mail Addresses",
        ]
    german = [tab.page.text for tab in drawn(DisplayType.MAIL_USER, 0x0407)]
    assert german == ["Allgemein", "Organisation", "Telefon/Notizen", "Mitglied von", "E-Mail-Adressen"]


def test_lists_show_owners_and_members() -> None:
    tags = {one.tag for tab in drawn(DisplayType.DISTRIBUTION_LIST, 0x0409) for one in tab.controls}
    assert {Tag.OWNER, Tag.MEMBER, Tag.IS_MEMBER_OF_DL} <= tags


def test_only_what_people_look_by_can_be_filled_in() -> None:
    for display_type in DRAWN:
        fields = [
            one for tab in drawn(display_type, 0x0409) for one in tab.controls if one.control is Control.EDIT
        ]
        editable = {bool(one.flags & ControlFlag.EDITABLE) for one in fields}
        assert editable == {display_type == SEARCH}


def test_texts_are_in_the_code_page() -> None:
    for code_page in (1252, 850, 20261, 65001):
        assert drawn(DisplayType.MAIL_USER, 0x040C, code_page)[0].page.text == "Général"


def test_there_is_no_template_for_other_objects_and_in_no_language() -> None:
    for other in (DisplayType.CONTAINER, 4, 0x101, 0xFFFF_FFFF):
        assert template_for(other, 0x0409) is None
    assert template_for(DisplayType.MAIL_USER, 0xFFFF_FFFF) is None
