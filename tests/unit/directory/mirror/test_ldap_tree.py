"""What is asked of an LDAP server, with a connection made for the test. `make interop` has a real one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from rpch.directory.mirror.kinds import ServerKind
from rpch.directory.mirror.ldap_tree import ASKED_AT_ONCE, LdapTree, Listed, TreeState, name_of, open_tree
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.transfer.ldif import LdapEntry
from rpch.errors import TransportError
from tests.ldap_library import LdapLibrary

GUID = UUID(int=5)
OPENLDAP = MirrorSettings(url="ldapi://x", base="ou=people,dc=x", query="(a=b)")
AD = MirrorSettings(url="ldapi://x", base="dc=x", kind=ServerKind.AD, query="(a=b)")


class Found(dict[str, Any]):
    """One entry, as the library returns it."""

    def __init__(self, dn: str, **values: Any) -> None:
        super().__init__(dn=dn, **values)
        self.dn = dn


class Connection:
    """Answers by base and attributes; notes what was asked."""

    def __init__(self, *pages: Found, **bases: list[Found]) -> None:
        self.pages, self.bases, self.asked = pages, bases, list[tuple[Any, ...]]()

    def paged_search(
        self, base: str, scope: int, query: str, names: list[str], *rest: Any, **more: Any
    ) -> Any:
        self.asked.append((base, query))
        return iter(self.pages)

    def search(self, base: str, scope: int, query: str, names: list[str], timeout: float) -> list[Found]:
        self.asked.append((base, *names))
        return self.bases.get(names[0].partition(";range=")[2] or names[0], [])


def person(**more: Any) -> Found:
    return Found("cn=a,dc=x", entryUUID=[str(GUID).encode()], entryCSN=[b"7"], **more)


def test_all_are_listed_by_guid_name_and_stamp() -> None:
    connection = Connection(person())
    assert list(LdapTree(connection, OPENLDAP).listed()) == [Listed(GUID, "cn=a,dc=x", "7")]
    assert connection.asked == [("ou=people,dc=x", "(a=b)")]


def test_values_come_as_octets_whatever_the_library_makes_of_them() -> None:
    (found,) = LdapTree(Connection(person(cn=["é"], info=[True])), OPENLDAP).entries()
    assert found.attributes["cn"] == ["é".encode()]
    assert found.attributes["info"] == [b"True"]
    assert "dn" not in found.attributes


def test_what_changed_and_what_is_wanted_are_asked_for_by_filters() -> None:
    connection = Connection()
    tree = LdapTree(connection, OPENLDAP)
    assert list(tree.changed_since("2026Z#0")) == []
    list(tree.fetched([UUID(int=at) for at in range(ASKED_AT_ONCE + 1)]))
    assert list(tree.fetched([])) == []
    (_, changed), (_, many), (_, one) = connection.asked
    assert changed == "(&(a=b)(entryCSN>=2026Z#0))"
    assert many.count("entryUUID") == ASKED_AT_ONCE
    assert one == f"(&(a=b)(|(entryUUID={UUID(int=ASKED_AT_ONCE)})))"


def test_the_state_is_that_of_the_suffix_or_unknown() -> None:
    contexts = [Found("", namingContexts=["dc=y", "DC=x"])]
    numbers = [Found("dc=x", contextCSN=[b"2", b"1"])]
    known = Connection(namingContexts=contexts, contextCSN=numbers)
    assert LdapTree(known, OPENLDAP).state() == TreeState("", "1 2")
    assert known.asked[1] == ("DC=x", "contextCSN")
    assert LdapTree(Connection(), OPENLDAP).state() == TreeState()
    root = [Found("", dsServiceName=["CN=dc1"], highestCommittedUSN=["42"])]
    assert LdapTree(Connection(dsServiceName=root), AD).state() == TreeState("CN=dc1", "42")


def test_members_that_come_in_parts_are_put_together() -> None:
    first = person(**{"member;range=0-1": [b"a", b"b"]})
    parts = {
        "2-*": [Found("", **{"member;range=2-3": [b"c", b"d"]})],
        "4-*": [Found("", **{"member;range=4-*": [b"e"]})],
    }
    (found,) = LdapTree(Connection(first, **parts), OPENLDAP).entries()
    assert found.attributes["member"] == [b"a", b"b", b"c", b"d", b"e"]


@pytest.mark.parametrize("answer", [[], [Found("")], [Found("", **{"member;range=0-1": [b"x"]})]])
def test_a_server_that_sends_no_further_part_keeps_nobody_waiting(answer: list[Found]) -> None:
    connection = Connection(person(**{"member;range=0-1": [b"a"]}), **{"2-*": answer})
    (found,) = LdapTree(connection, OPENLDAP).entries()
    assert found.attributes["member"] == [b"a"]


@pytest.mark.parametrize(
    "values", [{}, {"entryUUID": [b"no"], "entryCSN": [b"1"]}, {"entryUUID": [str(GUID).encode()]}]
)
def test_a_server_that_shows_no_guid_or_stamp_cannot_be_mirrored(values: dict[str, list[bytes]]) -> None:
    with pytest.raises(
        TransportError, match="shows no entryUUID and entryCSN of cn=a; let who asks read them"
    ):
        name_of(LdapEntry("cn=a", values), OPENLDAP)


def test_a_connection_is_closed_when_it_is_done_with(library: LdapLibrary) -> None:
    with open_tree(OPENLDAP) as tree:
        assert isinstance(tree, LdapTree)
        asked, policy, (raw, *names) = library.log
    assert asked == ("ldapi://x", False)
    assert policy == ("demand",)
    assert raw == "raw"
    assert "entryUUID" in names
    assert library.log[-1] == ("close",)
