"""Remote management: what an endpoint tells about itself to whoever asks.  C706 Q, MS-RPCE 2.2.1.3"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from rpch.dcerpc.endpoint_mapper import InterfaceId
from rpch.dcerpc.interface import Call, Interface, interface_of
from rpch.dcerpc.remote_management import (
    InquireInterfacesResponse,
    InquirePrincipalRequest,
    InquirePrincipalResponse,
    InquireStatisticsRequest,
    InquireStatisticsResponse,
    InterfaceIds,
    IsServerListeningResponse,
    Nothing,
    RemoteManagement,
    StopServerListeningResponse,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import RpcFault

OK: Final = 0
INSUFFICIENT_BUFFER: Final = 0x7A
_MASK: Final = 0xFFFFFFFF

NO_COUNTERS: Final = (0, 0, 0, 0)


class Management(RemoteManagement):
    """Answers for one endpoint.

    `interfaces` are all that the endpoint offers. `counters` gives calls received and sent, packets
    received and sent. `principals` names the server for each kind of authentication. Strangers see the
    list of interfaces only with `open_to_strangers`: it tells an attacker what to try.
    """

    def __init__(
        self,
        interfaces: Callable[[], Iterable[Interface]],
        *,
        counters: Callable[[], tuple[int, int, int, int]] = lambda: NO_COUNTERS,
        principals: Mapping[int, str] | None = None,
        open_to_strangers: bool = False,
    ) -> None:
        self._interfaces, self._counters = interfaces, counters
        self._principals = principals or {}
        self._open_to_strangers = open_to_strangers

    def inq_if_ids(self, call: Call, request: Nothing) -> InquireInterfacesResponse:
        itself = interface_of(RemoteManagement)
        shown = self._interfaces() if self._open_to_strangers or call.user is not None else ()
        ids = tuple(
            InterfaceId(one.syntax.uuid, one.syntax.version_major, one.syntax.version_minor)
            for one in shown
            if one is not itself
        )
        return InquireInterfacesResponse(InterfaceIds(ids), OK)

    def inq_stats(self, call: Call, request: InquireStatisticsRequest) -> InquireStatisticsResponse:
        counted = tuple(value & _MASK for value in self._counters())
        return InquireStatisticsResponse(counted[: request.count], OK)

    def is_server_listening(self, call: Call, request: Nothing) -> IsServerListeningResponse:
        return IsServerListeningResponse(OK, listening=True)

    def stop_server_listening(self, call: Call, request: Nothing) -> StopServerListeningResponse:
        return StopServerListeningResponse(Status.ACCESS_DENIED)  # nobody stops a server from afar

    def inq_princ_name(self, call: Call, request: InquirePrincipalRequest) -> InquirePrincipalResponse:
        if request.name_size == 0:
            raise RpcFault(Status.RPC_X_BAD_STUB_DATA)  # no room even for the NUL
        name = self._principals.get(request.authn_service)
        if name is None:
            return InquirePrincipalResponse(
                "", Status.RPC_S_UNKNOWN_AUTHN_SERVICE, name_size=request.name_size
            )
        if request.name_size < len(name) + 1:
            return InquirePrincipalResponse("", INSUFFICIENT_BUFFER, name_size=request.name_size)
        return InquirePrincipalResponse(name, OK, name_size=request.name_size)
