"""Links from both ends, as a whole and after changes."""

from rpch.directory.book_reader import StoredLink
from rpch.exchange.nspi.book.linkage import LINK_PROPERTIES, Linkage, LinkProperty, is_changeable
from rpch.exchange.nspi.book.objects import DisplayType
from rpch.exchange.nspi.tags import Tag, number_of

MEMBERS, GROUPS = LinkProperty("member"), LinkProperty("member", backwards=True)
LINKS = [
    StoredLink(1, "member", 2),
    StoredLink(1, "member", 3),
    StoredLink(4, "member", 2),
    StoredLink(2, "manager", 3),
]


def ends(linkage: Linkage, mid: int, link: LinkProperty) -> list[int]:
    return list(linkage.ends(mid, link))


def test_links_are_known_from_both_ends() -> None:
    linkage = Linkage.of(LINKS)
    assert ends(linkage, 0x11, MEMBERS) == [0x12, 0x13]
    assert ends(linkage, 0x12, GROUPS) == [0x11, 0x14]
    assert ends(linkage, 0x12, LinkProperty("manager")) == [0x13]
    assert ends(linkage, 0x77, MEMBERS) == ends(linkage, 0x11, LinkProperty("other")) == []


def test_links_of_some_are_replaced() -> None:
    linkage = Linkage.of(LINKS).replaced(
        [0x11, 0x12], [StoredLink(1, "member", 4), StoredLink(1, "owner", 2)]
    )
    assert ends(linkage, 0x11, MEMBERS) == [0x14]
    assert ends(linkage, 0x12, GROUPS) == [0x14]
    assert ends(linkage, 0x12, LinkProperty("manager")) == []
    assert ends(linkage, 0x11, LinkProperty("owner")) == [0x12]


def test_what_does_not_change_stays_the_same() -> None:
    linkage = Linkage.of(LINKS)
    assert linkage.replaced([0x55], []) is linkage


def test_properties_that_name_objects() -> None:
    assert LINK_PROPERTIES[number_of(Tag.MEMBER)] == MEMBERS
    assert LINK_PROPERTIES[number_of(Tag.IS_MEMBER_OF_DL)] == GROUPS
    assert number_of(Tag.DISPLAY_NAME) not in LINK_PROPERTIES


def test_clients_change_members_of_groups_and_delegates_of_people_only() -> None:
    member, delegates = number_of(Tag.MEMBER), number_of(Tag.PUBLIC_DELEGATES)
    changeable = [
        (number, kind) for number in LINK_PROPERTIES for kind in DisplayType if is_changeable(number, kind)
    ]
    assert changeable == [
        (member, DisplayType.DISTRIBUTION_LIST),
        (delegates, DisplayType.MAIL_USER),
    ]
