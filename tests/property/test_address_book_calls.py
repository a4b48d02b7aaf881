"""Whatever is asked of the address book, it answers with one of its statuses, and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.dcerpc.interface import Operation
from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.links import MANAGER, MEMBER, Links
from rpch.exchange.nspi.address_book import AddressBookService
from rpch.exchange.nspi.service import NspiService
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import Status, WStringNames
from rpch.ndr import ContextHandle
from tests.address_books import NAMES, enter_account, stat
from tests.calls import Calling
from tests.property.random_calls import calls

_KNOWN = {status.value for status in Status}
_SUCCESSES = (Status.SUCCESS, Status.ERRORS_RETURNED)


@dataclass
class Session:
    """A caller who has bound, on an event loop that stays."""

    runner: asyncio.Runner
    caller: Calling
    handle: ContextHandle

    def call(self, operation: Operation[Any, Any], request: Any) -> Any:
        return self.runner.run(self.caller.call(operation, request))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    database = Database.open(str(tmp_path_factory.mktemp("book") / "rpch.sqlite3"))
    entries = Entries(database)
    alice, bob, team, *_ = entries.add(
        NewEntry(EntryKind.USER, "Alice Müller", alias="alice", attributes={"sn": "Müller", "title": "Boss"}),
        NewEntry(EntryKind.USER, "山田太郎 😀", alias="yamada", mail="yamada@example.test"),
        NewEntry(EntryKind.GROUP, "Team", alias="team"),
        NewEntry(EntryKind.CONTACT, "Øystein", hidden=True),
        NewEntry(EntryKind.CONTAINER, "Lists"),
    )
    entries.set_binary(alice.id, "thumbnailPhoto", [b"jpeg"])
    links = Links(database)
    links.add(team.id, MEMBER, alice.id, bob.id)
    links.add(team.id, MANAGER, alice.id)
    links.add(bob.id, MANAGER, alice.id)
    enter_account(database, alice.id, "alice")
    service = AddressBookService(database, NAMES)
    caller = Calling(NspiService(service), r"LAB\alice")
    with asyncio.Runner() as runner:
        bound = runner.run(caller.call(Nspi.bind, wire.BindRequest(0, stat(), None)))
        yield Session(runner, caller, bound.handle)
    service.close()
    database.close()


def check(session: Session, operation: Operation[Any, Any], request: Any) -> None:
    """One of the statuses, and on anything but success nothing else, the position as it was."""
    answer = session.call(operation, request)
    assert answer.status in _KNOWN, hex(answer.status)
    if answer.status in _SUCCESSES:
        return
    for name in ("rows", "row", "ids"):
        assert getattr(answer, name, None) is None
    if hasattr(answer, "stat"):
        assert answer.stat == request.stat


@settings(max_examples=250)
@given(st.data())
def test_every_call_is_answered_with_a_status_of_its_own(session: Session, data: st.DataObject) -> None:
    operation, request = data.draw(calls(session.handle))
    check(session, operation, request)
    names = WStringNames(("alice",))
    probe = wire.ResolveNamesWRequest(session.handle, 0, stat(), None, names)
    resolved = session.call(Nspi.resolve_names_w, probe)
    assert (resolved.status, resolved.ids.tags) == (Status.SUCCESS, (2,))
    columns = wire.GetPropsRequest(session.handle, 0, stat(current=0x11), None)
    row = session.call(Nspi.get_props, columns).row
    assert (0x3001_001E, "Alice M\xfcller") in [(each.tag, each.value) for each in row.values]
