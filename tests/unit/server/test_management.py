"""What an endpoint tells about itself, and to whom."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

import pytest

from rpch.dcerpc.endpoint_mapper import EndpointMapper, InterfaceId
from rpch.dcerpc.interface import Handles, interface_of
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.remote_management import (
    InquirePrincipalRequest,
    InquirePrincipalResponse,
    InquireStatisticsRequest,
    InterfaceIds,
    IsServerListeningResponse,
    Nothing,
    RemoteManagement,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import RpcFault
from rpch.server.management import Management

OFFERED = (interface_of(EndpointMapper), interface_of(RemoteManagement))
MAPPER_ID = InterfaceId(UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3, 0)


NO_HANDLES = cast("Handles", None)


@dataclass
class Asking:
    """A call."""

    user: str | None = "alice"
    association: Handles = NO_HANDLES
    cancelled: bool = False
    object_uuid: UUID | None = None
    peer: str = "test"
    level: AuthLevel = AuthLevel.NONE


def management(*, open_to_strangers: bool = False) -> Management:
    return Management(
        lambda: OFFERED,
        counters=lambda: (10, 11, 12, 2**32 + 13),
        principals={10: "host/ex01"},
        open_to_strangers=open_to_strangers,
    )


@pytest.mark.parametrize(
    ("user", "open_to_strangers", "shown"),
    [
        ("alice", False, (MAPPER_ID,)),
        (None, False, ()),
        (None, True, (MAPPER_ID,)),
        ("alice", True, (MAPPER_ID,)),
    ],
)
def test_interfaces_are_listed_for_those_who_may_see_them_and_never_itself(
    user: str | None, open_to_strangers: bool, shown: tuple[InterfaceId, ...]
) -> None:
    answer = management(open_to_strangers=open_to_strangers).inq_if_ids(Asking(user), Nothing())
    assert (answer.interfaces, answer.status) == (InterfaceIds(shown), 0)


@pytest.mark.parametrize("wanted", [0, 1, 4, 5, 50])
def test_as_many_counters_as_wanted_and_at_most_four(wanted: int) -> None:
    answer = management().inq_stats(Asking(), InquireStatisticsRequest(wanted))
    assert (answer.values, answer.status) == ((10, 11, 12, 13)[:wanted], 0)
    assert answer.count == min(wanted, 4)


def test_without_a_source_the_counters_are_zero() -> None:
    assert Management(lambda: ()).inq_stats(Asking(), InquireStatisticsRequest(4)).values == (0, 0, 0, 0)


def test_a_server_that_answers_listens() -> None:
    assert management().is_server_listening(Asking(), Nothing()) == IsServerListeningResponse(0, True)


def test_nobody_stops_it() -> None:
    assert management().stop_server_listening(Asking(), Nothing()).status == 5


@pytest.mark.parametrize(
    ("service", "size", "name", "status"),
    [
        (10, 100, "host/ex01", 0),
        (10, 10, "host/ex01", 0),
        (10, 9, "", 0x7A),
        (10, 1, "", 0x7A),
        (11, 100, "", 0x6D3),
        (255, 1, "", 0x6D3),
    ],
)
def test_principal_names(service: int, size: int, name: str, status: int) -> None:
    answer = management().inq_princ_name(Asking(), InquirePrincipalRequest(service, size))
    assert answer == InquirePrincipalResponse(name, status, name_size=size)
    assert InquirePrincipalResponse.decode(answer.encode()) == answer


@pytest.mark.parametrize("service", [10, 11])
def test_a_name_of_no_size_is_bad_stub_data(service: int) -> None:
    with pytest.raises(RpcFault) as caught:
        management().inq_princ_name(Asking(), InquirePrincipalRequest(service, 0))
    assert caught.value.status == Status.RPC_X_BAD_STUB_DATA
