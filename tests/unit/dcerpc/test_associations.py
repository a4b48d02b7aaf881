from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import pytest

from rpch.dcerpc.associations import Association, AssociationTable, Caller, CallerHandles
from rpch.dcerpc.interface import Handles
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.statuses import Status
from rpch.errors import RpcFault
from rpch.testing.raw_rpc import MANAGED, MAPPED

ALICE = Caller(MANAGED.syntax, "alice", AuthLevel.PKT)


def table(
    group_ids: Iterable[int] = range(1, 100), handles: Iterable[int] = range(1, 100), **limits: int
) -> AssociationTable:
    next_group, next_handle = iter(group_ids), iter(handles)
    return AssociationTable(
        new_group_id=lambda: next(next_group), new_handle=lambda: UUID(int=next(next_handle)), **limits
    )


def group_of(where: AssociationTable, identity: str = "client") -> Association:
    group = where.create(identity)
    assert group is not None
    return group


def test_group_ids_are_new_and_never_zero() -> None:
    where = table([7, 0, 7, 1 << 32, (1 << 32) + 8])
    assert [group_of(where).group_id, group_of(where).group_id] == [7, 8]
    assert len(where) == 2


def test_a_source_that_repeats_itself_gives_no_group() -> None:
    where = table([7] * 100)
    group_of(where)
    assert where.create("client") is None


def test_groups_are_limited() -> None:
    where = table(group_limit=1)
    group_of(where)
    assert where.create("client") is None


def test_only_the_same_client_joins_a_group() -> None:
    where = table()
    group = group_of(where)
    assert where.join(group.group_id, "client") is group
    assert where.join(group.group_id, "somebody else") is None
    assert where.join(99, "client") is None
    assert group.connections == 2


def test_handles_are_run_down_once_after_the_last_connection() -> None:
    where, gone = table(), []
    group = group_of(where)
    where.join(group.group_id, "client")
    handles = group.handles_of(ALICE)
    handles.open("a", rundown=lambda: gone.append("a"))
    handles.open("b")
    handles.close(handles.open("c", rundown=lambda: gone.append("c")))
    assert group.detach() == ()
    assert where.join(group.group_id, "client") is group
    assert group.detach() == ()
    for routine in group.detach():
        routine()
    assert gone == ["a"]
    assert where.join(group.group_id, "client") is None
    assert len(where) == len(group) == 0


def test_rundown_waits_for_calls_that_outlive_their_connections() -> None:
    where = table()
    group = group_of(where)
    where.join(group.group_id, "client")
    handles = group.handles_of(ALICE)
    handle = handles.open("a", rundown=lambda: None)
    assert group.detach(running=1) == ()
    assert group.detach(running=1) == ()
    assert where.join(group.group_id, "client") is None
    assert group.call_ended() == ()
    assert handles.find(handle, str) == "a"
    assert len(group.call_ended()) == 1


def check_mismatch(handles: CallerHandles, handle: UUID) -> None:
    """This caller may neither use nor close the handle."""
    with pytest.raises(RpcFault) as caught:
        handles.find(handle, str)
    assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH
    with pytest.raises(RpcFault) as caught:
        handles.close(handle)
    assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH


@pytest.mark.parametrize(
    "stranger",
    [
        Caller(MAPPED.syntax, "alice", AuthLevel.PKT),
        Caller(MANAGED.syntax, "bob", AuthLevel.PKT),
        Caller(MANAGED.syntax, None, AuthLevel.PKT),
        Caller(MANAGED.syntax, "alice", AuthLevel.CONNECT),
    ],
)
def test_a_handle_is_its_owners(stranger: Caller) -> None:
    group = group_of(table())
    handle = group.handles_of(ALICE).open("state")
    check_mismatch(group.handles_of(stranger), handle)
    stronger = Caller(MANAGED.syntax, "alice", AuthLevel.PKT_PRIVACY)
    assert group.handles_of(stronger).find(handle, str) == "state"


def test_a_handle_is_its_groups() -> None:
    where = table()
    handle = group_of(where).handles_of(ALICE).open("state")
    check_mismatch(group_of(where).handles_of(ALICE), handle)


def test_a_handle_is_of_its_kind() -> None:
    handles = group_of(table()).handles_of(ALICE)
    with pytest.raises(RpcFault) as caught:
        handles.find(handles.open("state"), int)
    assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH


def test_a_closed_handle_is_unknown() -> None:
    handles = group_of(table()).handles_of(ALICE)
    handle = handles.open("state")
    handles.close(handle)
    check_mismatch(handles, handle)


def test_handles_are_new_and_never_nil() -> None:
    handles = group_of(table(handles=[0, 5, 5, 6])).handles_of(ALICE)
    assert [handles.open("a").int, handles.open("b").int] == [5, 6]


@pytest.mark.parametrize("where", [table(handles=[5] * 100), table(handle_limit=1)])
def test_handles_run_out(where: AssociationTable) -> None:
    handles = group_of(where).handles_of(ALICE)
    handles.open("a")
    with pytest.raises(RpcFault) as caught:
        handles.open("b")
    assert caught.value.status == Status.RPC_S_OUT_OF_RESOURCES


def test_the_handles_of_a_caller_are_what_operations_expect() -> None:
    handles: Handles = group_of(table()).handles_of(ALICE)
    assert handles.find(handles.open(7), int) == 7
