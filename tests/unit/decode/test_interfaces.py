"""Interfaces and operations have names where people know them."""

from uuid import UUID

import pytest

from rpch.dcerpc.pdus import NDR20, NDR64, NO_SYNTAX, SyntaxId
from rpch.decode.interfaces import (
    INTERFACES,
    feature_names,
    interface_name,
    operation_name,
    short_name,
    transfer_syntax_name,
)
from rpch.testing.captures import EMSMDB

UNKNOWN = SyntaxId(UUID(int=7), 1, 2)
NSPI = SyntaxId(UUID("f5cc5a18-4264-101a-8c59-08002b2f8426"), 56)


def test_an_interface_shows_its_name_and_its_uuid() -> None:
    assert interface_name(EMSMDB) == "EMSMDB (a4f1db00-ca47-1067-b31f-00dd010662da/v0.81)"
    assert interface_name(UNKNOWN) == "00000000-0000-0000-0000-000000000007/v1.2"
    assert short_name(EMSMDB) == "EMSMDB"
    assert short_name(UNKNOWN) == "00000000-0000-0000-0000-000000000007/v1.2"


@pytest.mark.parametrize(
    ("interface", "opnum", "name"),
    [
        (EMSMDB, 10, "EMSMDB EcDoConnectEx"),
        (EMSMDB, 99, "EMSMDB operation 99"),
        (NSPI, 0, "NSPI NspiBind"),
        (NSPI, 20, "NSPI NspiResolveNamesW"),
        (UNKNOWN, 3, "00000000-0000-0000-0000-000000000007/v1.2 operation 3"),
        (None, 3, "operation 3"),
    ],
)
def test_an_operation_is_named_with_its_interface(interface: SyntaxId | None, opnum: int, name: str) -> None:
    assert operation_name(interface, opnum) == name


def test_operations_are_numbered_without_gaps_where_all_are_listed() -> None:
    for uuid, last in (
        ("f5cc5a18-4264-101a-8c59-08002b2f8426", 20),
        ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 6),
        ("afa8bd80-7d8a-11c9-bef4-08002b102989", 4),
    ):
        assert list(INTERFACES[UUID(uuid)].operations) == list(range(last + 1))


def test_transfer_syntaxes_have_names() -> None:
    assert transfer_syntax_name(NDR20) == "NDR20 (8a885d04-1ceb-11c9-9fe8-08002b104860/v2.0)"
    assert transfer_syntax_name(NDR64).startswith("NDR64 (")
    assert transfer_syntax_name(NO_SYNTAX) == "none"
    assert transfer_syntax_name(UNKNOWN) == "00000000-0000-0000-0000-000000000007/v1.2"


def test_bind_time_features_are_recognised_in_their_disguise() -> None:
    features = SyntaxId(UUID("6cb71c2c-9812-4540-0300-000000000000"), 1)
    assert transfer_syntax_name(features) == (
        "bind time features: SecurityContextMultiplexing|KeepConnectionOnOrphan"
    )
    assert feature_names(0) == "none"
    assert feature_names(2) == "KeepConnectionOnOrphan"
    assert feature_names(0x11) == "SecurityContextMultiplexing|0x10"
