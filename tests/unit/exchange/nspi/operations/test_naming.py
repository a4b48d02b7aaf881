"""Whom an entry id or a DN means, and who is in a group."""

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.fixed import SERVER_MID
from rpch.exchange.nspi.book.schema import ephemeral_id, permanent_id
from rpch.exchange.nspi.operations.naming import members_of, object_meant
from rpch.exchange.nspi.wire.entryids import EphemeralId, PermanentId
from tests.address_books import NAMES, book, thing

ANN, TEAM, ALL = thing(20, "Ann"), thing(21, "Team", EntryKind.GROUP), thing(22, "All", EntryKind.GROUP)
BOOK = book(ANN, TEAM, ALL, links=[(22, "member", 21), (21, "member", 20), (21, "member", 22)])


def test_entry_ids_of_both_kinds_and_dns_mean_objects() -> None:
    for value in (permanent_id(ANN), ephemeral_id(BOOK, ANN), ANN.dn, ANN.dn.upper()):
        assert object_meant(BOOK, value) == 20
    other_display_type = PermanentId(77, ANN.dn).encode()
    assert object_meant(BOOK, other_display_type) == 20


def test_what_means_nobody() -> None:
    server = NAMES.server_dn(NAMES.host)
    assert BOOK.by_dn(server) == SERVER_MID  # known, but no recipient
    stranger = EphemeralId(bytes(16), 0, 20).encode()
    gone = EphemeralId(BOOK.guid, 0, 99).encode()
    for value in (
        b"",
        b"junk",
        stranger,
        gone,
        PermanentId(0, "/o=x").encode(),
        "/o=x",
        "",
        server,
        20,
        ("x",),
    ):
        assert object_meant(BOOK, value) is None


def test_members_of_members_are_members_and_circles_end() -> None:
    assert members_of(BOOK.linkage, 22) == {20, 21, 22}
    assert members_of(BOOK.linkage, 20) == frozenset()
