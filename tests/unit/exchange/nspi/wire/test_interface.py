"""The operations: their numbers, and the stubs that peers send."""

from rpch.dcerpc.interface import interface_of
from rpch.exchange.nspi.wire.interface import (
    BindRequest,
    BindResponse,
    GetSpecialTableRequest,
    Nspi,
    QueryRowsRequest,
    UpdateStatRequest,
)
from rpch.exchange.nspi.wire.structures import PropertyTags, Stat
from rpch.ndr import NIL_HANDLE

STAT = Stat(0, 0, 0, 0, 0, 0, 0x4F25, 0, 0)
STAT_WIRE = "00" * 24 + "254f0000" + "00" * 8


def test_every_operation_has_its_number() -> None:
    found = {number: operation.name for number, operation in interface_of(Nspi).operations.items()}
    assert found == {
        0: "bind",
        1: "unbind",
        2: "update_stat",
        3: "query_rows",
        4: "seek_entries",
        5: "get_matches",
        6: "resort_restriction",
        7: "dn_to_mid",
        8: "get_prop_list",
        9: "get_props",
        10: "compare_mids",
        11: "mod_props",
        12: "get_special_table",
        13: "get_template_info",
        14: "mod_link_att",
        16: "query_columns",
        19: "resolve_names",
        20: "resolve_names_w",
    }
    assert str(interface_of(Nspi).syntax.uuid) == "f5cc5a18-4264-101a-8c59-08002b2f8426"


def test_a_bind_as_impacket_sends_it() -> None:
    # impacket 0.13, nspi.hNspiBind: no flags, the position, and a pointer to sixteen zero bytes.
    wire = bytes.fromhex("00000000" + STAT_WIRE + "8a570000" + "00" * 16)
    assert BindRequest.decode(wire) == BindRequest(0, STAT, bytes(16))


def test_a_special_table_as_impacket_asks_for_it() -> None:
    """It sends pointers where none belong: one is read as the sort order, and four bytes are left."""
    # impacket 0.13, nspi.hNspiGetSpecialTable: handle, flags, a referent, the position, a null pointer.
    wire = bytes.fromhex("00" * 20 + "04000000" + "d6910000" + "00" * 36 + "00000000")
    request = GetSpecialTableRequest.decode(wire)
    assert (request.flags, request.version) == (4, 0)
    assert request.stat == Stat(0x91D6, 0, 0, 0, 0, 0, 0, 0, 0)


def test_rows_of_certain_objects_as_impacket_asks_for_them() -> None:
    wire = bytes.fromhex(
        "00" * 20
        + "01000000"  # without objects
        + "00" * 36  # the position, without a code page
        + "02000000 00010000 02000000 11000000 12000000"  # two ids
        + "32000000"  # fifty rows
        + "00020000 02000000 01000000 00000000 01000000 1f000130"  # one column
    )
    request = QueryRowsRequest.decode(wire)
    assert (request.table_count, request.table, request.count) == (2, (0x11, 0x12), 50)
    assert request.tags == PropertyTags((0x3001_001F,))


def test_what_was_not_asked_for_is_a_null_pointer() -> None:
    wire = bytes.fromhex("00" * 20 + "00000000" + STAT_WIRE + "00000000")
    assert UpdateStatRequest.decode(wire).delta is None
    assert BindResponse(None, NIL_HANDLE, 0x8004_011E).encode() == bytes.fromhex("00" * 24 + "1e010480")
