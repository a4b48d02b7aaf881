"""The table behind the endpoint mapper."""

from dataclasses import replace
from uuid import UUID

import pytest

from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.towers import Tower
from rpch.errors import ConfigError
from rpch.server.registrations import Registration, Registrations

EMSMDB = SyntaxId(UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81)
STORE = Registration(EMSMDB, ProtocolSequence.NCACN_HTTP, 6001, "store")
OTHER = replace(STORE, port=6002)


def table(*registrations: Registration) -> Registrations:
    made = Registrations()
    for registration in registrations:
        made.insert(registration)
    return made


def test_entries_keep_their_order_and_their_positions() -> None:
    registrations = table(STORE, OTHER)
    assert list(registrations.after(0)) == [(1, STORE), (2, OTHER)]
    assert list(registrations.after(1)) == [(2, OTHER)]
    assert list(registrations.after(2)) == []


def test_the_same_place_again_changes_the_annotation_only() -> None:
    renamed = replace(STORE, annotation="information store")
    assert list(table(STORE, OTHER, renamed).after(0)) == [(1, renamed), (2, OTHER)]


def test_positions_are_never_used_again() -> None:
    registrations = table(STORE, OTHER)
    assert registrations.delete(replace(STORE, annotation="whatever"))
    assert not registrations.delete(STORE)
    registrations.insert(STORE)
    assert list(registrations.after(0)) == [(2, OTHER), (3, STORE)]
    assert len(registrations) == 2


def test_a_registration_knows_its_tower() -> None:
    assert STORE.tower == Tower(EMSMDB, ProtocolSequence.NCACN_HTTP, 6001)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_are_checked(port: int) -> None:
    with pytest.raises(ConfigError, match="port"):
        replace(STORE, port=port)


@pytest.mark.parametrize(("annotation", "problem"), [("x" * 64, "63"), ("é", "ASCII"), ("a\0b", "ASCII")])
def test_annotations_are_checked(annotation: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        replace(STORE, annotation=annotation)
    assert replace(STORE, annotation="x" * 63)


def test_the_table_is_bounded() -> None:
    registrations = Registrations(limit=1)
    registrations.insert(STORE)
    registrations.insert(replace(STORE, annotation="again"))
    with pytest.raises(ConfigError, match="full with 1"):
        registrations.insert(OTHER)
