"""Ambiguous names: who is meant, and when that is clear."""

import pytest

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.containers import GLOBAL_LIST
from rpch.exchange.nspi.operations import resolution
from rpch.exchange.nspi.operations.resolution import LONGEST, Resolution, Resolver, ambiguous
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.wire.structures import Status
from tests.address_books import book, thing

ALICE = thing(20, "Alice Adams", alias="alice", mail="alice@x.test", givenName="Alice", sn="Adams")
OTHER = thing(21, "Alice Miller", alias="amiller", mail="am@x.test", givenName="Alice", sn="Miller")
MORE = {
    "givenName": "José",
    "sn": "García",
    "physicalDeliveryOfficeName": "Room 71",
    "msDS-PhoneticDisplayName": "ほせ がるしあ",
}
BOB = thing(22, "Bob", alias="bob", mail="bob@x.test", proxyAddresses=["smtp:robert@x.test"])
GHOST = thing(23, "Ghost", alias="ghost", mail="ghost@x.test", hidden=True)
JOSE = thing(24, "José García", EntryKind.CONTACT, alias="jg", more=MORE)
BOOK = book(ALICE, OTHER, BOB, GHOST, JOSE)
CONTACTS = next(mid for mid, each in BOOK.containers.items() if each.name == "All Contacts")

RESOLVED = {
    "alice": 20,  # an alias, whole, before names that begin so
    "ALICE@X.TEST": 20,
    "SMTP:alice@x.test": 20,
    "=SMTP:alice@x.test": 20,
    "smtp:robert@x.test": 22,
    "alice ad": 20,
    "miller al": 21,
    "al mil": 21,
    " bo ": 22,
    "Jose Garcia": 24,
    "garcia jose": 24,
    "García, José": 24,
    "gar, jo": 24,
    "room 7": 24,  # the office
    "ホセ": 24,  # as it is spoken
    "=bob": 22,
    ALICE.dn: 20,
    ALICE.dn.upper(): 20,
    f"EX:{ALICE.dn}": 20,
    f"=EX:{ALICE.dn}": 20,
    f"ex:{GHOST.dn}": 23,
    f"/guid={GHOST.guid.bytes_le.hex()}": 23,
}


@pytest.mark.parametrize(("name", "mid"), RESOLVED.items())
def test_names_that_mean_one(name: str, mid: int) -> None:
    assert Resolver(BOOK, GLOBAL_LIST).resolve(name) == (Resolution.RESOLVED, mid)


@pytest.mark.parametrize("name", ["al", "Ali", "a", "ALICE "[:3]])
def test_names_that_mean_several(name: str) -> None:
    assert Resolver(BOOK, GLOBAL_LIST).resolve(name) == (Resolution.AMBIGUOUS, 0)


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "   ",
        "=",
        "zoe",
        "ghost",
        "=al",
        "/o=nobody",
        "ex:/o=nobody",
        "x" * (LONGEST + 1),
        "adams miller",
        "ob",
        ", alice",
        "alice,",
    ],
)
def test_names_that_mean_nobody(name: str | None) -> None:
    assert Resolver(BOOK, GLOBAL_LIST).resolve(name) == (Resolution.UNRESOLVED, 0)


def test_a_container_narrows_it_down() -> None:
    assert Resolver(BOOK, CONTACTS).resolve("jos") == (Resolution.RESOLVED, 24)
    assert Resolver(BOOK, CONTACTS).resolve("bob") == (Resolution.UNRESOLVED, 0)


def test_one_who_is_found_twice_is_still_one() -> None:
    twice = book(thing(30, "Sam", alias="sam", givenName="Sam", sn="Samson"))
    assert Resolver(twice, GLOBAL_LIST).resolve("sa") == (Resolution.RESOLVED, 30)


def test_two_who_bear_a_name_are_ambiguous() -> None:
    twins = book(thing(30, "Sam"), thing(31, "sam"), thing(32, "Samson"))
    assert Resolver(twins, GLOBAL_LIST).resolve("SAM") == (Resolution.AMBIGUOUS, 0)


def test_conditions_ask_for_everybody() -> None:
    assert ambiguous(BOOK, "alice") == {20, 21}
    assert ambiguous(BOOK, "=alice") == {20, 21}
    assert ambiguous(BOOK, "=ali") == set()
    assert ambiguous(BOOK, "al mi") == {21}
    assert ambiguous(BOOK, ALICE.dn) == {20}
    assert ambiguous(BOOK, "smtp:bob@x.test") == {22}
    for nobody in ("", " ", "ghost", "x" * (LONGEST + 1)):
        assert ambiguous(BOOK, nobody) == set()


def test_so_many_may_be_looked_at_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolution, "MOST_VISITS", 12)
    resolver = Resolver(BOOK, CONTACTS)
    resolver.resolve("a")
    with pytest.raises(Refused) as refused:
        resolver.resolve("a")
    assert refused.value.status is Status.OUT_OF_RESOURCES


def test_a_beginning_that_everybody_has_makes_no_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolution, "MOST_PAIRS", 1)
    assert ambiguous(BOOK, "alice ad") == {20}  # a display name begins so
    assert ambiguous(BOOK, "ad al") == {20}
    assert ambiguous(BOOK, "a al") == set()
