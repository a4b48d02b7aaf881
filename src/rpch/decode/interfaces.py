"""Names for the interfaces and operations that travel over RPC over HTTP most.

MS-OXCRPC 3.1.4, MS-OXNSPI 3.1.4, MS-OXABREF 3.1.4, C706 O and Q. Any other interface is shown by its UUID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from rpch.dcerpc.pdus import NDR20, NDR64, NO_SYNTAX, SyntaxId

_FEATURES: Final = UUID("6cb71c2c-9812-4540-0000-000000000000").bytes[:8]
_FEATURE_NAMES: Final = {1: "SecurityContextMultiplexing", 2: "KeepConnectionOnOrphan"}
_NSPI: Final = (
    "NspiBind NspiUnbind NspiUpdateStat NspiQueryRows NspiSeekEntries NspiGetMatches NspiResortRestriction "
    "NspiDNToMId NspiGetPropList NspiGetProps NspiCompareMIds NspiModProps NspiGetSpecialTable "
    "NspiGetTemplateInfo NspiModLinkAtt NspiDeleteEntries NspiQueryColumns NspiGetNamesFromIDs "
    "NspiGetIDsFromNames NspiResolveNames NspiResolveNamesW"
)


@dataclass(frozen=True)
class Interface:
    """What an interface and its operations are called."""

    name: str
    operations: Mapping[int, str]


def _in_order(names: str) -> dict[int, str]:
    return dict(enumerate(names.split()))


INTERFACES: Final[Mapping[UUID, Interface]] = {
    UUID("a4f1db00-ca47-1067-b31f-00dd010662da"): Interface(
        "EMSMDB",
        {
            0: "EcDoConnect",
            1: "EcDoDisconnect",
            2: "EcDoRpc",
            4: "EcRRegisterPushNotification",
            6: "EcDummyRpc",
            9: "EcDoRpcExt",
            10: "EcDoConnectEx",
            11: "EcDoRpcExt2",
            14: "EcDoAsyncConnectEx",
        },
    ),
    UUID("5261574a-4572-206e-b268-6b199213b4e4"): Interface("AsyncEMSMDB", {0: "EcDoAsyncWaitEx"}),
    UUID("1544f5e0-613c-11d1-93df-00c04fd7bd09"): Interface(
        "RFR", {0: "RfrGetNewDSA", 1: "RfrGetFQDNFromServerDN"}
    ),
    UUID("f5cc5a18-4264-101a-8c59-08002b2f8426"): Interface("NSPI", _in_order(_NSPI)),
    UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"): Interface(
        "endpoint mapper",
        _in_order(
            "ept_insert ept_delete ept_lookup ept_map ept_lookup_handle_free ept_inq_object ept_mgmt_delete"
        ),
    ),
    UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"): Interface(
        "management",
        _in_order("inq_if_ids inq_stats is_server_listening stop_server_listening inq_princ_name"),
    ),
    UUID("44e265dd-7daf-42cd-8560-3cdb6e7a2729"): Interface("TsProxy", {}),
}


def interface_name(syntax: SyntaxId) -> str:
    """An interface for people: its name where it has one, and always its UUID and version."""
    known = INTERFACES.get(syntax.uuid)
    return f"{known.name} ({syntax})" if known else str(syntax)


def short_name(syntax: SyntaxId) -> str:
    """An interface for people, where space is short."""
    known = INTERFACES.get(syntax.uuid)
    return known.name if known else str(syntax)


def operation_name(syntax: SyntaxId | None, opnum: int) -> str:
    """An operation for people."""
    if syntax is None:
        return f"operation {opnum}"
    known = INTERFACES.get(syntax.uuid)
    if known is None:
        return f"{syntax} operation {opnum}"
    return f"{known.name} {known.operations.get(opnum, f'operation {opnum}')}"


def transfer_syntax_name(syntax: SyntaxId) -> str:
    """A transfer syntax for people; a request for bind-time features is one in disguise.  MS-RPCE 2.2.2.14"""
    named = {NDR20: "NDR20", NDR64: "NDR64", NO_SYNTAX: "none"}.get(syntax)
    if named:
        return f"{named} ({syntax})" if syntax != NO_SYNTAX else named
    if syntax.uuid.bytes[:8] == _FEATURES:
        bits = int.from_bytes(syntax.uuid.bytes[8:], "little")
        return f"bind time features: {feature_names(bits)}"
    return str(syntax)


def feature_names(bits: int) -> str:
    """The features a bit mask asks for or grants."""
    names = [name for bit, name in _FEATURE_NAMES.items() if bits & bit]
    if other := bits & ~sum(_FEATURE_NAMES):
        names.append(f"0x{other:x}")
    return "|".join(names) or "none"
