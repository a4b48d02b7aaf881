"""The endpoint mapper: tells callers which port an interface listens on.  C706 O, MS-RPCE 3.1.3.5.3

A long answer comes in pages. Between them a context handle remembers the question and the position of the
last entry shown, nothing else, so any number of callers may stop half way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from uuid import UUID

from rpch.dcerpc.endpoint_mapper import (
    ANY_OBJECT,
    EndpointMapper,
    Entry,
    HandleFreeRequest,
    HandleFreeResponse,
    InquiryType,
    InterfaceId,
    LookupRequest,
    LookupResponse,
    MapperStatus,
    MapRequest,
    MapResponse,
    TowerOctets,
    VersionOption,
)
from rpch.dcerpc.interface import Call
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.statuses import Status
from rpch.dcerpc.towers import Tower
from rpch.errors import DecodeError, RpcFault
from rpch.ndr import NIL_HANDLE, ContextHandle
from rpch.server.registrations import Registration, Registrations


@dataclass
class _Cursor:
    """A question and how far it was answered."""

    wanted: Callable[[Registration], bool]
    position: int = 0


class _MapCursor(_Cursor):
    """A question of ept_map."""


class _LookupCursor(_Cursor):
    """A question of ept_lookup; the two do not share handles."""


C = TypeVar("C", bound=_Cursor)


class Mapper(EndpointMapper):
    """Answers from a table of registrations."""

    def __init__(self, registrations: Registrations) -> None:
        self._registrations = registrations

    def ept_map(self, call: Call, request: MapRequest) -> MapResponse:
        handle, most = request.entry_handle, request.max_towers
        cursor: _MapCursor | None
        if handle.is_nil:
            cursor = _map_cursor(request)
        else:
            cursor = _find(call, handle, _MapCursor)
        found, more = ([], False) if cursor is None else self._page(cursor, most)
        handle = _keep(call, handle, cursor if more else None)
        towers = tuple(TowerOctets(entry.tower.encode()) for entry in found)
        status = MapperStatus.OK if found else MapperStatus.NOT_REGISTERED
        return MapResponse(handle, towers, status, max_towers=most)

    def ept_lookup(self, call: Call, request: LookupRequest) -> LookupResponse:
        handle, most = request.entry_handle, request.max_entries
        cursor: _LookupCursor | None
        if handle.is_nil:
            cursor = _lookup_cursor(request)
        else:
            cursor = _find(call, handle, _LookupCursor)
        if cursor is None:
            return LookupResponse(NIL_HANDLE, (), MapperStatus.CANT_PERFORM, max_entries=most)
        found, more = self._page(cursor, most)
        # Some callers go on until the handle is nil, some until a page is empty; impacket takes the status
        # of an empty page for a failure. So the last page with entries already ends the listing.
        handle = _keep(call, handle, cursor if more else None)
        entries = tuple(
            Entry(entry.object_uuid, TowerOctets(entry.tower.encode()), entry.annotation) for entry in found
        )
        status = MapperStatus.OK if found else MapperStatus.NOT_REGISTERED
        return LookupResponse(handle, entries, status, max_entries=most)

    def ept_lookup_handle_free(self, call: Call, request: HandleFreeRequest) -> HandleFreeResponse:
        if not request.entry_handle.is_nil:
            _find(call, request.entry_handle, _Cursor)
            _keep(call, request.entry_handle, None)
        return HandleFreeResponse(NIL_HANDLE, MapperStatus.OK)

    def _page(self, cursor: _Cursor, most: int) -> tuple[list[Registration], bool]:
        """The next entries that are wanted, and whether there are more behind them."""
        behind = self._registrations.after(cursor.position)
        found = list(islice((item for item in behind if cursor.wanted(item[1])), most + 1))
        page, more = found[:most], len(found) > most
        if page:
            cursor.position = page[-1][0]
        return [entry for _, entry in page], more and bool(page)


def _find(call: Call, handle: ContextHandle, kind: type[C]) -> C:
    """The question behind a handle, or the fault for one that is not the caller's."""
    if handle.attributes:
        raise RpcFault(Status.S_FAULT_CONTEXT_MISMATCH)
    return call.association.find(handle.uuid, kind)


def _keep(call: Call, handle: ContextHandle, cursor: _Cursor | None) -> ContextHandle:
    """The handle to answer: the same, a new one, or none when there is nothing to go on with."""
    if cursor is not None:
        return ContextHandle(uuid=call.association.open(cursor)) if handle.is_nil else handle
    if not handle.is_nil:
        call.association.close(handle.uuid)
    return NIL_HANDLE


def _map_cursor(request: MapRequest) -> _MapCursor | None:
    """What a tower asks for; None when it is no tower over TCP or HTTP.  MS-RPCE 3.1.3.5.3"""
    try:
        asked = Tower.decode(request.map_tower.octets if request.map_tower is not None else b"")
    except DecodeError:
        return None
    wanted_object = request.object_uuid or ANY_OBJECT

    def wanted(entry: Registration) -> bool:
        # Port and address of the question say nothing
        return (
            entry.protseq is asked.protseq
            and entry.transfer_syntax == asked.transfer_syntax
            and _compatible(entry.interface, asked.interface)
            and entry.object_uuid in (ANY_OBJECT, wanted_object)
        )

    return _MapCursor(wanted)


def _lookup_cursor(request: LookupRequest) -> _LookupCursor | None:
    """What a look-up asks for; None when it leaves out what it asks by.  MS-RPCE 2.2.1.2.2"""
    kind = request.inquiry_type
    by_interface = kind in (InquiryType.BY_INTERFACE, InquiryType.BY_BOTH)
    by_object = kind in (InquiryType.BY_OBJECT, InquiryType.BY_BOTH)
    asked = request.interface
    if by_interface and asked is None:
        return None
    wanted_object: UUID = request.object_uuid or ANY_OBJECT

    def wanted(entry: Registration) -> bool:
        if by_object and entry.object_uuid != wanted_object:
            return False
        return not by_interface or asked is None or _fits(entry.interface, asked, request.version_option)

    return _LookupCursor(wanted)


def _compatible(offered: SyntaxId, asked: SyntaxId) -> bool:
    """The same interface and major version, and a minor one that is not older.  C706 6.1.2"""
    same = (offered.uuid, offered.version_major) == (asked.uuid, asked.version_major)
    return same and offered.version_minor >= asked.version_minor


def _fits(offered: SyntaxId, asked: InterfaceId, option: VersionOption) -> bool:
    """Whether a version is among those a look-up wants; options nobody knows want all."""
    if offered.uuid != asked.uuid:
        return False
    ours, theirs = (offered.version_major, offered.version_minor), (asked.major, asked.minor)
    match option:
        case VersionOption.COMPATIBLE:
            return ours[0] == theirs[0] and ours[1] >= theirs[1]
        case VersionOption.EXACT:
            return ours == theirs
        case VersionOption.MAJOR_ONLY:
            return ours[0] == theirs[0]
        case VersionOption.UP_TO:
            return ours <= theirs
        case _:
            return True
