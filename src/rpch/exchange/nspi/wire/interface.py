"""The operations of the address book interface.  MS-OXNSPI 3.1.4

The declaration that clients call and servers implement. Whatever an operation came to stands in
`status`; on anything but success the other results are null and `stat` comes back as it was.
"""

from abc import ABC, abstractmethod
from typing import Annotated

from rpch.dcerpc.interface import Call, interface, operation
from rpch.exchange.nspi.operations.rows import Row as TableRow
from rpch.exchange.nspi.wire.row_sets import RowSet
from rpch.exchange.nspi.wire.structures import (
    BinaryArray,
    Count,
    Guid16,
    PropertyName,
    PropertyRow,
    PropertyTags,
    PropertyValue,
    Restriction,
    Stat,
    StringNames,
    WStringNames,
)
from rpch.ndr import ByteString, ContextHandle, ErrorStatus, Long, Message, ULong, conformant, unique

Tags = Annotated[PropertyTags | None, unique(PropertyTags)]
Rows = Annotated[list[TableRow] | None, RowSet()]
Row = Annotated[PropertyRow | None, unique(PropertyRow)]
OptionalGuid = Annotated[bytes | None, unique(Guid16)]
OptionalLong = Annotated[int | None, unique(Long)]


class BindRequest(Message):
    """NspiBind.  MS-OXNSPI 3.1.4.1.1"""

    flags: ULong
    stat: Stat
    server_guid: OptionalGuid


class BindResponse(Message):
    server_guid: OptionalGuid
    handle: ContextHandle
    status: ErrorStatus


class UnbindRequest(Message):
    """NspiUnbind.  MS-OXNSPI 3.1.4.1.2"""

    handle: ContextHandle
    reserved: ULong


class UnbindResponse(Message):
    handle: ContextHandle
    status: ErrorStatus


class UpdateStatRequest(Message):
    """NspiUpdateStat.  MS-OXNSPI 3.1.4.1.4"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    delta: OptionalLong


class UpdateStatResponse(Message):
    stat: Stat
    delta: OptionalLong
    status: ErrorStatus


class QueryRowsRequest(Message):
    """NspiQueryRows.  MS-OXNSPI 3.1.4.1.8"""

    handle: ContextHandle
    flags: ULong
    stat: Stat
    table_count: Count
    table: Annotated[tuple[int, ...] | None, unique(conformant(ULong, size_is="table_count"))]
    count: ULong
    tags: Tags


class StatRowsResponse(Message):
    """A new position and rows."""

    stat: Stat
    rows: Rows
    status: ErrorStatus


class SeekEntriesRequest(Message):
    """NspiSeekEntries.  MS-OXNSPI 3.1.4.1.9"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    target: PropertyValue
    table: Tags
    tags: Tags


class GetMatchesRequest(Message):
    """NspiGetMatches.  MS-OXNSPI 3.1.4.1.10"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    reserved_tags: Tags
    reserved_too: ULong
    filter: Annotated[Restriction | None, unique(Restriction)]
    property_name: Annotated[PropertyName | None, unique(PropertyName)]
    requested: ULong
    tags: Tags


class GetMatchesResponse(Message):
    stat: Stat
    ids: Tags
    rows: Rows
    status: ErrorStatus


class ResortRestrictionRequest(Message):
    """NspiResortRestriction.  MS-OXNSPI 3.1.4.1.11"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    ids_in: PropertyTags
    ids_out: Tags


class ResortRestrictionResponse(Message):
    stat: Stat
    ids: Tags
    status: ErrorStatus


class DnToMidRequest(Message):
    """NspiDNToMId.  MS-OXNSPI 3.1.4.1.13"""

    handle: ContextHandle
    reserved: ULong
    names: StringNames


class IdsResponse(Message):
    """Minimal entry ids, or property tags."""

    ids: Tags
    status: ErrorStatus


class GetPropListRequest(Message):
    """NspiGetPropList.  MS-OXNSPI 3.1.4.1.6"""

    handle: ContextHandle
    flags: ULong
    mid: ULong
    code_page: ULong


class GetPropsRequest(Message):
    """NspiGetProps.  MS-OXNSPI 3.1.4.1.7"""

    handle: ContextHandle
    flags: ULong
    stat: Stat
    tags: Tags


class RowResponse(Message):
    """One row."""

    row: Row
    status: ErrorStatus


class CompareMidsRequest(Message):
    """NspiCompareMIds.  MS-OXNSPI 3.1.4.1.12"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    first: ULong
    second: ULong


class CompareMidsResponse(Message):
    result: Long
    status: ErrorStatus


class ModPropsRequest(Message):
    """NspiModProps.  MS-OXNSPI 3.1.4.1.14"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    tags: Tags
    row: PropertyRow


class StatusResponse(Message):
    """Nothing but what it came to."""

    status: ErrorStatus


class GetSpecialTableRequest(Message):
    """NspiGetSpecialTable.  MS-OXNSPI 3.1.4.1.3"""

    handle: ContextHandle
    flags: ULong
    stat: Stat
    version: ULong


class GetSpecialTableResponse(Message):
    version: ULong
    rows: Rows
    status: ErrorStatus


class GetTemplateInfoRequest(Message):
    """NspiGetTemplateInfo.  MS-OXNSPI 3.1.4.1.19"""

    handle: ContextHandle
    flags: ULong
    kind: ULong
    dn: Annotated[bytes | None, unique(ByteString)]
    code_page: ULong
    locale: ULong


class ModLinkAttRequest(Message):
    """NspiModLinkAtt.  MS-OXNSPI 3.1.4.1.15"""

    handle: ContextHandle
    flags: ULong
    tag: ULong
    mid: ULong
    entry_ids: BinaryArray


class QueryColumnsRequest(Message):
    """NspiQueryColumns.  MS-OXNSPI 3.1.4.1.5"""

    handle: ContextHandle
    reserved: ULong
    flags: ULong


class ResolveNamesRequest(Message):
    """NspiResolveNames.  MS-OXNSPI 3.1.4.1.16"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    tags: Tags
    names: StringNames


class ResolveNamesWRequest(Message):
    """NspiResolveNamesW.  MS-OXNSPI 3.1.4.1.17"""

    handle: ContextHandle
    reserved: ULong
    stat: Stat
    tags: Tags
    names: WStringNames


class IdsRowsResponse(Message):
    """What each name came to, and the rows of those that were resolved."""

    ids: Tags
    rows: Rows
    status: ErrorStatus


@interface("f5cc5a18-4264-101a-8c59-08002b2f8426", version=(56, 0))
class Nspi(ABC):
    """The address book.  MS-OXNSPI 3.1.4"""

    @operation(0)
    @abstractmethod
    async def bind(self, call: Call, request: BindRequest) -> BindResponse:
        """Begin a session."""

    @operation(1)
    @abstractmethod
    async def unbind(self, call: Call, request: UnbindRequest) -> UnbindResponse:
        """End it; success is 1."""

    @operation(2)
    @abstractmethod
    async def update_stat(self, call: Call, request: UpdateStatRequest) -> UpdateStatResponse:
        """Move in a table."""

    @operation(3)
    @abstractmethod
    async def query_rows(self, call: Call, request: QueryRowsRequest) -> StatRowsResponse:
        """Read rows from a position, or of certain objects."""

    @operation(4)
    @abstractmethod
    async def seek_entries(self, call: Call, request: SeekEntriesRequest) -> StatRowsResponse:
        """Go to the first row that is not before a name."""

    @operation(5)
    @abstractmethod
    async def get_matches(self, call: Call, request: GetMatchesRequest) -> GetMatchesResponse:
        """Which objects fit a restriction, or which ones a property of an object names."""

    @operation(6)
    @abstractmethod
    async def resort_restriction(
        self, call: Call, request: ResortRestrictionRequest
    ) -> ResortRestrictionResponse:
        """Sort objects as a table does."""

    @operation(7)
    @abstractmethod
    async def dn_to_mid(self, call: Call, request: DnToMidRequest) -> IdsResponse:
        """Ids for distinguished names."""

    @operation(8)
    @abstractmethod
    async def get_prop_list(self, call: Call, request: GetPropListRequest) -> IdsResponse:
        """Which properties an object has."""

    @operation(9)
    @abstractmethod
    async def get_props(self, call: Call, request: GetPropsRequest) -> RowResponse:
        """Properties of one object."""

    @operation(10)
    @abstractmethod
    async def compare_mids(self, call: Call, request: CompareMidsRequest) -> CompareMidsResponse:
        """Which of two objects comes first."""

    @operation(11)
    @abstractmethod
    async def mod_props(self, call: Call, request: ModPropsRequest) -> StatusResponse:
        """Change properties."""

    @operation(12)
    @abstractmethod
    async def get_special_table(self, call: Call, request: GetSpecialTableRequest) -> GetSpecialTableResponse:
        """The hierarchy of containers, or the templates for new addresses."""

    @operation(13)
    @abstractmethod
    async def get_template_info(self, call: Call, request: GetTemplateInfoRequest) -> RowResponse:
        """How a client draws an object."""

    @operation(14)
    @abstractmethod
    async def mod_link_att(self, call: Call, request: ModLinkAttRequest) -> StatusResponse:
        """Change which objects a property names."""

    @operation(16)
    @abstractmethod
    async def query_columns(self, call: Call, request: QueryColumnsRequest) -> IdsResponse:
        """Every property the server knows."""

    @operation(19)
    @abstractmethod
    async def resolve_names(self, call: Call, request: ResolveNamesRequest) -> IdsRowsResponse:
        """Whom names may mean, in the code page."""

    @operation(20)
    @abstractmethod
    async def resolve_names_w(self, call: Call, request: ResolveNamesWRequest) -> IdsRowsResponse:
        """Whom names may mean, in Unicode."""
