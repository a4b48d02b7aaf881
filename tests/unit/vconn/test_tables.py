"""Which virtual connections one role knows, and whose they are."""

from __future__ import annotations

import pytest

from rpch.errors import AccessDenied
from rpch.vconn.tables import Owner, VirtualConnections

COOKIE, OTHER = bytes(16), bytes([1]) * 16
ALICE, BOB = Owner("alice", "mail:6001"), Owner("bob", "mail:6001")


def test_what_was_entered_is_found_by_its_owner() -> None:
    table: VirtualConnections[str] = VirtualConnections()
    assert table.add(COOKIE, "machine", ALICE)
    assert table.find(COOKIE, ALICE) == "machine"
    assert table.find(OTHER, ALICE) is None
    assert len(table) == 1


def test_nobody_else_finds_it() -> None:
    table: VirtualConnections[str] = VirtualConnections()
    table.add(COOKIE, "machine", ALICE)
    with pytest.raises(AccessDenied):
        table.find(COOKIE, BOB)
    with pytest.raises(AccessDenied):
        table.find(COOKIE, Owner("alice", "other:6001"))


def test_a_name_that_is_taken_stays_with_its_machine() -> None:
    table: VirtualConnections[str] = VirtualConnections()
    table.add(COOKIE, "first", ALICE)
    assert not table.add(COOKIE, "second", ALICE)
    assert table.find(COOKIE, ALICE) == "first"


def test_only_the_machine_itself_can_be_removed() -> None:
    table: VirtualConnections[str] = VirtualConnections()
    table.add(COOKIE, "first", ALICE)
    table.remove(COOKIE, "another")
    assert len(table) == 1
    table.remove(COOKIE, "first")
    table.remove(COOKIE, "first")
    assert len(table) == 0
