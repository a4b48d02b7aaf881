"""The index of names, and what it says after changes."""

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.names import NameIndex, addresses_of, names_of
from tests.address_books import thing

ALICE = thing(20, "Alice Adams", alias="al", mail="Alice@x.test", givenName="Alice", sn="Adams")
ADAM = thing(21, "Adam", alias="adam", mail=None)
GROUP = thing(
    22, "Gruppe", EntryKind.GROUP, alias="g", proxyAddresses=["smtp:List@x.test", "x400:c=de", "bare@x.test"]
)


def test_everything_somebody_can_be_found_by() -> None:
    assert names_of(ALICE) == ("alice adams", "al", "alice@x.test", "alice", "adams")
    assert names_of(ADAM) == ("adam",)
    assert addresses_of(GROUP) == ["List@x.test", "bare@x.test"]


def test_whole_names_and_beginnings() -> None:
    index = NameIndex([ALICE, ADAM, GROUP])
    assert list(index.exactly("adams")) == [20]
    assert list(index.exactly("ada")) == []
    assert sorted(set(index.beginning("ada"))) == [20, 21]
    assert set(index.beginning("")) == {20, 21, 22}
    assert list(index.beginning("z")) == []
    assert index.count("ada") == 2
    assert index.count("zz") == 0


def test_a_change_shows_at_once() -> None:
    index = NameIndex([ALICE, ADAM])
    changed = index.changed([20], [thing(20, "Beth", alias="b"), thing(30, "Ada", alias="n")])
    assert changed is not None
    assert sorted(set(changed.beginning("a"))) == [21, 30]
    assert list(changed.exactly("beth")) == [20]
    assert list(index.exactly("adams")) == [20]
    again = changed.changed([20, 30], [thing(20, "Cleo", alias="c")])
    assert again is not None
    assert list(again.exactly("beth")) == list(again.exactly("ada")) == []
    assert list(again.exactly("cleo")) == [20]


def test_after_many_changes_a_new_index_is_due() -> None:
    index: NameIndex | None = NameIndex([ALICE])
    assert index is not None
    assert index.changed(range(3000), []) is None
