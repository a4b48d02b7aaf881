"""The address book over RPC: the interface, served.  MS-OXNSPI 3.1.4

Who may come in is the endpoint's choice. Behind an RPC proxy everybody has signed in there, and the server
need not ask again; on a port of its own it must.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rpch.dcerpc.interface import Call
from rpch.dcerpc.statuses import Status as RpcStatus
from rpch.errors import RpcFault
from rpch.exchange.nspi.address_book import AddressBookService
from rpch.exchange.nspi.operations.asking import page_of
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import Status
from rpch.exchange.nspi.wire.values import (
    condition_from_wire,
    names_from_wire,
    property_from_wire,
    row_from_wire,
    row_to_wire,
    tags_from_wire,
    tags_to_wire,
    value_from_wire,
)
from rpch.ndr import NIL_HANDLE, ContextHandle


@dataclass(frozen=True, slots=True)
class Session:
    """What a context handle of this interface stands for."""

    user: str | None


class NspiService(Nspi):
    """Serves an address book. `strangers` lets callers in that proved nothing to this server."""

    def __init__(self, book: AddressBookService, *, strangers: bool = False) -> None:
        self._book, self._strangers = book, strangers

    async def bind(self, call: Call, request: wire.BindRequest) -> wire.BindResponse:
        try:
            if call.user is None and not self._strangers:
                raise Refused(Status.LOGON_FAILED, "who calls is not known")
            guid = await self._book.bind(request.flags, request.stat)
        except Refused as refused:
            return wire.BindResponse(None, NIL_HANDLE, refused.status)
        handle = call.association.open(Session(call.user))
        given = None if request.server_guid is None else guid
        return wire.BindResponse(given, ContextHandle(uuid=handle), Status.SUCCESS)

    async def unbind(self, call: Call, request: wire.UnbindRequest) -> wire.UnbindResponse:
        if request.handle.is_nil:
            return wire.UnbindResponse(NIL_HANDLE, Status.UNBIND_FAILURE)
        _session(call, request.handle)
        call.association.close(request.handle.uuid)
        return wire.UnbindResponse(NIL_HANDLE, Status.UNBIND_SUCCESS)

    async def update_stat(self, call: Call, request: wire.UpdateStatRequest) -> wire.UpdateStatResponse:
        _session(call, request.handle)
        try:
            stat, rows = await self._book.update_stat(request.stat)
        except Refused as refused:
            return wire.UpdateStatResponse(request.stat, None, refused.status)
        return wire.UpdateStatResponse(stat, None if request.delta is None else rows, Status.SUCCESS)

    async def query_rows(self, call: Call, request: wire.QueryRowsRequest) -> wire.StatRowsResponse:
        _session(call, request.handle)
        tags = tags_from_wire(request.tags)
        try:
            stat, rows = await self._book.query_rows(
                request.flags, request.stat, request.table, request.count, tags
            )
        except Refused as refused:
            return wire.StatRowsResponse(request.stat, None, refused.status)
        return wire.StatRowsResponse(stat, rows, Status.SUCCESS)

    async def seek_entries(self, call: Call, request: wire.SeekEntriesRequest) -> wire.StatRowsResponse:
        _session(call, request.handle)
        try:
            value = value_from_wire(request.target)
            if value is None:
                raise Refused(Status.GENERAL_FAILURE, "there is no name")
            explicit, tags = tags_from_wire(request.table), tags_from_wire(request.tags)
            target = (request.target.tag, value)
            stat, rows = await self._book.seek_entries(request.stat, target, explicit, tags)
        except Refused as refused:
            return wire.StatRowsResponse(request.stat, None, refused.status)
        return wire.StatRowsResponse(stat, rows, Status.SUCCESS)

    async def get_matches(self, call: Call, request: wire.GetMatchesRequest) -> wire.GetMatchesResponse:
        _session(call, request.handle)
        try:
            page = page_of(request.stat)
            condition = None if request.filter is None else condition_from_wire(request.filter, page)
            tags = tags_from_wire(request.tags)
            name = property_from_wire(request.property_name)
            found = await self._book.get_matches(request.stat, condition, request.requested, tags, name)
        except Refused as refused:
            return wire.GetMatchesResponse(request.stat, None, None, refused.status)
        return wire.GetMatchesResponse(found.stat, tags_to_wire(found.mids), found.rows, Status.SUCCESS)

    async def resort_restriction(
        self, call: Call, request: wire.ResortRestrictionRequest
    ) -> wire.ResortRestrictionResponse:
        _session(call, request.handle)
        try:
            stat, mids = await self._book.resort_restriction(request.stat, request.ids_in.tags)
        except Refused as refused:
            return wire.ResortRestrictionResponse(request.stat, None, refused.status)
        return wire.ResortRestrictionResponse(stat, tags_to_wire(mids), Status.SUCCESS)

    async def dn_to_mid(self, call: Call, request: wire.DnToMidRequest) -> wire.IdsResponse:
        _session(call, request.handle)
        mids = await self._book.dn_to_mid(request.names.names)
        return wire.IdsResponse(tags_to_wire(mids), Status.SUCCESS)

    async def get_prop_list(self, call: Call, request: wire.GetPropListRequest) -> wire.IdsResponse:
        _session(call, request.handle)
        try:
            tags = await self._book.get_prop_list(request.flags, request.mid, request.code_page)
        except Refused as refused:
            return wire.IdsResponse(None, refused.status)
        return wire.IdsResponse(tags_to_wire(tags), Status.SUCCESS)

    async def get_props(self, call: Call, request: wire.GetPropsRequest) -> wire.RowResponse:
        _session(call, request.handle)
        try:
            row, whole = await self._book.get_props(request.flags, request.stat, tags_from_wire(request.tags))
        except Refused as refused:
            return wire.RowResponse(None, refused.status)
        return wire.RowResponse(row_to_wire(row), Status.SUCCESS if whole else Status.ERRORS_RETURNED)

    async def compare_mids(self, call: Call, request: wire.CompareMidsRequest) -> wire.CompareMidsResponse:
        _session(call, request.handle)
        try:
            result = await self._book.compare_mids(request.stat, request.first, request.second)
        except Refused as refused:
            return wire.CompareMidsResponse(0, refused.status)
        return wire.CompareMidsResponse(result, Status.SUCCESS)

    async def mod_props(self, call: Call, request: wire.ModPropsRequest) -> wire.StatusResponse:
        session = _session(call, request.handle)
        try:
            tags, row = tags_from_wire(request.tags), row_from_wire(request.row)
            await self._book.mod_props(session.user, request.stat, tags, row)
        except Refused as refused:
            return wire.StatusResponse(refused.status)
        return wire.StatusResponse(Status.SUCCESS)

    async def get_special_table(
        self, call: Call, request: wire.GetSpecialTableRequest
    ) -> wire.GetSpecialTableResponse:
        _session(call, request.handle)
        try:
            table = await self._book.get_special_table(request.flags, request.stat, request.version)
        except Refused as refused:
            return wire.GetSpecialTableResponse(request.version, None, refused.status)
        return wire.GetSpecialTableResponse(table.version, table.rows, Status.SUCCESS)

    async def get_template_info(self, call: Call, request: wire.GetTemplateInfoRequest) -> wire.RowResponse:
        _session(call, request.handle)
        dn = None if request.dn is None else request.dn.decode("latin-1")
        try:
            row = await self._book.get_template_info(
                request.flags, request.kind, dn, request.code_page, request.locale
            )
        except Refused as refused:
            return wire.RowResponse(None, refused.status)
        return wire.RowResponse(row_to_wire(row), Status.SUCCESS)

    async def mod_link_att(self, call: Call, request: wire.ModLinkAttRequest) -> wire.StatusResponse:
        session = _session(call, request.handle)
        entry_ids = [each.data or b"" for each in request.entry_ids.values or ()]
        try:
            await self._book.mod_link_att(session.user, request.flags, request.tag, request.mid, entry_ids)
        except Refused as refused:
            return wire.StatusResponse(refused.status)
        return wire.StatusResponse(Status.SUCCESS)

    async def query_columns(self, call: Call, request: wire.QueryColumnsRequest) -> wire.IdsResponse:
        _session(call, request.handle)
        tags = await self._book.query_columns(request.flags)
        return wire.IdsResponse(tags_to_wire(tags), Status.SUCCESS)

    async def resolve_names(self, call: Call, request: wire.ResolveNamesRequest) -> wire.IdsRowsResponse:
        _session(call, request.handle)
        try:
            names = names_from_wire(request.names.names, page_of(request.stat))
        except Refused as refused:
            return wire.IdsRowsResponse(None, None, refused.status)
        return await self._resolved(request, names)

    async def resolve_names_w(self, call: Call, request: wire.ResolveNamesWRequest) -> wire.IdsRowsResponse:
        _session(call, request.handle)
        return await self._resolved(request, request.names.names)

    async def _resolved(
        self, request: wire.ResolveNamesRequest | wire.ResolveNamesWRequest, names: Sequence[str | None]
    ) -> wire.IdsRowsResponse:
        try:
            found = await self._book.resolve_names(request.stat, names, tags_from_wire(request.tags))
        except Refused as refused:
            return wire.IdsRowsResponse(None, None, refused.status)
        return wire.IdsRowsResponse(tags_to_wire(found.resolutions), found.rows, Status.SUCCESS)


def _session(call: Call, handle: ContextHandle) -> Session:
    """The session of a handle; a fault when it is none of this caller's."""
    if handle.is_nil:
        raise RpcFault(RpcStatus.RPC_X_SS_IN_NULL_CONTEXT)
    if handle.attributes:
        raise RpcFault(RpcStatus.S_FAULT_CONTEXT_MISMATCH)
    return call.association.find(handle.uuid, Session)
