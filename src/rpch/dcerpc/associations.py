"""Association groups: the connections of one client that share context handles.  MS-RPCE 3.3.1.1

A group belongs to one endpoint and one client. It lives while it has connections; when the last has
gone, and the calls that outlived their connections have ended, each handle that is still open is run
down once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from rpch.dcerpc.pdus import AuthLevel, SyntaxId
from rpch.dcerpc.statuses import Status
from rpch.errors import RpcFault

T = TypeVar("T")
Rundown: TypeAlias = Callable[[], None]

GROUP_LIMIT: Final = 10_000
HANDLE_LIMIT: Final = 4096
_ATTEMPTS: Final = 64


@dataclass(frozen=True)
class _Handle:
    """What a context handle stands for, and who may use it.  MS-RPCE 3.3.1.4.1"""

    value: object
    rundown: Rundown | None
    owner: Caller


@dataclass(frozen=True)
class Caller:
    """Who makes a call, as far as context handles care.  MS-RPCE 3.3.1.4.1"""

    interface: SyntaxId
    user: str | None = None
    level: AuthLevel = AuthLevel.NONE

    def may_use(self, owner: Caller) -> bool:
        """Whether a handle of `owner` is this caller's: same interface and user, no weaker level."""
        same = (self.interface, self.user) == (owner.interface, owner.user)
        return same and self.level >= owner.level


class AssociationTable:
    """The association groups of one endpoint.

    `new_group_id` and `new_handle` are sources of unpredictable numbers: whoever guesses one could ask
    to share another client's state.
    """

    def __init__(
        self,
        *,
        new_group_id: Callable[[], int],
        new_handle: Callable[[], UUID],
        group_limit: int = GROUP_LIMIT,
        handle_limit: int = HANDLE_LIMIT,
    ) -> None:
        self._new_group_id, self._new_handle = new_group_id, new_handle
        self._group_limit, self._handle_limit = group_limit, handle_limit
        self._groups: dict[int, Association] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def create(self, identity: str) -> Association | None:
        """A new group with one connection; None when there are too many.  MS-RPCE 3.3.1.5.7"""
        if len(self._groups) >= self._group_limit:
            return None
        for _ in range(_ATTEMPTS):
            group_id = self._new_group_id() & 0xFFFFFFFF
            if group_id and group_id not in self._groups:
                group = Association(self, group_id, identity)
                self._groups[group_id] = group
                return group
        return None

    def join(self, group_id: int, identity: str) -> Association | None:
        """One more connection for the group of this id, unless it is another client's.  MS-RPCE 3.3.1.5.7"""
        group = self._groups.get(group_id)
        if group is None or group.identity != identity:
            return None
        group.connections += 1
        return group

    def new_handle(self) -> UUID:
        """An unpredictable handle."""
        return self._new_handle()

    @property
    def handle_limit(self) -> int:
        """How many open handles one group may have."""
        return self._handle_limit

    def forget(self, group: Association) -> None:
        """Nobody can join this group any more."""
        self._groups.pop(group.group_id, None)


class Association:
    """One association group.  MS-RPCE 3.3.1.1"""

    def __init__(self, table: AssociationTable, group_id: int, identity: str) -> None:
        self.group_id, self.identity = group_id, identity
        self.connections = 1
        self._table = table
        self._outliving = 0
        self._handles: dict[UUID, _Handle] = {}

    def __len__(self) -> int:
        return len(self._handles)

    def detach(self, *, running: int = 0) -> tuple[Rundown, ...]:
        """One connection is gone while `running` of its calls are not; what must be run down now."""
        self.connections -= 1
        self._outliving += running
        if self.connections == 0:
            self._table.forget(self)
        return self._run_down()

    def call_ended(self) -> tuple[Rundown, ...]:
        """A call that had outlived its connection is over; what must be run down now."""
        self._outliving -= 1
        return self._run_down()

    def handles_of(self, caller: Caller) -> CallerHandles:
        """The context handles as one caller may use them."""
        return CallerHandles(self, caller)

    def open(self, value: object, owner: Caller, rundown: Rundown | None) -> UUID:
        """Make a handle; a fault when the group has too many."""
        if len(self._handles) >= self._table.handle_limit:
            raise RpcFault(Status.RPC_S_OUT_OF_RESOURCES)
        for _ in range(_ATTEMPTS):
            handle = self._table.new_handle()
            if handle.int and handle not in self._handles:
                self._handles[handle] = _Handle(value, rundown, owner)
                return handle
        raise RpcFault(Status.RPC_S_OUT_OF_RESOURCES)

    def find(self, handle: UUID, caller: Caller) -> object:
        """What the handle stands for; a fault unless it is this caller's."""
        known = self._handles.get(handle)
        if known is None or not caller.may_use(known.owner):
            raise RpcFault(Status.S_FAULT_CONTEXT_MISMATCH)
        return known.value

    def close(self, handle: UUID, caller: Caller) -> None:
        """Forget a handle of this caller without its rundown."""
        self.find(handle, caller)
        del self._handles[handle]

    def _run_down(self) -> tuple[Rundown, ...]:
        if self.connections or self._outliving:
            return ()
        handles, self._handles = self._handles, {}
        return tuple(handle.rundown for handle in handles.values() if handle.rundown is not None)


class CallerHandles:
    """The context handles of one association as one caller may use them.  MS-RPCE 3.3.1.4.1"""

    def __init__(self, association: Association, caller: Caller) -> None:
        self._association, self._caller = association, caller

    def open(self, value: object, *, rundown: Rundown | None = None) -> UUID:
        """Make a handle for `value`; `rundown` runs once if the association dies before `close`."""
        return self._association.open(value, self._caller, rundown)

    def find(self, handle: UUID, kind: type[T]) -> T:
        """The value behind a handle, or the fault for a context mismatch."""
        value = self._association.find(handle, self._caller)
        if not isinstance(value, kind):
            raise RpcFault(Status.S_FAULT_CONTEXT_MISMATCH)
        return value

    def close(self, handle: UUID) -> None:
        """Forget a handle without its rundown."""
        self._association.close(handle, self._caller)
